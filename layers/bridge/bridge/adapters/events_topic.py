"""EventsTopic: events to SNS, ten at a time, each failed entry tried again."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bridge.domain.errors import NotPublished
from bridge.domain.events import Event

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_BATCH: Final = 10
_BATCH_BYTES: Final = 240 * 1024  # of the 256 KiB that SNS takes in one call, room left for the attributes
_ROUNDS: Final = 4
_FIRST_PAUSE: Final = 0.1  # seconds, doubled each round


class EventsTopic:
    """`bridge.ports.Topic` on SNS."""

    def __init__(
        self, client: "Callable[[], SNSClient]", topic_arn: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Take the client as something to call: a send needs none, unless the gateway fails to answer."""
        self._client = client
        self._topic_arn = topic_arn
        self._sleep = sleep

    def publish(self, events: Sequence[Event]) -> None:
        """See `bridge.ports.Topic`."""
        failed = sum(self._publish(entries) for entries in batches(events))
        if failed:
            raise NotPublished(failed)

    def _publish(self, entries: list[Any]) -> int:
        pause = _FIRST_PAUSE
        for round_number in range(_ROUNDS):
            if round_number:
                self._sleep(pause)
                pause *= 2
            # publish_batch answers 200 for a batch of which some or all entries failed.
            answer = self._client().publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=entries)
            failed = {entry["Id"] for entry in answer.get("Failed", [])}
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries:
                return 0
        return len(entries)


def batches(events: Sequence[Event]) -> Iterator[list[Any]]:
    """The entries of `publish_batch`, as many a call as SNS takes by count and by size."""
    batch: list[Any] = []
    size = 0
    # By identity, and kept with what is known of it: the events of a page share their attributes.
    known: dict[int, tuple[Mapping[str, str], dict[str, Any], int]] = {}
    for number, event in enumerate(events):
        body = _for_queues(event.body())
        attributes = event.attributes()
        if id(attributes) not in known:
            known[id(attributes)] = attributes, _message_attributes(attributes), _weight(attributes)
        _, message_attributes, weight = known[id(attributes)]
        weight += len(body) if body.isascii() else len(body.encode())
        if batch and (len(batch) == _BATCH or size + weight > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"Id": str(number), "Message": body, "MessageAttributes": message_attributes})
        size += weight
    if batch:
        yield batch


def _for_queues(body: str) -> str:
    """The same JSON without the two characters that no SQS message may have: a handset can send them."""
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html: #xE000 to #xFFFD. JSON
    # has escaped all others that are missing there.
    return body.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def _message_attributes(attributes: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}


def _weight(attributes: Mapping[str, str]) -> int:
    return sum(len(name) + len(value.encode()) for name, value in attributes.items())
