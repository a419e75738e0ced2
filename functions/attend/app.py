"""Attaches early reports to their messages and expires what nobody reports of: started by a schedule."""

from typing import Any

from bridge import wiring
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Do what became due since the last run, as far as this one's time allows."""
    return wiring.attending().attend(lambda: context.get_remaining_time_in_millis() / 1000)
