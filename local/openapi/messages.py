"""Sending one message, and finding what became of it."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.estimates import EstimateRequest, EstimateResponse
from bridge.api.message_lists import MessagesQuery, MessagesResponse
from bridge.api.requests import SendRequest
from bridge.api.responses import MessageResponse
from bridge.domain.lists import Filters
from local.openapi.operations import (
    CONFLICT,
    EDGE,
    GATEWAY,
    IDEMPOTENCY_KEY,
    REFUSED_422,
    SENT,
    json_answer,
    problems,
    query_parameters,
    reference,
)

REQUESTS: Final[tuple[type[BaseModel], ...]] = (SendRequest, EstimateRequest)
ANSWERS: Final[tuple[type[BaseModel], ...]] = (MessageResponse, EstimateResponse, MessagesResponse)

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


def paths() -> dict[str, Any]:
    """The operations on messages, by path."""
    return {
        "/messages": {"get": _list(), "post": _send()},
        "/messages/estimate": {"post": _estimate()},
        "/messages/{id}": {"get": _find()},
        "/messages/{id}/cancel": {"post": _cancel()},
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
        "parameters": [IDEMPOTENCY_KEY, _PREFER],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": reference("SendRequest"),
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
                **json_answer(
                    "The gateway took the message, or part of it: see each recipient.", "MessageResponse", _MESSAGE
                ),
                "headers": SENT,
            },
            "202": {
                **json_answer(
                    "It waits (`accepted`, `scheduled`), or the gateway did not say whether it took it (`unknown`).",
                    "MessageResponse",
                ),
                "headers": SENT,
            },
            **problems(EDGE, GATEWAY, REFUSED_422, CONFLICT),
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
                    "schema": reference("EstimateRequest"),
                    "example": {"text": "您的验证码是123456", "to": ["+8613812345678", "+8613800001234"]},
                }
            },
        },
        "responses": {
            "200": json_answer(
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
            **problems(EDGE, {name: GATEWAY[name] for name in ("502", "504")}, REFUSED_422),
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
        "parameters": query_parameters(MessagesQuery),
        "responses": {
            "200": json_answer("The page.", "MessagesResponse", {"items": [_MESSAGE], "next_cursor": _CURSOR}),
            **problems(EDGE, REFUSED_422, {"502": "The bridge's accounts are not configured.", "504": GATEWAY["504"]}),
        },
    }


def _find() -> dict[str, Any]:
    return {
        "operationId": "get_message",
        "tags": ["messages"],
        "summary": "A message and the status of each recipient",
        "parameters": [_MESSAGE_ID],
        "responses": {
            "200": json_answer("The message.", "MessageResponse", _MESSAGE),
            **problems(EDGE, _NO_MESSAGE),
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
            "200": json_answer("The message, cancelled.", "MessageResponse"),
            **problems(EDGE, _NO_MESSAGE, {"409": "It is being sent, or was.", "504": GATEWAY["504"]}),
        },
    }
