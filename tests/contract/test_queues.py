import json
from typing import Any

import boto3
import pytest

from bridge.adapters.events_topic import EventsTopic
from bridge.adapters.publish_queue import PublishQueue
from bridge.domain.errors import NotPublished
from bridge.domain.events import Event, EventType
from bridge.domain.pulls import pointed_to
from tests.fakes.world import NOON


def event(number: int, text: str = "x") -> Event:
    return Event(
        id=f"{number:032x}",
        type=EventType.INBOUND_RECEIVED,
        account="default",
        subject=None,
        time=NOON,
        client="shop",
        data={"text": text, "status": "delivered", "final": True, "error_class": None},
    )


class Sns:
    """Answers publish_batch and remembers it; `fail` says which entries are not taken in each call."""

    def __init__(self, *fail: set[str]) -> None:
        self.fail = list(fail)
        self.calls: list[list[dict[str, Any]]] = []

    def publish_batch(self, **arguments: Any) -> dict[str, Any]:
        assert arguments["TopicArn"] == "arn:topic"
        entries = arguments["PublishBatchRequestEntries"]
        self.calls.append(entries)
        failed = self.fail.pop(0) if self.fail else set()
        return {
            "Successful": [{"Id": entry["Id"]} for entry in entries if entry["Id"] not in failed],
            "Failed": [{"Id": name, "Code": "InternalError", "SenderFault": False} for name in failed],
        }


def topic(sns: Sns) -> EventsTopic:
    return EventsTopic(lambda: sns, "arn:topic", sleep=lambda _: None)  # type: ignore[arg-type, return-value]


def taken(sns: Sns) -> list[str]:
    return [json.loads(entry["Message"])["id"] for call in sns.calls for entry in call]


def test_ten_at_a_time() -> None:
    sns = Sns()
    topic(sns).publish([event(number) for number in range(25)])

    assert [len(call) for call in sns.calls] == [10, 10, 5]
    assert taken(sns) == [event(number).id for number in range(25)]


def test_within_the_size_that_sns_takes() -> None:
    sns = Sns()
    topic(sns).publish([event(number, "字" * 30_000) for number in range(10)])

    assert [len(call) for call in sns.calls] == [2] * 5


def test_what_failed_and_only_that_is_tried_again() -> None:
    sns = Sns({"1", "2"}, {"2"})
    topic(sns).publish([event(number) for number in range(3)])

    assert [[entry["Id"] for entry in call] for call in sns.calls] == [["0", "1", "2"], ["1", "2"], ["2"]]


def test_what_is_never_taken_is_said_and_the_other_batches_go_out() -> None:
    sns = Sns(*[{"0"}] * 4)

    with pytest.raises(NotPublished) as caught:
        topic(sns).publish([event(number) for number in range(12)])

    assert caught.value.failed == 1
    assert event(11).id in taken(sns)


def test_attributes_are_strings_for_filters() -> None:
    sns = Sns()
    topic(sns).publish([event(1)])

    assert sns.calls[0][0]["MessageAttributes"] == {
        name: {"DataType": "String", "StringValue": value}
        for name, value in {
            "event_type": "sms.inbound.received",
            "account": "default",
            "client": "shop",
            "status": "delivered",
            "final": "true",
        }.items()
    }


def test_nothing_to_publish_is_no_call() -> None:
    sns = Sns()
    topic(sns).publish([])
    assert sns.calls == []


def test_a_pointer_is_read_back(aws: None) -> None:  # noqa: ARG001 - the client is made inside it
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="publish")["QueueUrl"]
    PublishQueue(sqs, url).send("raw/default/reports/2026-11-23/x")

    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert pointed_to(message["Body"]) == "raw/default/reports/2026-11-23/x"


@pytest.mark.parametrize("body", ["", "x", "[]", "{}", '{"journal_key": 7}', "null"])
def test_what_is_no_pointer(body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSONDecodeError is one
        pointed_to(body)
