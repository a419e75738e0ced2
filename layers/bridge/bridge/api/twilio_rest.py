"""The resolver of the Twilio-shaped door: who calls, what is answered, and errors as Twilio says them."""

import json
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types

from bridge import wiring
from bridge.api import rest
from bridge.api.twilio_errors import INTERNAL, NO_SUCH_ROUTE, TwilioProblem, twilio_problem_of
from bridge.domain.clients import Caller, Scope
from bridge.domain.errors import BridgeError, NotAllowed, NotAuthentic
from bridge.handling import logger, place

CLOSED: Final = "this door is closed: this API's callers are known to IAM, and nothing here has an account or a token"
_NO_STORE: Final = {"Cache-Control": "no-store"}


def twilio_rest() -> APIGatewayRestResolver:
    """A resolver that answers every error as Twilio does, and logs those that are not the caller's."""
    app = APIGatewayRestResolver()

    # Powertools' decorator is untyped.
    @app.exception_handler(BridgeError)  # type: ignore[untyped-decorator]
    def refused(error: BridgeError) -> Response[str]:
        problem = twilio_problem_of(error)
        level = logger.warning if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else logger.info
        level("request refused", extra={"error": type(error).__name__, "status": problem.status, "code": problem.code})
        return _answer(problem)

    @app.exception_handler(Exception)  # type: ignore[untyped-decorator]
    def failed(error: Exception) -> Response[str]:
        # Its text may quote what was being worked on, so that only its kind and place are logged.
        logger.error("request failed", extra={"error": type(error).__name__, "at": place(error)})
        return _answer(INTERNAL)

    @app.not_found
    def no_route(_: Exception) -> Response[str]:
        return _answer(NO_SUCH_ROUTE)

    return app


def account(app: APIGatewayRestResolver, account_sid: str, *scopes: Scope) -> Caller:
    """The client whose account a path names.

    Raises:
        NotAuthentic: it is another's, or an API key called.
        NotAllowed: without any of the scopes; and where calls are signed, which Twilio's SDKs cannot do.
    """
    if wiring.calls_are_signed():
        raise NotAllowed(CLOSED)
    caller = rest.caller(app, *scopes)
    if caller.account_sid is None or caller.account_sid != account_sid:
        raise NotAuthentic
    return caller


def said(body: dict[str, Any], status: int = HTTPStatus.OK) -> Response[str]:
    """A record as JSON."""
    return Response(
        status_code=int(status),
        content_type=content_types.APPLICATION_JSON,
        body=json.dumps(body, ensure_ascii=False),
        headers=dict(_NO_STORE),
    )


def _answer(problem: TwilioProblem) -> Response[str]:
    return said(problem.body(), problem.status)
