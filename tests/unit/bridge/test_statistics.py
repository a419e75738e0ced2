from datetime import date, timedelta

import pytest

from bridge.domain.errors import GatewayRefused, GatewayUnreachable, GatewayUnreadable, InvalidRequest, TooManyRequests
from bridge.services.statistics import Statistics
from eums import Ambiguous, Malformed, NotSent, Refused, code_of
from tests.fakes.world import World

TODAY = date(2026, 11, 23)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def statistics(world: World) -> Statistics:
    return world.statistics()


def test_a_range_of_31_days_is_one_call(world: World, statistics: Statistics) -> None:
    days = statistics.of("default", date(2026, 10, 1), date(2026, 10, 31))

    assert world.gateway.asked_for_statistics == [(date(2026, 10, 1), date(2026, 10, 31))]
    assert len(days) == 31


def test_a_longer_range_is_split_without_gap_or_overlap(world: World, statistics: Statistics) -> None:
    days = statistics.of("default", date(2026, 9, 1), date(2026, 11, 5))

    assert world.gateway.asked_for_statistics == [
        (date(2026, 9, 1), date(2026, 10, 1)),
        (date(2026, 10, 2), date(2026, 11, 1)),
        (date(2026, 11, 2), date(2026, 11, 5)),
    ]
    assert [day.date for day in days] == [date(2026, 9, 1) + timedelta(days=day) for day in range(66)]


def test_the_fourth_call_of_a_minute_is_not_made(world: World, statistics: Statistics) -> None:
    for day in (1, 2, 3):
        statistics.of("default", date(2026, 11, day), date(2026, 11, day))

    with pytest.raises(TooManyRequests) as caught:
        statistics.of("default", date(2026, 11, 4), date(2026, 11, 4))

    assert 55 < caught.value.retry_after <= 63
    assert len(world.gateway.asked_for_statistics) == 3
    world.clock.advance(caught.value.retry_after)
    assert len(statistics.of("default", date(2026, 11, 4), date(2026, 11, 4))) == 1


def test_a_long_range_goes_on_where_the_limit_stopped_it(world: World, statistics: Statistics) -> None:
    start, end = date(2025, 11, 23), TODAY

    for _ in range(10):
        try:
            days = statistics.of("default", start, end)
            break
        except TooManyRequests as exc:
            world.clock.advance(exc.retry_after)
    else:
        pytest.fail("never answered")

    assert len(days) == 366
    assert len(world.gateway.asked_for_statistics) == 12


def test_a_repeated_question_is_answered_from_memory_for_a_while(world: World, statistics: Statistics) -> None:
    first = statistics.of("default", TODAY, TODAY)

    assert statistics.of("default", TODAY, TODAY) == first
    assert len(world.gateway.asked_for_statistics) == 1
    world.clock.advance(61)
    statistics.of("default", TODAY, TODAY)
    assert len(world.gateway.asked_for_statistics) == 2


def test_settled_days_are_remembered_longer(world: World, statistics: Statistics) -> None:
    statistics.of("default", date(2026, 11, 1), date(2026, 11, 2))
    world.clock.advance(3000)
    statistics.of("default", date(2026, 11, 1), date(2026, 11, 2))

    assert len(world.gateway.asked_for_statistics) == 1


def test_a_gateway_that_says_too_often_is_believed(world: World, statistics: Statistics) -> None:
    world.gateway.statistics_answer = Refused(code_of(131))

    with pytest.raises(TooManyRequests) as caught:
        statistics.of("default", TODAY, TODAY)
    assert caught.value.retry_after == 60
    with pytest.raises(TooManyRequests):
        statistics.of("default", TODAY, TODAY)
    assert len(world.gateway.asked_for_statistics) == 1


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Refused(code_of(107)), GatewayRefused),
        (NotSent("refused"), GatewayUnreachable),
        (Ambiguous("no answer"), GatewayUnreachable),
        (Malformed("garbage", raw=b"x"), GatewayUnreadable),
    ],
)
def test_the_gateways_failures_are_said_in_our_words(
    world: World, statistics: Statistics, failure: Exception, error: type[Exception]
) -> None:
    world.gateway.statistics_answer = failure

    with pytest.raises(error):
        statistics.of("default", TODAY, TODAY)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (TODAY, TODAY - timedelta(days=1), "end_date"),
        (TODAY - timedelta(days=366), TODAY, "end_date"),
        (TODAY + timedelta(days=1), TODAY + timedelta(days=2), "start_date"),
    ],
)
def test_impossible_ranges_cost_no_call(
    world: World, statistics: Statistics, start: date, end: date, field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        statistics.of("default", start, end)

    assert [problem.field for problem in caught.value.problems] == [field]
    assert world.gateway.asked_for_statistics == []
