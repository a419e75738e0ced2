import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import Webhook

from bridge.domain.errors import NotPublished
from bridge.domain.events import Event, EventType, suspended
from bridge.domain.webhooks import (
    WAITS,
    Answer,
    DeliveryStatus,
    DisabledReason,
    Endpoint,
    EndpointStatus,
    Pointer,
    happened,
    secret_of,
)
from bridge.services.calling_back import CallingBack
from bridge.services.delivering import Delivering
from bridge.services.fanning_out import FanningOut
from tests.fakes.callbacks import FakeAuthTokens, FakeCallbacks
from tests.fakes.clients import FakeClients
from tests.fakes.clock import FakeClock
from tests.fakes.counters import FakeCounters
from tests.fakes.events import FakeTopic
from tests.fakes.schemas import hold_against_schema
from tests.fakes.webhooks import (
    SECRET,
    FakeDeliveries,
    FakeDeliverQueue,
    FakeWebhookClient,
    FakeWebhookEndpoints,
    endpoint,
)
from tests.fakes.world import NOON

BODY = suspended("default", NOON).body()
DOWN = Answer(status=500)
UP = Answer(status=200)


@dataclass
class Crash(Exception):
    where: str


@dataclass
class Bench:
    """The services over fakes, and a clock that a test moves."""

    clock: FakeClock = field(default_factory=FakeClock)
    endpoints: FakeWebhookEndpoints = field(default_factory=FakeWebhookEndpoints)
    deliveries: FakeDeliveries = field(default_factory=FakeDeliveries)
    topic: FakeTopic = field(default_factory=FakeTopic)
    counters: FakeCounters = field(default_factory=FakeCounters)
    chance: float = 0.5
    errors: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = FakeDeliverQueue(self.clock.monotonic)
        self.client = FakeWebhookClient(self.clock.now)
        self.callbacks, self.tokens = FakeCallbacks(), FakeAuthTokens()
        self.clients = FakeClients()
        calling_back = CallingBack(callbacks=self.callbacks, endpoints=self.endpoints, clock=self.clock)
        self.fanning_out = FanningOut(
            endpoints=self.endpoints,
            queue=self.queue,
            calling_back=calling_back,
            clients=self.clients,
            counters=self.counters,
        )
        self.delivering = self.process()

    def process(self) -> Delivering:
        """A process that knows nothing yet."""
        return Delivering(
            endpoints=self.endpoints,
            deliveries=self.deliveries,
            queue=self.queue,
            client=self.client,
            tokens=self.tokens,
            topic=self.topic,
            clock=self.clock,
            counters=self.counters,
            chance=lambda: self.chance,
        )

    def happen(self, *endpoints: Endpoint, body: str = BODY) -> None:
        for one in endpoints:
            self.endpoints.standing.setdefault(one.id, one)
        self.fanning_out.fan_out(body, None, self.fanning_out.known())

    def step(self) -> None:
        """One invocation, with what there is."""
        handed = self.queue.event()
        stay = self.delivering.deliver(handed, time_left=lambda: 100.0, failed=self.errors.append)
        self.queue.settle(handed, stay)

    def run(self, *, hours: float = 60) -> None:
        """Until nothing waits, or so long."""
        end = self.clock.elapsed + hours * 3600
        while (at := self.queue.next_time()) is not None and at <= end:
            self.clock.advance(max(at - self.clock.elapsed, 0))
            self.step()

    def times(self) -> list[float]:
        return [(post.at - NOON).total_seconds() for post in self.client.posts]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_event_is_posted_once_signed_and_as_it_was_published(bench: Bench) -> None:
    bench.happen(endpoint())
    bench.run()

    (post,) = bench.client.posts
    assert (post.url, post.body.decode()) == ("https://1.example.com/hook", BODY)
    assert post.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert post.headers["webhook-id"] == json.loads(BODY)["id"]
    assert post.headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    assert JSONFormat().read(CloudEvent, post.body.decode()).get_type() == "sms.account.suspended"
    delivery = bench.deliveries.only()
    assert (delivery.status, delivery.attempts, delivery.http_status) == (DeliveryStatus.DELIVERED, 1, 204)
    assert bench.queue.left() == []


def test_the_same_event_and_the_same_pointer_again_are_posted_once(bench: Bench) -> None:
    bench.happen(endpoint())
    bench.happen()
    bench.step()
    bench.happen()
    bench.run()

    assert len(bench.client.posts) == 1
    assert bench.queue.left() == []


