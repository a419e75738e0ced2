"""A door in the shape of Twilio's: messages created, found and cancelled by Twilio's own SDKs."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from bridge import wiring
from bridge.api.rest import body
from bridge.api.twilio_forms import cancels, id_of, key_of, listing_of, order_of, parse_form
from bridge.api.twilio_messages import message_json, page_json
from bridge.api.twilio_rest import account, said, twilio_rest
from bridge.domain.clients import Scope
from bridge.handling import handler as lambda_handler

app = twilio_rest()


@app.post("/2010-04-01/Accounts/<sid>/Messages.json")
def create(sid: str) -> Response[str]:
    """Queue a message, for now or for its time: 201, and the outcome by its StatusCallback."""
    client = account(app, sid, Scope.SEND)
    order = order_of(parse_form(body(app)), sid)
    sent = wiring.twilio_sending().send(client, order, key_of(app.current_event.headers))
    return said(message_json(sent.message, sid), 201)


@app.get("/2010-04-01/Accounts/<sid>/Messages.json")
def page(sid: str) -> Response[str]:
    """The client's newest messages."""
    client = account(app, sid, Scope.READ)
    listing = listing_of(app.current_event.query_string_parameters)
    found = wiring.finding().page(client, listing.filters, limit=listing.size, cursor=listing.cursor)
    return said(page_json(found, listing, sid))


@app.get("/2010-04-01/Accounts/<sid>/Messages/<message>")
def fetch(sid: str, message: str) -> Response[str]:
    """A message as it stands now."""
    client = account(app, sid, Scope.READ)
    return said(message_json(wiring.finding().find(client, id_of(message)), sid))


@app.post("/2010-04-01/Accounts/<sid>/Messages/<message>")
def update(sid: str, message: str) -> Response[str]:
    """Cancel a message that nobody has begun to send."""
    client = account(app, sid, Scope.SEND)
    cancels(parse_form(body(app)))
    return said(message_json(wiring.sending().cancel(client, id_of(message)), sid))


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
