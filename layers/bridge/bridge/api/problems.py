"""Errors as problem details (RFC 9457), by one table; services know no HTTP status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.domain.errors import (
    AccountNotConfigured,
    BridgeError,
    DailyCapReached,
    FieldProblem,
    GatewayFailure,
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
from bridge.domain.messages import Rejection

MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER_GATEWAY: Final = "30"  # seconds until a gateway that is away may be back
_RETRY_AFTER_STORE: Final = "5"
_RETRY_AFTER_LIMIT: Final = "60"  # 响应错误码 131, 查询过于频繁: the only limit that is known is by the minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One answer to a request that was not carried out.

    Attributes:
        kind: the last part of the problem's `type`, a URN.
        extensions: further members (RFC 9457, 3.2).
    """

    status: int
    kind: str
    title: str
    detail: str
    extensions: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request_id: str | None = None) -> dict[str, object]:
        """The members, as JSON values."""
        body: dict[str, object] = {
            "type": f"urn:eums-bridge:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extensions,
        }
        if request_id:
            body["request_id"] = request_id
        return body


INTERNAL: Final = Problem(
    status=500,
    kind="internal",
    title="Internal error",
    detail="Something is wrong with the bridge itself; its log has more under the request's id.",
)
NO_SUCH_ROUTE: Final = Problem(
    status=404,
    kind="not-found",
    title="Not found",
    detail="There is nothing here; see /openapi.json for what there is.",
)


def problem_of(error: Exception) -> Problem:
    """The problem that answers an error; INTERNAL for whatever is not in the table."""
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind](error)
    return INTERNAL


def _invalid(error: InvalidRequest) -> Problem:
    codes = [item.gateway_code for item in error.problems if item.gateway_code is not None]
    return Problem(
        status=422,
        kind="invalid-request",
        title="Invalid request",
        detail="The request cannot be carried out; `errors` names each problem.",
        extensions={
            "errors": [_field_problem(item) for item in error.problems],
            **({"gateway_code": codes[0]} if codes else {}),
        },
    )


def _field_problem(problem: FieldProblem) -> dict[str, object]:
    code = {"gateway_code": problem.gateway_code} if problem.gateway_code is not None else {}
    return {"field": problem.field, "message": problem.message, **code}


def _limited(kind: str, title: str) -> Callable[[Any], Problem]:
    def problem(error: TooManyRequests) -> Problem:
        return Problem(
            status=429, kind=kind, title=title, detail=str(error), headers={"Retry-After": str(error.retry_after)}
        )

    return problem


def _in_flight(error: StillInFlight) -> Problem:
    return Problem(
        status=409,
        kind="still-in-flight",
        title="Still in flight",
        detail=str(error),
        headers={"Retry-After": str(error.retry_after)},
    )


def _unreachable(error: GatewayUnreachable) -> Problem:
    return Problem(
        status=503,
        kind="gateway-unreachable",
        title="Gateway unreachable",
        detail=str(error),
        extensions=_message_id(error),
        headers={"Retry-After": _RETRY_AFTER_GATEWAY},
    )


def _refused(error: GatewayRefused) -> Problem:
    status = status_of_code(error.code.number)
    title, advice = _BY_STATUS[status]
    headers = {429: {"Retry-After": _RETRY_AFTER_LIMIT}, 503: {"Retry-After": _RETRY_AFTER_GATEWAY}}.get(status, {})
    return Problem(
        status=status,
        kind="gateway-refused",
        title=title,
        detail=f"The gateway answered {error.code.number}: {error.code.english} ({error.code.chinese}). {advice}",
        extensions={"gateway_code": error.code.number, **_message_id(error)},
        headers=headers,
    )


def _opted_out(error: OptedOut) -> Problem:
    return Problem(
        status=422,
        kind="opted-out",
        title="Opted out",
        detail=f"All of {error}: nothing was sent. A message that they asked for is sent all the same as "
        "'transactional', its `category`.",
        extensions={"reason": Rejection.OPTED_OUT.value, "message_id": error.message_id},
    )


def _not_stored(error: NotStored) -> Problem:
    return Problem(
        status=503,
        kind="store-unavailable",
        title="Store unavailable",
        detail=str(error),
        headers={"Retry-After": _RETRY_AFTER_STORE},
    )


def _not_authentic(_: NotAuthentic) -> Problem:
    # Nothing of the call, and nothing of why: a guess must not learn which part of it was right.
    return Problem(
        status=401,
        kind="unauthorized",
        title="Unauthorized",
        detail="The call does not carry what this address expects of its sender.",
    )


def _not_verifiable(error: NotVerifiable) -> Problem:
    return Problem(
        status=503,
        kind="not-verifiable",
        title="Not verifiable",
        detail=str(error),
        headers={"Retry-After": _RETRY_AFTER_STORE},
    )


def _plain(status: int, kind: str, title: str) -> Callable[[Any], Problem]:
    def problem(error: BridgeError) -> Problem:
        return Problem(status=status, kind=kind, title=title, detail=str(error))

    return problem


def _message_id(error: GatewayFailure) -> dict[str, object]:
    return {"message_id": error.message_id} if error.message_id else {}


def status_of_code(number: int) -> int:
    """The HTTP status for a gateway code: 422 the caller's, 402 no balance, 429 wait, 503 its own, else 502 ours."""
    return _STATUS_OF_CODE.get(number, 502)


# 响应错误码. What is not here is the bridge's own fault (101–107, 116, 121–126, 201, 206, and numbers nobody knows).
_STATUS_OF_CODE: Final[Mapping[int, int]] = {
    **dict.fromkeys((108, 109, 110, 111, 113, 114, 115, 127, 128, 129, 401), 422),
    205: 402,
    131: 429,
    **dict.fromkeys((202, 203, 204, *range(301, 312)), 503),
}

_BY_STATUS: Final[Mapping[int, tuple[str, str]]] = {
    402: ("No balance left", "Top up the account at the gateway's operator."),
    422: ("Refused by the gateway", "Change the message."),
    429: ("Too many requests", "Wait before asking again."),
    502: ("Bridge and gateway disagree", "The bridge's operator must look at the account's settings."),
    503: ("Gateway unavailable", "The gateway's operator must look at the account or channel."),
}

_TABLE: Final[Mapping[type[BaseException], Callable[[Any], Problem]]] = {
    InvalidRequest: _invalid,
    NotAllowed: _plain(403, "not-allowed", "Not allowed"),
    NotFound: _plain(404, "not-found", "Not found"),
    NotAuthentic: _not_authentic,
    NotCancellable: _plain(409, "not-cancellable", "Not cancellable"),
    NameTaken: _plain(409, "name-taken", "Name taken"),
    NotStored: _not_stored,
    OptedOut: _opted_out,
    NotVerifiable: _not_verifiable,
    StillInFlight: _in_flight,
    TooLarge: _plain(413, "request-too-large", "Request too large"),
    TooManyRequests: _limited("too-many-requests", "Too many requests"),
    RateLimited: _limited("rate-limited", "Rate limited"),
    DailyCapReached: _limited("daily-cap-reached", "Daily cap reached"),
    AccountNotConfigured: _plain(502, "account-not-configured", "Account not configured"),
    GatewayRefused: _refused,
    GatewayUnreachable: _unreachable,
    GatewayUnreadable: _plain(502, "gateway-unreadable", "Gateway unreadable"),
}
