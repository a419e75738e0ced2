from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from bridge.domain.batches import Batch, BatchStatus, message_id_of, ordinal_of
from bridge.domain.errors import NotFound, NotQueued
from bridge.domain.messages import Message, Rejection, Status
from bridge.domain.policies import Policy
from bridge.domain.submits import begun, cancelled, submitted
from bridge.domain.work import BatchWork, MessageWork, PlanWork, Work
from bridge.services.composing import BatchOrder, EntryOrder
from eums import Accepted, Ambiguous, NotSent, Refused, Submit, code_of
from tests.fakes.world import SHOP, World

PLENTY = 100.0  # seconds left


@pytest.fixture
def world() -> World:
    world = World()
    world.accounts.policies["default"] = Policy(rate=1000)
    return world


def accept(world: World, count: int, text: Callable[[int], str] = "【京东】{}".format, to: int = 13800000000) -> Batch:
    """A batch of so many messages, whose pointer was taken."""
    entries = tuple(
        EntryOrder(to=str(to + number), text=text(number), client_reference=f"r{number}") for number in range(count)
    )
    batch = world.batching().accept(SHOP, BatchOrder(entries=entries)).batch
    assert world.queue.take() == [PlanWork(batch_id=batch.id)]
    return batch


def take(world: World, *works: Work, time_left: float = PLENTY) -> None:
    for work in works:
        world.queueing().take(work.body(), last=False, time_left=lambda: time_left)


def drain(world: World) -> list[Work]:
    """Do all that is asked for, when it is due; what that was."""
    done: list[Work] = []
    while world.queue.sent:
        delay = min(delay for _, delay in world.queue.sent)
        world.clock.advance(delay)
        works = world.queue.take()
        done += works
        take(world, *works)
        assert len(done) < 1000, "it goes on and on"
    return done


def now(world: World, batch: Batch) -> Batch:
    found = world.batches.get(batch.id)
    assert found is not None
    return found


def sent(world: World) -> list[str]:
    return [submit.content for _, submit in world.gateway.submits]


def recorded(world: World, batch: Batch) -> list[Message]:
    submits = now(world, batch).submits or 0
    return [world.messages.messages[message_id_of(batch.id, ordinal)] for ordinal in range(1, submits + 1)]


def test_a_plan_makes_messages_that_wait(world: World) -> None:
    batch = accept(world, 3)
    take(world, PlanWork(batch_id=batch.id))

    messages = recorded(world, batch)
    assert [message.text for message in messages] == ["【京东】0", "【京东】1", "【京东】2"]
    assert {message.status for message in messages} == {Status.ACCEPTED}
    assert {message.batch_id for message in messages} == {batch.id}
    assert (now(world, batch).status, now(world, batch).submits) == (BatchStatus.SENDING, 3)
    assert world.queue.sent == [(BatchWork(batch_id=batch.id, start=1), 0)]
    assert world.bodies.kept == {}


def test_messages_to_several_are_found_by_their_numbers_while_they_wait(world: World) -> None:
    batch = accept(world, 3, lambda _: "【京东】same")
    take(world, PlanWork(batch_id=batch.id))
    assert list(world.messages.indexed) == [message_id_of(batch.id, 1)]


def test_a_batch_is_sent_whole_and_in_order(world: World) -> None:
    batch = accept(world, 250)
    take(world, PlanWork(batch_id=batch.id))
    drain(world)

    assert sent(world) == [f"【京东】{number}" for number in range(250)]
    assert [submit.reference for _, submit in world.gateway.submits] == [
        message_id_of(batch.id, ordinal) for ordinal in range(1, 251)
    ]
    found = world.batching().find(SHOP, batch.id)
    assert (found.batch.status, found.counts) == (BatchStatus.FINISHED, {Status.SUBMITTED: 250})
    assert Counter(event.type for event in world.topic.events) == {"sms.message.submitted": 250}


def test_equal_texts_share_submits_and_keep_their_references(world: World) -> None:
    batch = accept(world, 4, lambda number: f"【京东】{number % 2}")
    take(world, PlanWork(batch_id=batch.id))
    drain(world)

    assert [submit.dest for _, submit in world.gateway.submits] == [
        ("13800000000", "13800000002"),
        ("13800000001", "13800000003"),
    ]
    told = {event.data["to"]: event.data["client_reference"] for event in world.topic.events}
    assert told == {f"+861380000000{number}": f"r{number}" for number in range(4)}
    assert {event.data["batch_id"] for event in world.topic.events} == {batch.id}


