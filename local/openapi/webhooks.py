"""The endpoints that events are delivered to."""

from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from bridge.api.webhook_endpoints import (
    LARGEST,
    DeliveriesQuery,
    DeliveriesResponse,
    EndpointChanges,
    EndpointRequest,
    EndpointResponse,
    EndpointsResponse,
    EndpointWithSecretResponse,
    ReplayedResponse,
    ReplayRequest,
    WebhookTestResponse,
)
from bridge.domain.clients import Scope
from local.openapi.operations import (
    example,
    headers,
    json_answer,
    json_body,
    operation,
    path_parameter,
    query_parameters,
)
from local.openapi.problems import EDGE, OPERATOR, REFUSED_422, Refusal, problems, too_large

REQUESTS: Final[tuple[type[BaseModel], ...]] = (EndpointRequest, EndpointChanges, ReplayRequest)
ANSWERS: Final[tuple[type[BaseModel], ...]] = (
    EndpointResponse,
    EndpointWithSecretResponse,
    EndpointsResponse,
    WebhookTestResponse,
    DeliveriesResponse,
    ReplayedResponse,
)

_ENDPOINT: Final[dict[str, Any]] = {
    "id": "01JDCKQ3V9T4M3W5Y8Z7N6P2QR",
    "url": "https://shop.example.com/sms-events",
    "event_types": ["sms.message.*", "sms.inbound.received"],
    "accounts": [],
    "description": None,
    "status": "enabled",
    "disabled_reason": None,
    "disabled_at": None,
    "failing_since": None,
    "previous_secret_until": None,
    "created_at": "2026-11-23T13:09:00.120+08:00",
    "updated_at": "2026-11-23T13:09:00.120+08:00",
}

_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105 - of the specification's examples

_NO_ENDPOINT: Final = {
    "404": Refusal("There is no such endpoint or delivery, or it is another client's.", ("no_endpoint",))
}

_ULID: Final = {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"}

_PATH: Final = {
    "id": path_parameter("id", "The endpoint's `id`.", _ULID, str(_ENDPOINT["id"])),
    "delivery": path_parameter("delivery", "The delivery's `id`.", _ULID, str(_ENDPOINT["id"])),
}

_REQUEST_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "EndpointRequest": {
        "messages": example("What becomes of messages", {name: _ENDPOINT[name] for name in ("url", "event_types")})
    },
    "EndpointChanges": {"enable": example("Deliver again", {"enabled": True})},
    "ReplayRequest": {
        "failed": example("What failed", {"failed": True}),
        "hour": example(
            "The events of an hour", {"from": "2026-11-23T13:00:00+08:00", "to": "2026-11-23T14:00:00+08:00"}
        ),
    },
}

_DELIVERY: Final[dict[str, Any]] = {
    "id": "01JDCKQ3V9T4M3W5Y8Z7N6P2QR",
    "event_id": "0123456789abcdef0123456789abcdef",
    "event_type": "sms.message.delivered",
    "account": "default",
    "status": "pending",
    "attempts": 1,
    "http_status": 503,
    "error": None,
    "created_at": "2026-11-23T13:09:00.120+08:00",
    "attempted_at": "2026-11-23T13:09:00.150+08:00",
    "next_attempt_at": "2026-11-23T13:09:05.150+08:00",
}

_ANSWER_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "EndpointResponse": {"enabled": example("An endpoint", _ENDPOINT)},
    "EndpointWithSecretResponse": {"enabled": example("An endpoint", {**_ENDPOINT, "secret": _SECRET})},
    "EndpointsResponse": {"one": example("One endpoint", {"items": [_ENDPOINT], "next_cursor": None})},
    "WebhookTestResponse": {
        "taken": example("It answered", {"delivered": True, "http_status": 204, "error": None}),
        "late": example("It did not", {"delivered": False, "http_status": None, "error": "timeout"}),
    },
    "DeliveriesResponse": {
        "last": example("The last page", {"items": [_DELIVERY], "next_cursor": None}),
    },
    "ReplayedResponse": {"one": example("One delivery", {"replayed": 1, "next_cursor": None})},
}


class _Call(NamedTuple):
    """An operation on webhook endpoints: what it is called, says, takes and answers."""

    name: str
    summary: str
    description: str
    answer: str | None
    status: str = "200"
    path: tuple[str, ...] = ("id",)
    request: str | None = None
    query: type[BaseModel] | None = None
    checked: bool = False  # whether there is something of the caller's to refuse


