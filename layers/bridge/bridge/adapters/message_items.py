"""The items of MessagesTable: their keys, and their form as records. See `bridge.adapters.messages_table`."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bridge.adapters.aws import to_item
from bridge.domain.ids import moved_to
from bridge.domain.messages import (
    Category,
    Message,
    OnAmbiguous,
    Once,
    Owner,
    Recipient,
    Rejection,
    Status,
    TrackedReport,
)
from bridge.domain.submits import is_waiting, state_of
from bridge.domain.twilio import send_of
from bridge.domain.walks import Entry, shard_of

MESSAGE: Final = "message"
REPORT: Final = "report#"
UNCHANGING: Final = frozenset(
    {
        *("pk", "sk", "client", "client_key", "client_reference", "client_references", "reference_key"),
        *("created", "created_at", "extension", "category", "on_ambiguous", "queued", "send_at"),
        *("batch_id", "batch_key", "twilio"),
    }
)
"""The attributes of a message that no step of its submit changes."""

NUMBER: Final = "to#"  # sorts behind the reports, so that reading a message stops before them
ONCE: Final = "once"


def message_pk(message_id: str) -> str:
    """The partition of a message: itself, its numbers and its reports."""
    return f"message#{message_id}"


def number_key(account: str, number: str) -> str:
    """ByNumber's partition."""
    return f"{account}#{number}"


def hour_key(time: datetime, shard: int) -> str:
    """ByHour's partition of a time."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H}#{shard}"


def report_key(report: TrackedReport) -> Any:
    """The row of what was reported of one recipient."""
    return to_item({"pk": message_pk(report.message_id), "sk": REPORT + report.to})


def time_text(at: datetime | None) -> str:
    """A time as the rows hold it; empty where there is none."""
    return at.isoformat() if at else ""


def due_key(time: datetime) -> str:
    """ByHour's partition of what waits for a minute, or since."""
    return f"due#{time.astimezone(UTC):%Y-%m-%dT%H:%M}"


def batch_key(message_id: str, batch_id: str) -> str:
    """ByBatch's partition of a message and of its reports."""
    return f"{batch_id}#{shard_of(message_id)}"


def client_key(client: str, shard: int) -> str:
    """ByClient's partition."""
    return f"{client}#{shard}"


def reference_key(client: str, client_reference: str | None) -> str | None:
    """ByReference's partition; None where there is no reference, which DynamoDB would not take as a key."""
    return f"{client}#{client_reference}" if client_reference else None


def made_of(message: Message) -> str:
    """What ByNumber and ByHour sort by: the message's id, or one made of it that sorts by when it was claimed."""
    return moved_to(message.claimed_at, message.id) if message.claimed_at else message.id


def entry_of(item: Mapping[str, Any]) -> Entry:
    """What ByHour has of a message or of a batch."""
    kind, _, whose = item["pk"].partition("#")
    return Entry(key=item["made"], kind=kind, id=whose)


def expires_at(time: datetime, retention: timedelta) -> int:
    """TTL: seconds since 1970."""
    return int((time + retention).timestamp())


def _expires_at(message: Message, retention: timedelta) -> int:
    # Of one that was never begun, from its time on: a scheduled one outlasts that, whatever became of it.
    return expires_at(message.claimed_at or message.due_at, retention)


def message_item(message: Message, retention: timedelta) -> dict[str, object]:
    """The whole item of a message, as it is recorded; what is None is not there."""
    waits = is_waiting(message)
    shard = shard_of(message.id)
    sole = message.recipients[0] if len(message.recipients) == 1 else None
    if not waits:
        hour = hour_key(message.submitted_at, shard)
    elif message.batch_id:
        hour = None  # its batch is due, and walks through its messages
    else:
        hour = due_key(message.due_at)
    return {
        "pk": message_pk(message.id),
        "sk": MESSAGE,
        "state": str(state_of(message)),
        "claim": message.claim or None,
        "client": message.client,
        "account": message.account,
        "client_reference": message.client_reference,
        "text": message.text,
        "extension": message.extension,
        "created_at": message.created_at.isoformat(),
        "deadline": message.deadline.isoformat(),
        "recipients": [recipient_item(recipient) for recipient in message.recipients],
        "gateway_code": message.gateway_code,
        "tries": message.tries,
        **_seldom(message),
        "expires_at": _expires_at(message, retention),
        "made": made_of(message),
        "hour": hour,
        # Of several numbers, and of several references, each has an item of its own: see `rows`.
        "number_key": number_key(message.account, sole.to) if sole else None,
        "reference_key": reference_key(message.client, message.client_reference),
        "client_key": client_key(message.client, shard),
        "created": message.id,
    }