@pytest.mark.parametrize("rate", [10, 100])
def test_an_account_gets_no_more_than_its_rate(world: World, rate: float) -> None:
    world.accounts.policies["default"] = Policy(rate=rate)
    batch = accept(world, 50, lambda number: f"【京东】{number // 5}")  # five recipients each
    began = world.clock.elapsed
    take(world, PlanWork(batch_id=batch.id))
    drain(world)

    assert sum(count for _, count, _ in world.pace.reserved) == 50
    assert all(count <= max(rate, 5) for _, count, _ in world.pace.reserved)
    times = [at for *_, at in world.pace.reserved]
    assert times[-1] - times[0] >= (50 - world.pace.reserved[-1][1]) / rate - 0.001
    assert world.clock.elapsed - began <= 50 / rate + 1


def test_a_walk_ends_in_time_and_leaves_the_rest_to_the_next(world: World) -> None:
    world.accounts.policies["default"] = Policy(rate=10)
    batch = accept(world, 1000)
    take(world, PlanWork(batch_id=batch.id))
    took: list[float] = []
    while world.queue.sent:
        (work,) = world.queue.take()
        began = world.clock.elapsed
        take(world, work, time_left=60)
        took.append(world.clock.elapsed - began)

    assert len(took) >= 4
    assert max(took) < 24
    assert sent(world) == [f"【京东】{number}" for number in range(1000)]


def test_without_time_nothing_is_begun(world: World) -> None:
    batch = accept(world, 3)
    take(world, PlanWork(batch_id=batch.id))
    take(world, *world.queue.take(), time_left=10)

    assert sent(world) == []
    assert world.queue.sent == [(BatchWork(batch_id=batch.id, start=1), 0)]
    assert world.pace.reserved == []


def test_an_account_that_others_use_is_waited_for_elsewhere(world: World) -> None:
    world.accounts.policies["default"] = Policy(rate=10)
    world.pace.reserve("default", 6000, rate=10, now=world.clock.now(), within=0)
    batch = accept(world, 3)
    take(world, PlanWork(batch_id=batch.id))
    take(world, *world.queue.take(), time_left=60)

    assert sent(world) == []
    ((work, delay),) = world.queue.sent
    assert work == BatchWork(batch_id=batch.id, start=1)
    assert delay == pytest.approx(600, abs=3)


def test_what_comes_twice_is_sent_once(world: World) -> None:
    batch = accept(world, 5)
    take(world, PlanWork(batch_id=batch.id), PlanWork(batch_id=batch.id))
    works = world.queue.take()
    take(world, *works, *works)
    drain(world)
    take(world, PlanWork(batch_id=batch.id), *works)
    drain(world)

    assert sent(world) == [f"【京东】{number}" for number in range(5)]


def test_a_pointer_that_was_delivered_twice_begins_no_second_walk(world: World) -> None:
    world.accounts.policies["default"] = Policy(rate=10)
    batch = accept(world, 1000)
    take(world, PlanWork(batch_id=batch.id))
    (first,) = world.queue.take()
    take(world, first, time_left=60)
    reserved = len(world.pace.reserved)
    assert len(world.queue.sent) == 1

    take(world, first, time_left=60)

    assert len(world.queue.sent) == 1
    assert len(world.pace.reserved) == reserved


def test_a_pointer_that_comes_again_long_after_goes_on_where_the_batch_is(world: World) -> None:
    """Whoever had it died after it wrote down how far it was, and before it sent the pointer for the rest."""
    world.accounts.policies["default"] = Policy(rate=10)
    batch = accept(world, 300)
    take(world, PlanWork(batch_id=batch.id))
    (first,) = world.queue.take()
    take(world, first, time_left=60)
    assert world.queue.take()  # it is lost
    world.clock.advance(360)

    take(world, first, time_left=60)
    drain(world)

    assert sent(world) == [f"【京东】{number}" for number in range(300)]


def test_a_batch_that_was_left_behind_is_taken_up_by_planning_it_again(world: World) -> None:
    batch = accept(world, 3)
    take(world, PlanWork(batch_id=batch.id))
    world.queue.take()  # lost
    world.clock.advance(700)

    take(world, PlanWork(batch_id=batch.id))

    assert now(world, batch).progress_at == world.clock.now()  # so that it is found again
    drain(world)
    assert sent(world) == ["【京东】0", "【京东】1", "【京东】2"]
    assert now(world, batch).status is BatchStatus.FINISHED
    take(world, PlanWork(batch_id=batch.id))
    assert world.queue.sent == []


