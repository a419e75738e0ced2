"""A message (MT, outbound) and what is known of each of its recipients."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from bridge.domain.segments import estimate
from bridge.domain.twilio import TwilioSend


class Status(StrEnum):
    """A recipient's status. They move forward only: see `bridge.domain.submits` and `bridge.services.tracking`."""

    ACCEPTED = "accepted"  # queued: nothing was sent yet
    SCHEDULED = "scheduled"  # likewise, until its time
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNKNOWN_EXPIRED = "unknown_expired"  # nothing final within 72 h; a later report still supersedes it


# A message shows the status of the recipient that is furthest from a good end; a refusal counts only
# where nobody got further.
_WORST_FIRST: Final = (
    Status.SCHEDULED,
    Status.ACCEPTED,
    Status.SUBMITTING,
    Status.UNKNOWN,
    Status.SUBMITTED,
    Status.UNKNOWN_EXPIRED,
    Status.UNDELIVERED,
    Status.DELIVERED,
    Status.CANCELLED,
    Status.REJECTED,
)

WAITING: Final = frozenset({Status.ACCEPTED, Status.SCHEDULED})
"""Of a message that nobody has begun to submit."""


class Category(StrEnum):
    """What a message is for."""

    TRANSACTIONAL = "transactional"  # asked for by who gets it, a code for instance: an opt-out does not stop it
    MARKETING = "marketing"


class OnAmbiguous(StrEnum):
    """What to do where nobody knows whether the gateway took a submit."""

    UNKNOWN = "unknown"  # say so, and never send it twice
    RESEND = "resend"  # send it again: rather twice than not at all


