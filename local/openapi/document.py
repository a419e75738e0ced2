"""The whole document, of the resources' parts."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

from bridge.api.responses import ProblemResponse
from local.openapi import account, batches, hooks, messages, opt_outs, service, webhooks

if TYPE_CHECKING:
    from pydantic import BaseModel

PATH: Final = Path(__file__).parent.parent.parent / "layers/bridge/bridge/api/openapi.json"

VERSION: Final = "0.1.0"

_DESCRIPTION: Final = """A legacy SMS gateway (EUMS V2.1) as a JSON API. Delivery reports and inbound messages come as
CloudEvents in SQS queues, not through this API.

Errors are problem details (RFC 9457, `application/problem+json`); where the gateway spoke, `gateway_code` is its code.
Times are RFC 3339 with an offset. Numbers are E.164 in every response; a request may also say `13812345678`,
`8613812345678` or `008613812345678`."""


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
            **messages.paths(),
            **batches.paths(),
            **opt_outs.paths(),
            **hooks.paths(),
            **webhooks.paths(),
            **account.paths(),
            **service.paths(),
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


def _schemas() -> dict[str, Any]:
    requests: tuple[type[BaseModel], ...] = (
        *messages.REQUESTS,
        *batches.REQUESTS,
        *opt_outs.REQUESTS,
        *hooks.REQUESTS,
        *webhooks.REQUESTS,
    )
    answers: tuple[type[BaseModel], ...] = (
        *messages.ANSWERS,
        *batches.ANSWERS,
        *opt_outs.ANSWERS,
        *hooks.ANSWERS,
        *webhooks.ANSWERS,
        *account.ANSWERS,
        *service.ANSWERS,
        ProblemResponse,
    )
    _, schema = models_json_schema(
        [(model, "validation") for model in requests] + [(model, "serialization") for model in answers],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = schema["$defs"]
    return schemas


def rendered() -> str:
    """The document as the file holds it."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
