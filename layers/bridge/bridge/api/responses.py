"""What callers get: records as JSON."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, WithJsonSchema

from bridge.api.models import Model
from bridge.api.requests import RESPOND_ASYNC
from bridge.domain.messages import WAITING, Message, Recipient, Status
from bridge.domain.times import rfc3339
from bridge.services.balancing import Balance
from bridge.services.sending import Sent
from eums import DayStatistics

Time = Annotated[
    datetime, PlainSerializer(rfc3339, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]
E164 = Annotated[str, Field(description="A mainland mobile number, as E.164.", examples=["+8613812345678"])]
Count = Annotated[int, Field(ge=0)]
AccountShown = Annotated[str, Field(description="The gateway account.", examples=["default"])]
CreatedAt = Annotated[Time, Field(description="When it was made.")]
UpdatedAt = Annotated[Time, Field(description="When it was changed last.")]
NextCursor = Annotated[str | None, Field(description="Asks for the next page; null in the last.")]


class RecipientResponse(Model):
    """One recipient of a message."""

    to: E164
    status: Annotated[Status, Field(description="Of this recipient, as it is known now.")]
    gateway_message_id: Annotated[
        str | None, Field(description="The gateway's id: at most 20 digits; it may begin with 0.")
    ] = None
    billed_segments: Annotated[int | None, Field(description="Segments that the gateway charged, once it says.")] = None
    gateway_status: Annotated[str | None, Field(description="The raw status of the last report.")] = None
    error_class: Annotated[str | None, Field(description="Why it was not delivered, as the bridge reads it.")] = None
    reported_at: Annotated[Time | None, Field(description="The time of the last report, by the gateway.")] = None
    client_reference: Annotated[str | None, Field(description="Its own, where entries of a batch share a message.")] = (
        None
    )


class MessageResponse(Model):
    """A message."""

    id: Annotated[str, Field(description="A ULID.", examples=["01JDCKQ3V9T4M3W5Y8Z7N6P2QR"])]
    status: Annotated[Status, Field(description="That of the recipient that is furthest from a good end.")]
    account: Annotated[AccountShown, Field(description="The gateway account that it is sent from.")]
    client_reference: Annotated[str | None, Field(description="The application's own.", examples=["order-42"])]
    text: Annotated[str, Field(description="As it was sent, with the signature that was put in front of it.")]
    estimated_segments: Annotated[int, Field(ge=1, description="For one recipient; the gateway's count is the truth.")]
    created_at: Annotated[Time, Field(description="When the request came.")]
    recipients: Annotated[list[RecipientResponse], Field(description="Each number once, in the request's order.")]
    gateway_code: Annotated[int | None, Field(description="The gateway's code, where it refused the message.")] = None
    reason: Annotated[
        Literal["opted_out", "unreachable", "expired_in_queue", "not_processed"] | None,
        Field(description="Why the bridge did not send it, where no code of the gateway says."),
    ] = None
    send_at: Annotated[Time | None, Field(description="When it is to be sent; null for at once.")] = None
    batch_id: Annotated[str | None, Field(description="The batch that it belongs to.")] = None


class BalanceResponse(Model):
    """An account's balance."""

    account: AccountShown
    balance: Annotated[int, Field(description="Messages left, in segments.", examples=[100])]
    as_of: Annotated[Time, Field(description="When the gateway said so.")]


Submitted = Annotated[Count, Field(description="Messages that the gateway took.")]
Delivered = Annotated[Count, Field(description="Of those, messages reported as delivered.")]
Failed = Annotated[Count, Field(description="Of those, messages reported as not delivered.")]
Unknown = Annotated[Count, Field(description="Of those, messages without a report.")]


class DayResponse(Model):
    """What was sent on one day."""

    date: Annotated[date, Field(description="By the account's zone.")]
    submitted: Submitted
    delivered: Delivered
    failed: Failed
    unknown: Unknown


class TotalsResponse(Model):
    """The sums of the days."""

    submitted: Submitted
    delivered: Delivered
    failed: Failed
    unknown: Unknown


