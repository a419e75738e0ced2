import json
from typing import Any

import boto3
import pytest

from bridge.adapters.events_topic import EventsTopic
from bridge.adapters.publish_queue import PublishQueue
from bridge.domain.errors import NotPublished
from bridge.domain.events import Event, EventType
from bridge.domain.pulls import JournalEntry, Kind, PullId, carried, in_parts, to_publish
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
    assert to_publish(message["Body"]) == "raw/default/reports/2026-11-23/x"


@pytest.mark.parametrize(
    "body", ["", "x", "[]", "{}", '{"journal_key": 7}', "null", '{"part":0,"of":1,"circumstances":{},"body_base64":""}']
)
def test_what_is_no_pointer(body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSONDecodeError is one
        to_publish(body)


@pytest.mark.parametrize("body", [b"", b"\x00\xff" * 100, bytes(700_000), bytes(range(256)) * 8_000])
def test_what_is_carried_is_read_back_to_the_byte(aws: None, body: bytes) -> None:  # noqa: ARG001 - likewise
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="publish", Attributes={"MaximumMessageSize": "1048576"})["QueueUrl"]
    pull = PullId(account="default", kind=Kind.INBOUND, id="01JDCKQ3V9T4M3W5Y8Z7N6P2QR", begun_at=NOON)
    whole = JournalEntry(
        pull=pull, received_at=NOON, status=500, headers=(("X-Odd", "短信"),), version=17, cut=True, body=body
    )
    parts = in_parts(whole)
    for part in parts:
        assert len(carried(part)) < 1_000_000
        PublishQueue(sqs, url).carry(part)

    received = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages"):
        received += [to_publish(message["Body"]) for message in messages]
    assert sorted(received, key=lambda part: part.number) == list(parts)  # type: ignore[union-attr]
    assert b"".join(part.entry.body for part in parts) == body
