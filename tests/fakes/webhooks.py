"""The ports of the webhooks that go out, in memory."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from threading import Lock

from bridge.domain.webhooks import (
    ATTEMPTS,
    LEASE,
    Answer,
    Begun,
    Delivery,
    DeliveryStatus,
    Endpoint,
    Pointer,
    Received,
    Secrets,
    pointer_of,
    secret_of,
)
from tests.fakes.clock import NOON

SECRET = secret_of(bytes(range(32)))


def endpoint(number: int = 1, **changes: object) -> Endpoint:
    """One of the shop's, for all events."""
    made = Endpoint(
        id=f"01JDCKQ3V9T4M3W5Y8Z7N6P{number:03}",
        client="shop",
        url=f"https://{number}.example.com/hook",
        event_types=("sms.*",),
        secrets=Secrets(current=SECRET),
        created_at=NOON,
        updated_at=NOON,
        may_use=frozenset({"default"}),
    )
    return replace(made, **changes)  # type: ignore[arg-type] # fields of the record, by name


@dataclass
class FakeWebhookEndpoints:
    """Endpoints in a dictionary."""

    standing: dict[str, Endpoint] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def add(self, endpoint: Endpoint) -> None:
        self.standing[endpoint.id] = endpoint

    def ensure(self, endpoint: Endpoint) -> None:
        with self.lock:
            self.standing.setdefault(endpoint.id, endpoint)

    def get(self, endpoint_id: str) -> Endpoint | None:
        return self.standing.get(endpoint_id)

    def all(self) -> Sequence[Endpoint]:
        return [self.standing[name] for name in sorted(self.standing)]

    def replace(self, endpoint: Endpoint) -> Endpoint | None:
        with self.lock:
            found = self.standing.get(endpoint.id)
            if found is None or found.version != endpoint.version:
                return None
            self.standing[endpoint.id] = replace(endpoint, version=endpoint.version + 1)
            return self.standing[endpoint.id]

    def remove(self, endpoint_id: str) -> None:
        self.standing.pop(endpoint_id, None)


@dataclass
class FakeDeliveries:
    """Deliveries in a dictionary; each move is one step."""

    standing: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def add(self, delivery: Delivery) -> bool:
        with self.lock:
            return self._add(delivery)

    def _add(self, delivery: Delivery) -> bool:
        key = (delivery.endpoint, delivery.id)
        if key in self.standing:
            return False
        self.standing[key] = delivery
        return True

    def begin(self, pointer: Pointer, fresh: Delivery | None, *, now: datetime) -> Begun:
        with self.lock:
            if fresh is not None and not pointer.noted:
                self._add(fresh)
            key = (pointer.endpoint, pointer.delivery)
            found = self.standing.get(key)
            if found is None:
                return Begun(delivery=None, yours=False)
            if found.round < pointer.round:
                found = replace(
                    found,
                    round=pointer.round,
                    attempts=0,
                    status=DeliveryStatus.PENDING,
                    http_status=None,
                    error=None,
                    next_at=None,
                    leased_until=None,
                )
            elif (
                found.round != pointer.round
                or found.status is not DeliveryStatus.PENDING
                or found.attempts >= ATTEMPTS
                or any(at is not None and at > now for at in (found.next_at, found.leased_until))
            ):
                return Begun(delivery=found, yours=False)
            begun = replace(found, attempts=found.attempts + 1, leased_until=now + LEASE, attempted_at=now)
            self.standing[key] = begun
            return Begun(delivery=begun, yours=True)

    def end(self, begun: Delivery, after: Delivery) -> bool:
        with self.lock:
            key = (begun.endpoint, begun.id)
            found = self.standing[key]
            if (found.round, found.attempts, found.status) != (begun.round, begun.attempts, DeliveryStatus.PENDING):
                return False
            self.standing[key] = replace(
                found,
                status=after.status,
                next_at=after.next_at,
                leased_until=None,
                http_status=after.http_status,
                error=after.error,
            )
            return True

    def write_off(self, pointer: Pointer, error: str) -> None:
        with self.lock:
            key = (pointer.endpoint, pointer.delivery)
            found = self.standing.get(key)
            if found is None or found.round > pointer.round:
                return
            if found.round == pointer.round and found.status is not DeliveryStatus.PENDING:
                return
            self.standing[key] = replace(
                found, status=DeliveryStatus.FAILED, error=error, round=pointer.round, leased_until=None
            )

    def find(self, endpoint_id: str, delivery_id: str) -> Delivery | None:
        return self.standing.get((endpoint_id, delivery_id))

    def newest(
        self, endpoint_id: str, *, status: DeliveryStatus | None, first: str, end: str, limit: int
    ) -> Sequence[Delivery]:
        found = [
            delivery
            for (owner, name), delivery in self.standing.items()
            if owner == endpoint_id and first <= name < end and status in {None, delivery.status}
        ]
        return sorted(found, key=lambda delivery: delivery.id, reverse=True)[:limit]

    def only(self) -> Delivery:
        (delivery,) = self.standing.values()
        return delivery


