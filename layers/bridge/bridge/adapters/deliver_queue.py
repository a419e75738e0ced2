"""DeliverQueue: the deliveries that are to be made."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from bridge.adapters.sqs_messages import send_messages
from bridge.domain.webhooks import Pointer, Received

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_RECEIVED: Final = 10  # the most that SQS hands out in one call
_LONGEST_HELD: Final = 43_190  # seconds: SQS's 12 hours count from the receipt, which was some seconds ago


class DeliverQueue:
    """`bridge.ports.DeliverQueue` on SQS."""

    def __init__(
        self,
        client: "SQSClient",
        queue_url: str,
        dead_letter_queue_url: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url
        self._sleep = sleep

    def send(self, pointers: Sequence[tuple[Pointer, float]]) -> None:
        """See `bridge.ports.DeliverQueue`."""
        messages = ((pointer.body(), delay) for pointer, delay in pointers)
        send_messages(self._client, self._queue_url, messages, sleep=self._sleep)

    def hold(self, received: Received, seconds: float) -> None:
        """See `bridge.ports.DeliverQueue`."""
        self._client.change_message_visibility(
            QueueUrl=self._queue_url,
            ReceiptHandle=received.receipt,
            VisibilityTimeout=min(math.ceil(seconds), _LONGEST_HELD),
        )

    def receive(self) -> Sequence[Received]:
        """See `bridge.ports.DeliverQueue`."""
        answer = self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=_RECEIVED,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [
            Received(
                name=message["MessageId"],
                body=message["Body"],
                receipt=message["ReceiptHandle"],
                receives=int(message["Attributes"]["ApproximateReceiveCount"]),
                own=True,
            )
            for message in answer.get("Messages", [])
        ]

    def delete(self, received: Received) -> None:
        """See `bridge.ports.DeliverQueue`."""
        self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=received.receipt)

    def bury(self, pointer: Pointer) -> None:
        """See `bridge.ports.DeliverQueue`."""
        self._client.send_message(QueueUrl=self._dead_letter_queue_url, MessageBody=pointer.body())
