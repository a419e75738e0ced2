"""Somebody else's webhooks, and the sources that make messages of them."""

from typing import Any, Final

from pydantic import BaseModel

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
from local.openapi.operations import (
    EDGE,
    GATEWAY,
    OPERATOR,
    REFUSED_422,
    json_answer,
    problems,
    query_parameters,
    reference,
)

REQUESTS: Final[tuple[type[BaseModel], ...]] = (HookSourceRequest, DryRunRequest)
ANSWERS: Final[tuple[type[BaseModel], ...]] = (HookResponse, HookSourceResponse, HookSourcesResponse, DryRunResponse)

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


def paths() -> dict[str, Any]:
    """The operations on hooks and their sources, by path."""
    return {
        "/hooks/{source}": {"post": _hook()},
        "/hook-sources": {"get": _hook_sources()},
        "/hook-sources/{source}": {"get": _hook_source(), "put": _put_hook_source(), "delete": _forget_source()},
        "/hook-sources/{source}/dry-run": {"post": _dry_run()},
    }


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
            "202": json_answer(
                "The messages are accepted; those beyond the source's limit are left out, and counted.",
                "HookResponse",
                {"messages": ["01JDCKQ3V9T4M3W5Y8Z7N6P2QR"], "dropped": 0},
            ),
            **problems(
                {
                    "401": "Not authentic: unsigned, wrongly signed, too old, a replay, or no such source.",
                    "403": "API Gateway itself refused the request.",
                    "404": "No source could have such a name.",
                    "413": "The body is too large.",
                    "422": "The mapping makes no message of the body; `errors` says which part of it, and why.",
                    "429": "The source's calls of this minute, or its messages of this day, are used up.",
                    "500": EDGE["500"],
                    "502": OPERATOR["502"],
                    "503": "The bridge's store, or what a signature is checked with, is out of reach: call again.",
                    "504": GATEWAY["504"],
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
        "parameters": query_parameters(HookSourcesQuery),
        "responses": {
            "200": json_answer("The page.", "HookSourcesResponse"),
            **problems(EDGE, REFUSED_422),
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
                    "schema": reference("HookSourceRequest"),
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
            "200": json_answer("The source is changed.", "HookSourceResponse"),
            "201": json_answer("The source is made.", "HookSourceResponse"),
            **problems(
                EDGE,
                OPERATOR,
                REFUSED_422,
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
        "responses": {"200": json_answer("The source.", "HookSourceResponse"), **problems(EDGE, _NO_SOURCE)},
    }


def _forget_source() -> dict[str, Any]:
    return {
        "operationId": "delete_hook_source",
        "tags": ["hooks"],
        "summary": "Forget a hook source",
        "description": "Its calls are refused from now on.",
        "parameters": [_SOURCE],
        "responses": {"204": {"description": "It is forgotten."}, **problems(EDGE, _NO_SOURCE)},
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
                    "schema": reference("DryRunRequest"),
                    "example": {"body": {"to": "13812345678", "text": "您的包裹已到"}},
                }
            },
        },
        "responses": {
            "200": json_answer(
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
            **problems(EDGE, OPERATOR, REFUSED_422, _NO_SOURCE),
        },
    }
