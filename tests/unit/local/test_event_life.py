"""The life of a message, from what the API says of it and from its events."""

from typing import Any

import pytest

from local.events.life import SHOWN_RECIPIENTS, lines, message_of

ID = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"
TO = "+8613812345678"
CREATED, SUBMITTED, REPORTED = "2026-11-23T13:09:00+08:00", "2026-11-23T13:09:01+08:00", "2026-11-23T13:09:04+08:00"


def recipient(**changes: Any) -> dict[str, Any]:
    known = {"to": TO, "status": "submitted", "gateway_message_id": "0603", "gateway_status": None}
    return {**known, "reported_at": None, "error_class": None, **changes}


def message(*recipients: dict[str, Any], **changes: Any) -> dict[str, Any]:
    known = {"id": ID, "status": "submitted", "created_at": CREATED, "send_at": None, "batch_id": None, "reason": None}
    return {**known, "recipients": list(recipients) or [recipient()], **changes}


def event(kind: str, **data: Any) -> dict[str, Any]:
    known = {"message_id": ID, "to": TO, "status": kind, "submitted_at": SUBMITTED, "gateway_message_id": "0603"}
    return {"id": f"id-{kind}", "type": f"sms.message.{kind}", "time": REPORTED, "data": {**known, **data}}


def replied(text: str = "好的") -> dict[str, Any]:
    data = {"from": TO, "to": "1069", "text": text, "in_reply_to": {"message_id": ID, "by": "reference"}}
    return {"id": "id-reply", "type": "sms.inbound.received", "time": "2026-11-23T13:10:00+08:00", "data": data}


def steps(known: dict[str, Any] | None, *events: dict[str, Any]) -> list[tuple[str, str, object]]:
    (line,) = lines(known, events)
    assert line["to"] == TO
    return [(step["title"], step["state"], step["time"]) for step in line["steps"]]


def test_accepted_submitted_delivered_and_answered() -> None:
    assert steps(message(), event("delivered", reported_at=REPORTED), replied()) == [
        ("accepted", "done", CREATED),
        ("submitted", "done", SUBMITTED),
        ("delivered", "done", REPORTED),
        ("replied", "done", "2026-11-23T13:10:00+08:00"),
    ]


def test_a_message_that_was_waited_for_has_no_event_and_is_complete_all_the_same() -> None:
    assert steps(message()) == [
        ("accepted", "done", CREATED),
        ("submitted", "done", CREATED),
        ("delivered", "waiting", None),
    ]


def test_what_the_api_knows_and_no_event_said() -> None:
    known = message(recipient(status="undelivered", gateway_status="MK:0001", reported_at=REPORTED))
    assert steps(known)[-1] == ("undelivered", "failed", REPORTED)


def test_a_report_that_both_know_is_there_once() -> None:
    known = message(recipient(status="delivered", reported_at=REPORTED))
    assert [title for title, _, _ in steps(known, event("delivered", reported_at=REPORTED))] == [
        "accepted",
        "submitted",
        "delivered",
    ]


def test_a_contradiction_is_shown_as_both() -> None:
    later = {
        **event("undelivered"),
        "data": {**event("undelivered")["data"], "reported_at": "2026-11-23T13:09:09+08:00"},
    }
    titles = [title for title, _, _ in steps(message(), event("delivered", reported_at=REPORTED), later)]
    assert titles == ["accepted", "submitted", "delivered", "undelivered"]


def test_a_queued_one_waits() -> None:
    known = message(recipient(status="accepted", gateway_message_id=None), status="accepted")
    assert steps(known) == [("accepted", "done", CREATED), ("accepted", "waiting", None)]


def test_a_scheduled_one_waits_for_its_time() -> None:
    at = "2026-11-24T09:00:00+08:00"
    known = message(recipient(status="scheduled", gateway_message_id=None), status="scheduled", send_at=at)
    assert steps(known) == [
        ("accepted", "done", CREATED),
        ("scheduled", "done", at),
        ("scheduled", "waiting", None),
    ]


def test_a_rejected_one_ends_there() -> None:
    data = {"gateway_code": 205, "gateway_message_id": None, "submitted_at": None}
    assert steps(message(recipient(status="rejected", gateway_message_id=None)), event("rejected", **data)) == [
        ("accepted", "done", CREATED),
        ("rejected", "failed", REPORTED),
    ]


def test_a_message_of_another_client_is_told_by_its_events_alone() -> None:
    assert steps(None, event("submitted"), event("delivered", reported_at=REPORTED)) == [
        ("submitted", "done", SUBMITTED),
        ("delivered", "done", REPORTED),
    ]


def test_a_step_names_its_event() -> None:
    (line,) = lines(message(), [event("submitted"), event("delivered")])
    assert [step["event"] for step in line["steps"]] == [None, "id-submitted", "id-delivered"]


def test_recipients_have_a_line_each_up_to_some() -> None:
    known = message(*(recipient(to=f"+86138000{number:05}") for number in range(SHOWN_RECIPIENTS + 5)))
    told = lines(known, [event("delivered", to="+8613800000001")])
    assert len(told) == SHOWN_RECIPIENTS
    assert [line["steps"][-1]["state"] for line in told[:3]] == ["waiting", "done", "waiting"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"message_id": ID}, ID),
        ({"message_id": None}, None),
        ({"in_reply_to": {"message_id": ID}}, ID),
        ({"in_reply_to": None}, None),
        ({"message_id": 7}, None),
        ("text", None),
    ],
)
def test_which_message_an_event_is_about(data: object, expected: str | None) -> None:
    assert message_of({"id": "x", "type": "t", "data": data}) == expected
