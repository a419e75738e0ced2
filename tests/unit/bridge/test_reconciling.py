from datetime import date, timedelta
from typing import Any

import pytest

from bridge.domain.days import DayCount
from bridge.domain.errors import NotPublished
from bridge.domain.events import EventType
from bridge.domain.watches import Watch
from bridge.services.reconciling import Reconciling
from eums import NotSent, Refused, code_of
from tests.fakes.world import NOON, World

TODAY = date(2026, 11, 23)
DAYS = [TODAY - timedelta(days=number) for number in (3, 2, 1)]
EQUAL = DayCount(delivered=7, failed=2)  # what the simulated gateway says of every day


@pytest.fixture
def world() -> World:
    world = World()
    known = NOON - timedelta(days=30)
    world.watches.kept["default"] = Watch(known_since=known, watched_since=known)
    world.days.days = {("default", day): EQUAL for day in DAYS}
    return world


@pytest.fixture
def reconciling(world: World) -> Reconciling:
    return Reconciling(
        accounts=world.accounts,
        statistics=world.statistics(),
        counts=world.days,
        watches=world.watches,
        reconciliations=world.reconciliations,
        topic=world.topic,
        clock=world.clock,
        counters=world.counters,
    )


def said(world: World) -> list[tuple[Any, Any, Any]]:
    return [(event.data["date"], event.data["missing"], event.data["final"]) for event in world.topic.events]


def test_equal_figures_are_not_worth_a_word_and_cost_one_call(world: World, reconciling: Reconciling) -> None:
    assert reconciling.reconcile() == {"default": 0}

    assert world.topic.events == []
    assert world.gateway.asked_for_statistics == [(DAYS[0], DAYS[2])]
    assert world.counters.counted["Discrepancies"] == world.counters.counted["ReportsMissing"] == 0


def test_reports_of_another_system_count_too(world: World, reconciling: Reconciling) -> None:
    world.days.days["default", DAYS[0]] = DayCount(delivered=5, failed=1, foreign_delivered=2, foreign_failed=1)

    assert reconciling.reconcile() == {"default": 0}


def test_a_difference_is_said_with_its_figures_and_whether_it_is_final(world: World, reconciling: Reconciling) -> None:
    world.days.days["default", DAYS[0]] = DayCount(delivered=4, failed=2)
    world.days.days["default", DAYS[2]] = DayCount(delivered=7, failed=3)

    assert reconciling.reconcile() == {"default": 2}

    assert said(world) == [
        ("2026-11-20", {"delivered": 3, "failed": 0}, True),
        ("2026-11-22", {"delivered": 0, "failed": -1}, False),
    ]
    assert {event.type for event in world.topic.events} == {EventType.DISCREPANCY}
    counted = world.counters.counted
    assert (counted["Discrepancies"], counted["ReportsMissing"], counted["ReportsSurplus"]) == (1, 3, 1)


def test_a_day_without_traffic_is_zeros(world: World, reconciling: Reconciling) -> None:
    world.gateway.statistics_answer = lambda _start, _end: ()

    assert reconciling.reconcile() == {"default": 3}
    assert said(world)[0] == ("2026-11-20", {"delivered": -7, "failed": -2}, True)


def test_it_is_done_once_a_day_in_the_accounts_morning(world: World, reconciling: Reconciling) -> None:
    world.clock.time = NOON - timedelta(hours=12)  # midnight in Shanghai
    done = []
    for _ in range(30):
        done.append(bool(reconciling.reconcile()))
        world.clock.advance(3600)

    assert [hour for hour, was in enumerate(done) if was] == [9]
    assert len(world.gateway.asked_for_statistics) == 1


@pytest.mark.parametrize("failure", [Refused(code_of(131)), Refused(code_of(107)), NotSent("refused")])
def test_what_the_gateway_did_not_say_is_asked_at_the_next_run(
    world: World, reconciling: Reconciling, failure: Exception
) -> None:
    world.gateway.statistics_answer = failure
    assert reconciling.reconcile() == {"default": None}
    assert world.counters.counted["ReconciliationsPutOff"] == 1

    world.gateway.statistics_answer = None
    world.clock.advance(3600)

    assert reconciling.reconcile() == {"default": 0}
    assert reconciling.reconcile() == {}


def test_an_event_that_was_not_taken_is_said_again_as_the_same(world: World, reconciling: Reconciling) -> None:
    world.days.days["default", DAYS[0]] = DayCount(delivered=4, failed=2)
    world.days.days["default", DAYS[1]] = DayCount(delivered=4, failed=2)
    world.topic.fails = 1
    with pytest.raises(NotPublished):
        reconciling.reconcile()

    reconciling.reconcile()

    ids = [event.id for event in world.topic.events]
    assert len(ids) == 3
    assert ids[0] == ids[1]


@pytest.mark.parametrize(("known_days_ago", "compared"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)])
def test_days_that_the_bridge_did_not_see_whole_are_not_compared(
    world: World, reconciling: Reconciling, known_days_ago: int, compared: int
) -> None:
    known = NOON - timedelta(days=known_days_ago)
    world.watches.kept["default"] = Watch(known_since=known, watched_since=known)
    world.days.days.clear()

    assert reconciling.reconcile() == {"default": compared}


def test_an_account_that_nobody_watched_yet_is_not_compared(world: World, reconciling: Reconciling) -> None:
    world.watches.kept.clear()
    world.days.days.clear()

    assert reconciling.reconcile() == {"default": 0}


def test_one_account_does_not_hold_up_another(world: World, reconciling: Reconciling) -> None:
    world.add_account("other")
    world.slots.exhaust("default", NOON - timedelta(seconds=61))

    assert reconciling.reconcile() == {"default": None, "other": None}
