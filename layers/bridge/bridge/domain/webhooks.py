"""Webhooks that go out: endpoints, their secrets, what they want, how a delivery is signed and when it is tried again.

Source of ids, times and signatures: Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from bridge.domain.clients import ANY_ACCOUNT
from bridge.domain.events import EventType
from bridge.domain.ids import is_ulid, ulid
from bridge.domain.json_texts import json_value
from bridge.domain.twilio import TwilioSend, send_of

SECRET_BYTES: Final = 32
OVERLAP: Final = timedelta(hours=24)
"""How long the secret before a rotation signs too."""

SECONDS_FOR_AN_ANSWER: Final = 15.0
"""What one attempt may last: resolving, connecting, sending and reading together."""

WAITS: Final = tuple(
    timedelta(**{unit: number})
    for unit, number in (
        ("seconds", 5),
        ("minutes", 5),
        ("minutes", 30),
        ("hours", 2),
        ("hours", 5),
        ("hours", 10),
        ("hours", 10),
    )
)
"""Between the attempts of a delivery, ± 10 %."""

ATTEMPTS: Final = len(WAITS) + 1
JITTER: Final = 0.1
LONGEST_FAILING: Final = timedelta(days=5)
"""An endpoint that failed for so long, and took nothing meanwhile, is disabled."""

KEPT: Final = timedelta(days=30)
"""How long a delivery is remembered."""

LEASE: Final = timedelta(seconds=90)
"""How long an attempt that was begun keeps others away: longer than the function that makes it can live."""

RECEIVES: Final = 8
"""How often a pointer is handed out before SQS gives up: `maxReceiveCount` of DeliverQueue in template.yaml."""

GONE: Final = 410
MAX_ENDPOINTS: Final = 50
"""Of one client."""

# Seconds that a circuit is open after a first failure, doubled by each that follows: less than the first wait, or the
# delivery that failed would find it open.
_FIRST_OPEN: Final = 4.0
_DOUBLINGS: Final = 10
_LONGEST_OPEN: Final = 300.0
_SHORTEST_DEFERRAL: Final = 20.0  # seconds that whatever else goes to a failing endpoint waits, at least
_PREFIX: Final = "whsec_"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class EndpointStatus(StrEnum):
    """Whether events are delivered to an endpoint."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why they are not."""

    REQUESTED = "requested"
    GONE = "gone"  # it answered 410
    FAILING = "failing"  # for five days


