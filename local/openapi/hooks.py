"""Somebody else's webhooks, and the sources that make messages of them."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.hook_sources import (
    LARGEST_SAMPLE,
    NAME_PATTERN,
    DryRunRequest,
    DryRunResponse,
    HookSourceRequest,
    HookSourceResponse,
    HookSourcesQuery,
    HookSourcesResponse,
)
from bridge.api.hooks import HookResponse
from bridge.api.rest import USUAL
from bridge.domain.clients import Scope
from bridge.domain.hook_mappings import LARGEST
from local.openapi.operations import (
    example,
    json_answer,
    json_body,
    operation,
    path_parameter,
    query_parameters,
)
from local.openapi.problems import EDGE, LATE, OPERATOR, REFUSED_422, Refusal, problems, too_large

REQUESTS: Final[tuple[type[BaseModel], ...]] = (HookSourceRequest, DryRunRequest)
ANSWERS: Final[tuple[type[BaseModel], ...]] = (HookResponse, HookSourceResponse, HookSourcesResponse, DryRunResponse)

_SOURCE: Final = path_parameter("source", "The source's name.", {"type": "string", "pattern": NAME_PATTERN}, "alerts")

_NEW_SOURCE: Final[dict[str, Any]] = {
    "preset": "alertmanager",
    "auth": {"kind": "bearer", "secret": "choose-one-of-your-own"},
    "to": ["+8613812345678"],
}

_HOOK_SOURCE: Final[dict[str, Any]] = HookSourceResponse.model_validate(
    {
        "name": "alerts",
        "preset": "alertmanager",
        "auth": {"kind": "bearer", "secret_set": True},
        "mapping": {},
        "to": ["+8613812345678"],
        "account": None,
        "category": "marketing",
        "limits": {},
        "created_at": "2026-11-23T13:09:00.120+08:00",
        "updated_at": "2026-11-23T13:09:00.120+08:00",
    }
).model_dump(mode="json")

_SHOWN: Final = example("Of a preset", _HOOK_SOURCE)

_NO_SOURCE: Final = {"404": Refusal("There is no such hook source, or it is another client's.", ("no_source",))}


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
        **operation(
            "receive_hook",
            "hooks",
            "Somebody else's webhook",
            "For senders that know nothing of this API. No key is asked for: the source says how its sender shows who "
            "it is, over the bytes of the body. Its mapping makes messages of the JSON, which are sent without the "
            "sender. A repeat of a call sends nothing again for 24 hours, or as long as the source says. A 401 is "
            "always the same, also where there is no such source. Exactly the same signed request, time and signature "
            "included, is refused once it was carried out; a sender that tries again signs anew.",
        ),
        "parameters": [{**_SOURCE, "schema": {"type": "string"}}],
        "requestBody": {
            "required": True,
            "description": "Whatever JSON the sender posts, up to 256 KiB.",
            "content": {
                "application/json": {
                    "schema": {},
                    "examples": {
                        "plain": example(
                            "For the preset `plain`", {"to": "+8613812345678", "text": "【京东】您的包裹已到"}
                        )
                    },
                }
            },
        },
        "responses": {
            "202": json_answer(
                "The messages are accepted; those beyond the source's limit are left out, and counted.",
                "HookResponse",
                one=example("One message", {"messages": ["01JDCKQ3V9T4M3W5Y8Z7N6P2QR"], "dropped": 0}),
            ),
            **problems(
                {
                    "401": Refusal(
                        "Not authentic: unsigned, wrongly signed, too old, a replay, or no such source.",
                        ("not_authentic",),
                    ),
                    "403": Refusal(
                        "The source's client may not send this; or API Gateway itself refused the request.",
                        ("extension_not_allowed", "more_than_a_day", "key_not_in_use"),
                    ),
                    "404": Refusal("No source could have such a name.", ("no_route",)),
                    **too_large(LARGEST),
                    "422": Refusal(
                        "The mapping makes no message of the body; `errors` says which part of it, and why.",
                        ("invalid_request",),
                    ),
                    "429": Refusal(
                        "The source's calls of this minute, or its messages of this day, are used up, or what its "
                        "client may send is; `Retry-After` says when there is more. Call again then: what was sent "
                        "already is not sent twice.",
                        ("used_up", "rate_limited", "daily_cap_reached", "throttled"),
                    ),
                    "500": EDGE["500"],
                    "502": OPERATOR["502"],
                    "503": Refusal(
                        "The bridge's store, or what a signature is checked with, is out of reach: call again.",
                        ("store_unavailable", "not_verifiable"),
                    ),
                },
                LATE,
            ),
        },
    }


def _hook_sources() -> dict[str, Any]:
    return {
        **operation(
            "list_hook_sources",
            "hooks",
            "Hook sources, by name",
            "The client's own; `next_cursor` asks for the next page.",
            Scope.ADMIN,
        ),
        "parameters": query_parameters(HookSourcesQuery),
        "responses": {
            "200": json_answer(
                "The page.",
                "HookSourcesResponse",
                last=example(
                    "The last page",
                    {
                        "items": [
                            {
                                "name": "alerts",
                                "kind": "bearer",
                                **{name: _HOOK_SOURCE[name] for name in ("preset", "created_at", "updated_at")},
                            }
                        ],
                        "next_cursor": None,
                    },
                ),
            ),
            **problems(EDGE, REFUSED_422),
        },
    }


def _put_hook_source() -> dict[str, Any]:
    return {
        **operation(
            "put_hook_source",
            "hooks",
            "Make a hook source, or change it",
            "How calls of `POST /hooks/{source}` are authenticated, and what becomes of them. A preset needs no "
            "mapping; what the mapping says goes before it. Without a secret a source keeps the one that it has.",
            Scope.ADMIN,
        ),
        "parameters": [_SOURCE],
        "requestBody": json_body(
            "HookSourceRequest",
            alertmanager=example("Prometheus Alertmanager", _NEW_SOURCE),
            own=example(
                "A mapping of one's own",
                {
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
            ),
        ),
        "responses": {
            "200": json_answer("The source is changed.", "HookSourceResponse", changed=_SHOWN),
            "201": json_answer("The source is made.", "HookSourceResponse", made=_SHOWN),
            **problems(
                EDGE,
                OPERATOR,
                REFUSED_422,
                {
                    "404": Refusal("No source could have such a name.", ("no_route",)),
                    "409": Refusal("The name is another client's.", ("name_taken",)),
                },
                too_large(USUAL),
            ),
        },
    }


def _hook_source() -> dict[str, Any]:
    return {
        **operation(
            "get_hook_source",
            "hooks",
            "A hook source, without its secret",
            "All of it but the secret, of which it says whether there is one.",
            Scope.ADMIN,
        ),
        "parameters": [_SOURCE],
        "responses": {
            "200": json_answer("The source.", "HookSourceResponse", source=_SHOWN),
            **problems(EDGE, _NO_SOURCE),
        },
    }


def _forget_source() -> dict[str, Any]:
    return {
        **operation(
            "delete_hook_source", "hooks", "Forget a hook source", "Its calls are refused from now on.", Scope.ADMIN
        ),
        "parameters": [_SOURCE],
        "responses": {"204": {"description": "It is forgotten."}, **problems(EDGE, _NO_SOURCE)},
    }


def _dry_run() -> dict[str, Any]:
    return {
        **operation(
            "try_hook_source",
            "hooks",
            "What a sample body would send",
            "Sends nothing and counts nothing. 422 says why the mapping makes no message of it.",
            Scope.ADMIN,
        ),
        "parameters": [_SOURCE],
        "requestBody": json_body(
            "DryRunRequest",
            plain=example("For the preset `plain`", {"body": {"to": "13812345678", "text": "您的包裹已到"}}),
        ),
        "responses": {
            "200": json_answer(
                "What would be sent.",
                "DryRunResponse",
                one=example(
                    "One message",
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
            ),
            **problems(EDGE, OPERATOR, REFUSED_422, _NO_SOURCE, too_large(LARGEST_SAMPLE)),
        },
    }
