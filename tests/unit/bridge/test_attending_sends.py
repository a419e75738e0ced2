"""Attending to sends whose process died: what is due and was not begun, what was begun and never ended."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.errors import NotQueued
from bridge.domain.events import EventType
from bridge.domain.ids import ulid
from bridge.domain.messages import Message, Recipient, Status
from bridge.domain.submits import begun, cancelled, state_of, waiting
from bridge.domain.work import MessageWork
from tests.fakes.world import World


@pytest.fixture
def world() -> World:
    world = World()
    attend(world)  # the schedule comes with the stack
    return world


def attend(world: World) -> dict[str, int]:
    return world.attending().attend(lambda: 60.0)


def add(world: World, number: int = 1, **changes: object) -> Message:
    now = world.clock.now()
    made = Message(
        id=ulid(now, number.to_bytes(10, "big")),
        client="shop",
        account="default",
        text="【京东】x",
        recipients=(Recipient(to="+8613800000001", status=Status.SUBMITTING),),
        created_at=now,
        deadline=now,
    )
    message = waiting(replace(made, **changes))  # type: ignore[arg-type]
    world.messages.add(message)
    return message


def claim(world: World, message: Message) -> Message:
    claimed = begun(message, claim="CLAIM", now=world.clock.now())
    world.messages.move(message, claimed)
    return claimed


def deliver(world: World) -> None:
    for work in world.queue.take():
        world.queueing().take(work.body(), last=False, time_left=lambda: 60.0)


def test_what_is_due_and_was_not_begun_is_given_to_the_queue(world: World) -> None:
    messages = [add(world, number) for number in range(5)]
    world.clock.advance(10 * 60)
    assert attend(world)["overdue"] == 0
    world.clock.advance(60)

    assert attend(world)["overdue"] == 5

    assert {work for work, _ in world.queue.sent} == {MessageWork(message_id=message.id) for message in messages}
    assert attend(world)["overdue"] == 0
    deliver(world)
    assert {state_of(message) for message in world.messages.messages.values()} == {Status.SUBMITTED}


def test_what_has_its_time_is_due_then(world: World) -> None:
    add(world, send_at=world.clock.now() + timedelta(hours=2))
    world.clock.advance(2 * 3600)
    assert attend(world)["overdue"] == 0
    world.clock.advance(11 * 60)
    assert attend(world)["overdue"] == 1


def test_what_was_begun_or_cancelled_is_not_due(world: World) -> None:
    claim(world, add(world, 1))
    message = add(world, 2)
    world.messages.move(message, cancelled(message))
    world.clock.advance(11 * 60)

    assert attend(world)["overdue"] == 0


def test_what_waits_for_more_than_a_day_is_given_up(world: World) -> None:
    message = add(world)
    world.clock.advance(11 * 60)
    attend(world)
    world.queue.take()  # and that pointer was lost too
    world.clock.advance(timedelta(hours=24, minutes=6).total_seconds())

    assert attend(world)["overdue"] == 1
    deliver(world)

    assert state_of(world.messages.messages[message.id]) is Status.REJECTED
    assert [event.type for event in world.topic.events] == [EventType.REJECTED]
    assert world.gateway.submits == []


def test_what_was_begun_and_never_ended_is_unknown(world: World) -> None:
    claim(world, add(world, 1))
    sync = replace(add(world, 2), queued=False)
    sync = begun(sync, claim=sync.id, now=world.clock.now())
    world.messages.messages[sync.id] = sync
    world.clock.advance(3600)
    assert attend(world)["abandoned"] == 0
    world.clock.advance(5 * 60)

    assert attend(world)["abandoned"] == 2
    deliver(world)

    assert [event.type for event in world.topic.events] == [EventType.UNKNOWN] * 2
    assert world.gateway.submits == []
    assert world.counters.counted["SubmitsAbandoned"] == 2
    assert attend(world)["abandoned"] == 0


def test_a_message_is_looked_for_in_the_hour_of_its_claim(world: World) -> None:
    message = add(world, send_at=world.clock.now() + timedelta(hours=20))
    world.clock.advance(20 * 3600)
    attend(world)
    claim(world, message)
    world.clock.advance(3600 + 5 * 60)

    assert attend(world)["abandoned"] == 1


def test_a_claim_that_is_held_still_is_left(world: World) -> None:
    claimed = claim(world, add(world))
    world.messages.messages[claimed.id] = replace(claimed, deadline=world.clock.now() + timedelta(days=1))
    world.clock.advance(2 * 3600)

    assert attend(world)["abandoned"] == 0


def test_what_could_not_be_queued_is_asked_for_again(world: World) -> None:
    add(world)
    world.clock.advance(11 * 60)
    world.queue.failing = 1
    with pytest.raises(NotQueued):
        attend(world)

    assert attend(world)["overdue"] == 1


def test_what_never_began_does_not_expire(world: World) -> None:
    message = add(world)
    world.messages.move(message, cancelled(message))
    world.clock.advance(timedelta(hours=75).total_seconds())

    assert attend(world)["expired"] == 0
