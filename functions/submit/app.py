"""Submits what waits, and makes batches into messages: started by the pointers in SendQueue."""

from typing import Any

from bridge import wiring
from bridge.domain.work import RECEIVES
from bridge.handling import each_record
from bridge.handling import handler as lambda_handler

_AT_ONCE = (
    10  # submits in flight, which mostly wait for the gateway; the accounts' pace is kept by all of them together
)


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do what each pointer asks for, as far as the time allows; one that failed returns to the queue.

    When it has been handed out for the last time, the service is told: nobody else will say what became of the send.
    """
    queueing = wiring.queueing()

    def time_left() -> float:
        return float(context.get_remaining_time_in_millis() / 1000)

    return each_record(
        event,
        lambda record: queueing.take(record.body, last=record.receives >= RECEIVES, time_left=time_left),
        at_once=_AT_ONCE,
    )
