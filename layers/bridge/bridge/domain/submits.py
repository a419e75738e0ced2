"""The send machine: how the submit of a message moves from state to state.

    scheduled ─┐
    accepted ──┼─▶ submitting ─▶ submitted | rejected | unknown
               │      │  ▲          (and from unknown, where who submitted it learns the outcome after all)
               │      ▼  │
               │    accepted      nothing was sent: somebody else may claim it
               └─▶ cancelled | rejected (or unknown, where an earlier submit may have been taken)

Nothing here reads or writes: each function says how a message looks after a step. Who takes the step writes it down by
compare-and-set on state and claim (`bridge.ports.Messages.move`), so that of two who claim a message one submits it.
What reports say later stands beside this, and never moves it: see `bridge.services.tracking`.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bridge.domain.messages import WAITING, Message, Recipient, Rejection, Status
from bridge.domain.numbers import e164

if TYPE_CHECKING:
    from eums import Accepted, Code

SUBMIT_DEADLINE: Final = timedelta(seconds=60)
"""Longer than any function that submits lets a submit last: past it, nobody is going to record the outcome any more."""

QUEUED_FOR: Final = timedelta(hours=24)
"""How long a queued message is tried where nothing can be sent. Then it is given up: nobody wants it a day late."""

MOST_TRIES: Final = 3
"""Submits of a message whose caller would rather have it twice than not at all (`on_ambiguous`)."""

# The state of a submit is that of its recipients, apart from those who were left out or refused.
_STATES: Final = (
    Status.SCHEDULED,
    Status.ACCEPTED,
    Status.CANCELLED,
    Status.SUBMITTING,
    Status.UNKNOWN,
    Status.SUBMITTED,
)

MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    Status.SCHEDULED: frozenset({Status.SUBMITTING, Status.CANCELLED, Status.REJECTED}),
    # To unknown: one that was submitted before, and never again.
    Status.ACCEPTED: frozenset({Status.SUBMITTING, Status.CANCELLED, Status.REJECTED, Status.UNKNOWN}),
    # To itself: another account, or once more where the caller asked for that.
    Status.SUBMITTING: frozenset(
        {Status.SUBMITTING, Status.SUBMITTED, Status.REJECTED, Status.UNKNOWN, Status.ACCEPTED}
    ),
    Status.UNKNOWN: frozenset({Status.SUBMITTED, Status.REJECTED}),
    Status.SUBMITTED: frozenset(),
    Status.REJECTED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""Where each state may lead."""


def state_of(message: Message) -> Status:
    """The state of the submit, from the message as it is recorded, without its reports."""
    present = {recipient.status for recipient in message.recipients}
    return next((state for state in _STATES if state in present), Status.REJECTED)


def waiting(message: Message) -> Message:
    """A new message that is to be queued: nothing of it is claimed."""
    return replace(
        _all(message, Status.SCHEDULED if message.send_at else Status.ACCEPTED),
        queued=True,
        claim="",
        tries=0,
        deadline=message.due_at + QUEUED_FOR,
    )


def begun(message: Message, *, claim: str, now: datetime) -> Message:
    """Claimed: whoever holds the claim submits it, until its deadline. One that was begun before is doubtful."""
    return replace(
        _all(message, Status.SUBMITTING),
        claim=claim,
        claimed_at=now if message.queued else None,
        deadline=now + SUBMIT_DEADLINE,
        tries=message.tries + 1,
        doubtful=message.doubtful or message.tries > 0,
    )


def past_deadline(message: Message, now: datetime) -> bool:
    """Whether nobody is going to say any more how the submit ended, or begin it."""
    return now >= message.deadline


def once_more(message: Message) -> bool:
    """Whether a submit without a known outcome may be made again."""
    return message.on_ambiguous == "resend" and message.tries < MOST_TRIES


def submitted(message: Message, accepted: "Collection[Accepted]") -> Message:
    """The gateway took it. 下行协议: the answer names 仅包含有效的手机号码, so who is missing was refused."""
    by_number = {e164(item.dest_number): item for item in accepted}

    def outcome(recipient: Recipient) -> Recipient:
        if recipient.error_class:
            return recipient
        item = by_number.get(recipient.to)
        if item is None:
            return replace(recipient, status=Status.REJECTED)
        return replace(
            recipient,
            status=Status.SUBMITTED,
            gateway_message_id=item.message_id,
            billed_segments=item.charge_item,
        )

    return message.with_recipients(map(outcome, message.recipients))


def refused(message: Message, code: "Code") -> Message:
    """The gateway said no, definitely; of a doubtful message that says nothing of the submits before."""
    return unknown(message) if message.doubtful else replace(_all(message, Status.REJECTED), gateway_code=code.number)


def rejected(message: Message, reason: Rejection) -> Message:
    """The bridge gives it up; nothing was sent, unless an earlier submit may have been taken."""
    return unknown(message) if message.doubtful else replace(_all(message, Status.REJECTED), reason=reason)


def unknown(message: Message) -> Message:
    """Nobody knows whether the gateway took it. A report will tell."""
    return _all(message, Status.UNKNOWN)


def put_back(message: Message) -> Message:
    """Nothing was sent: it waits again, and its claim is gone."""
    return replace(_again(message), tries=message.tries - 1)


def to_resend(message: Message) -> Message:
    """Nobody knows whether it was sent, and it is wanted all the same: it waits to be submitted once more."""
    return replace(_again(message), doubtful=True)


def _again(message: Message) -> Message:
    deadline = message.due_at + QUEUED_FOR
    return replace(_all(message, Status.ACCEPTED), claim="", claimed_at=None, deadline=deadline)


def cancelled(message: Message) -> Message:
    """Its client does not want it any more."""
    return _all(message, Status.CANCELLED)


def leaving_out(message: Message, opted_out: Collection[str]) -> Message:
    """Without those who do not want it; rejected as a whole where that is everybody.

    Of a doubtful message an earlier submit may have reached them.
    """
    if not opted_out:
        return message
    status = Status.UNKNOWN if message.doubtful else Status.REJECTED
    message = message.with_recipients(
        replace(recipient, status=status, error_class=Rejection.OPTED_OUT) if recipient.to in opted_out else recipient
        for recipient in message.recipients
    )
    return replace(message, reason=Rejection.OPTED_OUT) if state_of(message) is Status.REJECTED else message


def rerouted(message: Message, *, account: str, text: str, signature: str) -> Message:
    """The next account is tried: what the message looked like for the first is remembered, since its caller saw it."""
    rest = message.fallback_accounts
    return replace(
        message,
        account=account,
        text=text,
        signature=signature,
        fallback_accounts=rest[rest.index(account) + 1 :],
        routed_from=message.routed_from or (message.account, message.text),
    )


def as_accepted(message: Message) -> Message:
    """A queued message as it was when it was accepted: what its caller was told then."""
    account, text = message.routed_from or (message.account, message.text)
    status = Status.SCHEDULED if message.send_at else Status.ACCEPTED
    recipients = (
        Recipient(to=recipient.to, status=status, client_reference=recipient.client_reference)
        for recipient in message.recipients
    )
    return replace(message.with_recipients(recipients), account=account, text=text, gateway_code=None, reason=None)


def is_waiting(message: Message) -> bool:
    """Whether nobody has begun to submit it."""
    return state_of(message) in WAITING


def _all(message: Message, status: Status) -> Message:
    """Everybody who was not left out."""
    return message.with_recipients(
        recipient if recipient.error_class else replace(recipient, status=status) for recipient in message.recipients
    )