def test_the_third_attempt_has_the_same_id_and_a_fresh_time_and_signature(bench: Bench) -> None:
    answers = [DOWN, DOWN, UP]
    bench.client.answers = lambda _: answers.pop(0)
    bench.happen(endpoint())
    bench.run()

    assert [round(second - first) for first, second in pairwise(bench.times())] == [5, 300]
    assert len({post.headers["webhook-id"] for post in bench.client.posts}) == 1
    assert len({post.headers["webhook-timestamp"] for post in bench.client.posts}) == 3
    assert len({post.headers["webhook-signature"] for post in bench.client.posts}) == 3
    (known,) = bench.endpoints.all()
    assert known.health.failures == 0
    assert known.health.failing_since is None


def test_the_schedule_to_its_end(bench: Bench) -> None:
    bench.client.answers = lambda _: DOWN
    bench.happen(endpoint())
    bench.run()

    gaps = [second - first for first, second in pairwise(bench.times())]
    assert gaps == pytest.approx([wait.total_seconds() for wait in WAITS])
    assert bench.deliveries.only().status is DeliveryStatus.FAILED
    assert max(bench.queue.held) == 36_000.0
    (dead,) = bench.queue.buried
    (event,) = bench.topic.events
    hold_against_schema(event.body())
    assert event.type is EventType.WEBHOOK_FAILED
    assert (event.data["attempts"], event.data["http_status"], event.client) == (8, 500, "shop")
    assert dead.round == 1
    assert bench.queue.left() == []


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_the_waits_jitter_by_a_tenth(bench: Bench, chance: float) -> None:
    bench.chance = chance
    bench.client.answers = lambda _: DOWN
    bench.happen(endpoint())
    bench.run()

    gaps = [second - first for first, second in pairwise(bench.times())]
    expected = [wait.total_seconds() * (0.9 + 0.2 * chance) for wait in WAITS]
    assert gaps == pytest.approx(expected, rel=0.001, abs=0.6)


def test_sqs_never_gives_up_what_only_waits(bench: Bench) -> None:
    bench.client.answers = lambda _: DOWN
    bench.happen(endpoint())
    bench.run()

    assert max(bench.queue.receives.values()) < 8


def test_a_redriven_dead_letter_begins_anew(bench: Bench) -> None:
    bench.client.answers = lambda _: DOWN
    bench.happen(endpoint())
    bench.run()
    bench.client.answers = lambda _: UP

    bench.clock.advance(600)
    bench.queue.send([(bench.queue.buried[0], 0.0)])
    bench.run()

    assert bench.deliveries.only().status is DeliveryStatus.DELIVERED
    assert bench.deliveries.only().attempts == 1
    assert len({post.headers["webhook-id"] for post in bench.client.posts}) == 1


def test_a_failing_endpoint_is_tried_by_one_at_a_time_and_the_others_lose_no_attempt(bench: Bench) -> None:
    bench.client.answers = lambda _: DOWN
    one = endpoint()
    bench.happen(one)
    bench.step()
    for minute in range(1, 41):
        bench.happen(one, body=suspended("default", NOON + timedelta(minutes=minute)).body())
    bench.run(hours=0.5)

    assert len(bench.client.posts) < 20  # four seconds, then twice as long each time, up to five minutes
    bench.client.answers = lambda _: UP
    before = len(bench.client.posts)
    bench.run(hours=1.5)
    done = [found for found in bench.deliveries.standing.values() if found.status is DeliveryStatus.DELIVERED]
    assert len(done) > 30
    assert len(bench.client.posts) - before == len(done)
    assert max(bench.queue.receives.values()) < 8


def test_410_disables_and_says_so_once(bench: Bench) -> None:
    bench.client.answers = lambda _: Answer(status=410)
    bench.happen(endpoint())
    bench.run()

    (known,) = bench.endpoints.all()
    assert (known.status, known.reason, known.told) == (EndpointStatus.DISABLED, DisabledReason.GONE, True)
    (event,) = bench.topic.events
    hold_against_schema(event.body())
    assert event.type is EventType.WEBHOOK_DISABLED
    assert event.data["reason"] == "gone"
    assert bench.deliveries.only().status is DeliveryStatus.FAILED
    bench.happen()
    bench.run()
    assert len(bench.client.posts) == 1


def test_what_waits_for_a_disabled_endpoint_is_kept_to_be_replayed(bench: Bench) -> None:
    bench.happen(endpoint())
    (known,) = bench.endpoints.all()
    bench.endpoints.replace(replace(known, status=EndpointStatus.DISABLED, reason=DisabledReason.REQUESTED))
    bench.run()

    assert bench.client.posts == []
    delivery = bench.deliveries.only()
    assert (delivery.status, delivery.error, delivery.body) == (DeliveryStatus.FAILED, "disabled", BODY)


