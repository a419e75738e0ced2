"""Sending: claim → submit → record. An ambiguous outcome is `unknown` and is never retried."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bridge.domain.clients import Caller
from bridge.domain.errors import (
    FieldProblem,
    GatewayRefused,
    GatewayUnreachable,
    InvalidRequest,
    StillInFlight,
)
from bridge.domain.events import outcome_unknown
from bridge.domain.ids import stable_id
from bridge.domain.messages import Message, Once, Recipient, Standing, Status
from bridge.domain.numbers import e164
from bridge.ports import Accounts, Clock, Counters, Gateway, Messages, NewId, Topic
from bridge.services.checking import check
from bridge.services.choosing import choose
from eums import Accepted, Ambiguous, NotSent, Refused, Submit

# Longer than any function that submits may run: past it, nobody is going to record the outcome any more.
SUBMIT_DEADLINE: Final = timedelta(seconds=60)

IDEMPOTENCY_KEY: Final = "Idempotency-Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a caller asks to be sent.

    Attributes:
        to: mainland mobile numbers in any form that `bridge.domain.numbers` knows, none twice.
        account: our name of the gateway account; None for the client's default.
    """

    to: tuple[str, ...]
    text: str
    extension: str = ""
    client_reference: str | None = None
    account: str | None = None


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
    """Sends messages."""

    accounts: Accounts
    gateway: Gateway
    messages: Messages
    topic: Topic
    clock: Clock
    new_id: NewId
    counters: Counters

    def send(self, caller: Caller, order: Order, idempotency_key: str | None = None) -> Sent:
        """Submit a message and say how that ended: its recipients are submitted, rejected or unknown.

        With an idempotency key, a repeat within 24 h sends nothing and gets the first one's message, as it was then.
        Where the first one sent nothing (it was refused, or the gateway was unreachable), the repeat is carried out.

        Raises:
            NotAllowed: there is no such account that the client may use.
            InvalidRequest: the gateway would surely refuse it, or the key was used for another request.
            StillInFlight: the first request with this key has not ended.
            GatewayRefused, GatewayUnreachable: nothing was sent; the message is recorded as rejected.
        """
        account = choose(caller, order.account, self.accounts)
        wanted = Submit(dest=order.to, content=order.text, ext=order.extension)
        checked = check(self.gateway, account, self.accounts.policy(account), wanted)
        submit = checked.sound()
        message = self._message(caller, account, replace(order, text=submit.content))
        submit = replace(submit, reference=message.id)
        once = _once(caller, idempotency_key, order, account) if idempotency_key is not None else None
        standing = self.messages.claim(message, once)
        if once is not None and standing is not None:
            first = self._first(standing, once)
            if first is not None:
                return Sent(message=first, replayed=True)
            if self.messages.claim(message, once, instead_of=standing.message.id) is not None:
                raise StillInFlight("another request with this Idempotency-Key is being carried out")
        self._index(message)
        return Sent(message=self._submit(message, submit), replayed=False)

    def _first(self, standing: Standing, once: Once) -> Message | None:
        """The first request's message; None where it sent nothing, so that the repeat is to be carried out."""
        if standing.request_hash != once.request_hash:
            raise InvalidRequest(
                (FieldProblem(IDEMPOTENCY_KEY, "was used for another request within 24 hours; use a new one"),)
            )
        first = standing.message.answered(self.clock.now())
        if first.status is Status.SUBMITTING:
            raise StillInFlight("the first request with this Idempotency-Key has not ended")
        return None if first.status is Status.REJECTED else first

    def _message(self, caller: Caller, account: str, order: Order) -> Message:
        now = self._local_now(account)
        return Message(
            id=self.new_id(),
            client=caller.client,
            account=account,
            text=order.text,
            extension=order.extension,
            client_reference=order.client_reference,
            created_at=now,
            deadline=now + SUBMIT_DEADLINE,
            recipients=tuple(Recipient(to=e164(number), status=Status.SUBMITTING) for number in order.to),
        )

    def _local_now(self, account: str) -> datetime:
        return self.clock.now().astimezone(self.accounts.get(account).tzinfo)

    def _index(self, message: Message) -> None:
        """Before the submit, so that whatever comes back finds its message; a crash in between has sent nothing."""
        try:
            self.messages.index(message)
        except Exception:
            self.messages.record(_all(message, Status.REJECTED))  # or it would be thought to have been sent
            raise

    def _submit(self, message: Message, submit: Submit) -> Message:
        try:
            accepted = self.gateway.submit(message.account, submit)
        except Refused as exc:
            self.counters.count("SubmitsRefused", account=message.account)
            self._record(replace(_all(message, Status.REJECTED), gateway_code=exc.code.number))
            raise GatewayRefused(exc.code, message_id=message.id) from exc
        except NotSent as exc:
            self.counters.count("SubmitsNotSent", account=message.account)
            self._record(_all(message, Status.REJECTED))
            raise GatewayUnreachable(
                "the gateway could not be reached; nothing was sent, so it is safe to send again", message_id=message.id
            ) from exc
        except Ambiguous:
            self.counters.count("SubmitsUnknown", account=message.account)
            return self._unknown(message)
        self.counters.count("SubmitsAccepted", account=message.account)
        message = _accepted(message, accepted)
        self._record(message)
        return message

    def _record(self, message: Message) -> None:
        """Write down how a submit ended. What the gateway did is done, whether or not we can write it down.

        The caller is told the truth all the same: an error here would make a message that was taken look like one
        that may be sent again. What stands in the table is the claim, which counts as unknown past its deadline.
        """
        try:
            self.messages.record(message)
        except Exception:  # noqa: BLE001 - whatever the reason, see above
            self.counters.count("SubmitsUnrecorded", account=message.account)

    def _unknown(self, message: Message) -> Message:
        message = _all(message, Status.UNKNOWN)
        self._record(message)
        now = self._local_now(message.account)
        try:
            self.topic.publish([outcome_unknown(message, recipient, now) for recipient in message.recipients])
        except Exception:  # noqa: BLE001 - NotPublished, or a topic that is out of reach
            # The caller is told by the answer and the record says it too; failing now would look like "not sent".
            self.counters.count("UnknownNotPublished", account=message.account)
        return message


def _once(caller: Caller, key: str, order: Order, account: str) -> Once:
    request = (*sorted(order.to), order.text, order.extension, order.client_reference or "", account)
    return Once(key_hash=stable_id("once", caller.client, key), request_hash=stable_id(*request))


def _all(message: Message, status: Status) -> Message:
    return message.with_recipients(replace(recipient, status=status) for recipient in message.recipients)


def _accepted(message: Message, accepted: tuple[Accepted, ...]) -> Message:
    """What the gateway took. 下行协议: the answer names 仅包含有效的手机号码, so who is missing was refused."""
    by_number = {e164(item.dest_number): item for item in accepted}
    return message.with_recipients(
        replace(
            recipient,
            status=Status.SUBMITTED,
            gateway_message_id=item.message_id,
            billed_segments=item.charge_item,
        )
        if (item := by_number.get(recipient.to))
        else replace(recipient, status=Status.REJECTED)
        for recipient in message.recipients
    )
