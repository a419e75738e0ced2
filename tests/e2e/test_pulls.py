"""Pulls that go wrong: every record that the gateway handed out is in the queue, or its pull is named."""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.adapters.journal_bucket import JournalBucket
from bridge.domain.ids import ulid
from bridge.domain.pulls import JournalEntry, Kind, PullId, carried, in_parts
from local import stack
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
    let_in = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [let_in]})
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
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


def entry(text: str, *, ago: timedelta, account: str = "default") -> JournalEntry:
    """What a pull some time ago would have brought."""
    begun = datetime.now(UTC) - ago
    body = json.dumps({"code": 0, "data": [{"dest": "106901", "src": "13812345678", "content": text}]}).encode()
    pull = PullId(account=account, kind=Kind.INBOUND, id=ulid(begun, os.urandom(10)), begun_at=begun)
    return JournalEntry(pull=pull, received_at=begun, status=200, headers=(), version=1, cut=False, body=body)


def test_what_came_through_the_queue_is_put_together_kept_and_published(deployed: Deployed) -> None:
    text = f"in parts {time.monotonic_ns()}"
    whole = entry(text, ago=timedelta(0))
    for part in reversed(in_parts(whole, size=40)):
        deployed.aws.sqs.send_message(QueueUrl=deployed.outputs["PublishQueueUrl"], MessageBody=carried(part))

    event = deployed.inbound.wait(lambda event: event["data"]["text"] == text, "the message in parts")

    assert event["subject"] == f"{whole.pull.id}/0"
    journal = JournalBucket(deployed.aws.s3, deployed.outputs["JournalBucketName"])
    assert journal.read(whole.pull.journal_key) == whole
    until(lambda: journal.is_published(whole.pull.journal_key), "the mark")
    bucket = deployed.outputs["JournalBucketName"]
    until(
        lambda: "Contents" not in deployed.aws.s3.list_objects_v2(Bucket=bucket, Prefix="parts/"),
        "the parts to be removed",
    )


def test_a_page_that_nobody_was_pointed_to_is_found(deployed: Deployed) -> None:
    text = f"forgotten {time.monotonic_ns()}"
    # Of an account that no other reply comes from: what is swept goes on from the last page that was, and not back.
    forgotten = entry(text, ago=timedelta(minutes=10), account="counted")
    JournalBucket(deployed.aws.s3, deployed.outputs["JournalBucketName"]).store(forgotten)

    answer = deployed.aws.functions.invoke(FunctionName=f"{stack.STACK_NAME}-sweep", Payload=b"{}")

    assert not answer.get("FunctionError"), answer["Payload"].read()
    event = deployed.inbound.wait(lambda event: event["data"]["text"] == text, "the forgotten message")
    assert event["subject"] == f"{forgotten.pull.id}/0"
