"""The whole document, of the resources' parts."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.api.responses import ProblemResponse
from local.openapi import account, batches, hooks, messages, opt_outs, service, webhooks
from local.openapi.links import linked
from local.openapi.operations import HEADERS
from local.openapi.problems import problem_examples
from local.openapi.schemas import schemas_of

if TYPE_CHECKING:
    from pydantic import BaseModel

PATH: Final = Path(__file__).parent.parent.parent / "layers/bridge/bridge/api/openapi.json"

VERSION: Final = "0.1.0"

_DESCRIPTION: Final = """A legacy SMS gateway (EUMS V2.1) as a JSON API. Delivery reports and inbound messages come as
CloudEvents in SQS queues, not through this API.

Errors are problem details (RFC 9457, `application/problem+json`); where the gateway spoke, `gateway_code` is its code.
Times are RFC 3339 with an offset. Numbers are E.164 in every response; a request may also say `13812345678`,
`8613812345678` or `008613812345678`."""

_KEY: Final = """An API key, made by the bridge's operator: `Authorization: Bearer eb_…`. It belongs to a client and has
some of the scopes; each operation says which one it takes: `send` (messages, batches, opt-outs), `read` (what was sent,
balance, statistics, opt-outs), `admin` (hook sources, webhook endpoints, taking opt-outs back)."""

_SIGNATURE: Final = """AWS Signature Version 4 for the service `execute-api`, in place of a key: of a stack with the
parameter `ApiAuthorization=AWS_IAM`, which knows its callers by IAM and takes no keys. There every route is signed,
those that need no key here too, and the role or user that signs is a client's by `eums-bridge principals add`."""

# Whoever serves the document puts its own address in (bridge.api.pages).
_SERVER: Final = {
    "url": "https://{host}/{stage}",
    "description": "A deployed stack, as its output `ApiUrl` says. Of a stack on one machine `make run` says the "
    "address, and the document that it serves has it.",
    "variables": {
        "host": {
            "default": "a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn",
            "description": "API Gateway's own name for the API, or a domain of yours.",
        },
        "stage": {"default": "v1", "description": "The API's stage; a domain of yours may map it to a path."},
    },
}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document, as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "eums-bridge",
            "version": VERSION,
            "description": _DESCRIPTION,
            "contact": {"name": "Whoever operates this bridge, who makes the keys, too"},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [_SERVER],
        "tags": [
            {"name": "messages", "description": "Sending, and what became of it."},
            {"name": "batches", "description": "Sending many messages at once."},
            {"name": "opt-outs", "description": "Numbers that want no more messages from an account."},
            {"name": "hooks", "description": "Somebody else's webhooks, made into messages."},
            {"name": "webhooks", "description": "Where events are delivered to, signed."},
            {"name": "account", "description": "Balance and statistics of a gateway account."},
            {"name": "service", "description": "The bridge itself; no key needed."},
        ],
        "paths": linked(
            {
                **messages.paths(),
                **batches.paths(),
                **opt_outs.paths(),
                **hooks.paths(),
                **webhooks.paths(),
                **account.paths(),
                **service.paths(),
            }
        ),
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": _KEY,
                },
                "sigv4": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "description": _SIGNATURE,
                    "x-amazon-apigateway-authtype": "awsSigv4",
                },
            },
            "headers": HEADERS,
            "examples": problem_examples(),
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
    return schemas_of(requests, answers)


def rendered() -> str:
    """The document as the file holds it."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