_CALLS: Final[dict[str, dict[str, _Call]]] = {
    "/webhook-endpoints": {
        "get": _Call(
            "list_webhook_endpoints",
            "The client's webhook endpoints",
            "All of them, without their secrets.",
            "EndpointsResponse",
            path=(),
        ),
        "post": _Call(
            "create_webhook_endpoint",
            "Deliver events to an address",
            "From now on each event that is asked for is posted there as Standard Webhooks says "
            "(standardwebhooks.com): the CloudEvent as body, `webhook-id`, `webhook-timestamp` and "
            "`webhook-signature`. The answer alone has the `secret` that signs. Answer 2xx within 15 seconds; "
            "anything else, a redirect too, is tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h. "
            "An event may come more than once, under the same `webhook-id`. 410 disables the endpoint, and so "
            "do five days without a success.",
            "EndpointWithSecretResponse",
            status="201",
            path=(),
            request="EndpointRequest",
            checked=True,
        ),
    },
    "/webhook-endpoints/{id}": {
        "get": _Call(
            "get_webhook_endpoint",
            "A webhook endpoint",
            "Where it is, what it asks for and how it does, without its secret.",
            "EndpointResponse",
        ),
        "patch": _Call(
            "change_webhook_endpoint",
            "Change a webhook endpoint, or enable it again",
            "What is absent, or null, stays.",
            "EndpointResponse",
            request="EndpointChanges",
            checked=True,
        ),
        "delete": _Call(
            "delete_webhook_endpoint",
            "Deliver nothing there any more",
            "What was still to be delivered there is not.",
            None,
            status="204",
        ),
    },
    "/webhook-endpoints/{id}/rotate-secret": {
        "post": _Call(
            "rotate_webhook_secret",
            "A new secret",
            "The secret before it signs beside it for 24 hours.",
            "EndpointWithSecretResponse",
        ),
    },
    "/webhook-endpoints/{id}/test": {
        "post": _Call(
            "test_webhook_endpoint",
            "Post a test event now",
            "One signed event of the type `sms.webhook.test`, whatever the endpoint asked for. It is tried once and "
            "not recorded.",
            "WebhookTestResponse",
        ),
    },
    "/webhook-endpoints/{id}/deliveries": {
        "get": _Call(
            "list_webhook_deliveries",
            "What was delivered there, and what was not",
            "Of the last 30 days, in the order of the events' own time, the newest first.",
            "DeliveriesResponse",
            query=DeliveriesQuery,
            checked=True,
        ),
    },
    "/webhook-endpoints/{id}/deliveries/{delivery}/replay": {
        "post": _Call(
            "replay_webhook_delivery",
            "Deliver an event again",
            "The same event under the same `webhook-id`, whether it was delivered before or not.",
            "ReplayedResponse",
            status="202",
            path=("id", "delivery"),
            checked=True,
        ),
    },
    "/webhook-endpoints/{id}/replay": {
        "post": _Call(
            "replay_webhook_deliveries",
            "Deliver again what failed, or the events of a time",
            "The same events under the same `webhook-id`, up to 500 by one request: ask for the rest with "
            "`next_cursor`.",
            "ReplayedResponse",
            status="202",
            request="ReplayRequest",
            checked=True,
        ),
    },
}


def paths() -> dict[str, Any]:
    """The operations on webhook endpoints, by path."""
    return {path: {verb: _operation(call) for verb, call in calls.items()} for path, calls in _CALLS.items()}


def _operation(call: _Call) -> dict[str, Any]:
    found = operation(call.name, "webhooks", call.summary, call.description, Scope.ADMIN)
    parameters = [_PATH[name] for name in call.path] + (query_parameters(call.query) if call.query else [])
    if parameters:
        found["parameters"] = parameters
    if call.request:
        found["requestBody"] = json_body(call.request, **_REQUEST_EXAMPLES[call.request])
    answer: dict[str, Any] = (
        json_answer(f"{call.summary}.", call.answer, **_ANSWER_EXAMPLES[call.answer])
        if call.answer
        else {"description": "It is gone."}
    )
    if call.status == "201":
        answer["headers"] = headers(Location="Location")
    refusals = {**(_NO_ENDPOINT if call.path else {}), **(REFUSED_422 if call.checked else {})}
    if call.request:
        refusals |= too_large(LARGEST)
    found["responses"] = {call.status: answer, **problems(EDGE, OPERATOR, refusals)}
    return found
