"""Points a delivery of each event to every webhook endpoint that wants it: started by the events in WebhookQueue."""

from typing import Any

from bridge import wiring
from bridge.handling import each_record
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Fan out each event; one that failed returns to the queue."""
    fanning_out = wiring.fanning_out()
    endpoints = fanning_out.known()
    return each_record(
        event,
        lambda record: fanning_out.fan_out(
            record.body,
            record.attributes.get("client"),
            endpoints,
            calls_back="callback" in record.attributes,
        ),
    )
