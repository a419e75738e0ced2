from dataclasses import replace
from datetime import date, timedelta

import pytest

from bridge.domain.days import DayCount
from bridge.domain.errors import NotPublished
from bridge.domain.events import EventType, reported
from bridge.domain.ids import ulid
from bridge.domain.messages import Applied, Message, Recipient, Status
from bridge.services.attending import Attending
from bridge.services.tracking import Tracking
from eums import Report
from tests.fakes.world import World

NUMBER = "+8613812345678"
DAY = date(2026, 11, 23)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def attending(world: World) -> Attending:
    return world.attending()


@pytest.fixture
def tracking(world: World) -> Tracking:
    return Tracking(
        accounts=world.accounts,
        messages=world.messages,
        early=world.early,
        clock=world.clock,
        counters=world.counters,
    )


def done(**counts: int) -> dict[str, int]:
    return {"attached": 0, "overdue": 0, "abandoned": 0, "expired": 0} | counts


def at_leisure() -> float:
    return 60.0


def report(world: World, gateway_message_id: str = "06", status: str = "DELIVRD") -> str:
    record = Report(
        ordinal=0,
        message_id=gateway_message_id,
        dest_number=NUMBER,
        report_status=status,
        report_time=world.clock.now(),
        report_time_raw=str(world.clock.now()),
        reference="",
    )
    return reported("default", record, None, world.clock.now()).body()


def sent(world: World, *recipients: Recipient, number: int = 0) -> Message:
    now = world.clock.now()
    message = Message(
        id=ulid(now, number.to_bytes(10, "big")),
        claim=ulid(now, number.to_bytes(10, "big")),
        client="shop",
        account="default",
        text="x",
        client_reference="order-42",
        recipients=recipients or (Recipient(to=NUMBER, status=Status.SUBMITTED, gateway_message_id="06"),),
        created_at=now,
        deadline=now + timedelta(minutes=1),
    )
    world.messages.add(message)
    world.messages.index(message)
    return message


def test_an_early_report_is_attached_when_its_message_is_recorded(
    world: World, attending: Attending, tracking: Tracking
) -> None:
    message = sent(world)
    tracking.track(report(world))
    assert world.days.of("default", DAY) == DayCount(foreign_delivered=1)
    attending.attend(at_leisure)  # the walk begins
    assert world.topic.events == []

    world.clock.advance(120)
    assert attending.attend(at_leisure) == done(attached=1, expired=0)

    [event] = world.topic.events
    assert (event.type, event.subject, event.client) == (EventType.DELIVERED, message.id, "shop")
    assert tracking.track(event.body()) is Applied.MOVED
    assert world.days.of("default", DAY) == DayCount(delivered=1)
    world.clock.advance(3600)
    assert attending.attend(at_leisure) == done(attached=0, expired=0)
    assert len(world.topic.events) == 1


def test_a_replay_of_an_attached_report_is_a_repeat(world: World, attending: Attending, tracking: Tracking) -> None:
    message = sent(world)
    early = report(world)
    tracking.track(early)
    world.clock.advance(120)
    attending.attend(at_leisure)
    tracking.track(world.topic.events[0].body())

    replayed = early.replace('"message_id":null', f'"message_id":"{message.id}"')
    assert '"message_id":null' not in replayed
    assert tracking.track(replayed) is Applied.REPEATED
    assert tracking.track(early) is Applied.REPEATED
    assert world.days.of("default", DAY) == DayCount(delivered=1)


def test_an_early_report_is_looked_at_twice_and_then_left(
    world: World, attending: Attending, tracking: Tracking
) -> None:
    for number in range(5):
        tracking.track(report(world, f"9{number}"))
    for _ in range(60):
        world.clock.advance(60)
        attending.attend(at_leisure)

    # Five reports to one number, two on a page: three questions each time.
    assert len(world.messages.asked_for) == 6
    assert world.days.of("default", DAY) == DayCount(foreign_delivered=5)


def test_an_attachment_that_was_not_published_is_tried_again(
    world: World, attending: Attending, tracking: Tracking
) -> None:
    sent(world)
    tracking.track(report(world))
    world.clock.advance(120)
    world.topic.fails = 1
    with pytest.raises(NotPublished):
        attending.attend(at_leisure)
    assert world.days.of("default", DAY) == DayCount(foreign_delivered=1)

    assert attending.attend(at_leisure)["attached"] == 1
    assert world.days.of("default", DAY) == DayCount()


