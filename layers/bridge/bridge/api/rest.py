"""The resolver of the API's functions: who calls, what is answered, and errors as problems."""

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from pydantic import BaseModel

from bridge import wiring
from bridge.api.problems import INTERNAL, MEDIA_TYPE, NO_SUCH_ROUTE, Problem, problem_of
from bridge.domain.clients import Caller, Scope
from bridge.domain.errors import BridgeError, FieldProblem, InvalidRequest, NotAllowed, NotAuthentic, TooLarge
from bridge.domain.limits import Limits
from bridge.domain.principals import principal_of
from bridge.handling import logger, place

USUAL: Final = 256 * 1024
"""Bytes of a body, where nothing else is said: a message to 1,000 numbers has 30,000, however they are written."""
_SERVER_ERROR: Final = 500
_NO_STORE: Final = {"Cache-Control": "no-store"}  # messages and balances are nobody's to keep


def rest() -> APIGatewayRestResolver:
    """A resolver that answers every error as a problem, and logs those that are not the caller's."""
    app = APIGatewayRestResolver()

    # Powertools' decorator is untyped.
    @app.exception_handler(BridgeError)  # type: ignore[untyped-decorator]
    def refused(error: BridgeError) -> Response[str]:
        problem = problem_of(error)
        level = logger.warning if problem.status >= _SERVER_ERROR else logger.info
        level("request refused", extra={"error": type(error).__name__, "status": problem.status})
        return _answer(app, problem)

    @app.exception_handler(Exception)  # type: ignore[untyped-decorator]
    def failed(error: Exception) -> Response[str]:
        # Its text may quote what was being worked on, so that only its kind and place are logged.
        logger.error("request failed", extra={"error": type(error).__name__, "at": place(error)})
        return _answer(app, INTERNAL)

    @app.not_found
    def no_route(_: Exception) -> Response[str]:
        return _answer(app, NO_SUCH_ROUTE)

    return app


def body(app: APIGatewayRestResolver, at_most: int = USUAL) -> str:
    """The request's body as a text. Nothing is read of one that is too large.

    Args:
        app: the resolver.
        at_most: bytes that it may have.

    Raises:
        TooLarge: it has more.
        InvalidRequest: its bytes are no text.
    """
    event = app.current_event.raw_event
    said: str = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        # A character is a byte at least; where they are more, or halves of one, only counting tells.
        if len(said) > at_most or len(said.encode("utf-8", "surrogatepass")) > at_most:
            raise TooLarge(at_most)
        return said
    if len(said) > -(-at_most // 3) * 4:
        raise TooLarge(at_most)
    try:
        found = base64.b64decode(said)
        if len(found) > at_most:
            raise TooLarge(at_most)
        return found.decode()
    except ValueError:  # no Base64, or no UTF-8
        raise InvalidRequest((FieldProblem("body", "must be a text in UTF-8"),)) from None


def caller(app: APIGatewayRestResolver, *scopes: Scope) -> Caller:
    """The client behind the request. Raises NotAllowed without any of the scopes; NotAuthentic.

    Only what API Gateway itself says counts, and of that only what this stack's callers are known by: the authorizer's
    answer, or the principal whose signature IAM has checked.
    """
    context = app.current_event.raw_event["requestContext"]
    found = _signed(context) if wiring.calls_are_signed() else _keyed(context)
    if found.scopes.isdisjoint(scopes):
        whose = "the client of this principal" if wiring.calls_are_signed() else "this key"
        raise NotAllowed(f"{whose} lacks the scope {' or '.join(repr(scope.value) for scope in scopes)}")
    return found


def _keyed(context: Mapping[str, Any]) -> Caller:
    """Whom the authorizer found."""
    values: Mapping[str, str] = context.get("authorizer") or {}
    if "client" not in values:
        raise NotAuthentic
    return Caller(
        client=values["client"],
        accounts=frozenset(values["accounts"].split(",")),
        default_account=values["default_account"],
        scopes=frozenset(values["scopes"].split(",")),
        # Absent where there are none, and in what API Gateway kept of an authorizer that did not know of them.
        fallback_accounts=tuple(filter(None, values.get("fallback_accounts", "").split(","))),
        account_sid=values.get("account_sid"),
        limits=Limits.of_text(values.get("limits")),
    )


def _signed(context: Mapping[str, Any]) -> Caller:
    """For whom a principal of IAM calls."""
    arn = (context.get("identity") or {}).get("userArn")
    if not isinstance(arn, str):
        raise NotAuthentic
    found = wiring.recognizing().caller(arn)
    if found is None:
        raise NotAllowed(
            f"nobody said for which client {principal_of(arn) or arn} calls; the operator does so by "
            "'eums-bridge principals add'"
        )
    return found


def answer(body: BaseModel, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None) -> Response[str]:
    """A record as JSON."""
    return Response(
        status_code=int(status),
        content_type=content_types.APPLICATION_JSON,
        body=body.model_dump_json(),
        headers={**_NO_STORE, **(headers or {})},
    )


def no_content() -> Response[str]:
    """It is done, and there is nothing to say."""
    return Response(status_code=int(HTTPStatus.NO_CONTENT), body="", headers=dict(_NO_STORE))


def _answer(app: APIGatewayRestResolver, problem: Problem) -> Response[str]:
    request_id = app.current_event.request_context.request_id
    return Response(
        status_code=problem.status,
        content_type=MEDIA_TYPE,
        body=json.dumps(problem.body(request_id), ensure_ascii=False),
        headers={**_NO_STORE, **problem.headers},
    )
