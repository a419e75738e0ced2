"""Compares the reports that were recorded with the gateway's statistics: started every hour by a schedule."""

from typing import Any

from bridge import wiring
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Compare each account once a day, in its own morning."""
    return wiring.reconciling().reconcile()