@dataclass
class FakeDeliverQueue:
    """A queue by a clock: what is sent with a delay comes after it, what is handed out comes again unless deleted."""

    now: Callable[[], float]
    visibility: float = 360.0
    waiting: list[tuple[float, int, str]] = field(default_factory=list)  # when, number, body
    out: dict[str, tuple[float, str]] = field(default_factory=dict)  # receipt → until, body
    receives: dict[str, int] = field(default_factory=dict)
    buried: list[Pointer] = field(default_factory=list)
    sent: list[tuple[Pointer, float]] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    numbers: count = field(default_factory=count)  # type: ignore[type-arg] # of ints
    lock: Lock = field(default_factory=Lock)

    def send(self, pointers: Sequence[tuple[Pointer, float]]) -> None:
        with self.lock:
            self.sent += pointers
            for pointer, delay in pointers:
                name = next(self.numbers)
                heapq.heappush(self.waiting, (self.now() + min(delay, 900.0), name, pointer.body()))

    def hold(self, received: Received, seconds: float) -> None:
        with self.lock:
            self.held.append(seconds)
            self.out[received.receipt] = (self.now() + seconds, received.body)

    def receive(self, most: int = 10) -> Sequence[Received]:
        with self.lock:
            now = self.now()
            for receipt, (until, body) in list(self.out.items()):
                if until <= now:
                    del self.out[receipt]
                    heapq.heappush(self.waiting, (until, int(receipt), body))
            found: list[Received] = []
            while self.waiting and self.waiting[0][0] <= now and len(found) < most:
                _, number, body = heapq.heappop(self.waiting)
                name = str(number)
                self.receives[name] = self.receives.get(name, 0) + 1
                self.out[name] = (now + self.visibility, body)
                found.append(Received(name=name, body=body, receipt=name, receives=self.receives[name], own=True))
            return found

    def delete(self, received: Received) -> None:
        with self.lock:
            self.out.pop(received.receipt, None)

    def bury(self, pointer: Pointer) -> None:
        self.buried.append(pointer)

    def event(self) -> Sequence[Received]:
        """A batch as an event source hands it out."""
        return [replace(received, own=False) for received in self.receive()]

    def settle(self, handed: Sequence[Received], stay: Sequence[str]) -> None:
        """What an event source does with a function's answer."""
        for received in handed:
            if received.name not in stay:
                self.delete(received)

    def next_time(self) -> float | None:
        """When there is something to hand out."""
        with self.lock:
            times = [at for at, _, _ in self.waiting] + [until for until, _ in self.out.values()]
            return min(times, default=None)

    def left(self) -> list[Pointer]:
        """All that is in it."""
        return [pointer_of(body) for _, _, body in self.waiting] + [pointer_of(body) for _, body in self.out.values()]


@dataclass
class Post:
    """What was posted."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime


@dataclass
class FakeWebhookClient:
    """Answers what it is told to, by address."""

    now: Callable[[], datetime]
    answers: Callable[[str], Answer] = lambda _: Answer(status=204)
    posts: list[Post] = field(default_factory=list)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.posts.append(Post(url, headers, body, self.now()))
        return self.answers(url)