def test_what_comes_right_after_an_endpoint_was_enabled_is_delivered(bench: Bench) -> None:
    bench.client.answers = lambda _: Answer(status=410)
    bench.happen(endpoint())
    bench.step()
    (known,) = bench.endpoints.all()
    bench.endpoints.replace(replace(known, status=EndpointStatus.ENABLED, reason=None))
    bench.client.answers = lambda _: UP

    bench.queue.send([(bench.deliveries.only().pointer.again(), 0.0)])
    bench.step()

    assert bench.deliveries.only().status is DeliveryStatus.DELIVERED


def test_five_days_of_failing_disable(bench: Bench) -> None:
    bench.client.answers = lambda _: DOWN
    one = endpoint()
    for day in range(7):
        bench.happen(one, body=suspended("default", NOON + timedelta(days=day)).body())
        bench.run(hours=24)

    (known,) = bench.endpoints.all()
    assert (known.status, known.reason) == (EndpointStatus.DISABLED, DisabledReason.FAILING)
    told = [event for event in bench.topic.events if event.type is EventType.WEBHOOK_DISABLED]
    assert len(told) == 1
    hold_against_schema(told[0].body())
    assert {found.status for found in bench.deliveries.standing.values()} == {DeliveryStatus.FAILED}


def test_one_success_ends_the_five_days(bench: Bench) -> None:
    down = [True]
    bench.client.answers = lambda _: DOWN if down[0] else UP
    one = endpoint()
    for day in range(9):
        down[0] = day != 4
        bench.happen(one, body=suspended("default", NOON + timedelta(days=day)).body())
        bench.run(hours=24)

    assert bench.endpoints.all()[0].enabled


def test_an_endpoint_that_is_gone_gets_nothing(bench: Bench) -> None:
    bench.happen(endpoint())
    bench.endpoints.standing.clear()
    bench.run()

    assert bench.client.posts == []
    assert bench.queue.left() == []


def test_the_failure_of_an_event_about_webhooks_makes_no_other(bench: Bench) -> None:
    bench.client.answers = lambda _: DOWN
    bench.happen(endpoint())
    bench.run()
    (failed,) = bench.topic.events

    bench.happen(endpoint(2), body=failed.body())
    bench.run()

    assert [post.url for post in bench.client.posts[8:]] == ["https://2.example.com/hook"] * 8
    assert bench.topic.events == [failed]
    assert len(bench.queue.buried) == 2


def test_both_secrets_sign_for_a_day(bench: Bench) -> None:
    new = secret_of(bytes(32))
    one = endpoint()
    bench.happen(replace(one, secrets=one.secrets.rotated(new, NOON)))
    bench.run()
    bench.clock.advance(24 * 3600)
    bench.happen(body=suspended("default", NOON + timedelta(days=1)).body())
    bench.run()

    first, second = bench.client.posts
    assert [len(post.headers["webhook-signature"].split()) for post in (first, second)] == [2, 1]
    for secret, post in ((SECRET, first), (new, first), (new, second)):
        assert _own_signature(secret, post.headers, post.body) in post.headers["webhook-signature"].split()
    assert _own_signature(SECRET, second.headers, second.body) not in second.headers["webhook-signature"].split()


def _own_signature(secret: str, headers: object, body: bytes) -> str:
    assert isinstance(headers, dict)
    at = NOON.fromtimestamp(int(headers["webhook-timestamp"]), NOON.tzinfo)
    return Webhook(secret).sign(headers["webhook-id"], at, body.decode())


def test_a_secret_is_32_bytes() -> None:
    assert SECRET.startswith("whsec_")
    assert base64.b64decode(SECRET.removeprefix("whsec_")) == bytes(range(32))
    with pytest.raises(ValueError, match="32"):
        secret_of(bytes(31))
    assert SECRET not in repr(endpoint())


PLACES: dict[str, Callable[[Bench], object]] = {
    "begin": lambda bench: bench.deliveries,
    "post": lambda bench: bench.client,
    "end": lambda bench: bench.deliveries,
    "bury": lambda bench: bench.queue,
    "publish": lambda bench: bench.topic,
    "send": lambda bench: bench.queue,
    "hold": lambda bench: bench.queue,
    "replace": lambda bench: bench.endpoints,
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [0, 1, 3, 7])
@pytest.mark.parametrize("answer", [UP, DOWN, Answer(status=410)], ids=["up", "down", "gone"])
def test_a_death_at_any_place_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, name: str, after: bool, nth: int, answer: Answer
) -> None:
    """The process dies before or after a call that the world sees; another begins where it left off."""
    bench.client.answers = lambda _: answer
    bench.happen(endpoint())
    owner = PLACES[name](bench)
    real = getattr(owner, name)
    calls = [0]

    def dying(*args: object, **kwargs: object) -> object:
        calls[0] += 1
        if calls[0] != nth + 1:
            return real(*args, **kwargs)
        if after:
            real(*args, **kwargs)
        raise Crash(name)

    monkeypatch.setattr(owner, name, dying)
    handed_over = 0
    while (at := bench.queue.next_time()) is not None and handed_over < 400:
        handed_over += 1
        bench.clock.advance(max(at - bench.clock.elapsed, 0))
        bench.delivering = bench.process()
        bench.step()

    delivery = bench.deliveries.only()
    assert bench.queue.next_time() is None
    crashed = calls[0] > nth
    if answer is UP:
        assert delivery.status is DeliveryStatus.DELIVERED
        assert len(bench.client.posts) <= 1 + crashed
    elif answer is DOWN:
        assert delivery.status is DeliveryStatus.FAILED
        assert 7 <= len(bench.client.posts) <= 8
        assert len({event.id for event in bench.topic.events}) == 1
        assert {pointer.round for pointer in bench.queue.buried} == {1}
    else:
        assert delivery.status is DeliveryStatus.FAILED
        assert {event.type for event in bench.topic.events} == {EventType.WEBHOOK_DISABLED}
        assert bench.endpoints.all()[0].told
    assert max(bench.queue.receives.values()) < 8


