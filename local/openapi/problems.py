"""The answers that are problems: which an operation may give, and an example of each.

The examples are made by the very table that answers errors (`bridge.api.problems`); those of API Gateway itself stand
in template.yaml, and a test holds them against it.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bridge.api.problems import INTERNAL, problem_of
from bridge.domain.errors import (
    AccountNotConfigured,
    BridgeError,
    DailyCapReached,
    FieldProblem,
    GatewayRefused,
    GatewayUnreachable,
    GatewayUnreadable,
    InvalidRequest,
    NameTaken,
    NotAllowed,
    NotAuthentic,
    NotCancellable,
    NotFound,
    NotStored,
    NotVerifiable,
    OptedOut,
    RateLimited,
    StillInFlight,
    TooLarge,
    TooManyRequests,
)
from eums import CODES

_REQUEST_ID: Final = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
_MESSAGE_ID: Final = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"


class Refusal(NamedTuple):
    """A status that refuses: what it means for the operation, and the names of its examples."""

    description: str
    examples: tuple[str, ...]


Refusals = Mapping[str, Refusal]

# What API Gateway answers by itself, before a function runs. It speaks problem+json too (see the gateway responses in
# template.yaml), except on an emulator that does not apply those.
EDGE: Final[Refusals] = {
    "401": Refusal("No key: send `Authorization: Bearer <key>`.", ("unauthorized",)),
    "403": Refusal("The key is not known, or does not cover this.", ("not_allowed", "key_not_in_use")),
    "429": Refusal("Too many requests; `Retry-After` says when to ask again.", ("throttled",)),
    "500": Refusal("Something is wrong with the bridge itself.", ("internal",)),
}

GATEWAY: Final[Refusals] = {
    "402": Refusal("The account has no balance left (gateway code 205).", ("no_balance",)),
    "502": Refusal(
        "Bridge and gateway disagree (credentials, clock, protocol), or the gateway's answer is unreadable.",
        ("bridge_refused", "gateway_unreadable", "account_not_configured"),
    ),
    "503": Refusal(
        "The gateway is not reachable or not in service; nothing was sent. `Retry-After` says when to try again.",
        ("gateway_unreachable", "gateway_unavailable", "store_unavailable"),
    ),
    "504": Refusal("The bridge did not answer in time.", ("timeout",)),
}

OPERATOR: Final[Refusals] = {
    "502": Refusal("The account is not configured: the bridge's operator must look at it.", ("account_not_configured",))
}

STORE: Final[Refusals] = {
    "503": Refusal(
        "The bridge's own store did not answer; `Retry-After` says when to try again.", ("store_unavailable",)
    )
}

LATE: Final[Refusals] = {"504": GATEWAY["504"]}


def too_large(at_most: int) -> Refusals:
    """What a route answers to a body of more bytes than these; the example says how."""
    return {"413": Refusal(f"The body has more than {at_most // 1024:,} KiB; nothing of it was read.", ("too_large",))}


REFUSED_422: Final[Refusals] = {
    "422": Refusal("The request cannot be carried out; `errors` names every problem.", ("invalid_request",))
}

REFUSED_SEND_422: Final[Refusals] = {
    "422": Refusal(
        "Nothing was sent. The request cannot be carried out (`errors` names every problem), or the gateway refused "
        "the message (`gateway_code`), or nobody is left who wants it (`reason`).",
        ("invalid_request", "message_refused", "opted_out"),
    )
}

CONFLICT: Final[Refusals] = {
    "409": Refusal(
        "The first request with this `Idempotency-Key` is still in flight; `Retry-After` says when to ask.",
        ("still_in_flight",),
    )
}

# Of whatever sends. What a client may send is its operator's to say, whichever of its keys it shows.
LIMITED: Final[Refusals] = {
    "403": Refusal(
        "The key is not known, or does not cover this, the extension for instance; or the request alone has more than "
        "the client may send in a day.",
        ("not_allowed", "extension_not_allowed", "more_than_a_day", "key_not_in_use"),
    ),
    "429": Refusal(
        "Nothing was sent. The client sends faster than it may, or has sent what it may send in a day, or all clients "
        "together send too many requests; `Retry-After` says when to repeat it.",
        ("rate_limited", "daily_cap_reached", "throttled"),
    ),
}

_OF_THE_EDGE: Final = frozenset({"401", "403", "429"})
_WAITING: Final = frozenset({"429", "503"})  # always with Retry-After; 409 where its example has one

_EMULATED: Final = {
    "schema": {
        "type": "object",
        "description": "API Gateway's own form: of an emulated one, which does not apply the stack's gateway "
        "responses.",
    },
    "examples": {"emulated": {"summary": "Of an emulated API Gateway", "value": {"message": "Unauthorized"}}},
}

_AWAY: Final = "the gateway could not be reached; nothing was sent, so it is safe to send again"
_STORE: Final = "the bridge's own store did not answer; nothing was sent, so it is safe to retry"

_ERRORS: Final[Mapping[str, tuple[str, BridgeError]]] = {
    "invalid_request": (
        "Fields that are wrong",
        InvalidRequest(
            (
                FieldProblem("to[0]", "must be a mainland mobile number, such as +8613812345678", 104),
                FieldProblem("colour", "is not known here"),
            )
        ),
    ),
    "message_refused": ("The gateway refused the text", GatewayRefused(CODES[110], message_id=_MESSAGE_ID)),
    "opted_out": ("Nobody is left who wants it", OptedOut(message_id=_MESSAGE_ID)),
    "not_allowed": ("A scope that the key lacks", NotAllowed("this key lacks the scope 'send'")),
    "extension_not_allowed": (
        "An extension that the client may not use",
        NotAllowed("`extension` may not be the extension 02: this client may use 01, 011*"),
    ),
    "more_than_a_day": (
        "More than the client may send in a whole day",
        NotAllowed("this request has 1,000 messages, and the client may send 500 a day: send less"),
    ),
    "rate_limited": (
        "Faster than the client may send",
        RateLimited("the client may send 5 messages a second, and 10 at once; nothing was sent", retry_after=2),
    ),
    "daily_cap_reached": (
        "What the client may send in a day is sent",
        DailyCapReached(
            "the client has used 495 of the 500 messages of this day, and this request has 10; nothing was sent, and "
            "the next day begins at 00:00 +08:00",
            retry_after=21600,
        ),
    ),
    "no_message": ("No such message", NotFound("there is no such message")),
    "no_batch": ("No such batch", NotFound("there is no such batch")),
    "not_opted_out": ("The number is not opted out", NotFound("this number is not opted out")),
    "no_source": ("No such hook source", NotFound("there is no such hook source")),
    "no_endpoint": (
        "No such webhook endpoint",
        NotFound(f"there is no webhook endpoint '{_MESSAGE_ID}' of this client"),
    ),
    "still_in_flight": (
        "The first request has not ended",
        StillInFlight("the first request with this Idempotency-Key has not ended"),
    ),
    "not_cancellable": (
        "Too late",
        NotCancellable("the message is being sent, or was: it cannot be cancelled any more"),
    ),
    "name_taken": (
        "The name is another client's",
        NameTaken("another client has a hook source of this name; choose another"),
    ),
    "not_authentic": ("Not authentic", NotAuthentic()),
    "too_large": ("The body is too large", TooLarge(256 * 1024)),
    "no_balance": ("No balance left", GatewayRefused(CODES[205], message_id=_MESSAGE_ID)),
    "too_often": ("The gateway's limit of queries", GatewayRefused(CODES[131])),
    "used_up": (
        "The source's calls of a minute",
        TooManyRequests("the source has had its calls of this minute", retry_after=17),
    ),
    "bridge_refused": ("The gateway does not accept the key", GatewayRefused(CODES[107], message_id=_MESSAGE_ID)),
    "gateway_unreadable": (
        "The gateway's answer is unreadable",
        GatewayUnreadable("the gateway's answer cannot be read; its operator must look at it"),
    ),
    "account_not_configured": (
        "The account is not configured",
        AccountNotConfigured("the account 'default' is not configured"),
    ),
    "gateway_unreachable": ("The gateway is away", GatewayUnreachable(_AWAY, message_id=_MESSAGE_ID)),
    "gateway_unavailable": (
        "The gateway's channel is not in service",
        GatewayRefused(CODES[301], message_id=_MESSAGE_ID),
    ),
    "store_unavailable": ("The bridge's store is away", NotStored(_STORE)),
    "not_verifiable": (
        "A signature cannot be checked now",
        NotVerifiable("what the signature is checked with could not be fetched"),
    ),
}

# API Gateway's, by the kind of gateway response that template.yaml has them under.
GATEWAY_RESPONSES: Final[Mapping[str, tuple[str, str, dict[str, object]]]] = {
    "unauthorized": (
        "UNAUTHORIZED",
        "No key",
        {
            "type": "urn:eums-bridge:problem:unauthorized",
            "title": "Unauthorized",
            "status": 401,
            "detail": "No valid key. Send the header 'Authorization: Bearer <key>' with a key that is in use.",
        },
    ),
    "key_not_in_use": (
        "ACCESS_DENIED",
        "A key that is not known",
        {
            "type": "urn:eums-bridge:problem:not-allowed",
            "title": "Not allowed",
            "status": 403,
            "detail": "This key is not in use: it is unknown, has expired, or was revoked. Ask the operator for "
            "another.",
        },
    ),
    "no_route": (
        "RESOURCE_NOT_FOUND",
        "No such route",
        {
            "type": "urn:eums-bridge:problem:not-found",
            "title": "Not found",
            "status": 404,
            "detail": "There is no such route. Check the method, and the path after the stage; GET /openapi.json lists "
            "both.",
        },
    ),
    "throttled": (
        "THROTTLED",
        "Too many requests",
        {
            "type": "urn:eums-bridge:problem:too-many-requests",
            "title": "Too many requests",
            "status": 429,
            "detail": "Too many requests for now. Wait as long as Retry-After says, then repeat the request; this one "
            "was not carried out.",
        },
    ),
    "timeout": (
        "INTEGRATION_TIMEOUT",
        "No answer in time",
        {
            "type": "urn:eums-bridge:problem:timeout",
            "title": "No answer in time",
            "status": 504,
            "detail": "The bridge did not answer the request in time. Whether it was carried out is not known. A POST "
            "with an Idempotency-Key can be repeated with the same key, and sends nothing twice.",
        },
    ),
}


def problem_examples() -> dict[str, Any]:
    """`components.examples`: an example of every problem, by name."""
    own = {
        name: {"summary": summary, "value": problem_of(error).body(_REQUEST_ID)}
        for name, (summary, error) in _ERRORS.items()
    }
    edge = {
        name: {"summary": summary, "value": {**body, "request_id": _REQUEST_ID}}
        for name, (_, summary, body) in GATEWAY_RESPONSES.items()
    }
    internal = {"summary": "An internal error", "value": INTERNAL.body(_REQUEST_ID)}
    return {**own, **edge, "internal": internal}


def problems(*tables: Refusals) -> dict[str, Any]:
    """The answers that are problems, by status: a later table goes before an earlier one."""
    refusals = {code: refusal for table in tables for code, refusal in table.items()}
    return {code: _problem(code, refusals[code]) for code in sorted(refusals)}


def _problem(code: str, refusal: Refusal) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "description": refusal.description,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in refusal.examples},
            }
        },
    }
    if code in _OF_THE_EDGE:
        problem["content"]["application/json"] = _EMULATED
    headers = {
        **({"Retry-After": {"$ref": "#/components/headers/RetryAfter"}} if _waits(code, refusal) else {}),
        **(
            {"WWW-Authenticate": {"$ref": "#/components/headers/WwwAuthenticate"}}
            if "unauthorized" in refusal[1]
            else {}
        ),
    }
    if headers:
        problem["headers"] = headers
    return problem


def _waits(code: str, refusal: Refusal) -> bool:
    return code in _WAITING or "still_in_flight" in refusal.examples
