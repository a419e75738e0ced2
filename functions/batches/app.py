"""Batches: accepted, and counted."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from bridge import wiring
from bridge.api.batches import LARGEST, BatchRequest, accepted_headers, accepted_response, batch_response
from bridge.api.requests import idempotency_key, parse_body
from bridge.api.rest import answer, body, caller, rest
from bridge.domain.clients import Scope
from bridge.handling import handler as lambda_handler

app = rest()


@app.post("/batches")
def accept() -> Response[str]:
    """Accept up to 10,000 messages: from here on they are sent, whatever becomes of the connection."""
    client = caller(app, Scope.SEND)
    order = parse_body(BatchRequest, body(app, LARGEST)).order()
    accepted = wiring.batching().accept(client, order, idempotency_key(app.current_event.headers))
    return answer(accepted_response(accepted), 202, accepted_headers(accepted))


@app.get("/batches/<batch_id>")
def find(batch_id: str) -> Response[str]:
    """A batch of the caller's, and how many of its messages have which status."""
    client = caller(app, Scope.READ)
    return answer(batch_response(wiring.batching().find(client, batch_id)))


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
