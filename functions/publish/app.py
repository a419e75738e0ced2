"""Publishes what the journal keeps: started by the messages in PublishQueue."""

from typing import Any

from bridge import wiring
from bridge.handling import each_record
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Publish the journal object that each message points to, or brings; a message that failed returns to the queue."""
    publishing = wiring.publishing()
    return each_record(event, lambda record: publishing.take(record.body))
