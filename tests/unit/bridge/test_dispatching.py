"""Dispatching: each state in which a pointer may find its message."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.errors import NotPublished
from bridge.domain.events import EventType
from bridge.domain.ids import ulid
from bridge.domain.messages import Message, OnAmbiguous, Recipient, Rejection, Status
from bridge.domain.submits import begun, cancelled, refused, state_of, submitted, unknown, waiting
from bridge.services.dispatching import Dispatching, NotSettledError
from eums import Accepted, Ambiguous, NotSent, Refused, Submit, code_of
from tests.fakes.world import NOON, World

ID = ulid(NOON, b"a message!")
TAKEN = (Accepted("13800000001", "06", 1),)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def dispatching(world: World) -> Dispatching:
    return world.dispatching()


def new(**changes: object) -> Message:
    made = Message(
        id=ID,
        client="shop",
        account="default",
        text="【京东】x",
        recipients=(Recipient(to="+8613800000001", status=Status.SUBMITTING),),
        created_at=NOON,
        deadline=NOON,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def add(world: World, **changes: object) -> Message:
    message = waiting(new(**changes))
    world.messages.add(message)
    return message


def claim(world: World, message: Message) -> Message:
    claimed = begun(message, claim="CLAIM", now=world.clock.now())
    assert world.messages.move(message, claimed) is None
    return claimed


def dispatch(world: World, seconds: float = 50.0) -> float | None:
    message = world.messages.messages[ID]
    return world.dispatching().dispatch(message, until=world.clock.monotonic() + seconds)


def told(world: World) -> list[EventType]:
    return [event.type for event in world.topic.events]


def state(world: World) -> Status:
    return state_of(world.messages.messages[ID])


def test_what_waits_is_submitted_and_told(world: World) -> None:
    add(world)

    assert dispatch(world) is None

    assert (state(world), told(world), len(world.gateway.submits)) == (Status.SUBMITTED, [EventType.SUBMITTED], 1)
    message = world.messages.messages[ID]
    assert (message.tries, message.claimed_at) == (1, NOON)
    assert message.claim
    assert world.messages.writes == 3


def test_the_claim_is_written_down_before_the_submit_leaves(world: World) -> None:
    add(world)

    def look(_: Submit) -> tuple[Accepted, ...]:
        standing = world.messages.messages[ID]
        assert (state_of(standing), standing.deadline) == (Status.SUBMITTING, NOON + timedelta(seconds=60))
        world.topic.events.clear()
        return TAKEN

    world.gateway.submit_answer = look
    dispatch(world)
    assert told(world) == [EventType.SUBMITTED]


def test_a_pointer_that_comes_again_submits_nothing(world: World) -> None:
    add(world)
    for _ in range(3):
        assert dispatch(world) is None

    assert len(world.gateway.submits) == 1
    assert len({event.id for event in world.topic.events}) == 1


@pytest.mark.parametrize(
    ("answer", "ended", "event"),
    [
        (Refused(code_of(401)), Status.REJECTED, EventType.REJECTED),
        (Ambiguous("no answer"), Status.UNKNOWN, EventType.UNKNOWN),
    ],
)
def test_how_it_ended_is_told(world: World, answer: Exception, ended: Status, event: EventType) -> None:
    add(world)
    world.gateway.submit_answer = answer

    assert dispatch(world) is None

    assert (state(world), told(world)) == (ended, [event])


def test_what_was_not_told_is_told_by_the_next_delivery(world: World) -> None:
    add(world)
    world.topic.fails = 1
    with pytest.raises(NotPublished):
        dispatch(world)
    assert told(world) == []

    assert dispatch(world) is None

    assert (told(world), len(world.gateway.submits)) == ([EventType.SUBMITTED], 1)


def test_what_was_not_sent_comes_again_later_and_later(world: World) -> None:
    add(world)
    world.gateway.submit_answer = NotSent("down")

    assert dispatch(world, 20) == 15
    assert (state(world), told(world)) == (Status.ACCEPTED, [])
    world.clock.advance(1000)
    assert dispatch(world, 20) == 250
    world.clock.advance(10 * 3600)
    assert dispatch(world, 20) == 900


def test_what_has_its_time_waits_for_it(world: World) -> None:
    add(world, send_at=NOON + timedelta(hours=2))
    world.clock.advance(60)

    assert dispatch(world) == 7140
    assert world.gateway.submits == []

    world.clock.advance(7140)
    assert dispatch(world) is None
    assert state(world) is Status.SUBMITTED


def test_what_waited_too_long_is_rejected(world: World) -> None:
    add(world)
    world.clock.advance(timedelta(hours=24).total_seconds())

    assert dispatch(world) is None

    assert (told(world), world.gateway.submits) == ([EventType.REJECTED], [])
    assert world.messages.messages[ID].reason is Rejection.EXPIRED_IN_QUEUE
    assert world.topic.events[0].data["error_class"] == "expired_in_queue"
    assert dispatch(world) is None
    assert len({event.id for event in world.topic.events}) == 1


def test_what_is_being_submitted_is_left_until_its_deadline(world: World) -> None:
    claim(world, add(world))
    world.clock.advance(20)

    assert dispatch(world) == 40
    assert (world.gateway.submits, told(world)) == ([], [])


def test_past_its_deadline_it_is_unknown_and_never_submitted_again(world: World) -> None:
    claim(world, add(world))
    world.clock.advance(60)

    assert dispatch(world) is None
    assert dispatch(world) is None

    assert (state(world), world.gateway.submits) == (Status.UNKNOWN, [])
    assert set(told(world)) == {EventType.UNKNOWN}
    assert len({event.id for event in world.topic.events}) == 1


def test_whoever_asked_for_it_is_sent_it_again_after_a_crash(world: World) -> None:
    claim(world, add(world, on_ambiguous=OnAmbiguous.RESEND))

    for tries in (2, 3):
        world.gateway.submit_answer = lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
        world.clock.advance(60)
        with pytest.raises(KeyboardInterrupt):
            dispatch(world)
        assert (state(world), world.messages.messages[ID].tries) == (Status.SUBMITTING, tries)
    world.clock.advance(60)

    assert dispatch(world) is None
    assert (state(world), len(world.gateway.submits)) == (Status.UNKNOWN, 2)  # and the one before the first crash


def test_of_one_that_its_caller_waited_for_only_that_it_is_unknown(world: World) -> None:
    message = begun(new(on_ambiguous=OnAmbiguous.RESEND), claim=ID, now=NOON)
    world.messages.add(message)
    assert dispatch(world) == 60
    world.clock.advance(60)

    assert dispatch(world) is None

    assert (state(world), told(world), world.gateway.submits) == (Status.UNKNOWN, [EventType.UNKNOWN], [])


def test_one_that_its_caller_knows_of_is_not_told(world: World) -> None:
    message = begun(new(), claim=ID, now=NOON)
    world.messages.add(message)
    world.messages.move(message, submitted(message, TAKEN))

    assert dispatch(world) is None
    assert told(world) == []


def test_what_was_cancelled_is_nothing(world: World) -> None:
    message = add(world)
    world.messages.move(message, cancelled(message))

    assert dispatch(world) is None
    assert (told(world), world.gateway.submits) == ([], [])


@pytest.mark.parametrize(
    "end",
    [lambda message: submitted(message, TAKEN), lambda message: refused(message, code_of(401)), unknown],
)
def test_whatever_ended_is_told_by_whoever_comes_next(world: World, end: Callable[[Message], Message]) -> None:
    claimed = claim(world, add(world))
    world.messages.move(claimed, end(claimed))

    assert dispatch(world) is None
    assert len(told(world)) == 1
    assert world.gateway.submits == []


def test_of_two_at_once_one_submits(world: World) -> None:
    before = add(world)

    def meanwhile(_: Submit) -> tuple[Accepted, ...]:
        # Another process read the message before it was claimed.
        assert world.dispatching().dispatch(before, until=50) == 60
        return TAKEN

    world.gateway.submit_answer = meanwhile

    assert dispatch(world) is None
    assert (len(world.gateway.submits), told(world)) == (1, [EventType.SUBMITTED])


def test_a_cancellation_that_was_faster_wins(world: World) -> None:
    before = add(world)
    world.messages.move(before, cancelled(before))

    assert world.dispatching().dispatch(before, until=50) is None
    assert world.gateway.submits == []


def test_an_outcome_that_is_not_recorded_is_settled_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add(world)
    move = world.messages.move

    def fail(before: Message, after: Message) -> Message | None:
        if state_of(after) is Status.SUBMITTED:
            raise ConnectionError
        return move(before, after)

    monkeypatch.setattr(world.messages, "move", fail)
    with pytest.raises(NotSettledError):
        dispatch(world)
    assert told(world) == []

    world.clock.advance(360)
    assert dispatch(world) is None
    assert (len(world.gateway.submits), told(world)) == (1, [EventType.UNKNOWN])


def test_what_keeps_changing_is_left_to_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    message = add(world)
    monkeypatch.setattr(world.messages, "move", lambda _, __: message)

    assert dispatch(world) == 15
    assert world.gateway.submits == []


def test_giving_up_says_so(world: World, dispatching: Dispatching) -> None:
    add(world)
    dispatching.give_up(ID)
    dispatching.give_up(ID)

    assert (state(world), told(world)) == (Status.REJECTED, [EventType.REJECTED])
    assert world.messages.messages[ID].reason is Rejection.NOT_PROCESSED


def test_giving_up_what_was_begun_is_not_knowing(world: World, dispatching: Dispatching) -> None:
    claim(world, add(world))
    dispatching.give_up(ID)

    assert (state(world), told(world)) == (Status.UNKNOWN, [EventType.UNKNOWN])


def test_giving_up_leaves_what_has_ended_and_what_is_not_there(world: World, dispatching: Dispatching) -> None:
    add(world)
    dispatch(world)
    dispatching.give_up(ID)
    dispatching.give_up(ulid(NOON, b"another's!"))

    assert (state(world), told(world)) == (Status.SUBMITTED, [EventType.SUBMITTED])
