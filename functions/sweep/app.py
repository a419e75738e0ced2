"""Points again to what is in the journal and was not published: started by a schedule."""

from typing import Any

from bridge import wiring
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """How many pointers were sent for each account."""
    return wiring.sweeping().sweep_all(time_left=lambda: context.get_remaining_time_in_millis() / 1000)
