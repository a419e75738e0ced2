"""`POST /hooks/{source}`: somebody's webhook, made into messages."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from bridge import wiring
from bridge.api.hooks import hook_call, hook_response
from bridge.api.rest import answer, rest
from bridge.handling import handler as lambda_handler

app = rest()


@app.post("/hooks/<source>")
def receive(source: str) -> Response[str]:
    """Take a call that its sender made. No key is asked for: the source says how its sender shows who it is."""
    call = hook_call(source, app.current_event.raw_event)
    return answer(hook_response(wiring.receiving().receive(call)), 202)


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
