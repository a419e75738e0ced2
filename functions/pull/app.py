"""Pulls status reports and inbound messages: two functions, each started every minute by a schedule of its own."""

from typing import Any

from bridge import wiring
from bridge.domain.pulls import Kind
from bridge.handling import handler

_WINDOW = 58.0  # seconds: until just before the schedule's next tick


def _drain(kind: Kind, context: Any) -> dict[str, int]:
    return wiring.pulling().drain_all(
        kind, window=_WINDOW, time_left=lambda: context.get_remaining_time_in_millis() / 1000
    )


@handler
def reports(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Pull the status reports of every account."""
    return _drain(Kind.REPORTS, context)


@handler
def inbound(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Pull the inbound messages of every account."""
    return _drain(Kind.INBOUND, context)
