"""What clients may send: by every way that sends, counted once, and refused without a trace."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.api.problems import problem_of
from bridge.domain.clients import Caller
from bridge.domain.errors import DailyCapReached, NotAllowed, NotStored, RateLimited, StillInFlight
from bridge.domain.limits import Limits, LimitsError, Tally, Use, admitted, day_of
from bridge.domain.messages import Status
from bridge.services.composing import BatchOrder, EntryOrder
from bridge.services.estimating import Draft
from bridge.services.sending import Order
from bridge.services.twilio_sending import TwilioSending
from eums import NotSent, Refused, code_of
from tests.fakes.clock import NOON
from tests.fakes.world import SHOP, World

TEXT = "【京东】您的验证码是123456"
LONG = "【京东】" + "长" * 100  # two segments
NUMBERS = tuple(f"138123456{number:02}" for number in range(20))
CAPPED = Limits(daily_messages=5)


def shop(limits: Limits) -> Caller:
    return replace(SHOP, limits=limits)


def order(count: int = 1, text: str = TEXT, **more: Any) -> Order:
    return Order(to=NUMBERS[:count], text=text, **more)


def batch(count: int, text: str = TEXT, **more: Any) -> BatchOrder:
    return BatchOrder(entries=tuple(EntryOrder(to=to) for to in NUMBERS[:count]), text=text, **more)


@dataclass
class Bridge:
    """Every way by which a client sends."""

    world: World = field(default_factory=World)

    def message(self, caller: Caller, count: int = 1, key: str | None = None, **more: Any) -> Any:
        return self.world.sending().send(caller, order(count, **more), key)

    def queued(self, caller: Caller, count: int = 1, key: str | None = None, **more: Any) -> Any:
        return self.message(caller, count, key, queued=True, **more)

    def scheduled(self, caller: Caller, count: int = 1, key: str | None = None, **more: Any) -> Any:
        return self.message(caller, count, key, send_at=NOON + timedelta(days=3), **more)

    def batch(self, caller: Caller, count: int = 1, key: str | None = None, **more: Any) -> Any:
        return self.world.batching().accept(caller, batch(count, **more), key)

    def twilio(self, caller: Caller, count: int = 1, key: str | None = None, **more: Any) -> Any:
        door = TwilioSending(
            sending=self.world.sending(),
            opt_outs=self.world.opt_outs,
            counters=self.world.counters,
            allow_loopback=False,
        )
        return door.send(caller, order(count, queued=True, **more), key)

    @property
    def untouched(self) -> bool:
        """Whether nothing was sent, kept, queued or scheduled."""
        world = self.world
        return not any(
            (
                world.gateway.submits,
                world.messages.messages,
                world.messages.once,
                world.batches.batches,
                world.bodies.kept,
                world.queue.sent,
                world.schedules.due,
            )
        )


Way = Callable[..., Any]
WAYS = ("message", "queued", "scheduled", "batch", "twilio")


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


@pytest.fixture(params=WAYS)
def way(bridge: Bridge, request: pytest.FixtureRequest) -> Way:
    found: Way = getattr(bridge, request.param)
    return found


# --- what there is of them


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"extensions": ("01", "x1")}, "extensions"),
        ({"extensions": ("0*1",)}, "extensions"),
        ({"extensions": ("",)}, "extensions"),
        ({"rate": 0.0}, "rate"),
        ({"rate": -1.0}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"rate": float("inf")}, "rate"),
        ({"burst": 5}, "burst is nothing without a rate"),
        ({"rate": 1.0, "burst": 0}, "burst"),
        ({"daily_messages": 0}, "daily_messages"),
        ({"daily_segments": -1}, "daily_segments"),
    ],
)
def test_limits_that_make_no_sense_are_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(LimitsError, match=problem):
        Limits(**values)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(LimitsError) as caught:
        Limits(extensions=("x",), rate=0.0, daily_messages=0)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(("rate", "burst", "at_once"), [(5.0, None, 5), (0.5, None, 1), (2.5, None, 3), (5.0, 50, 50)])
def test_a_burst_is_what_the_rate_allows_in_a_second_unless_said(rate: float, burst: int | None, at_once: int) -> None:
    assert Limits(rate=rate, burst=burst).at_once == at_once


def test_only_what_is_limited_is_handed_on() -> None:
    assert Limits().text == ""
    assert Limits(rate=5.0, extensions=("01", "none")).text == '{"extensions":["01","none"],"rate":5.0}'
    assert not Limits(extensions=("01",)).counted
    assert all(each.counted for each in (Limits(rate=1.0), Limits(daily_messages=1), Limits(daily_segments=1)))


def test_a_day_is_the_gateways() -> None:
    assert [day_of(NOON + timedelta(hours=hours)) for hours in (0, 11.9, 12, -12, -12.1)] == [
        "2026-11-23", "2026-11-23", "2026-11-24", "2026-11-23", "2026-11-22",
    ]  # fmt: skip


def test_a_clock_that_is_behind_counts_on_the_day_that_has_begun() -> None:
    tomorrow = Tally(day="2026-11-24", messages=5)
    with pytest.raises(DailyCapReached):
        admitted(CAPPED, Use(messages=1, segments=1), tomorrow, NOON)
    assert admitted(Limits(daily_messages=6), Use(messages=1, segments=1), tomorrow, NOON).day == "2026-11-24"


# --- extensions


@pytest.mark.parametrize("extension", ["", "02", "0"])
def test_another_extension_is_refused_on_every_way(bridge: Bridge, way: Way, extension: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        way(shop(Limits(extensions=("01", "011*"))), extension=extension)

    problem = problem_of(caught.value)
    assert (problem.status, problem.kind) == (403, "not-allowed")
    assert "may use 01, 011*" in problem.detail
    assert bridge.untouched


@pytest.mark.parametrize(("extension", "allowed"), [("01", "01"), ("0112", "011*"), ("", "none"), ("7", "*")])
def test_one_of_its_own_goes_by_every_way(way: Way, extension: str, allowed: str) -> None:
    assert way(shop(Limits(extensions=(allowed,))), extension=extension)


def test_an_estimate_says_that_an_extension_would_be_refused(bridge: Bridge) -> None:
    estimate = bridge.world.estimating().estimate
    limits = Limits(extensions=("01",), daily_messages=1)

    problems = estimate(shop(limits), Draft(text=TEXT, extension="02")).problems
    assert [(problem.field, problem.gateway_code) for problem in problems] == [("extension", None)]
    assert "may use 01" in problems[0].message
    assert estimate(shop(limits), Draft(text=TEXT, extension="01", to=NUMBERS)).problems == ()
    assert bridge.world.uses.taken == []


# --- rate and caps


def test_whoever_has_no_limits_costs_no_call(bridge: Bridge, way: Way) -> None:
    bridge.world.uses.failing = ConnectionError("away")
    assert way(SHOP, 3, "a key")
    assert way(shop(Limits(extensions=("none",))), 3, "another key")


def test_each_number_is_a_message_and_each_of_its_segments_counts(bridge: Bridge, way: Way) -> None:
    if way != bridge.twilio:
        way(shop(Limits(daily_messages=1000)), 3, text=LONG)
        assert bridge.world.uses.taken == [("shop", Use(messages=3, segments=6))]


def test_the_accounts_own_signature_counts(bridge: Bridge) -> None:
    account = bridge.world.accounts
    account.policies["default"] = replace(account.policy("default"), signature="京东")
    bridge.message(shop(CAPPED), text="长" * 69)  # one segment, and two with 【京东】 in front
    assert bridge.world.uses.taken == [("shop", Use(messages=1, segments=2))]


@pytest.mark.parametrize(
    ("limits", "error", "kind"),
    [
        (Limits(rate=1.0, burst=3), RateLimited, "rate-limited"),
        (Limits(daily_messages=3), DailyCapReached, "daily-cap-reached"),
        (Limits(daily_segments=3), DailyCapReached, "daily-cap-reached"),
    ],
)
def test_what_is_too_much_is_refused_by_every_way_and_nothing_is_sent(
    bridge: Bridge, way: Way, limits: Limits, error: type[Exception], kind: str
) -> None:
    bridge.world.uses.take("shop", limits, Use(messages=3, segments=3), now=NOON)

    with pytest.raises(error) as caught:
        way(shop(limits), 1, "a key")

    problem = problem_of(caught.value)
    assert (problem.status, problem.kind) == (429, kind)
    assert "nothing was sent" in problem.detail
    assert problem.headers == {"Retry-After": "1" if error is RateLimited else str(12 * 3600)}
    assert bridge.untouched
    assert bridge.world.counters.counted["ClientLimited"] == 1
    assert len(bridge.world.uses.taken) == 1


def test_a_batch_is_counted_whole_or_not_at_all(bridge: Bridge) -> None:
    bridge.batch(shop(CAPPED), 3)
    with pytest.raises(DailyCapReached):
        bridge.batch(shop(CAPPED), 3)
    bridge.batch(shop(CAPPED), 2)
    assert bridge.world.uses.taken == [("shop", Use(messages=3, segments=3)), ("shop", Use(messages=2, segments=2))]


def test_all_keys_of_a_client_share_what_it_may_send_and_no_other_client_does(bridge: Bridge) -> None:
    other_key = replace(shop(CAPPED), scopes=frozenset({"send"}))
    bridge.message(shop(CAPPED), 4)
    with pytest.raises(DailyCapReached):
        bridge.message(other_key, 2)
    assert bridge.message(replace(other_key, client="bank"), 5)


def test_a_new_day_begins_at_the_gateways_midnight(bridge: Bridge) -> None:
    bridge.message(shop(CAPPED), 5)
    with pytest.raises(DailyCapReached) as caught:
        bridge.message(shop(CAPPED))

    bridge.world.clock.advance(caught.value.retry_after - 1)
    with pytest.raises(DailyCapReached):
        bridge.message(shop(CAPPED))
    bridge.world.clock.advance(1)
    assert bridge.message(shop(CAPPED), 5)


def test_what_waits_for_its_time_counts_on_the_day_on_which_it_is_accepted(bridge: Bridge) -> None:
    bridge.scheduled(shop(CAPPED), 5)
    with pytest.raises(DailyCapReached):
        bridge.message(shop(CAPPED))


def test_more_than_a_whole_day_is_no_matter_of_waiting(bridge: Bridge, way: Way) -> None:
    if way != bridge.twilio:
        with pytest.raises(NotAllowed, match="6 messages, and the client may send 5 a day"):
            way(shop(CAPPED), 6)
        assert bridge.untouched


def test_more_than_the_burst_goes_once_the_burst_is_there_and_is_paid_for_afterwards(bridge: Bridge) -> None:
    caller = shop(Limits(rate=1.0, burst=2))
    bridge.batch(caller, 10)
    with pytest.raises(RateLimited) as caught:
        bridge.message(caller)

    assert caught.value.retry_after == 9  # ten seconds for ten messages, of which one may be ahead
    bridge.world.clock.advance(caught.value.retry_after)
    assert bridge.message(caller)


def test_a_repeat_is_neither_counted_nor_refused(bridge: Bridge, way: Way) -> None:
    caller = shop(Limits(daily_messages=1, rate=0.001, burst=1))
    first = way(caller, 1, "a key")

    again = way(caller, 1, "a key")

    assert again.replayed
    assert again == replace(first, replayed=True)
    assert len(bridge.world.uses.taken) == 1


@pytest.mark.parametrize("answer", [NotSent("down"), Refused(code_of(110))])
def test_what_the_gateway_did_not_take_stays_counted_and_so_does_its_repeat(bridge: Bridge, answer: Exception) -> None:
    bridge.world.gateway.submit_answer = answer
    for _ in range(2):
        with pytest.raises(Exception, match=r"reached|refused"):
            bridge.message(shop(CAPPED), 1, "a key")

    assert len(bridge.world.uses.taken) == 2


def test_the_first_of_a_repeat_that_has_not_ended_is_said_to_be_in_flight(bridge: Bridge) -> None:
    caller = shop(CAPPED)
    sent = bridge.message(caller, 1, "a key").message
    submitting = sent.with_recipients(replace(each, status=Status.SUBMITTING) for each in sent.recipients)
    bridge.world.messages.messages[sent.id] = submitting

    with pytest.raises(StillInFlight):
        bridge.message(caller, 1, "a key")
    assert len(bridge.world.uses.taken) == 1


def test_where_nobody_can_count_nothing_is_sent(bridge: Bridge, way: Way) -> None:
    bridge.world.uses.failing = ConnectionError("away")

    with pytest.raises(NotStored) as caught:
        way(shop(CAPPED), 1, "a key")

    assert problem_of(caught.value).status == 503
    assert bridge.untouched


def test_who_dies_between_counting_and_writing_down_was_counted_for_nothing(
    bridge: Bridge, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bridge.world.messages, "add", dies)
    monkeypatch.setattr(bridge.world.bodies, "keep", dies)

    with pytest.raises(KeyboardInterrupt):
        way(shop(CAPPED), 1, "a key")
    assert len(bridge.world.uses.taken) == 1
    assert bridge.untouched


def test_a_refusal_comes_before_the_count_where_the_request_is_wrong(bridge: Bridge) -> None:
    with pytest.raises(Exception, match="text"):
        bridge.message(shop(CAPPED), text="长" * 600)
    assert bridge.world.uses.taken == []


def test_what_was_used_is_known_of_whoever_has_limits(bridge: Bridge) -> None:
    bridge.message(shop(CAPPED), 2, text=LONG)

    used = bridge.world.allowing().used
    assert used(shop(CAPPED)) == Tally(day="2026-11-23", messages=2, segments=4)
    assert used(SHOP) == Tally(day="2026-11-23")
    bridge.world.uses.failing = ConnectionError("away")
    with pytest.raises(NotStored):
        used(shop(CAPPED))
