"""Dispatching: a queued message is claimed, submitted, and its outcome told; as often as its pointer comes.

Queues deliver at least once, and two of these may run at the same message: whoever gets the claim submits it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.domain.messages import Message, Rejection, Status
from bridge.domain.submits import (
    begun,
    is_waiting,
    once_more,
    past_deadline,
    rejected,
    state_of,
    unknown,
)
from bridge.ports import Clock, Counters, Messages, NewId
from bridge.services.submitting import Submitting, at_once

_ROUNDS: Final = 5  # moves of others that are looked at before the message is left to the next delivery
_SOONEST: Final = 15.0  # seconds until a message of which nothing was sent is tried again …
_LATEST: Final = 900.0  # … longer and longer, up to what a queue delays


class NotSettledError(Exception):
    """How the submit ended could not be written down: the next delivery finds what stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatching:
    """Brings queued messages on their way."""

    messages: Messages
    submitting: Submitting
    clock: Clock
    new_id: NewId
    counters: Counters

    def dispatch(self, message: Message, *, until: float, leave: Callable[[], None] = at_once) -> float | None:
        """Do what is to be done with a message now. None where that is all, else the seconds until it is to come again.

        Args:
            message: as it was recorded when it was read.
            until: by the monotonic clock, when everything has to be over.
            leave: as `Submitting.submit` has it.

        Raises:
            NotStored, AccountNotConfigured, NotSettledError, NotPublished, and what the stores raise: ask again.
        """
        for _ in range(_ROUNDS):
            step = self._step(message, until, leave)
            if not isinstance(step, Message):
                return step
            message = step  # somebody else was faster
        return _SOONEST

    def give_up(self, message_id: str) -> None:
        """It failed again and again: say so. Nobody knows what became of it where its submit had begun."""
        message = self.messages.recorded(message_id)
        for _ in range(_ROUNDS):
            if message is None:
                return
            if is_waiting(message):
                after = rejected(message, Rejection.NOT_PROCESSED)
            elif state_of(message) is Status.SUBMITTING:
                after = unknown(message)
            else:
                return
            standing = self.messages.move(message, after)
            if standing is None:
                self.counters.count("MessagesGivenUp", account=after.account)
                self.submitting.tell(after)
                return
            message = standing

    def _step(self, message: Message, until: float, leave: Callable[[], None]) -> float | Message | None:
        now = self.clock.now().astimezone(message.created_at.tzinfo)
        if is_waiting(message):
            return self._begin(message, now, until, leave)
        if state_of(message) is Status.SUBMITTING:
            return self._look_after(message, now, until, leave)
        # Whoever ended it may have died before it told.
        if state_of(message) is Status.UNKNOWN:
            self.submitting.tell(self.messages.find(message.id) or message)  # what was reported since says more
        elif message.queued:
            self.submitting.tell(message)
        return None

    def _begin(
        self, message: Message, now: datetime, until: float, leave: Callable[[], None]
    ) -> float | Message | None:
        if past_deadline(message, now):
            return self._move_and_tell(message, rejected(message, Rejection.EXPIRED_IN_QUEUE), "MessagesGivenUp")
        if now < message.due_at:
            return (message.due_at - now).total_seconds()
        return self._submit(message, now, until, leave)

    def _look_after(
        self, message: Message, now: datetime, until: float, leave: Callable[[], None]
    ) -> float | Message | None:
        """Somebody began to submit it: is at it, or died in the middle."""
        if not past_deadline(message, now):
            return (message.deadline - now).total_seconds()
        # Of one that its caller waited for, a second try would come when nobody expects it any more.
        if message.queued and once_more(message):
            return self._submit(message, now, until, leave)
        return self._move_and_tell(message, unknown(message), "SubmitsUnknown")

    def _submit(
        self, message: Message, now: datetime, until: float, leave: Callable[[], None]
    ) -> float | Message | None:
        claimed = begun(message, claim=self.new_id(), now=now)
        standing = self.messages.move(message, claimed)
        if standing is not None:
            return standing
        ended = self.submitting.submit(claimed, until=until, leave=leave)
        if not ended.recorded:
            raise NotSettledError("the outcome of a submit could not be recorded")
        if is_waiting(ended.message):
            waited = (now - message.due_at).total_seconds()
            return min(max(waited / 4, _SOONEST), _LATEST)
        self.submitting.tell(ended.message)
        return None

    def _move_and_tell(self, before: Message, after: Message, counted: str) -> Message | None:
        standing = self.messages.move(before, after)
        if standing is None:
            self.counters.count(counted, account=after.account)
            self.submitting.tell(after)
        return standing