def _seldom(message: Message) -> dict[str, object]:
    """What most messages do not have: it costs bytes only where it says something."""
    tally = Counter(str(recipient.status) for recipient in message.recipients) if message.batch_id else None
    references = {
        recipient.to: recipient.client_reference for recipient in message.recipients if recipient.client_reference
    }
    return {
        "reason": message.reason and str(message.reason),
        "signature": message.signature or None,
        "category": str(message.category) if message.category is not Category.MARKETING else None,
        "on_ambiguous": str(message.on_ambiguous) if message.on_ambiguous is not OnAmbiguous.UNKNOWN else None,
        "claimed_at": message.claimed_at.isoformat() if message.claimed_at else None,
        "queued": True if message.queued else None,
        "doubtful": True if message.doubtful else None,
        "send_at": message.send_at.isoformat() if message.send_at else None,
        "fallback_accounts": list(message.fallback_accounts) or None,
        "routed_from": list(message.routed_from) if message.routed_from else None,
        "client_references": references or None,
        "batch_id": message.batch_id,
        "batch_key": batch_key(message.id, message.batch_id) if message.batch_id else None,
        "tally": dict(tally) if tally else None,
        "twilio": message.twilio.record() if message.twilio else None,
    }


def rows(message: Message, retention: timedelta) -> list[dict[str, object]]:
    """Of a message to several numbers, what each of them is found by."""
    return [
        {
            "pk": message_pk(message.id),
            "sk": NUMBER + recipient.to,
            "number_key": number_key(message.account, recipient.to),
            "made": made_of(message),
            "reference_key": reference_key(message.client, recipient.client_reference),
            "created": message.id if recipient.client_reference else None,
            "expires_at": _expires_at(message, retention),
        }
        for recipient in message.recipients
    ]


def owner_of(item: Mapping[str, Any]) -> Owner:
    """Whose the message is, from what a projection gives of it."""
    message_id = item["pk"].removeprefix(message_pk(""))
    claimed_at = item.get("claimed_at")
    return Owner(
        message_id=message_id,
        account=item["account"],
        client=item["client"],
        client_reference=item.get("client_reference"),
        submitted_at=datetime.fromisoformat(claimed_at or item["created_at"]),
        batch_id=item.get("batch_id"),
        references=item.get("client_references", {}),
        calls_back="url" in item.get("twilio", {}),
    )


def once_pk(once: Once) -> str:
    """The partition of an idempotency key."""
    return f"once#{once.key_hash}"


def recipient_item(recipient: Recipient) -> dict[str, object]:
    """A recipient inside its message; None is left out. Its reference stands beside, where events look for it."""
    item = {
        "to": recipient.to,
        "status": str(recipient.status),
        "gateway_message_id": recipient.gateway_message_id,
        "billed_segments": recipient.billed_segments,
        "error_class": recipient.error_class and str(recipient.error_class),
    }
    return {name: value for name, value in item.items() if value is not None}


def message_of(item: Mapping[str, Any]) -> Message:
    """A message as it was written last, without its reports."""
    references = item.get("client_references", {})
    account, text = item.get("routed_from", (None, None))
    return Message(
        id=item["pk"].removeprefix(message_pk("")),
        client=item["client"],
        account=item["account"],
        client_reference=item.get("client_reference"),
        text=item["text"],
        extension=item["extension"],
        created_at=datetime.fromisoformat(item["created_at"]),
        deadline=datetime.fromisoformat(item["deadline"]),
        gateway_code=_whole(item.get("gateway_code")),
        reason=Rejection(item["reason"]) if "reason" in item else None,
        signature=item.get("signature", ""),
        category=Category(item.get("category", Category.MARKETING)),
        on_ambiguous=OnAmbiguous(item.get("on_ambiguous", OnAmbiguous.UNKNOWN)),
        claim=item.get("claim", ""),
        claimed_at=_time(item.get("claimed_at")),
        queued=item.get("queued", False),
        send_at=_time(item.get("send_at")),
        batch_id=item.get("batch_id"),
        tries=int(item["tries"]),
        doubtful=item.get("doubtful", False),
        fallback_accounts=tuple(item.get("fallback_accounts", ())),
        routed_from=(account, text) if account is not None else None,
        twilio=send_of(item.get("twilio")),
        recipients=tuple(
            Recipient(
                to=recipient["to"],
                status=Status(recipient["status"]),
                gateway_message_id=recipient.get("gateway_message_id"),
                billed_segments=_whole(recipient.get("billed_segments")),
                error_class=recipient.get("error_class"),
                client_reference=references.get(recipient["to"]),
            )
            for recipient in item["recipients"]
        ),
    )


def _whole(number: object) -> int | None:
    return None if number is None else int(str(number))  # a Decimal


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def report_of(message: Message, item: Mapping[str, Any]) -> TrackedReport:
    """What a report row says of its recipient."""
    return TrackedReport(
        event_id=item["event_id"],
        account=message.account,
        message_id=message.id,
        to=item["to"],
        status=Status(item["status"]),
        final=item["final"],
        gateway_message_id=item.get("gateway_message_id"),
        gateway_status=item.get("gateway_status"),
        error_class=item.get("error_class"),
        reported_at=datetime.fromisoformat(item["reported_at"]) if item["reported_at"] else None,
    )
