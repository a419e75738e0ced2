"""Sending: what callers ask for is checked, written down, and submitted now, or left to the queue or to its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge.domain.clients import Caller
from bridge.domain.errors import (
    FieldProblem,
    GatewayRefused,
    GatewayUnreachable,
    InvalidRequest,
    NotCancellable,
    NotFound,
    NotStored,
    OptedOut,
    StillInFlight,
)
from bridge.domain.ids import stable_id
from bridge.domain.messages import (
    Category,
    Message,
    OnAmbiguous,
    Once,
    Recipient,
    Rejection,
    Standing,
    Status,
)
from bridge.domain.numbers import e164
from bridge.domain.submits import as_accepted, begun, cancelled, is_waiting, past_deadline, state_of, unknown, waiting
from bridge.domain.twilio import TwilioSend
from bridge.domain.work import MessageWork
from bridge.ports import Accounts, Clock, Counters, Gateway, Messages, NewId, Schedules, SendQueue
from bridge.services.allowing import Allowing, permit, use_of
from bridge.services.checking import check
from bridge.services.choosing import route
from bridge.services.submitting import Ended, Submitting
from eums import Submit

FARTHEST: Final = timedelta(days=35)
"""How far ahead a message may be scheduled."""

IDEMPOTENCY_KEY: Final = "Idempotency-Key"

# API Gateway ends a request after 29 s: what was not sent by then is answered so, and not tried again.
_LONGEST: Final = 27.0  # seconds
# A queue knows seconds, where a schedule knows minutes; and a schedule is not made for a time that may be past by then.
_QUEUE_WAITS: Final = 900.0
_MOVES: Final = 5  # of others, that a cancellation gives way to


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a caller asks to be sent.

    Attributes:
        to: mainland mobile numbers in any form that `bridge.domain.numbers` knows, none twice.
        account: our name of the gateway account; None for the client's default, and its fallbacks.
        send_at: when; None for now.
        queued: the caller does not wait for the outcome.
        twilio: what the message is to remember of the Twilio-shaped door; None where it comes by another.
    """

    to: tuple[str, ...]
    text: str
    extension: str = ""
    client_reference: str | None = None
    account: str | None = None
    category: Category = Category.MARKETING
    on_ambiguous: OnAmbiguous = OnAmbiguous.UNKNOWN
    send_at: datetime | None = None
    queued: bool = False
    twilio: TwilioSend | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a send.

    Attributes:
        replayed: nothing was sent now; this is what an earlier request with the same key did.
    """

    message: Message
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Sends messages, and cancels those that wait."""

    accounts: Accounts
    gateway: Gateway
    messages: Messages
    submitting: Submitting
    queue: SendQueue
    schedules: Schedules
    allowing: Allowing
    clock: Clock
    new_id: NewId
    counters: Counters

    def send(self, caller: Caller, order: Order, idempotency_key: str | None = None) -> Sent:
        """Submit a message and say how that ended: its recipients are submitted, rejected or unknown.

        One that is queued, or has its time, is written down and accepted; the rest is done without the caller.

        With an idempotency key, a repeat within 24 h sends nothing and gets the first one's message, as it was then.
        Where the first one sent nothing (it was refused, or the gateway was unreachable), the repeat is carried out.

        What is carried out counts towards the client's limits, once for each time; what waits for its time does on the
        day on which it is accepted. A repeat that sends nothing is neither counted nor refused for them.

        Raises:
            NotAllowed: there is no such account or extension that the client may use, or it has more than a day's.
            RateLimited, DailyCapReached: the client has to wait; nothing was sent.
            InvalidRequest: the gateway would surely refuse it, or the key was used for another request.
            StillInFlight: the first request with this key has not ended.
            OptedOut: all of its recipients have.
            GatewayRefused, GatewayUnreachable: nothing was sent; the message is recorded as rejected.
            NotStored: nothing was sent; or, as its text then says, one that waits may be written down all the same.
        """
        until = self.clock.monotonic() + _LONGEST
        permit(caller, order.extension)
        accounts = route(caller, order.account, self.accounts)
        once = _once(caller, idempotency_key, order, accounts[0]) if idempotency_key is not None else None
        try:
            message = self._message(caller, order, accounts)
        except InvalidRequest:
            # The time of a repeated request may have come meanwhile: that is what was asked for.
            first = self._earlier(once) if once is not None and order.send_at is not None else None
            if first is None:
                raise
            return Sent(message=first, replayed=True)
        if once is not None and caller.limits.counted and (first := self._earlier(once)) is not None:
            return Sent(message=first, replayed=True)
        self.allowing.take(caller, use_of([(message.text, len(message.recipients))]))
        standing = self._add(message, once)
        if once is not None and standing is not None:
            first = self._first(standing, once)
            if first is not None:
                return Sent(message=first, replayed=True)
            if self._add(message, once, instead_of=standing.message.id) is not None:
                raise StillInFlight("another request with this Idempotency-Key is being carried out")
        if is_waiting(message):
            self._leave(message)
            return Sent(message=message, replayed=False)
        return Sent(message=self._ended(self.submitting.submit(message, until=until)), replayed=False)

    def cancel(self, caller: Caller, message_id: str) -> Message:
        """Cancel a message that nobody has begun to submit; one that is cancelled already stays so.

        Raises:
            NotFound: there is no such message of the client's.
            NotCancellable: it is being submitted, or was.
        """
        message = self.messages.recorded(message_id)
        if message is None or message.client != caller.client:
            raise NotFound("there is no such message")
        for _ in range(_MOVES):
            if state_of(message) is Status.CANCELLED:
                return message
            if not is_waiting(message) or message.doubtful:
                break
            after = cancelled(message)
            standing = self.messages.move(message, after)
            if standing is None:
                self._unschedule(after)
                return after
            message = standing
        raise NotCancellable("the message is being sent, or was: it cannot be cancelled any more")

    def _add(self, message: Message, once: Once | None, *, instead_of: str | None = None) -> Standing | None:
        try:
            standing = self.messages.add(message, once, instead_of=instead_of)
        except StillInFlight:
            raise
        except Exception as exc:
            if not self._is_there(message):
                raise NotStored(
                    "the bridge's own store did not answer; nothing was sent, so it is safe to retry"
                ) from exc
            standing = None
        return standing

    def _is_there(self, message: Message) -> bool:
        """Whether a write went through whose answer was lost: what waits would be sent, whatever its caller is told."""
        try:
            return self.messages.recorded(message.id) == message
        except Exception as exc:
            if not is_waiting(message):
                return False  # whatever is there, nothing of it is sent
            raise NotStored(
                "the bridge's own store did not answer, and may have the message all the same; "
                "repeat it with the same Idempotency-Key"
            ) from exc

    def _index(self, message: Message) -> None:
        try:
            self.messages.index(message)
        except Exception:  # noqa: BLE001 - it is found by its numbers later, when its submit does it again
            self.counters.count("MessagesNotIndexed", account=message.account)

    def _earlier(self, once: Once) -> Message | None:
        try:
            standing = self.messages.standing(once, now=self.clock.now())
        except Exception as exc:
            raise NotStored("the bridge's own store did not answer; nothing was sent, so it is safe to retry") from exc
        return self._first(standing, once) if standing is not None else None

    def _first(self, standing: Standing, once: Once) -> Message | None:
        """The first request's message; None where it sent nothing, so that the repeat is to be carried out."""
        if standing.request_hash != once.request_hash:
            raise InvalidRequest(
                (FieldProblem(IDEMPOTENCY_KEY, "was used for another request within 24 hours; use a new one"),)
            )
        first = standing.message
        if first.queued:
            if is_waiting(first):
                self._leave(first)  # whoever accepted it may have died before it did
            return as_accepted(first)
        if state_of(first) is Status.SUBMITTING:
            now = self.clock.now()
            if not past_deadline(first, now):
                raise StillInFlight("the first request with this Idempotency-Key has not ended")
            return self._abandoned(first)
        return None if state_of(first) is Status.REJECTED else first

    def _abandoned(self, message: Message) -> Message:
        """Whoever submitted it died: nobody knows what became of it."""
        after = unknown(message)
        try:
            standing = self.messages.move(message, after)
        except Exception:  # noqa: BLE001 - it is unknown all the same, and `attend` will say so
            return after
        if standing is not None:
            return standing
        self.counters.count("SubmitsUnknown", account=after.account)
        self._tell(after)
        return after

    def _message(self, caller: Caller, order: Order, accounts: Sequence[str]) -> Message:
        account, *others = accounts
        now = self.clock.now().astimezone(self.accounts.get(account).tzinfo)
        wanted = Submit(dest=order.to, content=order.text, ext=order.extension)
        checked = check(self.gateway, account, self.accounts.policy(account), wanted)
        new = Message(
            id=self.new_id(),
            client=caller.client,
            account=account,
            text=checked.sound().content,
            signature=checked.signature,
            extension=order.extension,
            client_reference=order.client_reference,
            created_at=now,
            deadline=now,
            category=order.category,
            on_ambiguous=order.on_ambiguous,
            send_at=order.send_at and self._in_time(order.send_at, now),
            fallback_accounts=tuple(others),
            twilio=order.twilio,
            recipients=tuple(Recipient(to=e164(number), status=Status.SUBMITTING) for number in order.to),
        )
        # Nobody else knows the id, so that one which is submitted at once needs no other claim.
        return waiting(new) if order.queued or order.send_at else begun(new, claim=new.id, now=now)

    def _in_time(self, send_at: datetime, now: datetime) -> datetime:
        if not now < send_at <= now + FARTHEST:
            raise InvalidRequest(
                (FieldProblem("send_at", f"must lie ahead, and at most {FARTHEST.days} days from now"),)
            )
        return send_at.astimezone(now.tzinfo)

    def _leave(self, message: Message) -> None:
        """Leave a message that is written down to the queue, or to its time.

        Where that fails it is accepted all the same, and only later: `attend` finds what is due and was not begun.
        """
        self._index(message)
        try:
            wait = (message.due_at - self.clock.now()).total_seconds()
            if wait > _QUEUE_WAITS:
                self.schedules.create(message.id, message.due_at)
            else:
                self.queue.send([MessageWork(message_id=message.id)], delay=max(wait, 0.0))
        except Exception:  # noqa: BLE001 - whatever the reason, see above
            self.counters.count("MessagesNotQueued", account=message.account)

    def _unschedule(self, message: Message) -> None:
        if message.send_at is None:
            return
        try:  # there is none where the queue had it: that is no error
            self.schedules.delete(message.id)
        except Exception:  # noqa: BLE001 - what it starts finds the message cancelled
            self.counters.count("SchedulesNotDeleted", account=message.account)

    def _ended(self, ended: Ended) -> Message:
        message = ended.message
        if ended.refusal is not None:
            raise GatewayRefused(ended.refusal, message_id=message.id)
        if message.reason is Rejection.OPTED_OUT:
            raise OptedOut(message_id=message.id)
        if message.reason is Rejection.UNREACHABLE:
            raise GatewayUnreachable(
                "the gateway could not be reached; nothing was sent, so it is safe to send again", message_id=message.id
            )
        if message.status is Status.UNKNOWN:
            self._tell(message)
        return message

    def _tell(self, message: Message) -> None:
        try:
            self.submitting.tell(message)
        except Exception:  # noqa: BLE001 - NotPublished, or a topic that is out of reach
            # The caller is told by the answer and the record says it too; failing now would look like "not sent".
            self.counters.count("UnknownNotPublished", account=message.account)


def _once(caller: Caller, key: str, order: Order, account: str) -> Once:
    request = (
        *sorted(order.to),
        order.text,
        order.extension,
        order.client_reference or "",
        account,
        order.category,
        order.on_ambiguous,
        order.send_at.isoformat() if order.send_at else "",
        *(f"{name}={value}" for name, value in (order.twilio.record() if order.twilio else {}).items()),
    )
    return Once(key_hash=stable_id("once", caller.client, key), request_hash=stable_id(*request))
