"""The life of a message as a time line: accepted, submitted, delivered; from the message itself and from its events."""

from collections.abc import Iterable, Mapping
from typing import Any

Event = Mapping[str, Any]
Step = dict[str, Any]

SHOWN_RECIPIENTS = 20
"""A batch has thousands."""

_UNDELIVERED = "undelivered"
_REPORTED = frozenset({"delivered", _UNDELIVERED})
_WAITING = {
    "accepted": "waits in the queue",
    "scheduled": "waits for its time",
    "submitting": "is being submitted",
    "unknown": "the gateway did not say whether it took it",
}
_ENDED = frozenset({"rejected", "cancelled", "failed"})


def message_of(event: Event) -> str | None:
    """Tell which message an event is about: its own, or the one that an inbound message answers."""
    data = event.get("data")
    if not isinstance(data, Mapping):
        return None
    answered = data.get("in_reply_to")
    named = data.get("message_id") or (answered.get("message_id") if isinstance(answered, Mapping) else None)
    return named if isinstance(named, str) else None


def lines(message: Mapping[str, Any] | None, events: Iterable[Event]) -> list[dict[str, Any]]:
    """Write a time line for every recipient.

    Args:
        message: as the API shows it (`GET /messages/{id}`), or None where it cannot be had; then the events say all.
        events: those of this message, oldest first.

    Returns:
        One line a recipient: `to`, and `steps` with `title`, `state` (done, waiting, failed), `time` (or None),
        `detail` and `event`, the id of the event that said so (or None: the message itself did).
    """
    known = list(events)
    recipients = {str(recipient["to"]): recipient for recipient in (message or {}).get("recipients", [])}
    for event in known:
        number = _recipient_of(event)
        if number is not None:
            recipients.setdefault(number, {})
    shown = list(recipients.items())[:SHOWN_RECIPIENTS]
    return [
        {"to": number, "steps": _steps(message, recipient, [one for one in known if _recipient_of(one) == number])}
        for number, recipient in shown
    ]


def _recipient_of(event: Event) -> str | None:
    data = event["data"]
    number = data.get("from") if event["type"] == "sms.inbound.received" else data.get("to")
    return number if isinstance(number, str) else None


def _steps(message: Mapping[str, Any] | None, recipient: Mapping[str, Any], events: list[Event]) -> list[Step]:
    steps = []
    if message is not None:
        steps.append(_step("accepted", message.get("created_at"), f"by the bridge, as {message.get('id')}"))
        if message.get("send_at"):
            steps.append(_step("scheduled", message["send_at"], "for this time"))
    steps += _submitted(message, recipient, events)
    told = [_told(event) for event in events if event["type"] != "sms.message.submitted"]
    if recipient.get("status") in _REPORTED and not any(step["title"] == recipient["status"] for step in told):
        told.append(_reported(recipient))
    steps += sorted(told, key=lambda step: step["time"] or "")
    if not any(step["state"] == "failed" or step["title"] in _REPORTED for step in steps):
        steps += _outstanding(message, recipient)
    return steps


def _submitted(message: Mapping[str, Any] | None, recipient: Mapping[str, Any], events: list[Event]) -> list[Step]:
    """A message that somebody waited for has no event for it: its gateway's id, or a later event, tells."""
    said = next((event for event in events if event["type"] == "sms.message.submitted"), None)
    times = [event["data"]["submitted_at"] for event in events if event["data"].get("submitted_at")]
    gateway_id = recipient.get("gateway_message_id") or next(
        (event["data"]["gateway_message_id"] for event in events if event["data"].get("gateway_message_id")), None
    )
    if said is None and gateway_id is None and not times:
        return []
    # The API names no time for it; while no event did either, it is that of the call that was waited for.
    waited = (
        message.get("created_at") if message and not message.get("send_at") and not message.get("batch_id") else None
    )
    detail = f"to the gateway, as {gateway_id}" if gateway_id else "to the gateway"
    return [_step("submitted", times[0] if times else waited, detail, event=said["id"] if said else None)]


def _told(event: Event) -> Step:
    data = event["data"]
    title = "replied" if event["type"] == "sms.inbound.received" else str(data.get("status") or event["type"])
    words = {
        "replied": data.get("text"),
        "delivered": data.get("gateway_status"),
    }.get(title) or ", ".join(
        str(data[name])
        for name in ("gateway_status", "gateway_code", "error_class", "reason")
        if data.get(name) not in {None, ""}
    )
    state = "failed" if title == _UNDELIVERED or title in _ENDED else "done"
    return _step(title, data.get("reported_at") or event.get("time"), words, state=state, event=event["id"])


def _reported(recipient: Mapping[str, Any]) -> Step:
    words = ", ".join(str(recipient[name]) for name in ("gateway_status", "error_class") if recipient.get(name))
    state = "failed" if recipient["status"] == _UNDELIVERED else "done"
    return _step(str(recipient["status"]), recipient.get("reported_at"), words, state=state)


def _outstanding(message: Mapping[str, Any] | None, recipient: Mapping[str, Any]) -> list[Step]:
    status = recipient.get("status") or (message or {}).get("status")
    if status in _ENDED:
        reason = recipient.get("error_class") or (message or {}).get("reason") or ""
        return [_step(str(status), None, str(reason), state="failed")]
    if status in _WAITING:
        return [_step(str(status), None, _WAITING[status], state="waiting")]
    return [_step("delivered", None, "no report yet", state="waiting")]


def _step(title: str, time: object, detail: object, *, state: str = "done", event: str | None = None) -> Step:
    return {"title": title, "time": time, "detail": detail or "", "state": state, "event": event}
