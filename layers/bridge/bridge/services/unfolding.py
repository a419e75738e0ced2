"""Unfolding: an accepted batch is made into messages, and these are begun one after the other.

    plan     the body is made into messages that wait, the batch is marked, a pointer to walk it is sent
    walk     the messages are begun in order, at the account's pace, for some seconds; a pointer is sent for the rest

Each of these may die between any two lines and be done again, or be done by two at once: a message is written once,
and begun by whoever claims it. Where the pointer itself was lost, `attend` finds the batch by the time of its last
step, and has it planned again: what is done of it is not done twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import BoundedSemaphore, Event
from typing import Final

from bridge.domain.batches import Batch, BatchEntry, BatchStatus, message_id_of, message_of, plan
from bridge.domain.errors import NotFound
from bridge.domain.messages import Message, Status
from bridge.domain.submits import is_waiting, state_of
from bridge.domain.work import BatchWork, MessageWork
from bridge.ports import Accounts, BatchBodies, Batches, Clock, Counters, Messages, Pace, SendQueue
from bridge.services.dispatching import Dispatching

_WALK: Final = 20.0  # seconds in which a walk begins messages
_PAGE: Final = 100  # messages that are read at once
_STEP: Final = 1.0  # seconds of an account's pace that are reserved at once
_PATIENCE: Final = 2.0  # seconds that a reservation may lie ahead
_RESERVE: Final = 8.0  # seconds for what has to be written down after the last submit
_PAUSE: Final = 15.0  # seconds until a gateway that took nothing is tried again
_FRESH: Final = timedelta(minutes=2)  # longer than a walk: whoever wrote within it is still at it


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfolding:
    """Brings accepted batches on their way.

    Attributes:
        longest_call: seconds that one call of the gateway may last.
        at_once: messages that a walk has in flight.
    """

    accounts: Accounts
    batches: Batches
    bodies: BatchBodies
    messages: Messages
    queue: SendQueue
    pace: Pace
    dispatching: Dispatching
    clock: Clock
    counters: Counters
    longest_call: float
    at_once: int = 10

    def plan(self, wanted: str) -> None:
        """Make a batch into messages that wait, and have them walked. Raises what the stores raise: ask again."""
        batch = self._known(wanted)
        if batch is None:
            return
        if batch.status is BatchStatus.ACCEPTED:
            try:
                entries = self.bodies.read(batch)
            except NotFound:
                self._planned_by_another(batch)
            else:
                self._write(batch, entries)
        elif batch.status is BatchStatus.SENDING and not self._is_fresh(batch):
            # Somebody missed it. If this pointer leads nowhere, too, that is found again by the time of this.
            self.batches.walked(batch, batch.walked, at=self.clock.now())
        if batch.status is not BatchStatus.FINISHED:
            # Whether or not somebody has sent it before: of two walks one goes on.
            self.queue.send([BatchWork(batch_id=batch.id, start=batch.walked + 1)])
        self.bodies.forget(batch)

    def walk(self, wanted: str, start: int, *, time_left: Callable[[], float]) -> None:
        """Begin a batch's messages in order, for some seconds, and send a pointer for the rest.

        Args:
            wanted: the batch's id.
            start: which of its submits the pointer asked for.
            time_left: seconds until this process is stopped.

        Raises:
            NotQueued, AccountNotConfigured, and what the stores raise: ask again.
        """
        batch = self._known(wanted)
        if batch is None or batch.submits is None or batch.status is BatchStatus.FINISHED:
            return
        if start <= batch.walked and self._is_fresh(batch):
            return  # the queue delivered it twice
        now = self.clock.monotonic()
        until = now + time_left() - _RESERVE
        walk = _Walk(self, batch, stop=min(now + _WALK, until - _PATIENCE - _STEP - self.longest_call), until=until)
        walk.run()
        # Before the batch moves on: what is behind it, and has no pointer of its own, is found by nobody.
        for delay, work in walk.left_over().items():
            self.queue.send(work, delay=delay)
        if not self.batches.walked(batch, walk.reached, at=self.clock.now()):
            return  # somebody else got further, and goes on
        if walk.reached < batch.submits:
            self.queue.send([BatchWork(batch_id=batch.id, start=walk.reached + 1)], delay=walk.delay)

    def _known(self, wanted: str) -> Batch | None:
        batch = self.batches.get(wanted)
        if batch is None:
            self.counters.count("BatchesNotFound")  # a pointer that is older than what it points to
        return batch

    def _planned_by_another(self, batch: Batch) -> None:
        """The body is gone: whoever planned the batch since we read it forgot it. Raises NotFound where nobody did."""
        standing = self.batches.get(batch.id)
        if standing is None or standing.status is BatchStatus.ACCEPTED:
            raise NotFound(f"the body of batch {batch.id} is not there")

    def _write(self, batch: Batch, entries: Sequence[BatchEntry]) -> None:
        messages = [message_of(batch, group) for group in plan(entries, most=batch.most)]
        added = self.messages.add_all(messages)
        for message in messages:
            # One that was there before may have been begun since, and is then indexed as that.
            if message.id in added:
                self.messages.index(message)
        self.batches.planned(batch, len(messages), at=self.clock.now())
        self.counters.count("BatchMessagesPlanned", len(messages), account=batch.account)

    def _is_fresh(self, batch: Batch) -> bool:
        return batch.progress_at is not None and self.clock.now() < batch.progress_at + _FRESH


class _Walk:
    """One walk through a batch.

    Attributes:
        reached: the last of the submits that were begun, in order, from the first on.
        delay: seconds until it is worth going on.
    """

    def __init__(self, unfolding: "Unfolding", batch: Batch, *, stop: float, until: float) -> None:
        """Take, by the monotonic clock, until when messages are begun, and until when all of that has to be over."""
        self.reached = batch.walked
        self.delay = 0.0
        self._of = unfolding
        self._batch = batch
        self._stop = stop
        self._until = until
        self._rate = unfolding.accounts.policy(batch.account).rate
        self._free = BoundedSemaphore(unfolding.at_once)
        self._before = Event()  # set once the last message that was handed out is leaving
        self._before.set()
        self._left: list[tuple[str, float]] = []
        self._abandoned: list[str] = []
        self._failed = 0

    def run(self) -> None:
        """Begin what there is time for. When this returns, all of that has ended."""
        with ThreadPoolExecutor(self._of.at_once) as pool:
            while self.reached < (self._batch.submits or 0):
                first = self.reached + 1
                last = min(self.reached + _PAGE, self._batch.submits or 0)
                ids = {message_id_of(self._batch.id, ordinal): ordinal for ordinal in range(first, last + 1)}
                found = self._of.messages.recorded_all(ids)
                waiting = [(ids[each], found[each]) for each in ids if each in found and is_waiting(found[each])]
                self._abandoned += [message.id for message in found.values() if _was_begun(message)]
                self.reached = waiting[0][0] - 1 if waiting else last
                if not all(self._begin(block, pool) for block in self._blocks(waiting)):
                    return
                self.reached = last

    def left_over(self) -> Mapping[float, Sequence[MessageWork]]:
        """The messages that are to be asked for again each by itself, by the seconds until then."""
        works: dict[float, list[MessageWork]] = {}
        # Who began these died before it wrote down how far it got, and may have died before it told how they ended.
        abandoned = [(message_id, 0.0) for message_id in self._abandoned]
        for message_id, delay in (*self._left, *abandoned):
            works.setdefault(delay, []).append(MessageWork(message_id=message_id))
        return works

    def _blocks(self, waiting: Sequence[tuple[int, Message]]) -> Iterator[list[tuple[int, Message]]]:
        """As many messages as the account takes in a second, or one that is more than that."""
        block: list[tuple[int, Message]] = []
        recipients = 0
        for ordinal, message in waiting:
            if block and recipients + len(message.recipients) > self._rate * _STEP:
                yield block
                block, recipients = [], 0
            block.append((ordinal, message))
            recipients += len(message.recipients)
        if block:
            yield block

    def _begin(self, block: Sequence[tuple[int, Message]], pool: ThreadPoolExecutor) -> bool:
        """Begin these when their turn comes, each after the recipients before it. False where that is not now."""
        turn = self._turn(sum(len(message.recipients) for _, message in block))
        if turn is None:
            return False
        for ordinal, message in block:
            self._wait(turn)
            self._free.acquire()
            if not self._goes_on():
                self._free.release()
                return False
            before, self._before = self._before, Event()
            pool.submit(self._dispatch, message, before, self._before)
            self.reached = ordinal
            turn += len(message.recipients) / self._rate
        return True

    def _turn(self, recipients: int) -> float | None:
        """When the account is ours for so many recipients, by the monotonic clock; None where that is too late."""
        clock = self._of.clock
        while (now := clock.monotonic()) < self._stop:
            turn = self._of.pace.reserve(
                self._batch.account, recipients, rate=self._rate, now=clock.now(), within=_PATIENCE
            )
            if turn.reserved:
                return now + turn.after
            if now + turn.after >= self._stop:
                self.delay = turn.after
                break
            clock.sleep(turn.after)
        return None

    def _wait(self, until: float) -> None:
        seconds = until - self._of.clock.monotonic()
        if seconds > 0:
            self._of.clock.sleep(seconds)

    def _goes_on(self) -> bool:
        """Not where the gateway takes nothing, or nothing goes well: the others would follow, and lose their order."""
        if self._left and (len(self._left) > self._failed or self._failed >= self._of.at_once):
            self.delay = _PAUSE
            return False
        # What was reserved is used, where that is possible.
        return self._of.clock.monotonic() < self._stop + _PATIENCE + _STEP

    def _dispatch(self, message: Message, before: Event, leaves: Event) -> None:
        """Bring it on its way: claimed beside the others, and leaving behind the one before it."""

        def in_turn() -> None:
            before.wait()
            leaves.set()

        try:
            delay = self._of.dispatching.dispatch(message, until=self._until, leave=in_turn)
        except Exception:  # noqa: BLE001 - whatever it is, this message is tried by itself, and the others go on
            self._of.counters.count("BatchMessagesFailed", account=message.account)
            self._failed += 1
            self._left.append((message.id, 0.0))
        else:
            if delay is not None:
                self._left.append((message.id, delay))
        finally:
            in_turn()  # of one that did not leave, too
            self._free.release()


def _was_begun(message: Message) -> bool:
    return not is_waiting(message) and state_of(message) is not Status.CANCELLED