class Rejection(StrEnum):
    """Why the bridge itself rejected a message, or a recipient of it."""

    OPTED_OUT = "opted_out"
    UNREACHABLE = "unreachable"  # nobody answered at the gateway; nothing was sent
    EXPIRED_IN_QUEUE = "expired_in_queue"  # nothing could be sent before its deadline
    NOT_PROCESSED = "not_processed"  # it failed in the bridge again and again, and is in the dead-letter queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One number of a message.

    Attributes:
        to: E.164.
        gateway_message_id: the gateway's id, a string of at most 20 digits that may begin with 0.
        billed_segments: the gateway's `charge_item`.
        gateway_status: the raw `report_status` of the last report, for instance DELIVRD.
        error_class: why it failed, by `eums.statuses`, or a `Rejection`; None where it did not.
        reported_at: the gateway's `report_time`.
        client_reference: of its own, where entries of a batch share a message.
    """

    to: str
    status: Status
    gateway_message_id: str | None = None
    billed_segments: int | None = None
    gateway_status: str | None = None
    error_class: str | None = None
    reported_at: datetime | None = None
    client_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as the bridge keeps it.

    Attributes:
        id: a ULID; the gateway knows it as `reference`.
        client: who sent it: the name of the API key's owner.
        text: as it goes out, signature included.
        deadline: when a submit that has not ended by itself counts as unknown; of one that waits, when it is given up.
        gateway_code: the response code that refused it, if one did.
        reason: why the bridge rejected it, where no code says so.
        signature: the 签名 that the bridge put in front of the text; empty where the text had its own.
        claim: whose submit it is: a new one with each claim, so that who lost it moves nothing; empty while it waits.
        claimed_at: when a queued message was claimed; None before, and for one that was submitted at once.
        queued: nobody waits for the outcome, so that events tell it.
        send_at: when it is to be sent; None for at once.
        tries: submits that were begun.
        doubtful: an earlier one of them may have been taken, so that a refusal of a later one does not settle it.
        fallback_accounts: those that are still to be tried where this one is refused.
        routed_from: the account that was tried first, and the text as it was for that one; None where it is this one.
        twilio: what it remembers of the Twilio-shaped door; None where it came in by another.
    """

    id: str
    client: str
    account: str
    text: str
    recipients: tuple[Recipient, ...]
    created_at: datetime
    deadline: datetime
    extension: str = ""
    client_reference: str | None = None
    gateway_code: int | None = None
    reason: Rejection | None = None
    signature: str = ""
    category: Category = Category.MARKETING
    on_ambiguous: OnAmbiguous = OnAmbiguous.UNKNOWN
    claim: str = ""
    claimed_at: datetime | None = None
    queued: bool = False
    send_at: datetime | None = None
    batch_id: str | None = None
    tries: int = 0
    doubtful: bool = False
    fallback_accounts: tuple[str, ...] = ()
    routed_from: tuple[str, str] | None = None
    twilio: TwilioSend | None = None

    @property
    def status(self) -> Status:
        """One status for the whole message."""
        present = {recipient.status for recipient in self.recipients}
        return next((status for status in _WORST_FIRST if status in present), Status.SUBMITTING)

    @property
    def due_at(self) -> datetime:
        """When it was, or is, to be sent."""
        return self.send_at or self.created_at

    @property
    def submitted_at(self) -> datetime:
        """When its submit began; of one that waits, when it was created."""
        return self.claimed_at or self.created_at

    @property
    def owner(self) -> "Owner":
        """What events say of it."""
        return Owner(
            message_id=self.id,
            account=self.account,
            client=self.client,
            client_reference=self.client_reference,
            submitted_at=self.submitted_at,
            batch_id=self.batch_id,
            references={each.to: each.client_reference for each in self.recipients if each.client_reference},
            calls_back=self.twilio is not None and self.twilio.callback_url is not None,
        )

    @property
    def estimated_segments(self) -> int:
        """Segments of the text, for one recipient."""
        return estimate(self.text)

    def answered(self, now: datetime) -> "Message":
        """The message as it is to be shown at `now`: a submit past its deadline has no known outcome.

        The process that submitted it died between the gateway's answer and our record of it, or never got one.
        """
        if now < self.deadline:
            return self
        return self.with_recipients(
            replace(recipient, status=Status.UNKNOWN) if recipient.status is Status.SUBMITTING else recipient
            for recipient in self.recipients
        )

    def with_recipients(self, recipients: Iterable[Recipient]) -> "Message":
        """The same message with other recipients."""
        return replace(self, recipients=tuple(recipients))

    def with_reports(self, reports: Mapping[str, "TrackedReport"]) -> "Message":
        """The message with what the reports say, by number; a report outweighs what the submit seemed to be."""
        return self.with_recipients(
            replace(
                recipient,
                status=report.status,
                gateway_message_id=report.gateway_message_id or recipient.gateway_message_id,
                gateway_status=report.gateway_status,
                error_class=report.error_class,
                reported_at=report.reported_at,
            )
            if (report := reports.get(recipient.to))
            else recipient
            for recipient in self.recipients
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedReport:
    """What one report says of one recipient of one message; or that none came for 72 h.

    Attributes:
        event_id: the id of the event that carried it; a redelivered event has the same.
        to: E.164.
        status: delivered, undelivered, submitted where the report is not final, unknown_expired where none came.
        gateway_status: the raw `report_status`; None where no report came.
        submitted_at: when the message's submit began; None in an event of an older bridge.
        batch_id: of the batch that the message belongs to.
    """

    event_id: str
    account: str
    message_id: str
    to: str
    status: Status
    final: bool
    gateway_message_id: str | None
    gateway_status: str | None
    error_class: str | None
    reported_at: datetime | None
    submitted_at: datetime | None = None
    batch_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyReport:
    """A report whose message is not known: not yet, or never, since another system may use the account.

    Attributes:
        event_id: the id of the event that carried it, in which the message is null.
        to: E.164.
        status: delivered, undelivered, or submitted where the report is not final.
        time: the gateway's `report_time`, or when it was pulled where that is none.
        event: that event, as JSON.
    """

    event_id: str
    account: str
    to: str
    gateway_message_id: str
    status: Status
    time: datetime
    event: str


class Applied(StrEnum):
    """What became of a report: statuses move forward only, and nothing is forgotten silently."""

    MOVED = "moved"
    REPEATED = "repeated"  # the same event again: SQS delivers at least once
    DUPLICATE = "duplicate"  # another report that says the same
    CONTRADICTION = "contradiction"  # a final status stood there and says otherwise; it stays
    STALE = "stale"  # not final, and something as good stood there already
    KEPT = "kept"  # its message is not known: it waits for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A request that its caller wants carried out once, however often it arrives (the header `Idempotency-Key`).

    Attributes:
        key_hash: a hash of the key and of the client whose key it is.
        request_hash: a hash of what is asked; the same key with another request is the caller's mistake.
    """

    key_hash: str
    request_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an earlier request with the same key left: its message as it was recorded, without any report."""

    message: Message
    request_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What an event says of the message that it belongs to.

    Attributes:
        submitted_at: when its submit began.
        references: the application's references by number (E.164), where entries of a batch share the message.
        calls_back: whether the message has a status callback of its own.
    """

    message_id: str
    account: str
    client: str
    client_reference: str | None
    submitted_at: datetime
    batch_id: str | None = None
    references: Mapping[str, str] = field(default_factory=dict, hash=False)
    calls_back: bool = False

    def reference_of(self, to: str) -> str | None:
        """The application's own reference for one number (E.164)."""
        return self.references.get(to, self.client_reference)


class By(StrEnum):
    """How it is known which message an inbound one answers, the surest first."""

    REFERENCE = "reference"  # the gateway named it
    EXTENSION = "extension"  # it was sent to the message's own extension
    LATEST = "latest"  # it is the last message that went to the number


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The message that an inbound one answers, and how that is known."""

    owner: Owner
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """A message to one number: what reports and replies without a reference are matched against.

    Attributes:
        status: of the submit; what was reported since is not looked at.
    """

    owner: Owner
    extension: str
    status: Status
    gateway_message_id: str | None