def test_an_account_that_is_gone_does_not_hold_up_the_others(
    world: World, attending: Attending, tracking: Tracking
) -> None:
    sent(world)
    world.add_account("gone")
    tracking.track(report(world).replace('"account":"default"', '"account":"gone"').replace('"id":"', '"id":"x'))
    tracking.track(report(world))
    del world.accounts.accounts["gone"]
    world.clock.advance(120)

    assert attending.attend(at_leisure)["attached"] == 1


def test_silence_of_72_hours_is_said_once_and_a_later_report_supersedes_it(
    world: World, attending: Attending, tracking: Tracking
) -> None:
    silent = Recipient(to=NUMBER, status=Status.SUBMITTED, gateway_message_id="06")
    message = sent(
        world,
        silent,
        replace(silent, to="+8613800000001", status=Status.REJECTED),
        replace(silent, to="+8613800000002", status=Status.UNKNOWN, gateway_message_id=None),
        replace(silent, to="+8613800000003", status=Status.SUBMITTING, gateway_message_id=None),
    )
    world.clock.advance(timedelta(hours=71, minutes=59).total_seconds())
    assert attending.attend(at_leisure)["expired"] == 0
    world.clock.advance(3660)

    assert attending.attend(at_leisure)["expired"] == 3
    assert attending.attend(at_leisure)["expired"] == 0

    assert {event.type for event in world.topic.events} == {EventType.UPDATED}
    assert {event.data["final"] for event in world.topic.events} == {False}
    for event in world.topic.events:
        assert tracking.track(event.body()) is Applied.MOVED
        assert tracking.track(event.body()) is Applied.REPEATED
    found = world.messages.find(message.id)
    assert found is not None
    statuses = [recipient.status for recipient in found.recipients]
    assert statuses == [Status.UNKNOWN_EXPIRED, Status.REJECTED, Status.UNKNOWN_EXPIRED, Status.UNKNOWN_EXPIRED]
    assert found.recipients[0].gateway_message_id == "06"

    late = report(world).replace('"message_id":null', f'"message_id":"{message.id}"')
    assert tracking.track(late) is Applied.MOVED
    assert tracking.track(world.topic.events[0].body()) is Applied.REPEATED
    assert world.messages.reports[message.id, NUMBER].status is Status.DELIVERED


def test_what_has_a_final_report_does_not_expire(world: World, attending: Attending, tracking: Tracking) -> None:
    message = sent(world)
    tracking.track(report(world, status="MK:0001").replace('"message_id":null', f'"message_id":"{message.id}"'))
    world.clock.advance(timedelta(hours=74).total_seconds())

    assert attending.attend(at_leisure)["expired"] == 0


def test_an_expiry_that_meets_a_final_report_on_its_way_leaves_it(
    world: World, attending: Attending, tracking: Tracking
) -> None:
    message = sent(world)
    attending.attend(at_leisure)
    world.clock.advance(timedelta(hours=74).total_seconds())
    attending.attend(at_leisure)
    tracking.track(report(world).replace('"message_id":null', f'"message_id":"{message.id}"'))

    assert tracking.track(world.topic.events[0].body()) is Applied.STALE
    assert world.messages.reports[message.id, NUMBER].status is Status.DELIVERED


def test_no_hour_is_skipped_after_an_outage(world: World, attending: Attending) -> None:
    attending.attend(at_leisure)
    for number in range(12):
        sent(world, number=number)
        world.clock.advance(1800)
    world.clock.advance(timedelta(days=5).total_seconds())

    assert attending.attend(at_leisure)["expired"] == 12
    assert len({event.subject for event in world.topic.events}) == 12


def test_a_run_that_has_no_time_left_is_gone_on_with(world: World, attending: Attending) -> None:
    attending.attend(at_leisure)
    for number in range(5):
        sent(world, number=number)
    world.clock.advance(timedelta(hours=74).total_seconds())
    runs = 0
    while len(world.topic.events) < 5:
        looks = iter([60.0] * 1000)
        attending.attend(lambda left=looks: next(left, 1.0))  # type: ignore[misc]
        runs += 1
        assert runs < 20

    assert runs > 1
    assert len({event.id for event in world.topic.events}) == 5


def test_an_idle_minute_costs_a_write_for_each_look(world: World, attending: Attending) -> None:
    attending.attend(at_leisure)
    world.clock.advance(60)
    before = world.progress.writes

    attending.attend(at_leisure)

    assert world.progress.writes - before == 4
    assert world.messages.asked_for == []
