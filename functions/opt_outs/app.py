"""`GET /opt-outs`, `POST /opt-outs` and `DELETE /opt-outs/{number}`."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from bridge import wiring
from bridge.api.opt_outs import OptOutQuery, OptOutsQuery, OptOutsRequest, opt_outs_response, path_number
from bridge.api.requests import parse_body, parse_query
from bridge.api.rest import answer, body, caller, no_content, rest
from bridge.domain.clients import Scope
from bridge.handling import handler as lambda_handler

app = rest()


@app.get("/opt-outs")
def listed() -> Response[str]:
    """A page of the numbers that want no more messages from an account."""
    client = caller(app, Scope.READ)
    query = parse_query(OptOutsQuery, app.current_event.query_string_parameters)
    return answer(opt_outs_response(*wiring.opting_out().listed(client, query.account, query.after(), query.limit)))


@app.post("/opt-outs")
def add() -> Response[str]:
    """Opt numbers out."""
    client = caller(app, Scope.SEND)
    request = parse_body(OptOutsRequest, body(app))
    return answer(opt_outs_response(wiring.opting_out().add(client, request.account, request.numbers)))


@app.delete("/opt-outs/<number>")
def remove(number: str) -> Response[str]:
    """Send to a number again."""
    client = caller(app, Scope.ADMIN)
    query = parse_query(OptOutQuery, app.current_event.query_string_parameters)
    wiring.opting_out().remove(client, query.account, path_number(number))
    return no_content()


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
