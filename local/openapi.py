"""Writes the OpenAPI document of the API from its models: `make openapi`.

The document is kept in the repository and served as a file, so that no function builds it at a cold start; a test
holds it against the models.
"""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bridge.api.batches import BatchRequest, BatchResponse
from bridge.api.estimates import EstimateRequest, EstimateResponse
from bridge.api.hook_sources import (
    NAME_PATTERN,
    DryRunRequest,
    DryRunResponse,
    HookSourceRequest,
    HookSourceResponse,
    HookSourcesQuery,
    HookSourcesResponse,
)
from bridge.api.hooks import HookResponse
from bridge.api.message_lists import MessagesQuery, MessagesResponse
from bridge.api.opt_outs import OptOutQuery, OptOutsQuery, OptOutsRequest, OptOutsResponse
from bridge.api.requests import NUMBER_SCHEMA, BalanceQuery, SendRequest, StatisticsQuery
from bridge.api.responses import (
    BalanceResponse,
    HealthResponse,
    MessageResponse,
    ProblemResponse,
    StatisticsResponse,
)
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
from bridge.domain.lists import Filters

PATH: Final = Path(__file__).parent.parent / "layers/bridge/bridge/api/openapi.json"
VERSION: Final = "0.1.0"

_DESCRIPTION: Final = """A legacy SMS gateway (EUMS V2.1) as a JSON API. Delivery reports and inbound messages come as
CloudEvents in SQS queues, not through this API.

Errors are problem details (RFC 9457, `application/problem+json`); where the gateway spoke, `gateway_code` is its code.
Times are RFC 3339 with an offset. Numbers are E.164 in every response; a request may also say `13812345678`,
`8613812345678` or `008613812345678`."""

# What API Gateway answers by itself, before a function runs. It speaks problem+json too (see the gateway responses in
# template.yaml), except on an emulator that does not apply those.
_EDGE: Final = {
    "401": "No key: send `Authorization: Bearer <key>`.",
    "403": "The key is not known, or does not cover this.",
    "429": "Too many requests; `Retry-After` says when to ask again.",
    "500": "Something is wrong with the bridge itself.",
}

_OF_THE_EDGE: Final = frozenset({"401", "403"})
_EMULATED: Final = "API Gateway's own form: of an emulated one, which does not apply the stack's gateway responses."

_GATEWAY: Final = {
    "402": "The account has no balance left (gateway code 205).",
    "502": "Bridge and gateway disagree (credentials, clock, protocol), or the gateway's answer is unreadable.",
    "503": "The gateway is not reachable or not in service; nothing was sent. `Retry-After` says when to try again.",
    "504": "The bridge did not answer in time.",
}

_OPERATOR: Final = {"502": "The account is not configured: the bridge's operator must look at it."}

_REFUSED_422: Final = {"422": "The request cannot be carried out; `errors` names every problem."}

_CONFLICT: Final = {
    "409": "The first request with this `Idempotency-Key` is still in flight; `Retry-After` says when to ask."
}

_MESSAGE: Final[dict[str, Any]] = {
    "id": "01JDCKQ3V9T4M3W5Y8Z7N6P2QR",
    "status": "submitted",
    "account": "default",
    "client_reference": "order-42",
    "text": "【京东】您的验证码是123456",
    "estimated_segments": 1,
    "created_at": "2026-11-23T13:09:00.120+08:00",
    "recipients": [
        {
            "to": "+8613812345678",
            "status": "submitted",
            "gateway_message_id": "0603015522454756885",
            "billed_segments": 1,
            "gateway_status": None,
            "error_class": None,
            "reported_at": None,
            "client_reference": None,
        }
    ],
    "gateway_code": None,
    "reason": None,
    "send_at": None,
    "batch_id": None,
}

_CURSOR: Final = Filters().cursor("shop", str(_MESSAGE["id"]))