def test_what_is_no_pointer_stays_for_the_dead_letters(bench: Bench) -> None:
    bench.queue.send([(Pointer(endpoint="x", delivery="y"), 0.0)])
    bench.step()

    assert [type(error) for error in bench.errors] == [ValueError]
    assert len(bench.queue.out) == 1


def test_a_topic_that_takes_nothing_is_asked_again(bench: Bench) -> None:
    bench.client.answers = lambda _: Answer(status=410)
    refuse = [True]
    real = bench.topic.publish

    def publish(events: list[Event]) -> None:
        if refuse[0]:
            raise NotPublished(1)
        real(events)

    bench.topic.publish = publish  # type: ignore[method-assign, assignment]
    bench.happen(endpoint())
    bench.step()
    assert not bench.endpoints.all()[0].told
    refuse[0] = False
    bench.run()

    assert [event.type for event in bench.topic.events] == [EventType.WEBHOOK_DISABLED]


def test_the_delivery_has_the_events_own_time() -> None:
    early, late = (happened(suspended("default", NOON + timedelta(hours=hours)).body()) for hours in (1, 2))
    assert early.delivery < late.delivery
    assert happened(early.body).delivery == early.delivery


def test_what_was_handed_out_often_waits_as_a_new_message(bench: Bench) -> None:
    bench.happen(endpoint())
    (handed,) = bench.queue.event()
    assert not bench.delivering.deliver([handed], time_left=lambda: 100.0)
    waiting = replace(
        bench.deliveries.only(), status=DeliveryStatus.PENDING, attempts=5, next_at=NOON + timedelta(hours=5)
    )
    bench.deliveries.standing[waiting.endpoint, waiting.id] = waiting

    stay = bench.delivering.deliver([replace(handed, receives=6)], time_left=lambda: 100.0)

    assert stay == []
    assert bench.queue.held == []
    assert bench.queue.sent[-1] == (waiting.pointer, 5 * 3600.0)


def test_of_several_that_fail_at_once_one_counts(bench: Bench) -> None:
    one = endpoint()
    for day in range(3):
        bench.happen(one, body=suspended("default", NOON + timedelta(days=day)).body())
    pointers = bench.queue.left()

    def failing(_url: str) -> Answer:
        if pointers:
            bench.delivering.take(pointers.pop())  # while the first is under way
        return DOWN

    bench.client.answers = failing
    bench.delivering.take(pointers.pop())

    assert len(bench.client.posts) == 3
    assert bench.endpoints.all()[0].health.failures == 1


def test_while_one_hangs_more_is_taken_and_deleted(bench: Bench) -> None:
    came = threading.Event()

    def hanging(url: str) -> Answer:
        if url.startswith("https://1."):
            return UP if came.wait(10) else DOWN
        came.set()
        return UP

    bench.client.answers = hanging
    bench.happen(endpoint())
    handed = bench.queue.event()
    bench.happen(endpoint(2), body=suspended("default", NOON + timedelta(days=1)).body())

    stay = replace(bench.delivering, impatience=0.0).deliver(handed, time_left=lambda: 100.0)
    bench.queue.settle(handed, stay)

    done = [found for found in bench.deliveries.standing.values() if found.status is DeliveryStatus.DELIVERED]
    assert len(done) == 3
    assert bench.queue.left() == []


def test_what_there_is_no_time_for_comes_again(bench: Bench) -> None:
    bench.happen(endpoint())
    handed = bench.queue.event()

    bench.queue.settle(handed, bench.delivering.deliver(handed, time_left=lambda: 20.0))

    assert bench.client.posts == []
    assert len(bench.queue.left()) == 1
