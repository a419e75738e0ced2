from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.errors import NotPublished
from bridge.domain.events import EventType
from bridge.domain.ids import ulid
from bridge.domain.messages import Message, Recipient, Status
from bridge.domain.pulls import Kind
from bridge.domain.watches import PullTrace, Reading, hours_left, with_reading
from bridge.services.watching import Watching
from eums import NotSent, Refused, code_of
from tests.fakes.world import NOON, World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def watching(world: World) -> Watching:
    return Watching(
        accounts=world.accounts,
        balancing=world.balancing(),
        watches=world.watches,
        submits=world.submits,
        messages=world.messages,
        topic=world.topic,
        clock=world.clock,
        counters=world.counters,
        threshold=50,
        low_hours=24,
        report_gap=timedelta(minutes=30),
    )


def pulled(world: World, *kinds: Kind, records: bool = False, suspended: bool = False) -> None:
    """Pulls of these kinds, or of both, that were completed just now."""
    for kind in kinds or Kind:
        before = world.watches.pulls.get(("default", kind), PullTrace())
        world.watches.pulls["default", kind] = replace(
            before,
            completed_at=world.clock.now(),
            records_at=world.clock.now() if records else before.records_at,
            suspended=suspended,
        )


def submitted(world: World, status: Status = Status.SUBMITTED) -> Message:
    now = world.clock.now()
    message = Message(
        id=ulid(now, b"a message!"),
        client="shop",
        account="default",
        text="x",
        recipients=(Recipient(to="+8613812345678", status=status),),
        created_at=now,
        deadline=now,
    )
    world.messages.messages[message.id] = message
    return message


def minutes(world: World, watching: Watching, count: int, *kinds: Kind) -> dict[str, list[str]]:
    """Look once a minute, while pulls of these kinds are completed."""
    found: dict[str, list[str]] = {}
    for _ in range(count):
        world.clock.advance(60)
        if kinds:
            pulled(world, *kinds)
        found = watching.watch()
    return found


def types(world: World) -> list[str]:
    return [event.type for event in world.topic.events]


# --- missed ticks


def test_two_missed_ticks_are_nothing_and_a_third_is_said_once_until_pulls_go_on(
    world: World, watching: Watching
) -> None:
    minutes(world, watching, 3, *Kind)
    completed_at = world.clock.now()

    assert minutes(world, watching, 2, Kind.INBOUND) == {"default": []}
    assert minutes(world, watching, 5, Kind.INBOUND) == {"default": ["missed_ticks#reports"]}
    [event] = world.topic.events
    assert event.type == EventType.PULL_STALLED
    assert (event.data["kind"], event.data["reason"], event.data["message_id"]) == ("reports", "missed_ticks", None)
    assert event.data["since"] == "2026-11-23T12:03:00+08:00"
    assert completed_at == NOON + 3 * MINUTE

    assert minutes(world, watching, 1, *Kind) == {"default": []}
    minutes(world, watching, 5, Kind.INBOUND)
    assert len(world.topic.events) == 2
    assert len({event.id for event in world.topic.events}) == 2


def test_a_new_stack_is_given_time_for_its_first_pull(world: World, watching: Watching) -> None:
    watching.watch()

    assert minutes(world, watching, 7) == {"default": []}
    assert world.counters.counted["PullAge"] == 0  # nothing for an alarm to look at yet
    assert minutes(world, watching, 1) == {"default": ["missed_ticks#inbound", "missed_ticks#reports"]}
    assert world.counters.counted["PullAge"] == 2 * 480


def test_an_account_that_comes_back_is_given_time_too(world: World, watching: Watching) -> None:
    minutes(world, watching, 2, *Kind)
    world.clock.advance(24 * 3600)

    assert watching.watch() == {"default": []}
    assert minutes(world, watching, 8) == {"default": ["missed_ticks#inbound", "missed_ticks#reports"]}


