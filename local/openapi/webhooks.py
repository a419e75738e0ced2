"""The endpoints that events are delivered to."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.webhook_endpoints import (
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
from local.openapi.operations import EDGE, OPERATOR, REFUSED_422, json_answer, problems, query_parameters, reference

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

_NO_ENDPOINT: Final = {"404": "There is no such endpoint, or it is another client's."}

_REQUEST_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "EndpointRequest": {name: _ENDPOINT[name] for name in ("url", "event_types")},
    "EndpointChanges": {"enabled": True},
    "ReplayRequest": {"failed": True},
}

_ANSWER_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "EndpointResponse": _ENDPOINT,
    "EndpointWithSecretResponse": {**_ENDPOINT, "secret": _SECRET},
    "EndpointsResponse": {"items": [_ENDPOINT], "next_cursor": None},
    "WebhookTestResponse": {"delivered": False, "http_status": None, "error": "timeout"},
    "DeliveriesResponse": {
        "items": [
            {
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
        ],
        "next_cursor": None,
    },
    "ReplayedResponse": {"replayed": 1, "next_cursor": None},
}


def paths() -> dict[str, Any]:
    """The operations on webhook endpoints, by path."""
    one = "/webhook-endpoints/{id}"
    return {
        "/webhook-endpoints": {
            "get": _of_webhooks("list_webhook_endpoints", "The client's webhook endpoints", "EndpointsResponse"),
            "post": {
                **_of_webhooks(
                    "create_webhook_endpoint",
                    "Deliver events to an address",
                    "EndpointWithSecretResponse",
                    status="201",
                    request="EndpointRequest",
                    description="From now on each event that is asked for is posted there as Standard Webhooks says "
                    "(standardwebhooks.com): the CloudEvent as body, `webhook-id`, `webhook-timestamp` and "
                    "`webhook-signature`. The answer alone has the `secret` that signs. Answer 2xx within 15 seconds; "
                    "anything else, a redirect too, is tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h. "
                    "An event may come more than once, under the same `webhook-id`. 410 disables the endpoint, and so "
                    "do five days without a success.",
                ),
            },
        },
        one: {
            "get": _of_webhooks("get_webhook_endpoint", "A webhook endpoint", "EndpointResponse", path=["id"]),
            "patch": _of_webhooks(
                "change_webhook_endpoint",
                "Change a webhook endpoint, or enable it again",
                "EndpointResponse",
                path=["id"],
                request="EndpointChanges",
            ),
            "delete": _of_webhooks(
                "delete_webhook_endpoint", "Deliver nothing there any more", None, path=["id"], status="204"
            ),
        },
        f"{one}/rotate-secret": {
            "post": _of_webhooks(
                "rotate_webhook_secret",
                "A new secret",
                "EndpointWithSecretResponse",
                path=["id"],
                description="The secret before it signs beside it for 24 hours.",
            )
        },
        f"{one}/test": {
            "post": _of_webhooks(
                "test_webhook_endpoint",
                "Post a test event now",
                "WebhookTestResponse",
                path=["id"],
                description="One signed event of the type `sms.webhook.test`, whatever the endpoint asked for. It is "
                "tried once and not recorded.",
            )
        },
        f"{one}/deliveries": {
            "get": {
                **_of_webhooks(
                    "list_webhook_deliveries",
                    "What was delivered there, and what was not",
                    "DeliveriesResponse",
                    path=["id"],
                    description="Of the last 30 days, in the order of the events' own time, the newest first.",
                    query=DeliveriesQuery,
                ),
            }
        },
        f"{one}/deliveries/{{delivery}}/replay": {
            "post": _of_webhooks(
                "replay_webhook_delivery",
                "Deliver an event again",
                "ReplayedResponse",
                path=["id", "delivery"],
                status="202",
            )
        },
        f"{one}/replay": {
            "post": _of_webhooks(
                "replay_webhook_deliveries",
                "Deliver again what failed, or the events of a time",
                "ReplayedResponse",
                path=["id"],
                status="202",
                request="ReplayRequest",
                description="The same events under the same `webhook-id`, up to 500 by one request: ask for the rest "
                "with `next_cursor`.",
            )
        },
    }


def _of_webhooks(  # noqa: PLR0913 - what an operation is made of
    name: str,
    summary: str,
    answer: str | None,
    *,
    status: str = "200",
    path: list[str] | None = None,
    request: str | None = None,
    description: str = "",
    query: type[BaseModel] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": name, "tags": ["webhooks"], "summary": summary}
    if description:
        operation["description"] = description
    parameters = [
        {
            "name": one,
            "in": "path",
            "required": True,
            "description": f"The {'endpoint' if one == 'id' else 'delivery'}'s `id`.",
            "schema": {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"},
            "example": _ENDPOINT["id"],
        }
        for one in path or ()
    ] + (query_parameters(query) if query else [])
    if parameters:
        operation["parameters"] = parameters
    if request:
        example = _REQUEST_EXAMPLES[request]
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": reference(request), "example": example}},
        }
    refusals = {**(_NO_ENDPOINT if path else {}), **(REFUSED_422 if request or query or "replay" in name else {})}
    operation["responses"] = {
        status: json_answer(f"{summary}.", answer, _ANSWER_EXAMPLES[answer])
        if answer
        else {"description": "It is gone."},
        **problems(EDGE, OPERATOR, refusals),
    }
    return operation
