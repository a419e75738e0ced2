"""What callers say of webhook endpoints, and get."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from bridge.api.models import Model
from bridge.api.requests import Moment
from bridge.api.responses import AccountShown, CreatedAt, NextCursor, Time, UpdatedAt
from bridge.domain.errors import FieldProblem, InvalidRequest
from bridge.domain.ids import is_ulid
from bridge.domain.webhooks import Answer, Delivery, DeliveryStatus, DisabledReason, Endpoint, EndpointStatus
from bridge.services.subscribing import Changes

MAX_PAGE: Final = 100
LARGEST: Final = 64 * 1024
"""Bytes of a body: an endpoint has 20,000, however they are written."""

Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    Field(
        description="https, port 443 or one from 1024 on, and reachable from the internet: its name must have public "
        "addresses only, each time that something is delivered.",
        examples=["https://shop.example.com/sms-events"],
    ),
]
EventTypes = Annotated[
    list[Annotated[str, StringConstraints(max_length=64)]],
    Field(
        min_length=1,
        max_length=50,
        description="Types of events, or the beginning of some and `.*`.",
        examples=[["sms.message.*", "sms.inbound.received"]],
    ),
]
AccountNames = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]],
    Field(max_length=50, description="Only events of these gateway accounts; none named, of all that the key may use."),
]
Description = Annotated[str, StringConstraints(max_length=256), Field(description="For people.")]


class EndpointRequest(Model):
    """The body of `POST /webhook-endpoints`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Url
    event_types: EventTypes
    accounts: AccountNames = []
    description: Description | None = None

    def wanted(self) -> dict[str, Any]:
        """As the service takes it."""
        return {
            "url": self.url,
            "event_types": tuple(self.event_types),
            "accounts": tuple(self.accounts),
            "description": self.description,
        }


class EndpointChanges(Model):
    """The body of `PATCH /webhook-endpoints/{id}`: what is absent, or null, stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Url | None = None
    event_types: EventTypes | None = None
    accounts: AccountNames | None = None
    description: Description | None = None
    enabled: Annotated[
        bool | None, Field(description="false: deliver nothing. true: deliver again, after it was disabled.")
    ] = None

    def changes(self) -> Changes:
        """As the service takes it."""
        return Changes(
            url=self.url,
            event_types=None if self.event_types is None else tuple(self.event_types),
            accounts=None if self.accounts is None else tuple(self.accounts),
            description=self.description,
            enabled=self.enabled,
        )


class DeliveriesQuery(Model):
    """The query of `GET /webhook-endpoints/{id}/deliveries`."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[
        Literal["pending", "delivered", "failed"] | None,
        Field(description="Only those with this status.", examples=["failed"]),
    ] = None
    cursor: Annotated[
        str | None,
        Field(
            max_length=64,
            description="`next_cursor` of the page before; absent for the first.",
            examples=["01JDCKQ3V9T4M3W5Y8Z7N6P2QR"],
        ),
    ] = None
    limit: Annotated[
        int, Field(ge=1, le=MAX_PAGE, description="Deliveries in the page, 50 if absent.", examples=[50])
    ] = 50

    def wanted(self) -> dict[str, Any]:
        """As the service takes it: one more than the page has, to see whether it ends. Raises InvalidRequest."""
        status = DeliveryStatus(self.status) if self.status else None
        return {"status": status, "before": _place(self.cursor), "limit": self.limit + 1}


