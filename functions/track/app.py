"""Writes down what the events say: reports to their messages, opt-outs. Started by the events in TrackQueue."""

from typing import Any

from bridge import wiring
from bridge.domain.events import EventType, event_type
from bridge.handling import each_record
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Apply each event; one that failed returns to the queue."""
    return each_record(event, lambda record: _apply(record.body))


def _apply(body: str) -> object:
    if event_type(body) is EventType.INBOUND_RECEIVED:
        return wiring.opting_out().hear(body)
    return wiring.tracking().track(body)
