"""Sending many messages at once."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.batches import BatchRequest, BatchResponse
from local.openapi.operations import (
    CONFLICT,
    EDGE,
    GATEWAY,
    IDEMPOTENCY_KEY,
    REFUSED_422,
    SENT,
    json_answer,
    problems,
    reference,
)

REQUESTS: Final[tuple[type[BaseModel], ...]] = (BatchRequest,)
ANSWERS: Final[tuple[type[BaseModel], ...]] = (BatchResponse,)

_BATCH: Final[dict[str, Any]] = {
    "id": "01JDCKQ3V9T4M3W5Y8Z7N60000",
    "status": "accepted",
    "account": "default",
    "created_at": "2026-11-23T13:09:00.120+08:00",
    "total": 2,
}


def paths() -> dict[str, Any]:
    """The operations on batches, by path."""
    return {
        "/batches": {"post": _accept()},
        "/batches/{id}": {"get": _batch()},
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
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": reference("BatchRequest"),
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
                **json_answer("The batch is accepted.", "BatchResponse", {**_BATCH, "counts": {"accepted": 2}}),
                "headers": {**SENT, "Location": {"description": "Where the batch is.", "schema": {"type": "string"}}},
            },
            **problems(EDGE, {name: GATEWAY[name] for name in ("502", "503", "504")}, REFUSED_422, CONFLICT),
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
            "200": json_answer(
                "The batch.",
                "BatchResponse",
                {**_BATCH, "status": "finished", "counts": {"submitted": 1, "delivered": 1}},
            ),
            **problems(EDGE, {"404": "There is no such batch, or it is another client's."}),
        },
    }
