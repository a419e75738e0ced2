from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.gateway.outbox import Outbox, Window

# Time never decides a test.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

START = datetime(2021, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_due_times_decide_and_arrival_among_equals() -> None:
    outbox = Outbox[str](10)
    for item, due in (("late", 3), ("first", 1), ("second", 1)):
        outbox.schedule(item, after(due))
    assert outbox.advance(after(0.999)) == []
    assert outbox.advance(after(1)) == [("first", after(1)), ("second", after(1))]
    assert outbox.take(1) == [("first", after(1))]
    assert outbox.make_due(after(2)) == [("late", after(2))]
    assert outbox.take(5) == [("second", after(1)), ("late", after(2))]
    assert outbox.take(5) == []


def test_beyond_its_capacity_the_oldest_go_and_are_counted() -> None:
    outbox = Outbox[int](3)
    for item in range(5):
        outbox.schedule(item, START)
    outbox.advance(START)
    assert [item for item, _ in outbox.take(10)] == [2, 3, 4]
    assert outbox.discarded == 2


@relaxed
@given(st.lists(st.integers(0, 20)), st.lists(st.tuples(st.integers(0, 25), st.integers(1, 4))))
def test_everything_comes_out_once(delays: list[int], pulls: list[tuple[int, int]]) -> None:
    outbox = Outbox[int](1000)
    for item, delay in enumerate(delays):
        outbox.schedule(item, after(delay))
    taken = []
    for moment, size in sorted(pulls):
        outbox.advance(after(moment))
        page = outbox.take(size)
        assert len(page) <= size
        assert all(due <= after(moment) for _, due in page)
        taken += page
    outbox.make_due(after(30))
    taken += outbox.take(len(delays))
    assert sorted(item for item, _ in taken) == list(range(len(delays)))
    assert [due for _, due in taken] == sorted(due for _, due in taken)


def test_a_window_slides() -> None:
    window, minute = Window(), timedelta(minutes=1)
    assert [window.admits(after(second), 3, minute) for second in (0, 10, 20, 59, 60, 61, 70)] == [
        True, True, True, False, True, False, True,
    ]  # fmt: skip
