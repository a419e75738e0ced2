"""Posts events to the webhook endpoints: started by the pointers in DeliverQueue."""

from typing import Any

from bridge import wiring
from bridge.domain.webhooks import Received
from bridge.handling import handler as lambda_handler
from bridge.handling import logger, place


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Make each delivery, side by side; those that failed, and those that wait for hours, stay in the queue."""
    received = [
        Received(
            name=record["messageId"],
            body=record["body"],
            receipt=record["receiptHandle"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in event["Records"]
    ]
    stay = wiring.delivering().deliver(
        received, time_left=lambda: float(context.get_remaining_time_in_millis() / 1000), failed=_log
    )
    return {"batchItemFailures": [{"itemIdentifier": name} for name in stay]}


def _log(error: Exception) -> None:
    # Its text may quote an event: only its kind and place are logged.
    logger.error("delivery failed", extra={"error": type(error).__name__, "at": place(error)})