class StatisticsResponse(Model):
    """What was sent, day by day."""

    account: AccountShown
    items: Annotated[list[DayResponse], Field(description="The days, oldest first.")]
    totals: Annotated[TotalsResponse, Field(description="All items added up.")]


class HealthResponse(Model):
    """The bridge answers."""

    status: Annotated[Literal["ok"], Field(description="The API answers.")]


class FieldProblemResponse(Model):
    """One thing that is wrong with a request."""

    field: Annotated[str, Field(description="Where, by name and index.", examples=["to[0]"])]
    message: Annotated[str, Field(description="What is wrong, for people.")]
    gateway_code: Annotated[
        int | None, Field(description="The code by which the gateway would refuse it, where it has one.")
    ] = None


class ProblemResponse(Model):
    """Problem details (RFC 9457)."""

    type: Annotated[
        str,
        Field(
            description="What kind of problem it is: the one member to decide by.",
            examples=["urn:eums-bridge:problem:invalid-request"],
        ),
    ]
    title: Annotated[str, Field(description="The kind, for people.")]
    status: Annotated[int, Field(ge=400, le=599, description="The HTTP status.")]
    detail: Annotated[str, Field(description="What is wrong here and what to do, for people.")]
    request_id: Annotated[str | None, Field(description="Names this request in the logs.")] = None
    errors: Annotated[list[FieldProblemResponse] | None, Field(description="Every problem of the request.")] = None
    gateway_code: Annotated[
        int | None,
        Field(description="The gateway's response code, where it spoke; else the first of those in `errors`."),
    ] = None
    message_id: Annotated[str | None, Field(description="The message that it is about; nothing was sent.")] = None
    reason: Annotated[Literal["opted_out"] | None, Field(description="Why the bridge did not send it.")] = None


def message_response(message: Message) -> MessageResponse:
    """A message as the API shows it."""
    return MessageResponse(
        id=message.id,
        status=message.status,
        account=message.account,
        client_reference=message.client_reference,
        text=message.text,
        estimated_segments=message.estimated_segments,
        created_at=message.created_at,
        recipients=[_recipient(recipient) for recipient in message.recipients],
        gateway_code=message.gateway_code,
        reason=message.reason.value if message.reason else None,
        send_at=message.send_at,
        batch_id=message.batch_id,
    )


def sent_headers(sent: Sent) -> dict[str, str]:
    """Where the message is, and whether it is an earlier request's."""
    headers = {"Location": f"messages/{sent.message.id}"}
    if sent.message.queued and sent.message.send_at is None:
        headers["Preference-Applied"] = RESPOND_ASYNC  # RFC 7240, 3
    return {**headers, "Idempotent-Replayed": "true"} if sent.replayed else headers


def balance_response(balance: Balance) -> BalanceResponse:
    """A balance as the API shows it."""
    return BalanceResponse(account=balance.account, balance=balance.balance, as_of=balance.as_of)


def statistics_response(account: str, days: tuple[DayStatistics, ...]) -> StatisticsResponse:
    """Statistics as the API shows them, in our words for the gateway's."""
    items = [
        DayResponse(date=day.date, submitted=day.submit, delivered=day.delivrd, failed=day.undeliv, unknown=day.unknown)
        for day in days
    ]
    return StatisticsResponse(
        account=account,
        items=items,
        totals=TotalsResponse(
            submitted=sum(item.submitted for item in items),
            delivered=sum(item.delivered for item in items),
            failed=sum(item.failed for item in items),
            unknown=sum(item.unknown for item in items),
        ),
    )


def _recipient(recipient: Recipient) -> RecipientResponse:
    return RecipientResponse(
        to=recipient.to,
        status=recipient.status,
        gateway_message_id=recipient.gateway_message_id,
        billed_segments=recipient.billed_segments,
        gateway_status=recipient.gateway_status,
        error_class=recipient.error_class,
        reported_at=recipient.reported_at,
        client_reference=recipient.client_reference,
    )


def http_status(message: Message) -> int:
    """201 for a message that the gateway took (or part of it), 202 for one that waits, or is not known to be taken."""
    return 202 if message.status in {Status.UNKNOWN, *WAITING} else 201
