"""Messages: sent, estimated, found and cancelled."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from bridge import wiring
from bridge.api.estimates import EstimateRequest, estimate_response
from bridge.api.message_lists import MessagesQuery, messages_response
from bridge.api.requests import SendRequest, idempotency_key, parse_body, parse_query, responds_async
from bridge.api.responses import http_status, message_response, sent_headers
from bridge.api.rest import answer, body, caller, rest
from bridge.domain.clients import Scope
from bridge.handling import handler as lambda_handler

app = rest()


@app.post("/messages")
def send() -> Response[str]:
    """Submit a message and answer how that ended: 201, or 202 where it waits or the gateway did not say."""
    client = caller(app, Scope.SEND)
    headers = app.current_event.headers
    order = parse_body(SendRequest, body(app)).order(queued=responds_async(headers))
    sent = wiring.sending().send(client, order, idempotency_key(headers))
    return answer(message_response(sent.message), http_status(sent.message), sent_headers(sent))


@app.post("/messages/estimate")
def estimate() -> Response[str]:
    """What a message would cost and be refused for. Whoever may send or read may ask: it changes nothing."""
    client = caller(app, Scope.SEND, Scope.READ)
    draft = parse_body(EstimateRequest, body(app)).draft()
    return answer(estimate_response(wiring.estimating().estimate(client, draft)))


@app.get("/messages")
def page() -> Response[str]:
    """The caller's newest messages, or those of them that it asks for."""
    client = caller(app, Scope.READ)
    query = parse_query(MessagesQuery, app.current_event.query_string_parameters)
    found = wiring.finding().page(client, query.filters(), limit=query.limit, cursor=query.cursor)
    return answer(messages_response(found))


@app.get("/messages/<message_id>")
def find(message_id: str) -> Response[str]:
    """A message of the caller's, with the status of each recipient."""
    client = caller(app, Scope.READ)
    return answer(message_response(wiring.finding().find(client, message_id)))


@app.post("/messages/<message_id>/cancel")
def cancel(message_id: str) -> Response[str]:
    """A message that nobody has begun to send, as it is when it is cancelled."""
    client = caller(app, Scope.SEND)
    return answer(message_response(wiring.sending().cancel(client, message_id)))


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
