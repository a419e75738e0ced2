"""Sending one message, and finding what became of it."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.estimates import EstimateRequest, EstimateResponse
from bridge.api.message_lists import MessagesQuery, MessagesResponse
from bridge.api.requests import SendRequest
from bridge.api.responses import MessageResponse
from bridge.api.rest import USUAL
from bridge.domain.clients import Scope
from bridge.domain.lists import Filters
from local.openapi.operations import (
    IDEMPOTENCY_KEY,
    PREFER,
    REPEATABLE,
    example,
    headers,
    json_answer,
    json_body,
    operation,
    path_parameter,
    query_parameters,
)
from local.openapi.problems import (
    CONFLICT,
    EDGE,
    GATEWAY,
    LATE,
    LIMITED,
    OPERATOR,
    REFUSED_422,
    REFUSED_SEND_422,
    Refusal,
    problems,
    too_large,
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

_NO_MESSAGE: Final = {
    "404": Refusal("There is no such message, or it is another client's.", ("no_message",)),
}

_MESSAGE_ID: Final = path_parameter(
    "id",
    "The message's `id`.",
    {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"},
    str(_MESSAGE["id"]),
)


def _with(status: str, **more: object) -> dict[str, Any]:
    """The message, and its recipient, with a status."""
    recipient = {**_MESSAGE["recipients"][0], "status": status}
    if status not in {"submitted", "delivered", "undelivered"}:
        recipient |= {"gateway_message_id": None, "billed_segments": None}
    return {**_MESSAGE, "status": status, "recipients": [recipient], **more}


_DELIVERED: Final = _with("delivered")
_DELIVERED["recipients"][0] |= {"gateway_status": "DELIVRD", "reported_at": "2026-11-23T13:09:04+08:00"}


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
        **operation(
            "send_message",
            "messages",
            "Send a message",
            "Submits one text to up to 1,000 numbers and answers how that ended for each. 202 with the status "
            "`unknown` means that the gateway did not say whether it took the message: the bridge never sends it again "
            "by itself, unless `on_ambiguous` asks for that, and a later report resolves it. Do not send it again "
            "either.\n\nWith `Prefer: respond-async` the message is queued (202, `accepted`), with `send_at` it has "
            "its time (202, `scheduled`): events tell the outcome of either.",
            Scope.SEND,
        ),
        "parameters": [IDEMPOTENCY_KEY, PREFER],
        "requestBody": json_body(
            "SendRequest",
            one=example(
                "One recipient",
                {"to": "+8613812345678", "text": "【京东】您的验证码是123456", "client_reference": "order-42"},
            ),
            many=example("Several recipients", {"to": ["13812345678", "13800001234"], "text": "【京东】您的包裹已到"}),
            later=example(
                "At a time, and asked for by its recipient",
                {
                    "to": "13812345678",
                    "text": "【京东】您预约的服务一小时后开始",
                    "send_at": "2026-11-24T09:00:00+08:00",
                    "category": "transactional",
                },
            ),
        ),
        "responses": {
            "201": {
                **json_answer(
                    "The gateway took the message, or part of it: see each recipient.",
                    "MessageResponse",
                    submitted=example("The gateway took it", _MESSAGE),
                ),
                "headers": REPEATABLE,
            },
            "202": {
                **json_answer(
                    "It waits (`accepted`, `scheduled`), or the gateway did not say whether it took it (`unknown`).",
                    "MessageResponse",
                    accepted=example("It is queued", _with("accepted")),
                    scheduled=example("It has its time", _with("scheduled", send_at="2026-11-24T09:00:00+08:00")),
                    unknown=example("Nobody knows whether the gateway took it", _with("unknown")),
                ),
                "headers": {**REPEATABLE, **headers(Preference_Applied="PreferenceApplied")},
            },
            **problems(EDGE, LIMITED, GATEWAY, REFUSED_SEND_422, CONFLICT, too_large(USUAL)),
        },
    }


def _estimate() -> dict[str, Any]:
    return {
        **operation(
            "estimate_message",
            "messages",
            "What a message would cost and be refused for",
            "Sends nothing and asks the gateway nothing. `problems` names what a send would be refused for, each with "
            "the gateway's code where it has one; an estimate with problems is still an answer.",
            Scope.SEND,
            Scope.READ,
        ),
        "requestBody": json_body(
            "EstimateRequest",
            two=example(
                "For two recipients", {"text": "您的验证码是123456", "to": ["+8613812345678", "+8613800001234"]}
            ),
        ),
        "responses": {
            "200": json_answer(
                "The estimate.",
                "EstimateResponse",
                good=example(
                    "It could be sent",
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
            ),
            **problems(EDGE, OPERATOR, LATE, REFUSED_422, too_large(USUAL)),
        },
    }


def _list() -> dict[str, Any]:
    return {
        **operation(
            "list_messages",
            "messages",
            "Messages, the newest first",
            "The client's own messages, those that all given filters admit, in the order of their `id`. Follow "
            "`next_cursor` until it is null. A page may have fewer messages than `limit`, even none, and a "
            "`next_cursor` all the same: a request looks at no more than 500 messages and about 5,000 recipients, and "
            "`status`, `account` and several filters at once may pass over many of them. Walking the pages shows each "
            "message that was there at the beginning once, whatever is sent meanwhile; a status is that of the moment "
            "when its page was read. A message is listed within about a second of its creation, and by its number, "
            "where it has several, once its submit has begun.",
            Scope.READ,
        ),
        "parameters": query_parameters(MessagesQuery),
        "responses": {
            "200": json_answer(
                "The page.",
                "MessagesResponse",
                more=example("A page that is not the last", {"items": [_DELIVERED], "next_cursor": _CURSOR}),
                last=example("The last page", {"items": [_MESSAGE], "next_cursor": None}),
            ),
            **problems(EDGE, REFUSED_422, OPERATOR, LATE),
        },
    }


def _find() -> dict[str, Any]:
    return {
        **operation(
            "get_message",
            "messages",
            "A message and the status of each recipient",
            "As it is known now; reports come as events, so that nobody has to ask again and again.",
            Scope.READ,
        ),
        "parameters": [_MESSAGE_ID],
        "responses": {
            "200": json_answer("The message.", "MessageResponse", delivered=example("It was delivered", _DELIVERED)),
            **problems(EDGE, _NO_MESSAGE),
        },
    }


def _cancel() -> dict[str, Any]:
    return {
        **operation(
            "cancel_message",
            "messages",
            "Cancel a message that is queued or scheduled",
            "Until its submit begins. Cancelling it again does nothing.",
            Scope.SEND,
        ),
        "parameters": [_MESSAGE_ID],
        "responses": {
            "200": json_answer(
                "The message, cancelled.", "MessageResponse", cancelled=example("It is cancelled", _with("cancelled"))
            ),
            **problems(EDGE, _NO_MESSAGE, {"409": Refusal("It is being sent, or was.", ("not_cancellable",))}, LATE),
        },
    }
