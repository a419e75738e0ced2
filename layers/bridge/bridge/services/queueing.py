"""Queueing: what the pointers of SendQueue ask for, at the pace of each account."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from bridge.domain.messages import Message
from bridge.domain.submits import is_waiting, past_deadline
from bridge.domain.work import BatchWork, MessageWork, PlanWork, work_of
from bridge.ports import Accounts, Clock, Counters, Messages, Pace, SendQueue
from bridge.services.dispatching import Dispatching
from bridge.services.unfolding import Unfolding

_WITHIN: Final = 2.0  # seconds that a turn is waited for here; for a later one the pointer comes again
_PATIENCE: Final = 2.0  # seconds in which a submit of which nothing was sent is tried again at once
_RESERVE: Final = 8.0  # seconds for what has to be written down after a submit


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """Does what each pointer asks for. A pointer may come twice, and two may come at once.

    Attributes:
        one_batch: at a time, in this process: it takes some memory, and has several submits in flight by itself.
        longest_call: seconds that one call of the gateway may last.
    """

    accounts: Accounts
    messages: Messages
    dispatching: Dispatching
    unfolding: Unfolding
    queue: SendQueue
    pace: Pace
    clock: Clock
    counters: Counters
    longest_call: float
    one_batch: Lock = field(default_factory=Lock)

    def take(self, body: str, *, last: bool, time_left: Callable[[], float]) -> None:
        """Do what one pointer asks for.

        Args:
            body: the pointer.
            last: it comes for the last time: if it fails now it is a dead letter, and its message says so.
            time_left: seconds until this process has to end.

        Raises whatever made it fail: the pointer is to come again.
        """
        match work_of(body):
            case MessageWork() as work:
                self._message(work, last=last, time_left=time_left)
            case PlanWork(batch_id=batch_id):
                with self.one_batch:
                    self.unfolding.plan(batch_id)
            case BatchWork(batch_id=batch_id, start=start):
                with self.one_batch:
                    self.unfolding.walk(batch_id, start, time_left=time_left)

    def _message(self, work: MessageWork, *, last: bool, time_left: Callable[[], float]) -> None:
        try:
            again = self._dispatched(work.message_id, time_left)
            if again is not None:
                self.queue.send([work], delay=again)
        except Exception:
            if last:
                self.dispatching.give_up(work.message_id)
            raise

    def _dispatched(self, message_id: str, time_left: Callable[[], float]) -> float | None:
        message = self.messages.recorded(message_id)
        if message is None:
            self.counters.count("PointersToNothing")
            return None
        if time_left() < _WITHIN + _PATIENCE + self.longest_call + _RESERVE:
            return 0.0
        wait = self._turn(message)
        if wait is not None:
            return wait
        # A gateway that is away is waited for in the queue, not here.
        return self.dispatching.dispatch(message, until=self.clock.monotonic() + self.longest_call + _PATIENCE)

    def _turn(self, message: Message) -> float | None:
        """Wait until the account is free for the message; the seconds until then, where that is for another time."""
        now = self.clock.now()
        if not is_waiting(message) or past_deadline(message, now) or now < message.due_at:
            return None  # nothing is sent
        turn = self.pace.reserve(
            message.account,
            len(message.recipients),
            rate=self.accounts.policy(message.account).rate,
            now=now,
            within=_WITHIN,
        )
        if not turn.reserved:
            return turn.after
        self.clock.sleep(turn.after)
        return None
