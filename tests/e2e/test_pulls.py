"""Pulls that go wrong: every record that the gateway handed out is in the queue, or its pull is named."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.gateway import Call, Fault, FaultKind, Gateway, When
from local.replay import Range, keys, point
from tests.e2e.deployed import Deployed, Inbox, until

FAULTS = [
    Fault(call=Call.MO, kind=FaultKind.TRUNCATE, content_length=True),
    Fault(call=Call.MO, kind=FaultKind.TRUNCATE, content_length=False),
    Fault(call=Call.MO, kind=FaultKind.GARBAGE),
    Fault(call=Call.MO, kind=FaultKind.WRONG_AES_KEY),
    Fault(call=Call.MO, kind=FaultKind.DROP, when=When.AFTER),
    Fault(call=Call.MO, kind=FaultKind.HTTP_ERROR, when=When.AFTER),
    Fault(call=Call.MO, kind=FaultKind.HTML, when=When.AFTER),
]
NAMES = ("sms.pull.lost", "sms.pull.quarantined")


@pytest.fixture(scope="session")
def names(deployed: Deployed) -> Inbox:
    """A queue that hears of what was lost or cannot be read."""
    aws = deployed.aws
    url = aws.sqs.create_queue(QueueName="names")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.sns.subscribe(
        TopicArn=deployed.outputs["EventsTopicArn"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"event_type": [*NAMES]})},
    )
    return Inbox(aws, url)


def texts(inbox: Inbox) -> set[str]:
    return {event["data"]["text"] for event in inbox.events if event["type"] == "sms.inbound.received"}


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault.kind}-{'announced' if fault.content_length else 'until close'}"
)
def test_what_was_handed_out_is_in_the_queue_or_its_pull_is_named(
    deployed: Deployed, gateway: Gateway, names: Inbox, fault: Fault
) -> None:
    mark = f"{fault.kind}-{time.monotonic_ns()}"
    gateway.add_fault(fault)
    gateway.inject_mo(account="encrypted", src="13812345678", dest="106901", text=f"{mark} struck")
    until(lambda: not gateway.pending_faults(), "the fault to strike")
    gateway.inject_mo(account="encrypted", src="13812345678", dest="106901", text=f"{mark} after")
    deployed.inbound.wait(lambda event: event["data"]["text"] == f"{mark} after", "the message after the fault")

    if f"{mark} struck" not in texts(deployed.inbound):
        seen = len(names.events)
        named = names.wait(lambda event: event not in names.events[:seen] and event["data"]["kind"] == "inbound", mark)
        assert named["data"]["account"]


def test_a_replay_gives_the_same_events(deployed: Deployed, gateway: Gateway) -> None:
    mark = f"replayed-{time.monotonic_ns()}"
    gateway.inject_mo(account="encrypted", src="13812345678", dest="106901", text=mark)
    first = deployed.inbound.wait(lambda event: event["data"]["text"] == mark, "the message")
    seen = len(deployed.inbound.events)
    now = datetime.now(UTC)
    wanted = Range(begin=now - timedelta(hours=1), end=now + timedelta(minutes=1), account="encrypted", kind="inbound")

    found = keys(deployed.aws.s3, deployed.outputs["JournalBucketName"], wanted)
    assert point(deployed.aws.sqs, deployed.outputs["PublishQueueUrl"], found) >= 1

    def again(event: dict[str, Any]) -> bool:
        return event["data"]["text"] == mark and event in deployed.inbound.events[seen:]

    assert deployed.inbound.wait(again, "the message again") == first
