"""PublishQueue: journal keys on their way to being published, and what the journal would not take."""

from typing import TYPE_CHECKING

from bridge.domain.pulls import Part, carried, pointer

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class PublishQueue:
    """`bridge.ports.Pointers` on SQS."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, key: str) -> None:
        """See `bridge.ports.Pointers`."""
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=pointer(key))

    def carry(self, part: Part) -> None:
        """See `bridge.ports.Pointers`."""
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=carried(part))