_BATCH: Final[dict[str, Any]] = {
    "id": "01JDCKQ3V9T4M3W5Y8Z7N60000",
    "status": "accepted",
    "account": "default",
    "created_at": "2026-11-23T13:09:00.120+08:00",
    "total": 2,
}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document, as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "eums-bridge",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "./"}],  # whoever serves it puts the address in
        "security": [{"key": []}],
        "tags": [
            {"name": "messages", "description": "Sending, and what became of it."},
            {"name": "batches", "description": "Sending many messages at once."},
            {"name": "opt-outs", "description": "Numbers that want no more messages from an account."},
            {"name": "hooks", "description": "Somebody else's webhooks, made into messages."},
            {
                "name": "webhooks",
                "description": "Where events are delivered to, signed. The key needs the scope `admin`.",
            },
            {"name": "account", "description": "Balance and statistics of a gateway account."},
            {"name": "service", "description": "The bridge itself; no key needed."},
        ],
        "paths": {
            "/messages": {"get": _list(), "post": _send()},
            "/messages/estimate": {"post": _estimate()},
            "/messages/{id}": {"get": _find()},
            "/messages/{id}/cancel": {"post": _cancel()},
            "/batches": {"post": _accept()},
            "/batches/{id}": {"get": _batch()},
            "/opt-outs": {"get": _opt_outs(), "post": _opt_out()},
            "/opt-outs/{number}": {"delete": _opt_in()},
            "/hooks/{source}": {"post": _hook()},
            "/hook-sources": {"get": _hook_sources()},
            "/hook-sources/{source}": {"get": _hook_source(), "put": _put_hook_source(), "delete": _forget_source()},
            "/hook-sources/{source}/dry-run": {"post": _dry_run()},
            **_webhook_paths(),
            "/balance": {"get": _balance()},
            "/statistics": {"get": _statistics()},
            "/health": {"get": _health()},
        },
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, made by the bridge's operator.",
                }
            },
            "schemas": _schemas(),
        },
    }


def _send() -> dict[str, Any]:
    return {
        "operationId": "send_message",
        "tags": ["messages"],
        "summary": "Send a message",
        "description": "Submits one text to up to 1,000 numbers and answers how that ended for each. 202 with the "
        "status `unknown` means that the gateway did not say whether it took the message: the bridge never sends it "
        "again by itself, unless `on_ambiguous` asks for that, and a later report resolves it.\n\nWith "
        "`Prefer: respond-async` the message is queued (202, `accepted`), with `send_at` it has its time (202, "
        "`scheduled`): events tell the outcome of either.",
        "parameters": [_IDEMPOTENCY_KEY, _PREFER],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _ref("SendRequest"),
                    "examples": {
                        "one": {
                            "summary": "One recipient",
                            "value": {
                                "to": "+8613812345678",
                                "text": "【京东】您的验证码是123456",
                                "client_reference": "order-42",
                            },
                        },
                        "many": {
                            "summary": "Several recipients",
                            "value": {"to": ["13812345678", "13800001234"], "text": "【京东】您的包裹已到"},
                        },
                        "later": {
                            "summary": "At a time, and asked for by its recipient",
                            "value": {
                                "to": "13812345678",
                                "text": "【京东】您预约的服务一小时后开始",
                                "send_at": "2026-11-24T09:00:00+08:00",
                                "category": "transactional",
                            },
                        },
                    },
                }
            },
        },
        "responses": {
            "201": {
                **_json(
                    "The gateway took the message, or part of it: see each recipient.", "MessageResponse", _MESSAGE
                ),
                "headers": _SENT,
            },
            "202": {
                **_json(
                    "It waits (`accepted`, `scheduled`), or the gateway did not say whether it took it (`unknown`).",
                    "MessageResponse",
                ),
                "headers": _SENT,
            },
            **_problems(_EDGE, _GATEWAY, _REFUSED_422, _CONFLICT),
        },
    }


