"""Delivering: events are posted to their endpoints, side by side, as often as the schedule says.

Queues deliver at least once, and several of these may run: an attempt is made by whoever could write down that it
begins. What waits for less than a quarter of an hour goes back into the queue as a new message, so that waiting for an
endpoint's circuit uses up nothing; what waits longer stays in it, invisible. A failing endpoint is tried by one
delivery at a time, and what hangs holds a thread, not the queue: while it does, more is taken.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from bridge.domain import twilio_callbacks, webhook_events
from bridge.domain.webhooks import (
    ATTEMPTS,
    GONE,
    SECONDS_FOR_AN_ANSWER,
    Answer,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    Endpoint,
    EndpointStatus,
    Health,
    Pointer,
    Received,
    deferral,
    delivery_of,
    pointer_of,
    signed_headers,
    wait_before,
)
from bridge.ports import AuthTokens, Clock, Counters, Deliveries, DeliverQueue, Topic, WebhookClient, WebhookEndpoints

_AT_ONCE: Final = 32  # threads
_AT_ONCE_TO_ONE: Final = 4
_MANY: Final = 10  # as many as SQS takes and gives in one call
_RESERVE: Final = 10.0  # seconds for what has to be written down after an attempt
_IMPATIENCE: Final = 0.5  # seconds after which an attempt hangs, and more is taken from the queue beside it
_FRESH: Final = 2.0  # seconds that what is known of an endpoint is used
_PROBE: Final = timedelta(seconds=SECONDS_FOR_AN_ANSWER + 5)
_LONGEST_DELAY: Final = 900.0  # seconds, SQS's most
_HELD: Final = 5  # receives after which what waits is sent anew, lest SQS gives it up
_ROUNDS: Final = 5  # changes of others that are looked at


class NotChangedError(Exception):
    """An endpoint was changed by others again and again."""


@dataclass(slots=True)
class _Known:
    """What was read of the endpoints a moment ago."""

    lock: Lock = field(default_factory=Lock)
    read: dict[str, tuple[float, Endpoint | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivering:
    """Makes the deliveries.

    Attributes:
        chance: random numbers from 0 to 1.
        at_once: threads.
    """

    endpoints: WebhookEndpoints
    deliveries: Deliveries
    queue: DeliverQueue
    client: WebhookClient
    tokens: AuthTokens
    topic: Topic
    clock: Clock
    counters: Counters
    chance: Callable[[], float]
    at_once: int = _AT_ONCE
    impatience: float = _IMPATIENCE
    _known: _Known = field(default_factory=_Known)

    def deliver(
        self,
        received: Sequence[Received],
        *,
        time_left: Callable[[], float],
        failed: Callable[[Exception], object] = lambda _: None,
    ) -> list[str]:
        """Make the deliveries that these ask for. Returns the names of those that are to stay in the queue.

        Args:
            received: pointers.
            time_left: seconds until this process has to end.
            failed: is told of each that failed for another reason than its endpoint.
        """
        return _Run(self, time_left, failed).all(received)

    def take(self, pointer: Pointer) -> tuple[Pointer, float] | None:
        """Do what is to be done for one delivery now. None where that is all, else when it is to come again.

        Raises what the stores raise: it is to come again.
        """
        endpoint = self._endpoint(pointer.endpoint)
        now = self.clock.now()
        if endpoint is not None and not endpoint.enabled:
            # It may just have been enabled, and what is written off now would not be tried.
            endpoint = self._endpoint(pointer.endpoint, anew=True)
        if endpoint is None:
            return None
        if not endpoint.enabled:
            self._write_off(endpoint, pointer, now)
            return None
        fresh = delivery_of(endpoint.id, pointer.event, now, pointer.callback) if pointer.event else None
        probing = bool(endpoint.health.failures)
        if probing and not self._probe(endpoint, now):
            if fresh is not None and not pointer.noted:
                self.deliveries.add(fresh)
            self.counters.count("WebhooksDeferred")
            health = (self._endpoint(endpoint.id) or endpoint).health
            return pointer.bare(), deferral(health, now, self.chance())
        begun = self.deliveries.begin(pointer, fresh, now=now)
        if begun.delivery is None:
            return None
        if begun.yours:
            return self._attempt(endpoint, begun.delivery, probing=probing)
        return self._standing(endpoint, begun.delivery, pointer, now)

    def _standing(
        self, endpoint: Endpoint, delivery: Delivery, pointer: Pointer, now: datetime
    ) -> tuple[Pointer, float] | None:
        """It ended, or another is at it, or it is not yet its time."""
        if delivery.status is not DeliveryStatus.PENDING or delivery.round != pointer.round:
            return None
        times = [at for at in (delivery.leased_until, delivery.next_at) if at is not None and at > now]
        if times:
            return pointer.bare(), (max(times) - now).total_seconds()
        if delivery.attempts >= ATTEMPTS:
            self._give_up(endpoint, delivery, now)
            return None
        return pointer.bare(), 1.0  # it was due a moment later

    def _attempt(self, endpoint: Endpoint, delivery: Delivery, *, probing: bool) -> tuple[Pointer, float] | None:
        answer = self._post(endpoint, delivery)
        after = replace(delivery, leased_until=None, next_at=None, http_status=answer.status, error=answer.error)
        if answer.taken:
            self.deliveries.end(delivery, replace(after, status=DeliveryStatus.DELIVERED))
            self.counters.count("WebhooksDelivered")
            if probing or endpoint.health.failures:
                self._change(endpoint, lambda found: replace(found, health=Health()) if found.enabled else None)
            return None
        self.counters.count("WebhookAttemptsFailed")
        return self._failed(endpoint, delivery, after, answer, probing=probing)

    def _post(self, endpoint: Endpoint, delivery: Delivery) -> Answer:
        if delivery.callback is not None:
            token = self.tokens.primary(delivery.callback.account_sid)
            if token is None:
                return Answer(error="no_token")
            return self.client.post(
                *twilio_callbacks.request(delivery.body, delivery.callback, token, delivery.event_id)
            )
        body = delivery.body.encode()
        return self.client.post(endpoint.url, headers(endpoint, delivery.event_id, self.clock.now(), body), body)

    def _failed(
        self, endpoint: Endpoint, delivery: Delivery, after: Delivery, answer: Answer, *, probing: bool
    ) -> tuple[Pointer, float] | None:
        now = self.clock.now()
        if answer.status == GONE and not endpoint.account_sid:
            changed = self._disable(endpoint, DisabledReason.GONE, now)
        else:
            changed = self._change(endpoint, lambda found: _worse(found, now, probing=probing))
            # A callback's URL is its message's, and the next may have a better one: only their client stops those.
            hopeless = changed is not None and changed.health.is_hopeless(now) and not changed.account_sid
            if changed is not None and changed.enabled and hopeless:
                changed = self._disable(changed, DisabledReason.FAILING, now)
        if changed is not None and not changed.enabled:
            self._tell(changed, delivery.account, now)
            self.deliveries.end(delivery, replace(after, status=DeliveryStatus.FAILED))
            self.counters.count("WebhooksFailed")
            return None
        if delivery.attempts >= ATTEMPTS:
            # Pending still: should this process end here, whoever gets the pointer next gives it up.
            self.deliveries.end(delivery, after)
            self._give_up(endpoint, after, now)
            return None
        pause = wait_before(delivery.attempts + 1, self.chance())
        self.deliveries.end(delivery, replace(after, next_at=now + pause))
        return delivery.pointer, pause.total_seconds()

    def _give_up(self, endpoint: Endpoint, delivery: Delivery, now: datetime) -> None:
        """Its last attempt failed: each of these may be done twice, and none is left out."""
        self.queue.bury(delivery.pointer.again())
        if not webhook_events.is_about_webhooks(delivery.event_type):
            self.topic.publish([webhook_events.failed(endpoint, delivery, now)])
        self.deliveries.end(delivery, replace(delivery, leased_until=None, status=DeliveryStatus.FAILED))
        self.counters.count("WebhooksFailed")

    def _write_off(self, endpoint: Endpoint, pointer: Pointer, now: datetime) -> None:
        """Its endpoint is disabled: it is kept, to be replayed."""
        if pointer.event is not None:
            fresh = delivery_of(endpoint.id, pointer.event, now, pointer.callback)
            self.deliveries.add(replace(fresh, status=DeliveryStatus.FAILED, error="disabled"))
        self.deliveries.write_off(pointer, "disabled")
        if not endpoint.told:
            found = self.deliveries.find(pointer.endpoint, pointer.delivery)
            if found is not None:
                self._tell(endpoint, found.account, now)

    def _disable(self, endpoint: Endpoint, reason: DisabledReason, now: datetime) -> Endpoint | None:
        def disabled(found: Endpoint) -> Endpoint | None:
            if not found.enabled:
                return None
            return replace(
                found, status=EndpointStatus.DISABLED, reason=reason, disabled_at=now, updated_at=now, told=False
            )

        return self._change(endpoint, disabled)

    def _tell(self, endpoint: Endpoint, account: str, now: datetime) -> None:
        """Say that it is disabled: until that is written down as said, it is said again."""
        if endpoint.told:
            return
        self.topic.publish([webhook_events.disabled(endpoint, account, now)])
        self.counters.count("WebhooksDisabled")
        self._change(endpoint, lambda found: None if found.told else replace(found, told=True))

    def _probe(self, endpoint: Endpoint, now: datetime) -> bool:
        """Whether this delivery is the one that tries a failing endpoint."""
        health = endpoint.health
        if health.open_until is not None and now < health.open_until:
            return False
        tried = self.endpoints.replace(replace(endpoint, health=replace(health, open_until=now + _PROBE)))
        if tried is None:
            self._forget(endpoint.id)
            return False
        self._remember(tried)
        return True

    def _change(self, endpoint: Endpoint, change: Callable[[Endpoint], Endpoint | None]) -> Endpoint | None:
        """Change an endpoint as it is now, whatever others do to it. Returns how it stands; None where it is gone."""
        found = self.endpoints.get(endpoint.id)
        for _ in range(_ROUNDS):
            if found is None:
                return None
            wanted = change(found)
            if wanted is None:
                self._remember(found)
                return found
            if (written := self.endpoints.replace(wanted)) is not None:
                self._remember(written)
                return written
            found = self.endpoints.get(endpoint.id)
        raise NotChangedError

    def _endpoint(self, endpoint_id: str, *, anew: bool = False) -> Endpoint | None:
        with self._known.lock:
            until, known = self._known.read.get(endpoint_id, (float("-inf"), None))
        if self.clock.monotonic() < until and not anew:
            return known
        found = self.endpoints.get(endpoint_id)
        if found is None:
            self._forget(endpoint_id)
        else:
            self._remember(found)
        return found

    def _remember(self, endpoint: Endpoint) -> None:
        with self._known.lock:
            self._known.read[endpoint.id] = (self.clock.monotonic() + _FRESH, endpoint)

    def _forget(self, endpoint_id: str) -> None:
        with self._known.lock:
            self._known.read.pop(endpoint_id, None)


def headers(endpoint: Endpoint, event_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """What goes along with a body."""
    return {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": "eums-bridge",
        "Accept": "*/*",
        **signed_headers(endpoint.secrets.valid(now), event_id, now, body),
    }


def _worse(found: Endpoint, now: datetime, *, probing: bool) -> Endpoint | None:
    """An endpoint that failed once more; of several attempts at the same time, the first to fail counts."""
    if not found.enabled or (not probing and found.health.failures):
        return None
    return replace(found, health=found.health.failed(now))


class _Run:
    """One invocation: what runs, what waits for a place, what is to come again."""

    def __init__(self, of: Delivering, time_left: Callable[[], float], failed: Callable[[Exception], object]) -> None:
        self._of = of
        self._time_left = time_left
        self._tell = failed
        self._running: dict[Future[tuple[Pointer, float] | None], tuple[Received, Pointer, float]] = {}
        self._lanes: dict[str, deque[tuple[Received, Pointer]]] = defaultdict(deque)
        self._busy: dict[str, int] = defaultdict(int)
        self._again: list[tuple[Received, Pointer, float]] = []
        self._stay: list[str] = []

    def all(self, received: Sequence[Received]) -> list[str]:
        """Until nothing runs and nothing waits."""
        more: Sequence[Received] = received
        with ThreadPoolExecutor(self._of.at_once, thread_name_prefix="deliver") as pool:
            self._add(received)
            while self._start(pool):
                done, _ = wait(self._running, timeout=self._of.impatience, return_when=FIRST_COMPLETED)
                for future in done:
                    self._ended(future)
                if len(self._again) >= _MANY or not done:
                    self._send_again()
                if self._hangs(more_would_help=bool(more) or not done):
                    more = self._of.queue.receive()
                    self._add(more)
        self._send_again()
        return self._stay

    def _hangs(self, *, more_would_help: bool) -> bool:
        """Whether an attempt takes long, there are places beside it, and time for what would take them."""
        if not more_would_help or len(self._running) + _MANY > self._of.at_once:
            return False
        if self._time_left() < 2 * SECONDS_FOR_AN_ANSWER + _RESERVE:
            return False
        since = self._of.clock.monotonic() - self._of.impatience
        return any(began <= since for _, _, began in self._running.values())

    def _add(self, received: Sequence[Received]) -> None:
        for one in received:
            try:
                pointer = pointer_of(one.body)
            except ValueError as exc:
                self._broken(one, exc)
            else:
                self._lanes[pointer.endpoint].append((one, pointer))

    def _start(self, pool: ThreadPoolExecutor) -> bool:
        """Fill the free places, a few for each endpoint. False where nothing runs."""
        late = self._time_left() < SECONDS_FOR_AN_ANSWER + _RESERVE
        for name, lane in list(self._lanes.items()):
            while lane and (late or (self._busy[name] < _AT_ONCE_TO_ONE and len(self._running) < self._of.at_once)):
                one, pointer = lane.popleft()
                if late:
                    self._again.append((one, pointer, 0.0))
                    continue
                self._busy[name] += 1
                self._running[pool.submit(self._of.take, pointer)] = (one, pointer, self._of.clock.monotonic())
            if not lane:
                del self._lanes[name]
        return bool(self._running)

    def _ended(self, future: Future[tuple[Pointer, float] | None]) -> None:
        one, pointer, _ = self._running.pop(future)
        self._busy[pointer.endpoint] -= 1
        try:
            again = future.result()
            if again is None:
                self._done(one)
            elif again[1] > _LONGEST_DELAY and one.receives <= _HELD:
                self._of.queue.hold(one, again[1])
                self._keep(one)
            else:
                self._again.append((one, *again))
        except Exception as exc:  # noqa: BLE001 - whatever it is, this one comes again and the others go on
            self._broken(one, exc)

    def _send_again(self) -> None:
        again, self._again = self._again, []
        if not again:
            return
        try:
            self._of.queue.send([(pointer, seconds) for _, pointer, seconds in again])
        except Exception as exc:  # noqa: BLE001 - likewise; those that were taken come twice, and are made once
            for one, _, _ in again:
                self._broken(one, exc)
            return
        for one, _, _ in again:
            self._done(one)

    def _done(self, one: Received) -> None:
        if one.own:
            self._of.queue.delete(one)

    def _keep(self, one: Received) -> None:
        if not one.own:
            self._stay.append(one.name)

    def _broken(self, one: Received, exc: Exception) -> None:
        self._tell(exc)
        self._keep(one)
