"""Writes down what the events say: reports to their messages, opt-outs. Started by the events in TrackQueue."""

from typing import Any

from bridge import wiring
from bridge.domain.events import EventType, event_type
from bridge.handling import Record, all_records
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Apply the events; those that failed return to the queue."""
    return all_records(event, _apply)


def _apply(records: list[Record]) -> list[object]:
    """The reports together, because they share a write; what came in, one by one."""
    inbound = {index for index, record in enumerate(records) if _came_in(record.body)}
    reports = [record.body for index, record in enumerate(records) if index not in inbound]
    tracked = iter(wiring.tracking().track_all(reports) if reports else [])
    return [_heard(record.body) if index in inbound else next(tracked) for index, record in enumerate(records)]


def _came_in(body: str) -> bool:
    try:
        return event_type(body) is EventType.INBOUND_RECEIVED
    except ValueError:
        return False  # tracking says so of this one


def _heard(body: str) -> object:
    try:
        return wiring.opting_out().hear(body)
    except Exception as exc:  # noqa: BLE001 - whatever it is, this record goes back and the others do not
        return exc
