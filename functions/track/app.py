"""Writes what the reports say to their messages: started by the events in TrackQueue."""

from typing import Any

from bridge import wiring
from bridge.handling import each_record
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Apply each event; one that failed returns to the queue."""
    tracking = wiring.tracking()
    return each_record(event, lambda record: tracking.track(record.body))
