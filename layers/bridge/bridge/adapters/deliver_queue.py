"""DeliverQueue: the deliveries that are to be made, ten at a time, each failed entry tried again."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from bridge.domain.errors import NotQueued
from bridge.domain.webhooks import Pointer, Received

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH: Final = 10
_BATCH_BYTES: Final = 250 * 1024  # of 256 KiB; one pointer may be larger than this, and is sent by itself
_LONGEST: Final = 900  # seconds, SQS's most
_LONGEST_HELD: Final = 43_190  # seconds: SQS's 12 hours count from the receipt, which was some seconds ago
_ROUNDS: Final = 4
_FIRST_PAUSE: Final = 0.1  # seconds, doubled each round


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
        failed = 0
        batch: list[Any] = []
        size = 0
        for number, (pointer, delay) in enumerate(pointers):
            body = pointer.body()
            weight = len(body.encode())
            if batch and (len(batch) == _BATCH or size + weight > _BATCH_BYTES):
                failed += self._send(batch)
                batch, size = [], 0
            # Rounded up: nothing comes before its time.
            seconds = min(max(math.ceil(delay), 0), _LONGEST)
            batch.append({"Id": str(number), "MessageBody": body, "DelaySeconds": seconds})
            size += weight
        failed += self._send(batch) if batch else 0
        if failed:
            raise NotQueued(failed)

    def _send(self, entries: list[Any]) -> int:
        pause = _FIRST_PAUSE
        for round_number in range(_ROUNDS):
            if round_number:
                self._sleep(pause)
                pause *= 2
            # send_message_batch answers 200 for a batch of which some or all entries failed.
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            failed = {entry["Id"] for entry in answer.get("Failed", [])}
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries:
                return 0
        return len(entries)

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
            MaxNumberOfMessages=_BATCH,
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
