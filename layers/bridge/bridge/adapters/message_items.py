"""The items of MessagesTable: their keys, and their form as records. See `bridge.adapters.messages_table`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bridge.adapters.aws import to_item
from bridge.domain.messages import Message, Once, Owner, Recipient, Status, TrackedReport

MESSAGE: Final = "message"
REPORT: Final = "report#"
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


def client_key(client: str, shard: int) -> str:
    """ByClient's partition of a client's messages."""
    return f"{client}#{shard}"


def reference_key(client: str, client_reference: str | None) -> str | None:
    """ByReference's partition; None where there is no reference, which DynamoDB would not take as a key."""
    return f"{client}#{client_reference}" if client_reference else None


def report_key(report: TrackedReport) -> Any:
    """The row of what was reported of one recipient."""
    return to_item({"pk": message_pk(report.message_id), "sk": REPORT + report.to})


def time_text(at: datetime | None) -> str:
    """A time as the rows hold it; empty where there is none."""
    return at.isoformat() if at else ""


def owner_of(item: Mapping[str, Any]) -> Owner:
    """Whose the message is, from what an index or a projection gives of it."""
    return Owner(
        message_id=item["pk"].removeprefix(message_pk("")),
        account=item["account"],
        client=item["client"],
        client_reference=item.get("client_reference"),
    )


def once_pk(once: Once) -> str:
    """The partition of an idempotency key."""
    return f"once#{once.key_hash}"


def recipient_item(recipient: Recipient) -> dict[str, object]:
    """A recipient inside its message; None is left out."""
    item = {
        "to": recipient.to,
        "status": str(recipient.status),
        "gateway_message_id": recipient.gateway_message_id,
        "billed_segments": recipient.billed_segments,
        "client_reference": recipient.client_reference,
    }
    return {name: value for name, value in item.items() if value is not None}


def message_of(message_id: str, item: Mapping[str, Any]) -> Message:
    """A message as it was claimed or recorded, without its reports."""
    code = item.get("gateway_code")
    return Message(
        id=message_id,
        client=item["client"],
        account=item["account"],
        client_reference=item.get("client_reference"),
        text=item["text"],
        extension=item["extension"],
        created_at=datetime.fromisoformat(item["created_at"]),
        deadline=datetime.fromisoformat(item["deadline"]),
        gateway_code=int(code) if code is not None else None,
        recipients=tuple(
            Recipient(
                to=recipient["to"],
                status=Status(recipient["status"]),
                gateway_message_id=recipient.get("gateway_message_id"),
                billed_segments=int(recipient["billed_segments"]) if "billed_segments" in recipient else None,
                client_reference=recipient.get("client_reference"),
            )
            for recipient in item["recipients"]
        ),
    )


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
