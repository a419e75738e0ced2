"""The events: CloudEvents 1.0, structured JSON, one for each record, with ids that a repeat does not change.

Source of the envelope: CloudEvents 1.0.2 (github.com/cloudevents/spec). The schemas of each type's `data` are
in docs/schemas/. A phone number is in `data` only, never in the envelope or in an attribute of SNS.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bridge.domain.days import Comparison
from bridge.domain.ids import stable_id
from bridge.domain.json_texts import json_value
from bridge.domain.messages import Answered, EarlyReport, Message, Owner, Recipient, Status, TrackedReport
from bridge.domain.numbers import e164
from bridge.domain.pulls import PullId
from bridge.domain.times import rfc3339
from bridge.domain.watches import Reason, Stall
from eums import classify

if TYPE_CHECKING:
    from eums import Inbound, Report

JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # made once: events come by the thousand
LARGEST: Final = 255 * 1024
CALLBACK: Final = "callback"  # the attribute of an event whose message has a status callback of its own
"""Bytes of an event with its attributes that SNS is asked to take; it takes 256 KiB."""


class EventType(StrEnum):
    """What happened."""

    SUBMITTED = "sms.message.submitted"
    REJECTED = "sms.message.rejected"
    UNKNOWN = "sms.message.unknown"
    DELIVERED = "sms.message.delivered"
    UNDELIVERED = "sms.message.undelivered"
    UPDATED = "sms.message.updated"
    INBOUND_RECEIVED = "sms.inbound.received"
    BALANCE_LOW = "sms.account.balance_low"
    SUSPENDED = "sms.account.suspended"
    PULL_LOST = "sms.pull.lost"
    PULL_QUARANTINED = "sms.pull.quarantined"
    PULL_STALLED = "sms.pull.stalled"
    DISCREPANCY = "sms.reconciliation.discrepancy"
    WEBHOOK_FAILED = "sms.webhook.failed"
    WEBHOOK_DISABLED = "sms.webhook.disabled"
    WEBHOOK_TEST = "sms.webhook.test"


REPORTED: Final = {
    "delivered": (EventType.DELIVERED, Status.DELIVERED),
    "undelivered": (EventType.UNDELIVERED, Status.UNDELIVERED),
    "pending": (EventType.UPDATED, Status.SUBMITTED),  # ACCEPTD and the like: still on its way
}
"""What the state of an `eums.Outcome` makes of an event and of its recipient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One CloudEvent.

    Attributes:
        subject: the message's id where there is one; for an inbound message `<pull id>/<ordinal>`.
        time: aware; the gateway's own time of the fact where it gave one.
        client: the client whose message it is about, for filters; None where nobody's.
        data: JSON values only.
        calls_back: whether its message has a status callback of its own (the Twilio-shaped door).
    """

    id: str
    type: EventType
    account: str
    subject: str | None
    time: datetime
    data: Mapping[str, object]
    client: str | None = None
    calls_back: bool = False

    def body(self) -> str:
        """The structured JSON form."""
        envelope: dict[str, object] = {
            "specversion": "1.0",
            "id": self.id,
            "source": f"urn:eums:{self.account}",
            "type": self.type,
            "time": rfc3339(self.time),
            "datacontenttype": "application/json",
            "data": self.data,
        }
        if self.subject is not None:
            envelope["subject"] = self.subject
        return JSON.encode(envelope)

    def attributes(self) -> dict[str, str]:
        """What subscribers filter by: at most ten, or SNS drops a raw delivery. Absent where it has no value."""
        attributes = {"event_type": str(self.type), "account": self.account}
        if self.client:
            attributes["client"] = self.client
        for name in ("status", "error_class"):
            value = self.data.get(name)
            if isinstance(value, str) and value:
                attributes[name] = value
        if isinstance(final := self.data.get("final"), bool):
            attributes["final"] = "true" if final else "false"
        if self.calls_back:
            attributes[CALLBACK] = "twilio"
        return attributes

    def fits(self) -> bool:
        """Whether SNS takes it, its attributes counted."""
        # Six bytes are the most that a character becomes in JSON; the names around the texts are a few hundred. So
        # nearly every event is known to fit without being written out for it.
        texts = sum(len(value) for value in self.data.values() if isinstance(value, str))
        if 6 * texts < LARGEST // 2:
            return True
        attributes = sum(len(name) + len(value.encode()) for name, value in self.attributes().items())
        return len(self.body().encode("utf-8", "surrogatepass")) + attributes <= LARGEST


def reported(account: str, report: "Report", owner: Owner | None, pulled_at: datetime) -> Event:
    """The event of a status report (拉取状态报告).

    Its id is a hash of (account, gateway message id, number, status, report time): a report that comes twice,
    in one pull or in two, is the same event.
    """
    outcome = classify(report.report_status)
    event_type, status = REPORTED[outcome.state]
    return Event(
        id=stable_id(
            "report", account, report.message_id, report.dest_number, report.report_status, report.report_time_raw
        ),
        type=event_type,
        account=account,
        subject=owner.message_id if owner else None,
        time=report.report_time or pulled_at,
        client=owner.client if owner else None,
        calls_back=owner is not None and owner.calls_back,
        data={
            **_whose(owner, e164(report.dest_number)),
            "account": account,
            "to": e164(report.dest_number),
            "status": status,
            "final": outcome.final,
            "error_class": outcome.error_class,
            "gateway_message_id": report.message_id,
            "gateway_status": report.report_status,
            "reported_at": rfc3339(report.report_time) if report.report_time else None,
        },
    )


def received(pull: PullId, inbound: "Inbound", answered: Answered | None, pulled_at: datetime) -> Event:
    """The event of an inbound message (拉取上行).

    An MO has no identity of its own, so its id is that of its place: (account, pull id, ordinal). Two equal
    texts stay two, and a replay of the journal gives the same ids, whatever is known by then of what it answers.
    """
    owner = answered.owner if answered else None
    return Event(
        id=stable_id("inbound", pull.account, pull.id, str(inbound.ordinal)),
        type=EventType.INBOUND_RECEIVED,
        account=pull.account,
        subject=f"{pull.id}/{inbound.ordinal}",
        time=inbound.receive_time or pulled_at,
        client=owner.client if owner else None,
        data={
            "account": pull.account,
            "from": e164(inbound.src),
            "to": inbound.dest,
            "text": inbound.text,
            "received_at": rfc3339(inbound.receive_time) if inbound.receive_time else None,
            "signature": inbound.sign or None,
            "content_base64": inbound.binary_content or None,
            "msg_fmt": inbound.msg_fmt,
            "in_reply_to": {
                "message_id": answered.owner.message_id,
                "client_reference": answered.owner.reference_of(e164(inbound.src)),
                "by": answered.by,
            }
            if answered
            else None,
        },
    )


_OUTCOMES: Final = {
    Status.SUBMITTED: EventType.SUBMITTED,
    Status.REJECTED: EventType.REJECTED,
    Status.UNKNOWN: EventType.UNKNOWN,
}


def outcomes(message: Message, now: datetime) -> list[Event]:
    """How the submit of a message ended, an event for each recipient; none for whom it has not.

    Whoever waits for the answer learns the outcome from that, so that only one is said of a message that was not
    queued: that the gateway did not answer.
    """
    return [
        _outcome(message, recipient, now)
        for recipient in message.recipients
        if recipient.status in _OUTCOMES and (message.queued or recipient.status is Status.UNKNOWN)
    ]


def _outcome(message: Message, recipient: Recipient, now: datetime) -> Event:
    event = _unreported(_OUTCOMES[recipient.status], recipient.status, message, recipient, now)
    match recipient.status:
        case Status.SUBMITTED:
            more: dict[str, object] = {"billed_segments": recipient.billed_segments}
        case Status.REJECTED:
            more = {
                "final": True,
                "error_class": recipient.error_class or message.reason,
                "gateway_code": message.gateway_code,
            }
        case _:
            return event
    return replace(event, data={**event.data, **more})


def attached(early: EarlyReport, owner: Owner) -> Event:
    """An early report again, now that its message is known.

    It is another event than the first, with an id made of the first one's: who filters by client never got that one.
    """
    envelope = json.loads(early.event)
    return Event(
        id=stable_id("attached", early.event_id),
        type=EventType(envelope["type"]),
        account=early.account,
        subject=owner.message_id,
        time=early.time,
        client=owner.client,
        calls_back=owner.calls_back,
        data={**envelope["data"], **_whose(owner, early.to)},
    )


def expired(message: Message, recipient: Recipient, now: datetime) -> Event:
    """No final report came within 72 h. Not final itself: a later report still says how it ended."""
    return _unreported(EventType.UPDATED, Status.UNKNOWN_EXPIRED, message, recipient, now)


def _unreported(event_type: EventType, status: Status, message: Message, recipient: Recipient, now: datetime) -> Event:
    owner = message.owner
    return Event(
        id=stable_id(status, message.id, recipient.to),
        type=event_type,
        account=message.account,
        subject=message.id,
        time=now,
        client=message.client,
        calls_back=owner.calls_back,
        data={
            **_whose(owner, recipient.to),
            "account": message.account,
            "to": recipient.to,
            "status": status,
            "final": False,
            "error_class": None,
            "gateway_message_id": recipient.gateway_message_id,
            "gateway_status": recipient.gateway_status,
            "reported_at": rfc3339(recipient.reported_at) if recipient.reported_at else None,
        },
    )


def _whose(owner: Owner | None, to: str) -> dict[str, object]:
    return {
        "message_id": owner.message_id if owner else None,
        "client_reference": owner.reference_of(to) if owner else None,
        "client": owner.client if owner else None,
        "batch_id": owner.batch_id if owner else None,
        "submitted_at": rfc3339(owner.submitted_at) if owner else None,
    }


def lost(pull: PullId, reason: str, now: datetime) -> Event:
    """A pull's answer did not reach us whole: the gateway hands records out once, so some may be gone.

    What may be missing is what became due before `now` and was not in an earlier pull.
    """
    return _of_pull(
        "lost",
        EventType.PULL_LOST,
        pull,
        now,
        {"begun_at": rfc3339(pull.begun_at), "noticed_at": rfc3339(now), "reason": reason},
    )


def quarantined(pull: PullId, key: str, reasons: tuple[str, ...], now: datetime) -> Event:
    """Something that a pull brought could not be read; it is kept, byte for byte, under `key`."""
    return _of_pull(
        "quarantined",
        EventType.PULL_QUARANTINED,
        pull,
        now,
        {
            "journal_key": pull.journal_key,
            "quarantine_key": key,
            "count": len(reasons),
            "reasons": sorted(set(reasons)),
        },
    )


def _of_pull(what: str, event_type: EventType, pull: PullId, now: datetime, data: Mapping[str, object]) -> Event:
    return Event(
        id=stable_id(what, pull.account, pull.id),
        type=event_type,
        account=pull.account,
        subject=pull.id,
        time=now,
        data={"account": pull.account, "kind": pull.kind, "pull_id": pull.id, **data},
    )


def balance_low(account: str, balance: int, threshold: int, hours_left: float | None, now: datetime) -> Event:
    """An account has fewer messages left than the stack's threshold, or than it uses in the hours that are wanted."""
    return Event(
        id=stable_id("balance_low", account, rfc3339(now)),
        type=EventType.BALANCE_LOW,
        account=account,
        subject=account,
        time=now,
        data={
            "account": account,
            "balance": balance,
            "threshold": threshold,
            "hours_left": hours_left,
            "as_of": rfc3339(now),
        },
    )