def _accept() -> dict[str, Any]:
    return {
        "operationId": "accept_batch",
        "tags": ["batches"],
        "summary": "Send up to 10,000 messages",
        "description": "Checks all of them, and accepts all or none: 422 names the first 100 problems. Accepted, they "
        "are sent in their order, at most as many in a second as the account allows. Messages of equal text go out "
        "together, as recipients of one message of the batch. Events tell the outcomes, each with the `batch_id` and "
        "with the reference of its own message. A request has at most 6 MB.",
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _ref("BatchRequest"),
                    "examples": {
                        "template": {
                            "summary": "One template for all",
                            "value": {
                                "template": "【京东】您的验证码是{{code}}",
                                "category": "transactional",
                                "messages": [
                                    {
                                        "to": "+8613812345678",
                                        "params": {"code": "123456"},
                                        "client_reference": "order-42",
                                    },
                                    {
                                        "to": "+8613800001234",
                                        "params": {"code": "654321"},
                                        "client_reference": "order-43",
                                    },
                                ],
                            },
                        },
                        "texts": {
                            "summary": "A text each",
                            "value": {
                                "messages": [
                                    {"to": "13812345678", "text": "【京东】您的包裹已到"},
                                    {"to": "13800001234", "text": "【京东】您的包裹已发出"},
                                ]
                            },
                        },
                    },
                }
            },
        },
        "responses": {
            "202": {
                **_json("The batch is accepted.", "BatchResponse", {**_BATCH, "counts": {"accepted": 2}}),
                "headers": {**_SENT, "Location": {"description": "Where the batch is.", "schema": {"type": "string"}}},
            },
            **_problems(_EDGE, {name: _GATEWAY[name] for name in ("502", "503", "504")}, _REFUSED_422, _CONFLICT),
        },
    }


def _batch() -> dict[str, Any]:
    return {
        "operationId": "get_batch",
        "tags": ["batches"],
        "summary": "A batch, and how many of its messages have which status",
        "description": "The counts are those of about a second ago, and add up to `total`.",
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "The batch's `id`.",
                "schema": {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{21}0000$"},
                "example": _BATCH["id"],
            }
        ],
        "responses": {
            "200": _json(
                "The batch.",
                "BatchResponse",
                {**_BATCH, "status": "finished", "counts": {"submitted": 1, "delivered": 1}},
            ),
            **_problems(_EDGE, {"404": "There is no such batch, or it is another client's."}),
        },
    }


def _estimate() -> dict[str, Any]:
    return {
        "operationId": "estimate_message",
        "tags": ["messages"],
        "summary": "What a message would cost and be refused for",
        "description": "Sends nothing and asks the gateway nothing. `problems` names what a send would be refused for, "
        "each with the gateway's code where it has one; an estimate with problems is still an answer. A key with the "
        "scope `send` or `read` may ask.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _ref("EstimateRequest"),
                    "example": {"text": "您的验证码是123456", "to": ["+8613812345678", "+8613800001234"]},
                }
            },
        },
        "responses": {
            "200": _json(
                "The estimate.",
                "EstimateResponse",
                {
                    "account": "default",
                    "text": "【京东】您的验证码是123456",
                    "length": 16,
                    "estimated_segments": 1,
                    "recipients": 2,
                    "estimated_total_segments": 2,
                    "problems": [],
                },
            ),
            **_problems(_EDGE, {name: _GATEWAY[name] for name in ("502", "504")}, _REFUSED_422),
        },
    }


def _list() -> dict[str, Any]:
    return {
        "operationId": "list_messages",
        "tags": ["messages"],
        "summary": "Messages, the newest first",
        "description": "The client's own messages, those that all given filters admit, in the order of their `id`. "
        "Follow `next_cursor` until it is null. A page may have fewer messages than `limit`, even none, and a "
        "`next_cursor` all the same: a request looks at no more than 500 messages and about 5,000 recipients, "
        "and `status`, `account` and several filters at once may pass over many of them. Walking the pages shows each "
        "message that was there at the beginning once, whatever is sent meanwhile; a status is that of the moment when "
        "its page was read. A message is listed within about a second of its creation, and by its number, where it "
        "has several, once its submit has begun.",
        "parameters": _parameters(MessagesQuery),
        "responses": {
            "200": _json("The page.", "MessagesResponse", {"items": [_MESSAGE], "next_cursor": _CURSOR}),
            **_problems(
                _EDGE, _REFUSED_422, {"502": "The bridge's accounts are not configured.", "504": _GATEWAY["504"]}
            ),
        },
    }


