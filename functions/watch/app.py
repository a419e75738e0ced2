"""Looks at every account's pulls and balance: started every minute by a schedule."""

from typing import Any

from bridge import wiring
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Metrics of each account, and an event where something went wrong."""
    return wiring.watching().watch()
