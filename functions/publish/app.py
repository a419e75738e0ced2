"""Publishes what the journal keeps: started by the pointers in PublishQueue."""

from typing import Any

from bridge import wiring
from bridge.domain.pulls import pointed_to
from bridge.handling import each_record
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Publish the journal object that each pointer names; a pointer that failed returns to the queue."""
    publishing = wiring.publishing()
    return each_record(event, lambda body: publishing.publish(pointed_to(body)))
