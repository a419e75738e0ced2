"""Sending many messages at once."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.batches import LARGEST, BatchRequest, BatchResponse
from bridge.domain.clients import Scope
from local.openapi.operations import (
    IDEMPOTENCY_KEY,
    REPEATABLE,
    example,
    json_answer,
    json_body,
    operation,
    path_parameter,
)
from local.openapi.problems import CONFLICT, EDGE, GATEWAY, LATE, LIMITED, REFUSED_422, Refusal, problems, too_large

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
        **operation(
            "accept_batch",
            "batches",
            "Send up to 10,000 messages",
            "Checks all of them, and accepts all or none: 422 names the first 100 problems. Accepted, they are sent in "
            "their order, at most as many in a second as the account allows. Messages of equal text go out together, "
            "as recipients of one message of the batch. Events tell the outcomes, each with the `batch_id` and with "
            "the reference of its own message. A request has at most 6 MB.",
            Scope.SEND,
        ),
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": json_body(
            "BatchRequest",
            template=example(
                "One template for all",
                {
                    "template": "【京东】您的验证码是{{code}}",
                    "category": "transactional",
                    "messages": [
                        {"to": "+8613812345678", "params": {"code": "123456"}, "client_reference": "order-42"},
                        {"to": "+8613800001234", "params": {"code": "654321"}, "client_reference": "order-43"},
                    ],
                },
            ),
            texts=example(
                "A text each",
                {
                    "messages": [
                        {"to": "13812345678", "text": "【京东】您的包裹已到"},
                        {"to": "13800001234", "text": "【京东】您的包裹已发出"},
                    ]
                },
            ),
        ),
        "responses": {
            "202": {
                **json_answer(
                    "The batch is accepted.",
                    "BatchResponse",
                    accepted=example("It is accepted", {**_BATCH, "counts": {"accepted": 2}}),
                ),
                "headers": REPEATABLE,
            },
            **problems(
                EDGE,
                LIMITED,
                {name: GATEWAY[name] for name in ("502", "503")},
                LATE,
                REFUSED_422,
                CONFLICT,
                too_large(LARGEST),
            ),
        },
    }


def _batch() -> dict[str, Any]:
    return {
        **operation(
            "get_batch",
            "batches",
            "A batch, and how many of its messages have which status",
            "The counts are those of about a second ago, and add up to `total`.",
            Scope.READ,
        ),
        "parameters": [
            path_parameter(
                "id",
                "The batch's `id`.",
                {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{21}0000$"},
                str(_BATCH["id"]),
            )
        ],
        "responses": {
            "200": json_answer(
                "The batch.",
                "BatchResponse",
                finished=example(
                    "Each of its submits was begun",
                    {**_BATCH, "status": "finished", "counts": {"submitted": 1, "delivered": 1}},
                ),
            ),
            **problems(EDGE, {"404": Refusal("There is no such batch, or it is another client's.", ("no_batch",))}),
        },
    }