def test_one_account_does_not_hide_another(world: World, watching: Watching) -> None:
    world.add_account("other")
    world.watches.pulls["other", Kind.REPORTS] = PullTrace(completed_at=NOON)
    world.watches.pulls["other", Kind.INBOUND] = PullTrace(completed_at=NOON + HOUR)

    watching.watch()
    found = minutes(world, watching, 3, *Kind)

    assert found == {"default": [], "other": ["missed_ticks#reports"]}


def test_an_account_that_cannot_be_used_is_watched_all_the_same(world: World, watching: Watching) -> None:
    class Broken(dict[str, object]):
        def __contains__(self, name: object) -> bool:
            return False

    world.accounts.accounts = Broken(world.accounts.accounts)  # type: ignore[assignment]

    assert watching.watch() == {"default": []}
    assert minutes(world, watching, 8) == {"default": ["missed_ticks#inbound", "missed_ticks#reports"]}


def test_without_accounts_there_is_a_sign_of_life_only(world: World, watching: Watching) -> None:
    world.accounts.accounts.clear()

    assert watching.watch() == {}
    assert set(world.counters.counted) == {"AccountsWatched"}


# --- submits without a report


def test_submits_without_a_report_are_said_once_until_reports_come(world: World, watching: Watching) -> None:
    message = submitted(world)

    assert minutes(world, watching, 29, *Kind) == {"default": []}
    assert minutes(world, watching, 6, *Kind) == {"default": ["no_reports#reports"]}
    minutes(world, watching, 20, *Kind)
    [event] = world.topic.events
    assert (event.data["kind"], event.data["reason"]) == ("reports", "no_reports")
    assert (event.data["since"], event.data["message_id"]) == ("2026-11-23T12:00:00+08:00", message.id)

    pulled(world, Kind.REPORTS, records=True)
    assert minutes(world, watching, 1, *Kind) == {"default": []}
    submitted(world)
    minutes(world, watching, 40, *Kind)
    assert len({event.id for event in world.topic.events}) == 2


@pytest.mark.parametrize("status", [Status.REJECTED, Status.UNKNOWN, Status.DELIVERED, Status.UNDELIVERED])
def test_what_awaits_no_report_is_no_gap(world: World, watching: Watching, status: Status) -> None:
    submitted(world, status)

    assert minutes(world, watching, 50, *Kind) == {"default": []}


def test_reports_that_come_are_no_gap_and_nothing_is_asked(world: World, watching: Watching) -> None:
    submitted(world)
    minutes(world, watching, 25, *Kind)
    asked = world.submits.asked
    pulled(world, Kind.REPORTS, records=True)

    minutes(world, watching, 30, *Kind)

    assert (world.topic.events, world.submits.asked) == ([], asked)


def test_a_puller_that_does_not_run_is_no_gap_besides(world: World, watching: Watching) -> None:
    submitted(world)

    minutes(world, watching, 50)

    assert {event.data["reason"] for event in world.topic.events} == {"missed_ticks"}


def test_a_gap_is_looked_for_only_where_one_is_wanted(world: World, watching: Watching) -> None:
    submitted(world)

    assert minutes(world, replace(watching, report_gap=timedelta(0)), 50, *Kind) == {"default": []}
    assert world.submits.asked == 0


# --- balances


def asked(world: World, watching: Watching, *balances: int) -> None:
    """One balance after the other, each 15 minutes later."""
    for balance in balances:
        world.gateway.balance_answer = balance
        minutes(world, watching, 15, *Kind)


def test_a_low_balance_is_said_once_until_it_has_recovered(world: World, watching: Watching) -> None:
    asked(world, replace(watching, low_hours=0), 100, 49, 40, 100, 49)

    assert types(world) == [EventType.BALANCE_LOW] * 2
    assert [event.data["balance"] for event in world.topic.events] == [49, 49]
    assert world.topic.events[0].data["threshold"] == 50


def test_a_balance_is_asked_for_every_quarter_of_an_hour(world: World, watching: Watching) -> None:
    watching.watch()
    minutes(world, watching, 14, *Kind)
    assert world.counters.counted["Balance"] == 100

    minutes(world, watching, 1, *Kind)

    assert world.counters.counted["Balance"] == 200


