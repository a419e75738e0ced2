"""The running stack as the tests see it: an application's queues, its clients, and patience with a limit."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from local import stack
from local.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Aws
from local.clients import Client, Clients
from local.gateway import Gateway
from local.outputs import Outputs
from local.places import Places
from tests.fakes.schemas import hold_against_schema

DEADLINE = 90.0
"""Seconds until something that must happen counts as not happening; nothing waits that long otherwise."""

Event = dict[str, Any]
T = TypeVar("T")


def until(look: Callable[[], T | None], what: str, deadline: float = DEADLINE) -> T:
    """Look until there is something to see."""
    end = time.monotonic() + deadline
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {deadline:g} s"
        time.sleep(0.1)


@dataclass
class Inbox:
    """A queue read by its application: every event is taken out, held against its schema, and kept here."""

    aws: Aws
    url: str
    events: list[Event] = field(default_factory=list)

    def wait(self, matches: Callable[[Event], bool], what: str) -> Event:
        def look() -> Event | None:
            received = self.aws.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in received.get("Messages", []):
                self.events.append(hold_against_schema(message["Body"]))
                self.aws.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            return next(filter(matches, self.events), None)

        return until(look, what)

    def about(self, message_id: str, event_type: str) -> Event:
        """The event of that type that belongs to a message."""

        def matches(event: Event) -> bool:
            data = event["data"]
            belongs = data.get("message_id") or (data.get("in_reply_to") or {}).get("message_id")
            return bool(event["type"] == event_type and belongs == message_id)

        return self.wait(matches, f"{event_type} of {message_id}")


@dataclass(frozen=True)
class Deployed:
    """The running stack."""

    aws: Aws
    gateway: Gateway
    places: Places
    outputs: dict[str, str]
    deliveries: Inbox
    inbound: Inbox

    @property
    def api_url(self) -> str:
        return self.aws.api_url(self.outputs["ApiId"], stack.STAGE)

    def client(self, client: Client) -> httpx.Client:
        """An application with a key of its own."""
        key = Clients(self.aws.dynamodb, self.outputs["ClientsTableName"]).create(client)
        return self.caller(key)

    def write_outputs(self, path: Path, api_key: str) -> None:
        """`.local/outputs.json` as `make run` writes it, for a client with that key."""
        Outputs(
            api_url=self.api_url,
            api_key=api_key,
            region=REGION,
            aws_endpoint=self.aws.endpoint,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            delivery_queue_url=self.outputs["DeliveryQueueUrl"],
            inbound_queue_url=self.outputs["InboundQueueUrl"],
            topic_arn=self.outputs["EventsTopicArn"],
            journal_bucket=self.outputs["JournalBucketName"],
            gateway_url=self.gateway.url,
            stack_name=stack.STACK_NAME,
        ).write(path)

    def caller(self, key: str | None) -> httpx.Client:
        return httpx.Client(
            base_url=self.api_url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=40,
            trust_env=False,
        )