def _find() -> dict[str, Any]:
    return {
        "operationId": "get_message",
        "tags": ["messages"],
        "summary": "A message and the status of each recipient",
        "parameters": [_MESSAGE_ID],
        "responses": {
            "200": _json("The message.", "MessageResponse", _MESSAGE),
            **_problems(_EDGE, _NO_MESSAGE),
        },
    }


def _cancel() -> dict[str, Any]:
    return {
        "operationId": "cancel_message",
        "tags": ["messages"],
        "summary": "Cancel a message that is queued or scheduled",
        "description": "Until its submit begins. Cancelling it again does nothing.",
        "parameters": [_MESSAGE_ID],
        "responses": {
            "200": _json("The message, cancelled.", "MessageResponse"),
            **_problems(_EDGE, _NO_MESSAGE, {"409": "It is being sent, or was.", "504": _GATEWAY["504"]}),
        },
    }


_OPT_OUT: Final = {
    "number": "+8613812345678",
    "account": "default",
    "since": "2026-11-23T13:09:00+08:00",
    "source": "inbound",
    "keyword": "TD",
}


def _opt_outs() -> dict[str, Any]:
    return {
        "operationId": "list_opt_outs",
        "tags": ["opt-outs"],
        "summary": "Numbers that want no more messages",
        "description": "A number opts out of an account by answering a keyword to it and nothing else (`T`, `TD`, "
        "`R`, `N`, `退订` or `拒收`, unless the account has its own), in either case and width, whatever white space "
        "and punctuation stands around it. A later message to it is refused unless it is transactional.\n\nAn opt-out "
        "belongs to the account, whichever client sent what it answered. Pages are in an order of their own, in which "
        "an opt-out that comes or goes meanwhile moves no other.",
        "parameters": _parameters(OptOutsQuery),
        "responses": {
            "200": _json("A page of the opt-outs.", "OptOutsResponse", {"items": [_OPT_OUT], "next_cursor": None}),
            **_problems(_EDGE, _OPERATOR, _REFUSED_422),
        },
    }


def _opt_out() -> dict[str, Any]:
    return {
        "operationId": "add_opt_outs",
        "tags": ["opt-outs"],
        "summary": "Send no more to these numbers",
        "description": "Opts numbers out that asked for it elsewhere. One that is opted out already stays as it is, "
        "so that the request can be repeated.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _ref("OptOutsRequest"),
                    "examples": {
                        "one": {"summary": "One number", "value": {"numbers": "+8613812345678"}},
                        "many": {"summary": "Several numbers", "value": {"numbers": ["13812345678", "13800001234"]}},
                    },
                }
            },
        },
        "responses": {
            "200": _json(
                "The opt-out of each number, in the request's order; there is no next page.",
                "OptOutsResponse",
                {"items": [{**_OPT_OUT, "source": "api", "keyword": None}], "next_cursor": None},
            ),
            **_problems(_EDGE, _OPERATOR, _REFUSED_422),
        },
    }


def _opt_in() -> dict[str, Any]:
    return {
        "operationId": "remove_opt_out",
        "tags": ["opt-outs"],
        "summary": "Send to a number again",
        "description": "For a number whose owner asked for messages again; the key needs the scope `admin`. What the "
        "handset sent until now does not opt it out again, and what it sends from now on does.",
        "parameters": [
            {
                "name": "number",
                "in": "path",
                "required": True,
                "description": "The number, in any form that the API knows; `+` may be URL-encoded.",
                "schema": NUMBER_SCHEMA,
            },
            *_parameters(OptOutQuery),
        ],
        "responses": {
            "204": {"description": "The number is not opted out any more."},
            **_problems(_EDGE, _OPERATOR, _REFUSED_422, {"404": "The number is not opted out."}),
        },
    }


