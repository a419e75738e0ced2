"""Submitting: what is done with a message whose claim is held, whoever holds it.

What is written down before a submit leaves and after its outcome is known is what a crash between any two lines leaves
behind: a message that is `submitting` past its deadline, of which nobody says that it was sent, or that it was not.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bridge.domain.errors import AccountNotConfigured, NotStored
from bridge.domain.events import outcomes
from bridge.domain.messages import Category, Message, Rejection, Status
from bridge.domain.numbers import national
from bridge.domain.signatures import unsigned
from bridge.domain.submits import (
    MOVES,
    begun,
    leaving_out,
    once_more,
    put_back,
    refused,
    rejected,
    rerouted,
    state_of,
    submitted,
    to_resend,
    unknown,
)
from bridge.ports import Accounts, Clock, Counters, Gateway, Messages, NewId, OptOuts, Topic
from bridge.services.checking import check
from eums import Accepted, Ambiguous, Code, Fault, InvalidRequest, NotSent, Refused, Submit

_FIRST_PAUSE: Final = 0.1  # seconds before a submit of which nothing was sent is tried again, doubled each time
_LONGEST_PAUSE: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of a submit.

    Attributes:
        message: as it is recorded now; it waits again where nothing was sent and it is queued.
        refusal: the gateway's code, where that is why.
        recorded: whether the table says so, too; where it does not, the message is `unknown` past its deadline.
    """

    message: Message
    refusal: Code | None = None
    recorded: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One submit that is about to leave.

    Attributes:
        standing: the message as it is recorded.
        message: as it is submitted: those who opted out are left out.
        pause: seconds before the next attempt, where nothing of this one was sent.
    """

    standing: Message
    message: Message
    pause: float = _FIRST_PAUSE


class _LostError(Exception):
    """Somebody else moved the message on meanwhile."""

    def __init__(self, standing: Message) -> None:
        super().__init__("the claim was lost")
        self.standing = standing


def at_once() -> None:
    """Leave without waiting for anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """Carries out submits.

    Attributes:
        longest_call: seconds that one call of the gateway may last.
    """

    accounts: Accounts
    gateway: Gateway
    messages: Messages
    opt_outs: OptOuts
    topic: Topic
    clock: Clock
    new_id: NewId
    counters: Counters
    longest_call: float

    def submit(self, claimed: Message, *, until: float, leave: Callable[[], None] = at_once) -> Ended:
        """Submit a message that is recorded as `submitting` under a claim of ours, and record how that ended.

        Of what certainly had no effect, the submit is tried again while there is time, or another account is tried.
        What may have had one is `unknown`, and never tried again unless its caller asked for that.

        Args:
            claimed: as it is recorded.
            until: by the monotonic clock, when everything has to be over.
            leave: called when all is written down and the submit is about to leave: where several are to leave in
                order, it waits for those before this one.

        Raises:
            NotStored: nothing was sent, and it is recorded so if that can be.
            AccountNotConfigured: likewise.
        """
        try:
            message = leaving_out(claimed, self._opted_out(claimed))
            self.messages.index(message)  # before the submit, so that whatever comes back finds its message
        except Exception as exc:
            self._record(claimed, _nothing_sent(claimed))
            raise NotStored("the bridge's own store did not answer; nothing was sent, so it is safe to retry") from exc
        attempt = _Attempt(standing=claimed, message=message)
        if state_of(message) is not Status.SUBMITTING:
            return self._end(attempt, message, "SubmitsOptedOut")
        leave()
        try:
            return self._go_on(attempt, until)
        except _LostError as exc:
            return Ended(message=exc.standing)

    def tell(self, message: Message) -> None:
        """Publish how the submit ended. Raises what the topic raises; telling it again does no harm."""
        events = outcomes(message, self.clock.now().astimezone(message.created_at.tzinfo))
        if events:
            self.topic.publish(events)

    def _go_on(self, attempt: _Attempt, until: float) -> Ended:
        """One attempt after the other, until it is known how it ended."""
        while True:
            try:
                accepted = self._ask(attempt.message)
            except Refused as exc:
                step = self._refused(attempt, exc.code, until)
            except NotSent:
                step = self._not_sent(attempt, until)
            except Ambiguous:
                step = self._ambiguous(attempt, until)
            except (AccountNotConfigured, InvalidRequest):
                self._end(attempt, _nothing_sent(attempt.message), "SubmitsNotSent")
                raise
            else:
                return self._end(attempt, submitted(attempt.message, accepted), "SubmitsAccepted")
            if isinstance(step, Ended):
                return step
            attempt = step

    def _refused(self, attempt: _Attempt, code: Code, until: float) -> _Attempt | Ended:
        message = attempt.message
        onward = self._onward(message, code)
        if onward is not None and self._time_for_more(until):
            if self._moved(attempt.standing, onward):
                return _Attempt(standing=onward, message=onward)
        elif message.queued and (onward is not None or code.fault is Fault.PACE):
            # It came too early, or the next account has to wait for the next time.
            return self._end(attempt, put_back(onward or message), "SubmitsRefused", code)
        # Of a doubtful message the code does not say what became of it.
        return self._end(attempt, refused(message, code), "SubmitsRefused", None if message.doubtful else code)

    def _not_sent(self, attempt: _Attempt, until: float) -> _Attempt | Ended:
        if not self._time_for_more(until, attempt.pause):
            return self._end(attempt, _nothing_sent(attempt.message), "SubmitsNotSent")
        self.clock.sleep(attempt.pause)
        return replace(attempt, pause=min(2 * attempt.pause, _LONGEST_PAUSE))

    def _ambiguous(self, attempt: _Attempt, until: float) -> _Attempt | Ended:
        if once_more(attempt.message) and self._time_for_more(until):
            again = begun(attempt.message, claim=self.new_id(), now=self._now(attempt.message))
            if self._moved(attempt.standing, again):
                return _Attempt(standing=again, message=again)
        elif once_more(attempt.message) and attempt.message.queued:
            return self._end(attempt, to_resend(attempt.message), "SubmitsUnknown")
        return self._end(attempt, unknown(attempt.message), "SubmitsUnknown")

    def _ask(self, message: Message) -> tuple[Accepted, ...]:
        submit = submit_of(message)
        try:
            return self.gateway.submit(message.account, submit)
        except (Refused, NotSent, Ambiguous, InvalidRequest, AccountNotConfigured):
            raise
        except Exception as exc:
            # Whatever it is, nobody can say that no byte left.
            self.counters.count("SubmitsFailed", account=message.account)
            raise Ambiguous(f"the submit failed with {type(exc).__name__}") from exc

    def _onward(self, message: Message, code: Code) -> Message | None:
        """The message for the next account, where another one can help at all, and where it would take the message."""
        if not code.of_account_or_channel or message.doubtful:
            return None  # of a doubtful one this account may have a submit, whose report would find another's message
        routes = (self._rerouted(message, account) for account in message.fallback_accounts)
        return next(filter(None, routes), None)

    def _rerouted(self, message: Message, account: str) -> Message | None:
        wanted = replace(submit_of(message), content=unsigned(message.text, message.signature))
        try:
            checked = check(self.gateway, account, self.accounts.policy(account), wanted)
            text = checked.sound().content
            onward = rerouted(message, account=account, text=text, signature=checked.signature)
            onward = leaving_out(onward, self._opted_out(onward))
        except Exception:  # noqa: BLE001 - whatever the reason, this account does not do
            return None
        return onward if state_of(onward) is Status.SUBMITTING else None

    def _time_for_more(self, until: float, pause: float = 0.0) -> bool:
        return self.clock.monotonic() + pause + self.longest_call <= until

    def _opted_out(self, message: Message) -> frozenset[str]:
        if message.category is Category.TRANSACTIONAL:
            return frozenset()
        return self.opt_outs.among(message.account, [recipient.to for recipient in message.recipients])

    def _moved(self, before: Message, after: Message) -> bool:
        """Write down a step before the next submit leaves: another account, or another try. False where we could not.

        Raises _LostError where somebody else has moved it: then nothing more may be sent.
        """
        try:
            standing = self.messages.move(before, after)
            if standing is None and after.account != before.account:
                self.messages.index(after)
        except Exception:  # noqa: BLE001 - whatever the reason, the step is not taken
            return False
        if standing is not None:
            raise _LostError(standing)
        return True

    def _end(self, attempt: _Attempt, after: Message, counted: str, refusal: Code | None = None) -> Ended:
        self.counters.count(counted, account=after.account)
        if state_of(after) is not Status.REJECTED:
            refusal = None  # an earlier submit may have been taken, whatever this one was told
        standing = self._record(attempt.standing, after)
        return Ended(message=standing or after, refusal=refusal, recorded=standing is not None)

    def _record(self, before: Message, after: Message) -> Message | None:
        """Write down how a submit ended. What the gateway did is done, whether or not we can write it down.

        Who waits for the outcome is told the truth all the same: an error here would make a message that was taken
        look like one that may be sent again. What stands in the table is the claim, which is unknown past its deadline.

        Returns:
            What is recorded now; None where that could not be.
        """
        try:
            standing = self.messages.move(before, after)
            if standing and (standing.claim, state_of(standing)) == (before.claim, Status.UNKNOWN):
                # It took so long that somebody wrote "unknown", and said so; now it is known.
                after = _known_at_last(after)
                standing = None if state_of(after) is Status.UNKNOWN else self.messages.move(standing, after)
        except Exception:  # noqa: BLE001 - whatever the reason, see above
            standing = before
        if standing is not None:
            self.counters.count("SubmitsUnrecorded", account=after.account)
            return None
        return after

    def _now(self, message: Message) -> datetime:
        return self.clock.now().astimezone(message.created_at.tzinfo)


def submit_of(message: Message) -> Submit:
    """What the gateway is asked: everybody who was not left out."""
    return Submit(
        dest=tuple(
            national(recipient.to) or recipient.to
            for recipient in message.recipients
            if recipient.status is not Status.REJECTED and not recipient.error_class
        ),
        content=message.text,
        ext=message.extension,
        reference=message.id,
    )


def _nothing_sent(message: Message) -> Message:
    return put_back(message) if message.queued else rejected(message, Rejection.UNREACHABLE)


def _known_at_last(after: Message) -> Message:
    """How a submit ended that was said to be unknown. It waits no more: who heard that may have acted upon it."""
    if state_of(after) in MOVES[Status.UNKNOWN] | {Status.UNKNOWN}:
        return after
    return rejected(after, Rejection.UNREACHABLE)