def test_of_two_who_plan_at_once_one_finds_the_body_gone(world: World) -> None:
    batch = accept(world, 3)

    class Slow:
        """Reads the batch before the other one plans it."""

        def __init__(self) -> None:
            self.seen = [now(world, batch)]

        def get(self, batch_id: str) -> Batch | None:
            return self.seen.pop() if self.seen else world.batches.get(batch_id)

    slow = Slow()
    take(world, PlanWork(batch_id=batch.id))
    unfolding = replace(world.unfolding(), batches=slow)  # type: ignore[arg-type]  # all that is asked of it
    unfolding.plan(batch.id)

    drain(world)
    assert sent(world) == ["【京东】0", "【京东】1", "【京东】2"]


def test_a_body_that_is_gone_though_nobody_planned_it_is_an_error(world: World) -> None:
    batch = accept(world, 3)
    world.bodies.kept.clear()
    with pytest.raises(NotFound):
        take(world, PlanWork(batch_id=batch.id))


@pytest.mark.parametrize("line", ["add_all", "index", "planned", "queue"])
def test_a_plan_that_dies_anywhere_is_done_again(world: World, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    batch = accept(world, 6, lambda number: f"【京东】{number % 3}")
    place, name = {"planned": (world.batches, "planned"), "queue": (world.queue, "send")}.get(
        line, (world.messages, line)
    )

    def dies(*_: object, **__: object) -> None:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as patched:
        patched.setattr(place, name, dies)
        with pytest.raises(ConnectionError):
            take(world, PlanWork(batch_id=batch.id))

    take(world, PlanWork(batch_id=batch.id))
    drain(world)
    assert sent(world) == ["【京东】0", "【京东】1", "【京东】2"]
    assert world.bodies.kept == {}


def test_one_that_fails_is_tried_by_itself_and_the_others_go_on(world: World) -> None:
    batch = accept(world, 5)
    take(world, PlanWork(batch_id=batch.id))
    failing = message_id_of(batch.id, 2)

    class Failing:
        """The store does not answer about one message."""

        def dispatch(self, message: Message, *, until: float, leave: Callable[[], None]) -> float | None:
            if message.id == failing:
                raise ConnectionError("no answer")
            return world.dispatching().dispatch(message, until=until, leave=leave)

    world.queue.take()
    replace(world.unfolding(), at_once=2, dispatching=Failing()).walk(batch.id, 1, time_left=lambda: PLENTY)  # type: ignore[arg-type]  # likewise

    assert sorted(sent(world)) == ["【京东】0", "【京东】2", "【京东】3", "【京东】4"]
    assert world.queue.sent == [(MessageWork(message_id=failing), 0)]
    drain(world)
    assert sent(world)[-1] == "【京东】1"
    assert now(world, batch).status is BatchStatus.FINISHED


def test_submits_leave_in_order_though_one_is_written_down_late(world: World) -> None:
    batch = accept(world, 6)
    take(world, PlanWork(batch_id=batch.id))
    second_is_ready = Event()
    left: list[int] = []

    class Late:
        """The store takes its time with the first, until the second is ready to leave."""

        def dispatch(self, message: Message, *, until: float, leave: Callable[[], None]) -> None:  # noqa: ARG002 - as the real one
            ordinal = ordinal_of(message.id)
            if ordinal == 1:
                assert second_is_ready.wait(10)
            if ordinal == 2:
                second_is_ready.set()
            if ordinal != 3:  # one that does not leave
                leave()
                left.append(ordinal)

    world.queue.take()
    replace(world.unfolding(), at_once=2, dispatching=Late()).walk(batch.id, 1, time_left=lambda: PLENTY)  # type: ignore[arg-type]  # likewise

    assert left[0] == 1
    assert sorted(left) == [1, 2, 4, 5, 6]
    assert now(world, batch).status is BatchStatus.FINISHED


def test_a_gateway_that_is_down_stops_the_walk_and_nothing_is_lost(world: World) -> None:
    batch = accept(world, 30)
    take(world, PlanWork(batch_id=batch.id))
    world.gateway.submit_answer = NotSent("down")
    take(world, *world.queue.take(), time_left=60)

    assert len({submit.reference for _, submit in world.gateway.submits}) <= 2
    assert all(delay >= 15 for _, delay in world.queue.sent)

    world.gateway.submit_answer = None
    world.gateway.submits.clear()
    drain(world)
    assert sorted(sent(world)) == sorted(f"【京东】{number}" for number in range(30))
    assert world.batching().find(SHOP, batch.id).counts == {Status.SUBMITTED: 30}


def test_no_batch_moves_on_past_what_has_no_pointer(world: World) -> None:
    batch = accept(world, 3)
    take(world, PlanWork(batch_id=batch.id))
    world.gateway.submit_answer = NotSent("down")
    works = world.queue.take()
    world.queue.failing = 1
    with pytest.raises(NotQueued):
        take(world, *works, time_left=60)
    assert now(world, batch).walked == 0

    world.gateway.submit_answer = None
    world.gateway.submits.clear()
    take(world, *works)
    drain(world)
    assert sent(world) == ["【京东】0", "【京东】1", "【京东】2"]


def test_outcomes_are_counted(world: World) -> None:
    answers: Iterator[Exception | None] = iter([None, Ambiguous("?"), Refused(code_of(401)), None])

    def answer(submit: Submit) -> Sequence[Accepted]:
        outcome = next(answers)
        if outcome:
            raise outcome
        return tuple(Accepted(number, "1", 1) for number in submit.dest)

    world.gateway.submit_answer = answer  # type: ignore[assignment]  # a sequence is enough
    batch = accept(world, 4)
    take(world, PlanWork(batch_id=batch.id))
    drain(world)

    assert world.batching().find(SHOP, batch.id).counts == {
        Status.SUBMITTED: 2,
        Status.UNKNOWN: 1,
        Status.REJECTED: 1,
    }


def test_a_batch_that_was_not_sent_within_a_day_is_given_up(world: World) -> None:
    batch = accept(world, 3)
    take(world, PlanWork(batch_id=batch.id))
    world.clock.advance(timedelta(hours=25).total_seconds())
    drain(world)

    assert sent(world) == []
    assert {message.reason for message in recorded(world, batch)} == {Rejection.EXPIRED_IN_QUEUE}


def test_a_pointer_to_nothing_is_passed_over(world: World) -> None:
    batch = accept(world, 1)
    take(world, BatchWork(batch_id=batch.id, start=1))  # before it is planned
    world.batches.batches.clear()
    take(world, PlanWork(batch_id=batch.id), BatchWork(batch_id=batch.id, start=1))
    assert world.queue.sent == []
    assert world.counters.counted["BatchesNotFound"] == 2


def test_what_a_walk_had_begun_when_it_died_is_looked_after_and_told(world: World) -> None:
    """Its pointer comes again, and finds these moved on: one is in nobody's hands, of the other nobody was told."""
    batch = accept(world, 5)
    take(world, PlanWork(batch_id=batch.id))
    first, second, third, *_ = recorded(world, batch)
    claimed = [begun(message, claim="dead", now=world.clock.now()) for message in (first, second)]
    taken = Accepted(dest_number="13800000001", message_id="7", charge_item=1)
    for message in (claimed[0], submitted(claimed[1], [taken]), cancelled(third)):
        world.messages.messages[message.id] = message

    works = drain(world)

    assert sent(world) == ["【京东】3", "【京东】4"]
    told = {event.data["message_id"]: event.type for event in world.topic.events}
    assert told == {
        first.id: "sms.message.unknown",
        **{message.id: "sms.message.submitted" for message in recorded(world, batch) if message.id > third.id},
        second.id: "sms.message.submitted",
    }
    assert now(world, batch).status is BatchStatus.FINISHED
    assert MessageWork(message_id=third.id) not in works


def test_what_a_dead_walk_had_begun_is_asked_for_once_though_the_next_has_no_time(world: World) -> None:
    batch = accept(world, 3)
    take(world, PlanWork(batch_id=batch.id))
    (pointer,) = world.queue.take()
    first, *_ = recorded(world, batch)
    taken = Accepted(dest_number="13800000000", message_id="7", charge_item=1)
    world.messages.messages[first.id] = submitted(begun(first, claim="dead", now=world.clock.now()), [taken])

    take(world, pointer, time_left=0)
    works = world.queue.take()
    assert works == [MessageWork(message_id=first.id), BatchWork(batch_id=batch.id, start=2)]
    assert now(world, batch).walked == 1

    take(world, works[1], time_left=0)
    assert world.queue.take() == [BatchWork(batch_id=batch.id, start=2)]
