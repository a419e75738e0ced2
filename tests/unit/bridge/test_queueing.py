"""Queueing: what a pointer asks for, at the account's pace and within the time that is left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.errors import AccountNotConfigured, NotQueued
from bridge.domain.events import EventType
from bridge.domain.ids import ulid
from bridge.domain.messages import Message, Recipient, Rejection, Status
from bridge.domain.pace import Turn
from bridge.domain.policies import Policy
from bridge.domain.submits import begun, state_of, waiting
from bridge.domain.work import MessageWork
from eums import NotSent
from tests.fakes.world import LONGEST_CALL, NOON, World


@pytest.fixture
def world() -> World:
    world = World()
    world.accounts.policies["default"] = Policy(rate=1)
    return world


def name(number: int) -> str:
    return ulid(NOON, number.to_bytes(10, "big"))


def add(world: World, number: int = 1, recipients: int = 1, **changes: object) -> Message:
    made = Message(
        id=name(number),
        client="shop",
        account="default",
        text="【京东】x",
        recipients=tuple(
            Recipient(to=f"+86138{index:08}", status=Status.SUBMITTING) for index in range(1, recipients + 1)
        ),
        created_at=world.clock.now(),
        deadline=world.clock.now(),
    )
    message = waiting(replace(made, **changes))  # type: ignore[arg-type]
    world.messages.add(message)
    return message


def take(world: World, number: int = 1, *, last: bool = False, seconds: float = 60.0) -> None:
    ends_at = world.clock.monotonic() + seconds
    body = MessageWork(message_id=name(number)).body()
    world.queueing().take(body, last=last, time_left=lambda: ends_at - world.clock.monotonic())


def state(world: World, number: int = 1) -> Status:
    return state_of(world.messages.messages[name(number)])


def test_a_pointer_brings_its_message_on_its_way(world: World) -> None:
    add(world)
    take(world)

    assert (state(world), world.queue.sent) == (Status.SUBMITTED, [])
    assert [event.type for event in world.topic.events] == [EventType.SUBMITTED]


def test_a_turn_that_comes_soon_is_waited_for(world: World) -> None:
    for number in (1, 2, 3):
        add(world, number)
        take(world, number)

    assert [account for account, _, _ in world.pace.reserved] == ["default"] * 3
    assert world.clock.elapsed == pytest.approx(2.0)
    assert {state(world, number) for number in (1, 2, 3)} == {Status.SUBMITTED}


def test_for_a_later_turn_the_pointer_comes_again(world: World) -> None:
    add(world, 1, recipients=30)
    take(world, 1)
    add(world, 2)
    take(world, 2)

    assert state(world, 2) is Status.ACCEPTED
    [(work, delay)] = world.queue.sent
    assert (work, delay) == (MessageWork(message_id=name(2)), 30.0)
    assert len(world.gateway.submits) == 1


def test_each_recipient_counts(world: World) -> None:
    add(world, recipients=7)
    take(world)

    assert [count for _, count, _ in world.pace.reserved] == [7]


def test_without_a_turn_nothing_is_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.pace, "reserve", lambda *_, **__: Turn(after=0.0, reserved=False))
    add(world)
    take(world)

    assert (world.gateway.submits, len(world.queue.sent)) == ([], 1)


def test_what_sends_nothing_takes_no_turn(world: World) -> None:
    add(world, 1, send_at=NOON + timedelta(hours=1))
    expired = add(world, 2)
    claimed = add(world, 3)
    world.messages.move(claimed, begun(claimed, claim="C", now=NOON))
    take(world, 1)
    take(world, 3)
    world.clock.advance((expired.deadline - NOON).total_seconds())
    take(world, 2)

    assert world.pace.reserved == []
    assert [delay for _, delay in world.queue.sent] == [900, 60]
    assert state(world, 2) is Status.REJECTED


def test_without_time_for_a_submit_the_pointer_comes_again_at_once(world: World) -> None:
    add(world)
    take(world, seconds=LONGEST_CALL + 11.9)

    assert (state(world), world.gateway.submits) == (Status.ACCEPTED, [])
    assert world.queue.sent == [(MessageWork(message_id=name(1)), 0)]
    take(world, seconds=LONGEST_CALL + 12.0)
    assert state(world) is Status.SUBMITTED


def test_what_was_not_sent_comes_again(world: World) -> None:
    add(world)
    world.gateway.submit_answer = NotSent("down")
    take(world)

    assert (state(world), world.queue.sent) == (Status.ACCEPTED, [(MessageWork(message_id=name(1)), 15.0)])
    assert world.clock.elapsed <= 60 - 8 - LONGEST_CALL


def test_what_fails_comes_again_by_itself(world: World) -> None:
    add(world)
    world.gateway.submit_answer = AccountNotConfigured("gone")

    with pytest.raises(AccountNotConfigured):
        take(world)

    assert (state(world), world.queue.sent, world.topic.events) == (Status.ACCEPTED, [], [])


def test_what_fails_for_the_last_time_is_given_up(world: World) -> None:
    add(world)
    world.gateway.submit_answer = AccountNotConfigured("gone")

    with pytest.raises(AccountNotConfigured):
        take(world, last=True)

    assert (state(world), [event.type for event in world.topic.events]) == (Status.REJECTED, [EventType.REJECTED])
    assert world.messages.messages[name(1)].reason is Rejection.NOT_PROCESSED


@pytest.mark.parametrize("last", [False, True])
def test_a_pointer_that_cannot_be_sent_again_is_a_failure_too(world: World, *, last: bool) -> None:
    add(world)
    world.gateway.submit_answer = NotSent("down")
    world.queue.failing = 1

    with pytest.raises(NotQueued):
        take(world, last=last)

    assert state(world) is (Status.REJECTED if last else Status.ACCEPTED)


def test_a_pointer_to_nothing_is_counted_and_gone(world: World) -> None:
    take(world)

    assert (world.counters.counted["PointersToNothing"], world.queue.sent) == (1, [])


@pytest.mark.parametrize("body", ["", "{}", '{"message": "x"}', "[]"])
def test_what_is_no_pointer_fails(world: World, body: str) -> None:
    with pytest.raises(ValueError, match=r"pointer|Expecting"):
        world.queueing().take(body, last=True, time_left=lambda: 60.0)