_SOURCE: Final[dict[str, Any]] = {
    "name": "source",
    "in": "path",
    "required": True,
    "description": "The source's name.",
    "schema": {"type": "string", "pattern": NAME_PATTERN},
    "example": "alerts",
}
_HOOK_SOURCE: Final[dict[str, Any]] = {
    "preset": "alertmanager",
    "auth": {"kind": "bearer", "secret": "choose-one-of-your-own"},
    "to": ["+8613812345678"],
}
_NO_SOURCE: Final = {"404": "There is no such hook source, or it is another client's."}


def _hook() -> dict[str, Any]:
    return {
        "operationId": "receive_hook",
        "tags": ["hooks"],
        "summary": "Somebody else's webhook",
        "description": "For senders that know nothing of this API. No key is asked for: the source says how its sender "
        "shows who it is, over the bytes of the body. Its mapping makes messages of the JSON, which are sent without "
        "the sender. A repeat of a call sends nothing again for 24 hours, or as long as the source says. A 401 is "
        "always the same, also where there is no such source. Exactly the same signed request, time and signature "
        "included, is refused once it was carried out; a sender that tries again signs anew.",
        "security": [],
        "parameters": [{**_SOURCE, "schema": {"type": "string"}}],
        "requestBody": {
            "required": True,
            "description": "Whatever JSON the sender posts, up to 256 KiB.",
            "content": {
                "application/json": {
                    "schema": {},
                    "example": {"to": "+8613812345678", "text": "【京东】您的包裹已到"},
                }
            },
        },
        "responses": {
            "202": _json(
                "The messages are accepted; those beyond the source's limit are left out, and counted.",
                "HookResponse",
                {"messages": ["01JDCKQ3V9T4M3W5Y8Z7N6P2QR"], "dropped": 0},
            ),
            **_problems(
                {
                    "401": "Not authentic: unsigned, wrongly signed, too old, a replay, or no such source.",
                    "403": "API Gateway itself refused the request.",
                    "404": "No source could have such a name.",
                    "413": "The body is too large.",
                    "422": "The mapping makes no message of the body; `errors` says which part of it, and why.",
                    "429": "The source's calls of this minute, or its messages of this day, are used up.",
                    "500": _EDGE["500"],
                    "502": _OPERATOR["502"],
                    "503": "The bridge's store, or what a signature is checked with, is out of reach: call again.",
                    "504": _GATEWAY["504"],
                }
            ),
        },
    }


def _hook_sources() -> dict[str, Any]:
    return {
        "operationId": "list_hook_sources",
        "tags": ["hooks"],
        "summary": "Hook sources, by name",
        "description": "The client's own. The key needs the scope `admin`, as for all that is done with sources.",
        "parameters": _parameters(HookSourcesQuery),
        "responses": {
            "200": _json("The page.", "HookSourcesResponse"),
            **_problems(_EDGE, _REFUSED_422),
        },
    }


def _put_hook_source() -> dict[str, Any]:
    return {
        "operationId": "put_hook_source",
        "tags": ["hooks"],
        "summary": "Make a hook source, or change it",
        "description": "How calls of `POST /hooks/{source}` are authenticated, and what becomes of them. A preset "
        "needs no mapping; what the mapping says goes before it. Without a secret a source keeps the one that it has.",
        "parameters": [_SOURCE],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _ref("HookSourceRequest"),
                    "examples": {
                        "alertmanager": {"summary": "Prometheus Alertmanager", "value": _HOOK_SOURCE},
                        "own": {
                            "summary": "A mapping of one's own",
                            "value": {
                                "auth": {
                                    "kind": "hmac",
                                    "secret": "choose-one-of-your-own",
                                    "header": "X-Signature",
                                    "prefix": "sha256=",
                                },
                                "mapping": {
                                    "each": "body.orders",
                                    "when": "item.state == 'shipped'",
                                    "to": "item.phone",
                                    "text": "【京东】您的包裹{{ item.parcel }}已发出",
                                    "client_reference": "item.id",
                                    "dedup": "body.id",
                                },
                                "limits": {"messages_per_call": 50},
                            },
                        },
                    },
                }
            },
        },
        "responses": {
            "200": _json("The source is changed.", "HookSourceResponse"),
            "201": _json("The source is made.", "HookSourceResponse"),
            **_problems(
                _EDGE,
                _OPERATOR,
                _REFUSED_422,
                {"404": "No source could have such a name.", "409": "The name is another client's."},
            ),
        },
    }


