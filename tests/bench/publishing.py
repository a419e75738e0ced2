"""How fast a pulled page is published, against bare `publish_batch` calls with the same client: `make bench`.

Everything but SNS's client is in memory, and SNS answers at once without a network: what is measured is our own work
beside what boto3 does for any caller. Ratios in one run, each side on one processor, medians of several rounds, the two
sides in turn so that a machine whose speed drifts moves both.
"""

import json
import statistics
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from bridge.adapters.events_topic import EventsTopic, batches
from bridge.domain.events import Event
from bridge.domain.ids import ulid
from bridge.domain.messages import Message, Recipient, Status
from bridge.domain.pulls import Kind
from bridge.ports import Topic
from eums import Account, Reply, encrypt_hex
from tests.bench.frame import finish, pin, processors, seconds
from tests.fakes.accounts import FakeAccounts
from tests.fakes.world import NOON, World

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ROUNDS = 7
TOPIC = "arn:aws-cn:sns:cn-north-1:123456789012:events"
AES_KEY = "0123456789abcdef"
GOALS = {"against publish_batch": 0.8, "a record of 10,000 against one of 1,000": 1.1}


class Answer:
    """SNS's answer, as a raw HTTP response."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> list[bytes]:
        return [self._content]


def client() -> "SNSClient":
    """A client of SNS that gets its answers here; everything else that boto3 does for a call, it does."""
    made = boto3.client("sns", region_name="cn-north-1", aws_access_key_id="x", aws_secret_access_key="x")
    content = (
        b'<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Failed/>'
        b"<Successful/></PublishBatchResult></PublishBatchResponse>"
    )

    def answer(request: Any, **_: object) -> AWSResponse:
        return AWSResponse(request.url, 200, HTTPHeaders(), Answer(content))

    # The stubs say that a handler answers nothing; that of `before-send` may answer the response.
    made.meta.events.register("before-send.sns.PublishBatch", answer)  # type: ignore[arg-type]
    return made


def world_with(records: int) -> tuple[World, Reply]:
    """So many messages, and the ver-17 page of their reports."""
    world = World()
    account = Account(base_url="http://127.0.0.1:9", name="test", password="123456", version=17, aes_key=AES_KEY)
    world.accounts = FakeAccounts({"default": account})
    data = []
    for number in range(records):
        message_id = ulid(NOON, number.to_bytes(10, "big"))
        to = f"138{number:08}"
        world.messages.messages[message_id] = Message(
            id=message_id,
            client="shop",
            account="default",
            text="x",
            recipients=(Recipient(to=f"+86{to}", status=Status.SUBMITTED),),
            created_at=NOON + timedelta(milliseconds=7 * number),
            deadline=NOON,
            client_reference=f"order-{number}",
        )
        data.append(
            {
                "message_id": f"0{number:018}",
                "dest_number": to,
                "report_status": "DELIVRD",
                "report_time": f"2026-11-23 11:59:{number % 60:02}",
                "reference": message_id,
            }
        )
    body = encrypt_hex(json.dumps({"code": 0, "data": data}, separators=(",", ":")), AES_KEY.encode())
    return world, Reply(status=200, headers=(), body=body.encode(), cut=False)


def bridge(world: World, topic: Topic, reply: Reply) -> Callable[[], None]:
    """From the gateway's bytes to the last event taken."""
    pulling = world.pulling(topic)
    publishing = world.publishing(topic)

    def run() -> None:
        world.gateway.pages = [reply]
        pulling.pull("default", Kind.REPORTS)
        publishing.publish(world.pointers.keys.pop())
        world.journal.entries.clear()

    return run


def bare(sns: "SNSClient", events: Sequence[Event]) -> Callable[[], None]:
    """The same events, ready-made, ten a call, and nothing else."""
    entries = list(batches(events))

    def run() -> None:
        for batch in entries:
            sns.publish_batch(TopicArn=TOPIC, PublishBatchRequestEntries=batch)

    return run


def measure() -> dict[str, float]:
    """The figures."""
    sns = client()
    topic = EventsTopic(lambda: sns, TOPIC)
    world, reply = world_with(1000)
    bridge(world, world.topic, reply)()
    ours, theirs = bridge(world, topic, reply), bare(sns, world.topic.events)
    large_world, large_reply = world_with(10_000)
    large = bridge(large_world, topic, large_reply)
    for warm in (ours, theirs):
        warm()
    rounds = [(seconds(ours)[0], seconds(theirs)[0], seconds(large)[0]) for _ in range(ROUNDS)]
    tracemalloc.start()
    large()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        "milliseconds for 1,000 records": statistics.median(one for one, _, _ in rounds) * 1000,
        "against publish_batch": statistics.median(bare / one for one, bare, _ in rounds),
        "a record of 10,000 against one of 1,000": statistics.median(ten / 10 / one for one, _, ten in rounds),
        "peak of 10,000 records, times the page": peak / len(large_reply.body),
    }


def main() -> int:
    pin(processors()[0])
    return finish(measure(), GOALS, at_least=["against publish_batch"])


if __name__ == "__main__":
    sys.exit(main())