def suspended(account: str, now: datetime) -> Event:
    """The gateway answers 202 (账户暂停): it neither sends nor hands out anything until its operator lifts that."""
    return Event(
        id=stable_id("suspended", account, rfc3339(now)),
        type=EventType.SUSPENDED,
        account=account,
        subject=account,
        time=now,
        data={"account": account, "gateway_code": 202, "noticed_at": rfc3339(now)},
    )


def stalled(account: str, stall: Stall, now: datetime) -> Event:
    """Pulls are not completed, or bring no report of what was submitted.

    Its id is that of the last good sign: a look that is repeated says the same event.
    """
    sign = stall.since if stall.reason is Reason.MISSED_TICKS else stall.records_at
    return Event(
        id=stable_id("stalled", account, stall.kind, stall.reason, rfc3339(sign.astimezone(UTC)) if sign else ""),
        type=EventType.PULL_STALLED,
        account=account,
        subject=account,
        time=now,
        data={
            "account": account,
            "kind": stall.kind,
            "reason": stall.reason,
            "since": rfc3339(stall.since.astimezone(now.tzinfo)),
            "noticed_at": rfc3339(now),
            "message_id": stall.message_id,
        },
    )


def discrepancy(account: str, compared: Comparison, now: datetime) -> Event:
    """For a day, the gateway counts other final reports than the bridge recorded.

    Its id is made of the day, the figures and whether they are final: the same finding is the same event.
    """
    gateway, recorded = compared.gateway, compared.recorded
    figures = {
        "gateway": {
            "submitted": gateway.submit,
            "delivered": gateway.delivrd,
            "failed": gateway.undeliv,
            "unknown": gateway.unknown,
        },
        "recorded": {
            "delivered": recorded.delivered,
            "failed": recorded.failed,
            "foreign_delivered": recorded.foreign_delivered,
            "foreign_failed": recorded.foreign_failed,
        },
        "missing": {"delivered": compared.missing_delivered, "failed": compared.missing_failed},
    }
    day = gateway.date.isoformat()
    return Event(
        id=stable_id("discrepancy", account, day, json.dumps(figures, sort_keys=True), str(compared.final)),
        type=EventType.DISCREPANCY,
        account=account,
        subject=f"{account}/{day}",
        time=now,
        data={"account": account, "date": day, **figures, "final": compared.final, "as_of": rfc3339(now)},
    )


