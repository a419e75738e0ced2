"""What the books are made of: each source's own list, in records that know nothing of where they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.soak.ledger import Request

Event = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """One number of a submit that the gateway took."""

    account: str
    reference: str
    number: str  # E.164
    marker: int | None
    gateway_id: str


@dataclass(frozen=True)
class Page:
    """What the gateway handed out to one pull, by its own book.

    Attributes:
        account: by the bridge's name.
        kind: reports or inbound.
        records: as they are in an answer.
        whole: the body, had nothing gone wrong.
        sent: the body that left; None where the connection was cut instead.
        readable: how many of the records, from the first, are complete in that.
    """

    account: str
    kind: str
    at: datetime
    records: tuple[Mapping[str, Any], ...]
    whole: bytes
    sent: bytes | None
    readable: int


@dataclass(frozen=True)
class Kept:
    """An object of the journal."""

    account: str
    kind: str
    pull: str
    body: bytes
    published: bool


@dataclass(frozen=True)
class Recorded:
    """A message as the API shows it; `recipients` are statuses by number (E.164)."""

    id: str
    account: str
    marker: int | None
    recipients: Mapping[str, str]


@dataclass(frozen=True)
class DeadLetter:
    """What lies in a dead-letter queue; explained: why that loses nothing, or empty."""

    queue: str
    what: str
    explained: str = ""


@dataclass(kw_only=True)
class Evidence:
    """Everything, as it is when the books are closed.

    Attributes:
        deliveries: the events of DeliveryQueue, each once.
        replies: those of InboundQueue.
        names: sms.pull.* from a queue of our own.
        waiting: reports and replies that the gateway has not handed out.
        queued: messages in the stack's own queues.
        finals: final reports that the bridge counted by day, by account; foreign ones among them.
        gateway_finals: final outcomes in the gateway's statistics as the API shows them, by account.
        faults: how often what was done to the stack.
        unsound: events that their schema does not allow.
        different: messages whose repeated request was answered otherwise.
    """

    requests: list[Request] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    deliveries: list[Event] = field(default_factory=list)
    replies: list[Event] = field(default_factory=list)
    names: list[Event] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    waiting: int = 0
    queued: int = 0
    finals: Mapping[str, int] = field(default_factory=dict)
    gateway_finals: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    unsound: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
