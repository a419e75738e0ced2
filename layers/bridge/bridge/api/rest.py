"""The resolver of the API's functions: who calls, what is answered, and errors as problems."""

import json
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from pydantic import BaseModel

from bridge.api.problems import INTERNAL, MEDIA_TYPE, NO_SUCH_ROUTE, Problem, problem_of
from bridge.domain.clients import Caller, Scope
from bridge.domain.errors import BridgeError, NotAllowed
from bridge.domain.limits import Limits
from bridge.handling import logger, place

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


def caller(app: APIGatewayRestResolver, *scopes: Scope) -> Caller:
    """The client behind the request, as the authorizer made it out. Raises NotAllowed without any of the scopes."""
    context = app.current_event.request_context.authorizer
    values: dict[str, Any] = dict(context.raw_event) if context else {}
    found = Caller(
        client=values["client"],
        accounts=frozenset(values["accounts"].split(",")),
        default_account=values["default_account"],
        scopes=frozenset(values["scopes"].split(",")),
        # Absent where there are none, and in what API Gateway kept of an authorizer that did not know of them.
        fallback_accounts=tuple(filter(None, values.get("fallback_accounts", "").split(","))),
        account_sid=values.get("account_sid"),
        limits=Limits.of_text(values.get("limits")),
    )
    if found.scopes.isdisjoint(scopes):
        raise NotAllowed(f"this key lacks the scope {' or '.join(repr(scope.value) for scope in scopes)}")
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