def _hook_source() -> dict[str, Any]:
    return {
        "operationId": "get_hook_source",
        "tags": ["hooks"],
        "summary": "A hook source, without its secret",
        "parameters": [_SOURCE],
        "responses": {"200": _json("The source.", "HookSourceResponse"), **_problems(_EDGE, _NO_SOURCE)},
    }


def _forget_source() -> dict[str, Any]:
    return {
        "operationId": "delete_hook_source",
        "tags": ["hooks"],
        "summary": "Forget a hook source",
        "description": "Its calls are refused from now on.",
        "parameters": [_SOURCE],
        "responses": {"204": {"description": "It is forgotten."}, **_problems(_EDGE, _NO_SOURCE)},
    }


def _dry_run() -> dict[str, Any]:
    return {
        "operationId": "try_hook_source",
        "tags": ["hooks"],
        "summary": "What a sample body would send",
        "description": "Sends nothing and counts nothing. 422 says why the mapping makes no message of it.",
        "parameters": [_SOURCE],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _ref("DryRunRequest"),
                    "example": {"body": {"to": "13812345678", "text": "您的包裹已到"}},
                }
            },
        },
        "responses": {
            "200": _json(
                "What would be sent.",
                "DryRunResponse",
                {
                    "messages": [
                        {
                            "to": ["+8613812345678"],
                            "text": "【京东】您的包裹已到",
                            "account": "default",
                            "client_reference": None,
                            "estimated_segments": 1,
                        }
                    ],
                    "dropped": 0,
                },
            ),
            **_problems(_EDGE, _OPERATOR, _REFUSED_422, _NO_SOURCE),
        },
    }


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


def _webhook_paths() -> dict[str, Any]:
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
    ] + (_parameters(query) if query else [])
    if parameters:
        operation["parameters"] = parameters
    if request:
        example = _WEBHOOK_REQUESTS[request]
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(request), "example": example}},
        }
    refusals = {**(_NO_ENDPOINT if path else {}), **(_REFUSED_422 if request or query or "replay" in name else {})}
    operation["responses"] = {
        status: _json(f"{summary}.", answer, _WEBHOOK_ANSWERS[answer]) if answer else {"description": "It is gone."},
        **_problems(_EDGE, _OPERATOR, refusals),
    }
    return operation


