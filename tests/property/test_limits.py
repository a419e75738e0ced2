"""The limits of a client: whatever is asked for and when, no window and no day holds more than they say."""

import json
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.errors import DailyCapReached, NotAllowed, TooManyRequests
from bridge.domain.limits import Limits, Tally, Use, day_of
from tests.fakes.clients import FakeUses
from tests.fakes.world import NOON


@dataclass(frozen=True)
class Ask:
    pause: float  # seconds since the one before
    messages: int
    each: int  # segments


ASKS = st.lists(
    st.builds(
        Ask, pause=st.floats(0, 20_000) | st.floats(0, 3), messages=st.integers(1, 1_000), each=st.integers(1, 8)
    ),
    min_size=2,
    max_size=40,
)
LIMITS = st.builds(
    Limits,
    rate=st.floats(0.01, 5_000),
    burst=st.none() | st.integers(1, 2_000),
    daily_messages=st.none() | st.integers(1, 5_000),
    daily_segments=st.none() | st.integers(1, 20_000),
)


@given(asks=ASKS, limits=LIMITS)
def test_no_window_and_no_day_holds_more_than_the_limits_say(asks: list[Ask], limits: Limits) -> None:
    uses, now = FakeUses(), NOON
    taken: list[tuple[float, int]] = []
    days: dict[str, list[Use]] = {}
    for ask in asks:
        now += timedelta(seconds=ask.pause)
        use = Use(messages=ask.messages, segments=ask.messages * ask.each)
        try:
            uses.take("shop", limits, use, now=now)
        except (NotAllowed, TooManyRequests):
            continue
        taken.append((now.timestamp(), ask.messages))
        days.setdefault(day_of(now), []).append(use)

    assert limits.rate is not None
    for first, (begin, _) in enumerate(taken):
        sent = 0
        for end, count in taken[first:]:
            # The last of a window may have more than the burst; what it has beyond that is paid for afterwards.
            allowed = limits.at_once + limits.rate * (end - begin)
            assert sent + min(count, limits.at_once) <= allowed + 1e-3 * (1 + limits.rate)
            sent += count
    for uses_of_a_day in days.values():
        assert sum(use.messages for use in uses_of_a_day) <= (limits.daily_messages or 10**9)
        assert sum(use.segments for use in uses_of_a_day) <= (limits.daily_segments or 10**9)


@given(asks=ASKS, limits=LIMITS)
def test_what_was_refused_may_go_when_it_was_told_to_come_back(asks: list[Ask], limits: Limits) -> None:
    uses, now = FakeUses(), NOON
    for ask in asks:
        now += timedelta(seconds=ask.pause)
        use = Use(messages=ask.messages, segments=ask.messages * ask.each)
        for _ in range(3):  # a day that begins may still find the rate used up
            try:
                uses.take("shop", limits, use, now=now)
            except NotAllowed:
                break
            except TooManyRequests as refused:
                ends = isinstance(refused, DailyCapReached)
                later = now + timedelta(seconds=max(1, refused.retry_after))
                assert not ends or day_of(later - timedelta(seconds=1)) == day_of(now) < day_of(later)
                now = later
            else:
                break
        else:
            raise AssertionError("it was refused for a fourth time")


@given(limits=LIMITS | st.builds(Limits, extensions=st.lists(st.sampled_from(["01", "0*", "*", "none"])).map(tuple)))
def test_what_is_handed_on_is_what_was_meant(limits: Limits) -> None:
    assert Limits.of_text(limits.text) == limits
    assert Limits.of_text(json.dumps({**json.loads(limits.text or "{}"), "of_a_later_version": 1})) == limits


@given(digits=st.text("0123456789", max_size=8), allowed=st.text("0123456789", min_size=1, max_size=8))
def test_an_extension_is_one_of_those_or_begins_as_they_do(digits: str, allowed: str) -> None:
    assert Limits(extensions=(allowed,)).allow(digits) is (digits == allowed)
    assert Limits(extensions=(f"{allowed}*",)).allow(digits) is digits.startswith(allowed)
    assert Limits(extensions=("*",)).allow(digits) is bool(digits)
    assert Limits(extensions=("none",)).allow(digits) is not bool(digits)
    assert Limits().allow(digits)


def test_a_new_tally_is_of_no_day() -> None:
    assert Tally().on(NOON) == Tally(day="2026-11-23")