def test_a_balance_that_will_not_last_is_low(world: World, watching: Watching) -> None:
    asked(world, watching, 10_000, 9_900, 9_800, 9_700, 9_500)

    [event] = world.topic.events
    assert (event.type, event.data["balance"], event.data["hours_left"]) == (EventType.BALANCE_LOW, 9_500, 19.0)


def test_an_event_that_was_not_taken_is_said_at_the_next_look(world: World, watching: Watching) -> None:
    world.gateway.balance_answer = 10
    world.topic.fails = 1
    with pytest.raises(NotPublished):
        watching.watch()

    watching.watch()

    assert len(world.topic.events) == 1


def test_one_gateway_that_is_down_does_not_hide_the_others(world: World, watching: Watching) -> None:
    world.add_account("other")
    world.gateway.balance_answer = NotSent("refused")

    assert watching.watch() == {"default": [], "other": []}
    assert world.counters.counted["BalanceUnknown"] == 2


def test_a_balance_that_nobody_says_stays_low(world: World, watching: Watching) -> None:
    world.gateway.balance_answer = 10
    watching.watch()
    world.gateway.balance_answer = NotSent("refused")

    assert minutes(world, watching, 20, *Kind) == {"default": ["balance_low"]}
    assert len(world.topic.events) == 1


def test_a_balance_that_says_suspended_is_said_once_until_it_answers(world: World, watching: Watching) -> None:
    world.gateway.balance_answer = Refused(code_of(202))
    minutes(world, watching, 40, *Kind)
    world.gateway.balance_answer = NotSent("refused")  # which says nothing of it
    assert minutes(world, watching, 20, *Kind) == {"default": ["suspended"]}
    assert types(world) == [EventType.SUSPENDED]

    asked(world, watching, 100)
    world.gateway.balance_answer = Refused(code_of(202))
    minutes(world, watching, 15, *Kind)

    assert types(world) == [EventType.SUSPENDED] * 2


def test_a_pull_that_says_suspended_is_enough(world: World, watching: Watching) -> None:
    minutes(world, watching, 2, *Kind)
    pulled(world, Kind.INBOUND, suspended=True)

    assert watching.watch() == {"default": ["suspended"]}
    assert minutes(world, watching, 1, *Kind) == {"default": []}
    assert types(world) == [EventType.SUSPENDED]


def test_another_refusal_is_no_suspension(world: World, watching: Watching) -> None:
    world.gateway.balance_answer = Refused(code_of(107))

    assert watching.watch() == {"default": []}


# --- what it costs


def test_an_idle_minute_writes_nothing(world: World, watching: Watching) -> None:
    minutes(world, watching, 1, *Kind)
    written = world.watches.writes

    minutes(world, watching, 14, *Kind)

    assert (written, world.watches.writes) == (1, 1)


# --- the rate


def history(*balances: int, every: timedelta = HOUR) -> tuple[Reading, ...]:
    return tuple(Reading(at=NOON + number * every, balance=balance) for number, balance in enumerate(balances))


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ((), None),
        (history(100), None),
        (history(100, 50, every=30 * MINUTE), None),  # too short to say
        (history(100, 100, 100), None),  # nothing used
        (history(100, 90), 9.0),
        (history(100, 80, 60), 3.0),
        (history(100, 80, 1080, 1060), 79.5),  # a top-up: 40 in three hours
        (history(10, 0), 0.0),
        (history(10, -5), 0.0),  # an account on credit
    ],
)
def test_hours_left_at_the_rate_of_the_history(readings: tuple[Reading, ...], expected: float | None) -> None:
    assert hours_left(readings) == expected


def test_the_history_is_a_day_long_and_bounded() -> None:
    readings: tuple[Reading, ...] = ()
    for reading in history(*range(200), every=15 * MINUTE):
        readings = with_reading(readings, reading)
    assert readings[-1].at - readings[0].at == 24 * HOUR
    assert len(readings) == 97

    for reading in history(*range(200), every=timedelta(seconds=1)):
        readings = with_reading(readings, replace(reading, at=reading.at + 50 * HOUR))
    assert len(readings) == 100