_WEBHOOK_REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "EndpointRequest": {name: _ENDPOINT[name] for name in ("url", "event_types")},
    "EndpointChanges": {"enabled": True},
    "ReplayRequest": {"failed": True},
}
_WEBHOOK_ANSWERS: Final[dict[str, dict[str, Any]]] = {
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


def _balance() -> dict[str, Any]:
    return {
        "operationId": "get_balance",
        "tags": ["account"],
        "summary": "Messages left",
        "parameters": _parameters(BalanceQuery),
        "responses": {
            "200": _json(
                "The balance.",
                "BalanceResponse",
                {"account": "default", "balance": 100, "as_of": "2026-11-23T13:09:00.120+08:00"},
            ),
            **_problems(_EDGE, _GATEWAY, _REFUSED_422),
        },
    }


def _statistics() -> dict[str, Any]:
    return {
        "operationId": "get_statistics",
        "tags": ["account"],
        "summary": "What was sent, day by day",
        "description": "The gateway answers 31 days at a time and three times a minute for an account. A longer range "
        "is split, and what was answered is kept for a while: after a 429, ask the same again when `Retry-After` says.",
        "parameters": _parameters(StatisticsQuery),
        "responses": {
            "200": _json(
                "The days, oldest first; days without traffic may be missing.",
                "StatisticsResponse",
                {
                    "account": "default",
                    "items": [{"date": "2021-02-03", "submitted": 100, "delivered": 90, "failed": 6, "unknown": 4}],
                    "totals": {"submitted": 100, "delivered": 90, "failed": 6, "unknown": 4},
                },
            ),
            **_problems(_EDGE, _GATEWAY, _REFUSED_422),
        },
    }


def _health() -> dict[str, Any]:
    return {
        "operationId": "get_health",
        "tags": ["service"],
        "summary": "Whether the API answers",
        "security": [],
        "responses": {
            "200": _json("It does.", "HealthResponse", {"status": "ok"}),
            **_problems({code: _EDGE[code] for code in ("429", "500")}),
        },
    }


_NO_MESSAGE: Final = {"404": "There is no such message, or it is another client's."}

_MESSAGE_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The message's `id`.",
    "schema": {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"},
    "example": _MESSAGE["id"],
}

_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "description": "`respond-async` queues the message and does not wait for the gateway (RFC 7240).",
    "schema": {"type": "string"},
    "example": "respond-async",
}

_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes the request safe to repeat for 24 hours: a repeat with the same content sends nothing and "
    "gets the first answer again, with `Idempotent-Replayed: true`.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
_SENT: Final = {
    "Location": {"description": "Where the message is.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` where this is the answer to an earlier request with the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: str, example: object = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _ref(schema)}
    if example is not None:
        content["example"] = example
    return {"description": description, "content": {"application/json": content}}


def _problems(*tables: dict[str, str]) -> dict[str, Any]:
    descriptions = {code: text for table in tables for code, text in table.items()}
    return {code: _problem(code, descriptions[code]) for code in sorted(descriptions)}


def _problem(code: str, description: str) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "description": description,
        "content": {"application/problem+json": {"schema": _ref("ProblemResponse")}},
    }
    if code in _OF_THE_EDGE:
        problem["content"]["application/json"] = {"schema": {"type": "object", "description": _EMULATED}}
    if code in {"409", "429", "503"}:
        problem["headers"] = _RETRY_AFTER
    return problem


def _parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = query.model_json_schema()
    parameters = []
    for name, field in schema["properties"].items():
        description = field.pop("description", "")
        field.pop("title", None)
        field.pop("default", None)
        # An absent parameter is absent; a query has no null.
        kept = next((option for option in field.get("anyOf", []) if option.get("type") != "null"), field)
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", []),
                "description": description or kept.pop("description", ""),
                "schema": kept,
            }
        )
    return parameters


def _schemas() -> dict[str, Any]:
    validated: list[type[BaseModel]] = [
        SendRequest,
        BatchRequest,
        EstimateRequest,
        OptOutsRequest,
        HookSourceRequest,
        DryRunRequest,
        EndpointRequest,
        EndpointChanges,
        ReplayRequest,
    ]
    serialized: list[type[BaseModel]] = [
        MessageResponse,
        BatchResponse,
        EstimateResponse,
        OptOutsResponse,
        HookResponse,
        HookSourceResponse,
        HookSourcesResponse,
        DryRunResponse,
        MessagesResponse,
        BalanceResponse,
        StatisticsResponse,
        HealthResponse,
        ProblemResponse,
        EndpointResponse,
        EndpointWithSecretResponse,
        EndpointsResponse,
        WebhookTestResponse,
        DeliveriesResponse,
        ReplayedResponse,
    ]
    _, schema = models_json_schema(
        [(model, "validation") for model in validated] + [(model, "serialization") for model in serialized],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = schema["$defs"]
    return schemas


def rendered() -> str:
    """The document as the file holds it."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