def event_type(body: str) -> EventType:
    """What kind of event a JSON form is. Raises ValueError where `body` is no event of this bridge."""
    try:
        return EventType(json_value(body)["type"])
    except (KeyError, TypeError) as exc:
        raise ValueError("not an event of this bridge") from exc


def tracked_report(body: str) -> TrackedReport | EarlyReport:
    """What a delivered, undelivered or updated event says, read back from its JSON form.

    An early report where it names no message. Raises ValueError where `body` is not such an event.
    """
    try:
        envelope = json_value(body)
        data = envelope["data"]
        if data["message_id"] is None:
            return EarlyReport(
                event_id=envelope["id"],
                account=data["account"],
                to=data["to"],
                gateway_message_id=data["gateway_message_id"],
                status=Status(data["status"]),
                time=datetime.fromisoformat(envelope["time"]),
                event=body,
            )
        reported_at, submitted_at = data["reported_at"], data.get("submitted_at")
        return TrackedReport(
            event_id=envelope["id"],
            account=data["account"],
            message_id=data["message_id"],
            to=data["to"],
            status=Status(data["status"]),
            final=data["final"],
            gateway_message_id=data["gateway_message_id"],
            gateway_status=data["gateway_status"],
            error_class=data["error_class"],
            reported_at=datetime.fromisoformat(reported_at) if reported_at else None,
            # An event of an older bridge, from a queue or the journal, has neither.
            submitted_at=datetime.fromisoformat(submitted_at) if submitted_at else None,
            batch_id=data.get("batch_id"),
        )
    except (KeyError, TypeError) as exc:
        raise ValueError("not a report event of this bridge") from exc
