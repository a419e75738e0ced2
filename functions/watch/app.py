"""Looks at the balance of every account: started by a schedule."""

from typing import Any

from bridge import wiring
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """A metric for each balance, and an event where one fell below the threshold."""
    return wiring.watching().watch()
