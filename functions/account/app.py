"""`GET /balance`, `GET /statistics` and `GET /limits`."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from bridge import wiring
from bridge.api.limits import limits_response
from bridge.api.requests import BalanceQuery, StatisticsQuery, parse_query
from bridge.api.responses import balance_response, statistics_response
from bridge.api.rest import answer, caller, rest
from bridge.domain.clients import Scope
from bridge.handling import handler as lambda_handler

app = rest()


@app.get("/balance")
def balance() -> Response[str]:
    """How many messages an account has left."""
    client = caller(app, Scope.READ)
    query = parse_query(BalanceQuery, app.current_event.query_string_parameters)
    return answer(balance_response(wiring.balancing().asked(client, query.account)))


@app.get("/statistics")
def statistics() -> Response[str]:
    """What an account sent, day by day."""
    client = caller(app, Scope.READ)
    query = parse_query(StatisticsQuery, app.current_event.query_string_parameters)
    account, days = wiring.statistics().asked(client, query.account, query.start_date, query.end_date)
    return answer(statistics_response(account, days))


@app.get("/limits")
def limits() -> Response[str]:
    """What the caller may send, and what of that it has used today."""
    client = caller(app, Scope.SEND, Scope.READ)
    return answer(limits_response(client, wiring.allowing().used(client)))


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