class DeliveryStatus(StrEnum):
    """What became of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What an endpoint's deliveries are signed with: `whsec_` and Base64 each.

    Attributes:
        previous: the one before the last rotation; it signs too until `previous_until`.
    """

    current: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None

    def valid(self, now: datetime) -> tuple[str, ...]:
        """Those that sign now, the current one first."""
        if self.previous and self.previous_until and now < self.previous_until:
            return (self.current, self.previous)
        return (self.current,)

    def rotated(self, new: str, now: datetime) -> "Secrets":
        """With a new one; the current one signs for another day."""
        return Secrets(current=new, previous=self.current, previous_until=now + OVERLAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How an endpoint did lately.

    Attributes:
        failures: attempts that failed since the last that did not.
        failing_since: when the first of them ended; None where there is none.
        open_until: before it nothing is tried; then one attempt at a time, until one succeeds.
    """

    failures: int = 0
    failing_since: datetime | None = None
    open_until: datetime | None = None

    def failed(self, now: datetime) -> "Health":
        """After one more failure."""
        seconds = min(_FIRST_OPEN * 2.0 ** min(self.failures, _DOUBLINGS), _LONGEST_OPEN)
        return Health(
            failures=self.failures + 1,
            failing_since=self.failing_since or now,
            open_until=now + timedelta(seconds=seconds),
        )

    def is_hopeless(self, now: datetime) -> bool:
        """Whether it failed for so long that it is to be disabled."""
        return self.failing_since is not None and now - self.failing_since >= LONGEST_FAILING


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An application's address that events go to.

    Attributes:
        client: whose it is.
        event_types: types, or prefixes of them that end with `.*`.
        accounts: only events of these; () is all.
        may_use: the accounts that its client could use when it was made or changed last, or `*`.
        told: whether somebody was told that it is disabled.
        version: counts its changes.
        account_sid: of the account whose status callbacks go there, each to its message's own URL; None where it is
            an endpoint that wants events.
    """

    id: str
    client: str
    url: str = field(repr=False)  # an address may hold a token
    event_types: tuple[str, ...]
    secrets: Secrets
    created_at: datetime
    updated_at: datetime
    accounts: tuple[str, ...] = ()
    may_use: frozenset[str] = frozenset()
    description: str | None = None
    status: EndpointStatus = EndpointStatus.ENABLED
    reason: DisabledReason | None = None
    disabled_at: datetime | None = None
    told: bool = True
    health: Health = field(default_factory=Health)
    version: int = 0
    account_sid: str | None = None

    @property
    def enabled(self) -> bool:
        """Whether events are delivered to it."""
        return self.status is EndpointStatus.ENABLED

    def wants(self, event: "Happened") -> bool:
        """Whether an event is to be delivered here: never another client's, and none about this endpoint itself.

        What is nobody's (the state of an account, an inbound message that answers none, a report of a message that
        the bridge does not know) goes to whoever may use the account.
        """
        if not self.enabled or event.endpoint == self.id or self.account_sid:
            return False
        if self.accounts and event.account not in self.accounts:
            return False
        if event.client is None:
            if not {event.account, ANY_ACCOUNT} & self.may_use:
                return False
        elif event.client != self.client:
            return False
        return any(matches(pattern, event.type) for pattern in self.event_types)


PATTERNS: Final = frozenset(
    {
        *EventType,
        *(kind.rsplit(".", count)[0] + ".*" for kind in EventType for count in range(1, kind.count(".") + 1)),
    }
)
"""What an endpoint may ask for."""


def matches(pattern: str, event_type: str) -> bool:
    """Whether a type is the one that is asked for, or has the prefix before `*`."""
    return event_type.startswith(pattern[:-1]) if pattern.endswith(".*") else event_type == pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event, as far as it matters where it goes.

    Attributes:
        client: whose it is; None where nobody's.
        endpoint: the endpoint that it is about.
        body: its JSON form.
    """

    id: str
    type: str
    account: str
    client: str | None
    time: datetime
    body: str = field(repr=False)
    endpoint: str | None = None

    @property
    def delivery(self) -> str:
        """The id of its delivery to any endpoint: always the same, and in the order of the events' own time."""
        hashed = hashlib.blake2b(self.id.encode("utf-8", "surrogatepass"), digest_size=10).digest()
        return ulid(max(self.time, _EPOCH), hashed)


def happened(body: str, client: str | None = None) -> Happened:
    """Read an event's JSON form. Raises ValueError where `body` is no event of this bridge.

    Args:
        body: as it was published.
        client: what its attribute says; an inbound message has its client only there.
    """
    try:
        envelope = json_value(body)
        data = envelope["data"]
        whose = client or data.get("client")
        if whose is None and data.get("in_reply_to") is not None:
            whose = ""  # somebody's, and nobody says whose: not for everybody
        return Happened(
            id=str(envelope["id"]),
            type=EventType(envelope["type"]),
            account=str(data["account"]),
            client=whose,
            time=datetime.fromisoformat(envelope["time"]),
            body=body,
            endpoint=data.get("endpoint_id"),
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("not an event of this bridge") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What waits in DeliverQueue: which delivery is to be made.

    Attributes:
        round: counts the replays: one of an earlier round is over.
        noted: whether the delivery is written down already.
        event: the event; None where the delivery is written down with it.
        callback: what its message remembers, where it is a status callback; likewise.
    """

    endpoint: str
    delivery: str
    round: int = 0
    noted: bool = False
    event: Happened | None = None
    callback: TwilioSend | None = None

    def body(self) -> str:
        """As the body of a message of the queue: a line, and behind it the event as it is, so that nothing grows."""
        head = json.dumps(
            {"endpoint": self.endpoint, "delivery": self.delivery, "round": self.round, "noted": self.noted}
            | ({"callback": self.callback.record()} if self.callback else {})
        )
        return f"{head}\n{self.event.body}" if self.event else head

    def again(self) -> "Pointer":
        """The same delivery once more, from the beginning."""
        return Pointer(endpoint=self.endpoint, delivery=self.delivery, round=self.round + 1, noted=True)

    def bare(self) -> "Pointer":
        """The same, once the delivery is written down."""
        return Pointer(endpoint=self.endpoint, delivery=self.delivery, round=self.round, noted=True)


def pointer_of(body: str) -> Pointer:
    """What a message of the queue asks for. Raises ValueError where it is nothing that the bridge wrote."""
    head, _, event = body.partition("\n")
    match json_value(head):
        case {
            "endpoint": str(endpoint),
            "delivery": str(delivery),
            "round": int(number),
            "noted": bool(noted),
            **others,
        } if (
            is_ulid(endpoint)
            and is_ulid(delivery)
            and number >= 0
            and not isinstance(number, bool)
            and not (others.keys() - {"callback"})
        ):
            return Pointer(
                endpoint=endpoint,
                delivery=delivery,
                round=number,
                noted=noted,
                event=happened(event) if event else None,
                callback=send_of(others.get("callback")),
            )
    raise ValueError("no pointer to a delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way to an endpoint.

    Attributes:
        attempts: POSTs that were begun in this round.
        round: how often it was begun anew.
        next_at: before it nothing is tried.
        leased_until: somebody is at it until then, at the latest.
        http_status: of the last attempt that was answered.
        error: what was wrong with the last attempt, in a word; None where it was answered.
        callback: what its message remembers, where it is a status callback.
    """

    endpoint: str
    id: str
    event_id: str
    event_type: str
    account: str
    body: str = field(repr=False)
    created_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    round: int = 0
    next_at: datetime | None = None
    leased_until: datetime | None = None
    attempted_at: datetime | None = None
    http_status: int | None = None
    error: str | None = None
    callback: TwilioSend | None = None

    @property
    def pointer(self) -> Pointer:
        """What asks for it."""
        return Pointer(endpoint=self.endpoint, delivery=self.id, round=self.round, noted=True)


def delivery_of(endpoint: str, event: Happened, now: datetime, callback: TwilioSend | None = None) -> Delivery:
    """The delivery of an event to an endpoint, as it begins."""
    return Delivery(
        endpoint=endpoint,
        id=event.delivery,
        event_id=event.id,
        event_type=event.type,
        account=event.account,
        body=event.body,
        created_at=now,
        callback=callback,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Whether an attempt may be made.

    Attributes:
        delivery: as it stands now; None where nothing is known of it.
        yours: whether the attempt was counted and is the caller's to make.
    """

    delivery: Delivery | None
    yours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message of DeliverQueue.

    Attributes:
        name: its id.
        receipt: for what is done with it.
        receives: how often it was handed out, this time included.
        own: whether the bridge asked for it itself, and so has to delete it.
    """

    name: str
    body: str = field(repr=False)
    receipt: str
    receives: int
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one POST ended.

    Attributes:
        status: the HTTP status; None where there was no answer.
        error: `refused_address`, `unresolved`, `unreachable`, `tls`, `timeout`, `protocol`; None where there was one.
            `no_token` where nothing was asked: a status callback whose account has no auth token any more.
    """

    status: int | None = None
    error: str | None = None

    @property
    def taken(self) -> bool:
        """Whether the endpoint has it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - 2xx


def wait_before(attempt: int, chance: float) -> timedelta:
    """How long to wait before an attempt, the second being 2; `chance` is a random number from 0 to 1."""
    return WAITS[attempt - 2] * (1 + JITTER * (2 * chance - 1))


def deferral(health: Health, now: datetime, chance: float) -> float:
    """Seconds that a delivery waits while its endpoint's circuit is open; spread, so that not all come at once."""
    left = (health.open_until - now).total_seconds() if health.open_until else 0.0
    return max(left, _SHORTEST_DEFERRAL) * (1 + chance / 2)


def secret_of(randomness: bytes) -> str:
    """A secret of 32 bytes from a cryptographic source."""
    if len(randomness) != SECRET_BYTES:
        raise ValueError(f"a secret takes {SECRET_BYTES} random bytes, not {len(randomness)}")
    return _PREFIX + base64.b64encode(randomness).decode()


def signed_headers(secrets: Iterable[str], message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks: id, time and a signature of each secret over `<id>.<time>.<body>`."""
    timestamp = str(int(now.timestamp()))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, content)}" for secret in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