class ReplayRequest(Model):
    """The body of `POST /webhook-endpoints/{id}/replay`: what failed, or the events of a time, or both."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    failed: Annotated[bool, Field(description="Only what failed.")] = False
    since: Annotated[Moment | None, Field(alias="from", description="Events of this time, or later.")] = None
    until: Annotated[Moment | None, Field(alias="to", description="Events of before this time.")] = None
    cursor: Annotated[str | None, Field(max_length=64, description="`next_cursor` of the answer before.")] = None

    def wanted(self) -> dict[str, Any]:
        """As the service takes it. Raises InvalidRequest."""
        if not self.failed and (self.since is None or self.until is None):
            raise InvalidRequest((FieldProblem("body", "must have `failed`: true, or `from` and `to`"),))
        return {"failed": self.failed, "since": self.since, "until": self.until, "before": _place(self.cursor)}


class EndpointResponse(Model):
    """A webhook endpoint."""

    id: Annotated[str, Field(description="A ULID.", examples=["01JDCKQ3V9T4M3W5Y8Z7N6P2QR"])]
    url: Annotated[str, Field(description="Where events are posted to.")]
    event_types: Annotated[list[str], Field(description="Types of events, or the beginning of some and `.*`.")]
    accounts: Annotated[list[str], Field(description="Empty: all that its client may use.")]
    description: Annotated[str | None, Field(description="For people.")]
    status: Annotated[EndpointStatus, Field(description="`disabled`: nothing is delivered.")]
    disabled_reason: Annotated[
        DisabledReason | None,
        Field(description="`gone`: it answered 410. `failing`: for five days. `requested`: by its client."),
    ]
    disabled_at: Annotated[Time | None, Field(description="Since when nothing is delivered.")]
    failing_since: Annotated[Time | None, Field(description="Since when every attempt fails.")]
    previous_secret_until: Annotated[
        Time | None, Field(description="Until then the secret before the last rotation signs, too.")
    ]
    created_at: CreatedAt
    updated_at: UpdatedAt


class EndpointWithSecretResponse(EndpointResponse):
    """A webhook endpoint, and what its deliveries are signed with: the only answers that have it."""

    secret: Annotated[
        str,
        Field(
            repr=False,
            description="For any library of Standard Webhooks. Keep it: nobody shows it again.",
            examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="],
        ),
    ]


class EndpointsResponse(Model):
    """All webhook endpoints of a client."""

    items: Annotated[list[EndpointResponse], Field(description="The endpoints.")]
    # Not `None` as its type: some generators of clients have nothing for a field that is always null.
    next_cursor: Annotated[str | None, Field(description="Always null: there is no next page.")] = None


class WebhookTestResponse(Model):
    """How an endpoint answered a test event."""

    delivered: Annotated[bool, Field(description="Whether it answered 2xx.")]
    http_status: Annotated[int | None, Field(description="null where it did not answer.")]
    error: Annotated[str | None, Field(description="What was wrong, where it did not answer.", examples=["timeout"])]


class DeliveryResponse(Model):
    """An event, and what became of its delivery to an endpoint."""

    id: Annotated[str, Field(description="A ULID.", examples=["01JDCKQ3V9T4M3W5Y8Z7N6P2QR"])]
    event_id: Annotated[str, Field(description="The event's `id`, and the header `webhook-id`.")]
    event_type: Annotated[str, Field(description="The event's `type`.")]
    account: AccountShown
    status: Annotated[DeliveryStatus, Field(description="What became of it.")]
    attempts: Annotated[int, Field(ge=0, description="Since it began, or was replayed last.")]
    http_status: Annotated[int | None, Field(description="Of the last attempt; null where it was not answered.")]
    error: Annotated[str | None, Field(description="What was wrong with the last attempt, if it was not answered.")]
    created_at: CreatedAt
    attempted_at: Annotated[Time | None, Field(description="When the last attempt began.")]
    next_attempt_at: Annotated[Time | None, Field(description="When the next attempt is due.")]


class DeliveriesResponse(Model):
    """A page of deliveries, the newest event first."""

    items: Annotated[list[DeliveryResponse], Field(description="The deliveries, the newest event first.")]
    next_cursor: NextCursor


class ReplayedResponse(Model):
    """What is on its way again."""

    replayed: Annotated[int, Field(description="Deliveries that begin anew.")]
    next_cursor: Annotated[str | None, Field(description="Ask for the rest with it; null where there is none.")]


def endpoint_response(endpoint: Endpoint) -> EndpointResponse:
    """An endpoint as the API shows it."""
    return EndpointResponse(**_shown(endpoint))


def endpoints_response(endpoints: Sequence[Endpoint]) -> EndpointsResponse:
    """All endpoints as the API shows them."""
    return EndpointsResponse(items=[endpoint_response(endpoint) for endpoint in endpoints])


def with_secret(endpoint: Endpoint) -> EndpointWithSecretResponse:
    """An endpoint with the secret that was made just now."""
    return EndpointWithSecretResponse(**_shown(endpoint), secret=endpoint.secrets.current)


def test_response(answer: Answer) -> WebhookTestResponse:
    """How a test ended."""
    return WebhookTestResponse(delivered=answer.taken, http_status=answer.status, error=answer.error)


def deliveries_response(found: Sequence[Delivery], limit: int) -> DeliveriesResponse:
    """A page of at most so many; `found` may have one more."""
    shown = found[:limit]
    return DeliveriesResponse(
        items=[
            DeliveryResponse(
                id=delivery.id,
                event_id=delivery.event_id,
                event_type=delivery.event_type,
                account=delivery.account,
                status=delivery.status,
                attempts=delivery.attempts,
                http_status=delivery.http_status,
                error=delivery.error,
                created_at=delivery.created_at,
                attempted_at=delivery.attempted_at,
                next_attempt_at=delivery.next_at,
            )
            for delivery in shown
        ],
        next_cursor=shown[-1].id if len(found) > limit else None,
    )


def replayed_response(replayed: int, next_cursor: str | None) -> ReplayedResponse:
    """What is on its way again."""
    return ReplayedResponse(replayed=replayed, next_cursor=next_cursor)


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "event_types": list(endpoint.event_types),
        "accounts": list(endpoint.accounts),
        "description": endpoint.description,
        "status": endpoint.status,
        "disabled_reason": endpoint.reason,
        "disabled_at": endpoint.disabled_at,
        "failing_since": endpoint.health.failing_since,
        "previous_secret_until": endpoint.secrets.previous_until,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def _place(cursor: str | None) -> str | None:
    if cursor is not None and not is_ulid(cursor):
        raise InvalidRequest((FieldProblem("cursor", "must be the next_cursor of an earlier answer"),))
    return cursor
