"""The pace of an account: whatever is asked for and when, no window holds more than the rate and one reservation."""

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.sends import FakePace
from tests.fakes.world import NOON


@dataclass(frozen=True)
class Ask:
    pause: float  # seconds since the one before
    count: int
    within: float  # seconds


ASKS = st.lists(
    st.builds(
        Ask,
        pause=st.floats(0, 30),
        count=st.integers(1, 1_000),
        within=st.floats(0, 60),
    ),
    min_size=2,
    max_size=30,
)


@given(asks=ASKS, rate=st.floats(0.1, 5_000))
def test_no_window_holds_more_than_the_rate_and_one_reservation(asks: list[Ask], rate: float) -> None:
    pace = FakePace()
    now = NOON
    for ask in asks:
        now += timedelta(seconds=ask.pause)
        turn = pace.reserve("default", ask.count, rate=rate, now=now, within=ask.within)
        assert turn.reserved is (turn.after <= ask.within)

    turns = [(at, count) for _, count, at in pace.reserved]
    assert turns == sorted(turns, key=lambda turn: turn[0])
    for first, (begin, _) in enumerate(turns):
        sent = 0
        for end, count in turns[first:]:
            # All but the last of the window have had the time that they need.
            assert sent <= rate * (end - begin) + 1e-3 * rate
            sent += count


@given(count=st.integers(1, 1_000), rate=st.floats(0.1, 5_000))
def test_an_account_that_nobody_uses_is_free_at_once_and_then_for_as_long_as_it_takes(count: int, rate: float) -> None:
    pace = FakePace()
    assert pace.reserve("default", count, rate=rate, now=NOON, within=0).after == 0

    following = pace.reserve("default", 1, rate=rate, now=NOON, within=1e9)
    assert abs(following.after - count / rate) <= 1e-6 * (1 + count / rate)
