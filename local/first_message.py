"""The first message of a run: sent through the API, its delivery seen, answered by the simulated handset."""

import time
from dataclasses import dataclass, field
from typing import Final

import httpx

from local import queues
from local.aws import Aws
from local.console import Console
from local.errors import LocalError, TooLate
from local.gateway import Gateway
from local.outputs import Outputs
from local.places import Places
from local.tail import show

EVENT_SECONDS: Final = 60.0
TAKEN_SECONDS: Final = 5.0
REQUEST: Final = {
    "to": "+8613812345678",
    "text": "【京东】您的验证码是123456",
    "client_reference": "first-message",
}
ANSWER: Final = "好的"


@dataclass(frozen=True, kw_only=True)
class Journey:
    """Walks a message through the whole bridge and back.

    Attributes:
        tail: sees every event, whoever reads the queues.
        began: when the command was given, in seconds since the epoch.
        shown: the ids of the events that a person has seen.
    """

    aws: Aws
    gateway: Gateway
    outputs: Outputs
    tail: queues.Tail
    places: Places
    console: Console
    began: float
    shown: set[str]
    seen: list[queues.Event] = field(default_factory=list)

    def walk(self) -> None:
        """Send, wait for the delivery event, let the handset answer, wait for the inbound event.

        Raises:
            LocalError: which step did not happen, and where to look.
        """
        message_id = self._send()
        delivered = self._await(
            "Waiting for its delivery event in the delivery queue",
            self.outputs.delivery_queue_url,
            "sms.message.delivered",
            message_id,
        )
        self.console.say(f"  first delivery event {time.time() - self.began:.1f} s after the command")
        self._show(delivered)
        self.gateway.reply(str(delivered["data"]["gateway_message_id"]), ANSWER)
        self.console.say(f"  The handset answers {ANSWER}")
        inbound = self._await(
            "Waiting for the inbound event in the inbound queue",
            self.outputs.inbound_queue_url,
            "sms.inbound.received",
            message_id,
        )
        self._show(inbound)

    def _show(self, event: queues.Event) -> None:
        self.shown.add(event["id"])
        show(self.console, event)

    def _send(self) -> str:
        with self.console.step(f"Sending {REQUEST['text']} to {REQUEST['to']}") as notes:
            try:
                response = httpx.post(
                    f"{self.outputs.api_url}/messages",
                    json=REQUEST,
                    headers={"Authorization": f"Bearer {self.outputs.api_key}"},
                    timeout=30,
                    trust_env=False,
                )
            except httpx.HTTPError as exc:
                raise LocalError(f"POST /messages: {exc}; see {self.places.log('ministack')}") from exc
            if response.status_code != httpx.codes.CREATED:
                answer, log = f"{response.status_code}: {response.text}", self.places.log("ministack")
                raise LocalError(f"POST /messages answered {answer}; see {log}")
            message = response.json()
            notes.append(f"{message['status']} as {message['id']}")
        return str(message["id"])

    def _await(self, title: str, queue_url: str, event_type: str, message_id: str) -> queues.Event:
        """Wait for an event in an application's queue; whether it was published at all, the tail tells."""

        def ours(event: queues.Event) -> bool:
            return bool(event["type"] == event_type and message_id == _message_of(event))

        deadline = time.monotonic() + EVENT_SECONDS
        published: queues.Event | None = None
        with self.console.step(title) as notes:
            while time.monotonic() < deadline:
                if taken := queues.take(self.aws.sqs, queue_url, ours, wait_seconds=1):
                    return taken
                published = published or next(filter(ours, self._look(message_id)), None)
                if published:  # then it is in the queue by now, unless an application was faster
                    deadline = min(deadline, time.monotonic() + TAKEN_SECONDS)
            if published is None:
                log = self.places.log("ministack")
                raise TooLate(f"no {event_type} came within {EVENT_SECONDS:g} s; see {log}")
            notes.append("another reader of the queue took it")
        return published

    def _look(self, message_id: str) -> list[queues.Event]:
        """What the tail saw; an event of another message is shown at once."""
        for event in self.tail.next(wait_seconds=0):
            self.seen.append(event)
            if _message_of(event) != message_id:
                self._show(event)
        return self.seen


def _message_of(event: queues.Event) -> object:
    data = event["data"]
    return data.get("message_id") or (data.get("in_reply_to") or {}).get("message_id")
