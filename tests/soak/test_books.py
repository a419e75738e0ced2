"""The books see what is wrong: sound evidence balances, and each way to spoil it turns up in its own line."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from bridge.domain.ids import ulid
from tests.soak.books import Books, Line, without
from tests.soak.evidence import DeadLetter, Evidence, Kept, Page, Recorded, Taken
from tests.soak.ledger import Answer, Request, Said

CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 11, 23, 12, tzinfo=CHINA)
NUMBERS = ("+8613800000001", "+8613800000002")
SAID = Answer(Said.MESSAGE, ("M1",), b"{}", "201")


def pull(second: int) -> str:
    return ulid(NOON + timedelta(seconds=second), bytes(10))


def record(number: int, status: str = "DELIVRD") -> dict[str, Any]:
    return {
        "message_id": f"G{number}",
        "dest_number": NUMBERS[number - 1].removeprefix("+86"),
        "report_status": status,
        "report_time": "2026-11-23 12:00:05",
    }


def report(number: int, status: str = "delivered", raw: str = "DELIVRD") -> dict[str, Any]:
    data = {
        "message_id": "M1",
        "to": NUMBERS[number - 1],
        "status": status,
        "final": True,
        "gateway_message_id": f"G{number}",
        "gateway_status": raw,
        "reported_at": "2026-11-23T12:00:05+08:00",
    }
    return {"id": f"E{number}", "type": f"sms.message.{status}", "data": data}


def lost(of: str, kind: str = "reports", event_type: str = "sms.pull.lost") -> dict[str, Any]:
    return {"id": f"L{of}", "type": event_type, "data": {"account": "default", "kind": kind, "pull_id": of}}


def page(second: int, *records: dict[str, Any], kind: str = "reports", body: bytes = b"") -> Page:
    whole = body or repr(records).encode()
    return Page("default", kind, NOON + timedelta(seconds=second), records, whole, whole, readable=len(records))


def kept(of: str, body: bytes, kind: str = "reports") -> Kept:
    return Kept("default", kind, of, body, published=True)


def sound() -> Evidence:
    """Two recipients of one message, taken, reported each in a page of its own; a request that was refused; a reply.

    A third page was dropped on its way, and said to be lost.
    """
    pages = [page(10, record(1)), page(20, record(2)), page(40, {"content": "好的"}, kind="inbound")]
    dropped = replace(page(30, {**record(2), "report_time": "2026-11-23 12:00:09"}), sent=None)
    return Evidence(
        requests=[
            Request(1, "several", "default", NUMBERS, answers=[SAID], queued=True),
            Request(2, "one", "default", NUMBERS[:1], answers=[Answer(Said.NOTHING, why="402")]),
            Request(3, "one", "default", NUMBERS[:1], answers=[Answer(Said.OPEN, why="no answer")]),
        ],
        taken=[Taken("default", "M1", number, 1, f"G{at}") for at, number in enumerate(NUMBERS, 1)],
        pages=[*pages, dropped],
        kept=[
            kept(pull(9), pages[0].whole),
            kept(pull(19), pages[1].whole),
            kept(pull(39), pages[2].whole, kind="inbound"),
        ],
        recorded=[
            Recorded("M1", "default", 1, dict.fromkeys(NUMBERS, "delivered")),
            Recorded("M2", "default", 2, {NUMBERS[0]: "rejected"}),
        ],
        deliveries=[report(1), report(2)],
        replies=[{"id": "R", "type": "sms.inbound.received", "subject": f"{pull(39)}/0", "data": {"text": "好的"}}],
        names=[lost(pull(29))],
        dead=[DeadLetter("ScheduleDeadLetterQueue", "a run of attend", "the next run does it")],
        finals={"default": 2},
        gateway_finals={"default": 2},
        faults={"gateway: report drop": 1},
    )


def wrong_lines(evidence: Evidence) -> list[Line]:
    return without(Books(evidence).lines())


def test_sound_evidence_balances() -> None:
    assert wrong_lines(sound()) == []


def unrecorded(evidence: Evidence) -> None:
    evidence.recorded.pop(0)


def half_recorded(evidence: Evidence) -> None:
    evidence.recorded[0] = replace(evidence.recorded[0], recipients={NUMBERS[0]: "delivered"})


def recorded_unasked(evidence: Evidence) -> None:
    evidence.recorded.append(Recorded("M9", "default", 99, {NUMBERS[0]: "rejected"}))


def two_messages(evidence: Evidence) -> None:
    evidence.recorded.append(replace(evidence.recorded[0], id="M1b", recipients={NUMBERS[0]: "unknown"}))


def other_repeat(evidence: Evidence) -> None:
    evidence.different.append("M1")


def never_taken(evidence: Evidence) -> None:
    evidence.taken.pop()


def taken_and_rejected(evidence: Evidence) -> None:
    evidence.taken.append(Taken("default", "M2", NUMBERS[0], 2, "G3"))


def taken_twice(evidence: Evidence) -> None:
    evidence.taken.append(replace(evidence.taken[0], gateway_id="G9"))


def taken_twice_under_another_id(evidence: Evidence) -> None:
    evidence.taken.append(replace(evidence.taken[0], gateway_id="G9", reference="M7"))


def taken_unasked(evidence: Evidence) -> None:
    evidence.taken.append(Taken("default", "M8", NUMBERS[0], 88, "G8"))


def taken_though_cancelled(evidence: Evidence) -> None:
    evidence.requests[0].cancelled = True


def never_ended(evidence: Evidence) -> None:
    evidence.recorded[1] = replace(evidence.recorded[1], recipients={NUMBERS[0]: "accepted"})


def still_queued(evidence: Evidence) -> None:
    evidence.queued = 1


def never_pulled(evidence: Evidence) -> None:
    evidence.waiting = 1


def page_lost_silently(evidence: Evidence) -> None:
    evidence.names.clear()


def page_lost_and_another_named(evidence: Evidence) -> None:
    evidence.names[:] = [lost(pull(31))]  # begun when the page had left


def page_altered(evidence: Evidence) -> None:
    evidence.kept[0] = replace(evidence.kept[0], body=evidence.kept[0].body[:-1])


def page_spoiled_silently(evidence: Evidence) -> None:
    evidence.pages[0] = replace(evidence.pages[0], whole=evidence.pages[0].whole + b"more")


def page_cut_behind_its_record(evidence: Evidence) -> None:
    """The first report is complete in what came, and was not published."""
    cut = evidence.pages[0].whole[:-1]
    evidence.pages[0] = replace(evidence.pages[0], sent=cut)
    evidence.kept[0] = replace(evidence.kept[0], body=cut)
    evidence.names.append(lost(pull(9)))
    evidence.deliveries.pop(0)


def page_unpublished(evidence: Evidence) -> None:
    evidence.kept[2] = replace(evidence.kept[2], published=False)


def event_missing(evidence: Evidence) -> None:
    evidence.deliveries.pop()


def event_invented(evidence: Evidence) -> None:
    event = report(1)
    event["data"] |= {"gateway_message_id": "G77", "message_id": None}
    evidence.deliveries.append(event)


def reply_missing(evidence: Evidence) -> None:
    evidence.replies.clear()


def reply_altered(evidence: Evidence) -> None:
    evidence.replies[0]["data"]["text"] = "不好"


def reply_invented(evidence: Evidence) -> None:
    evidence.replies.append({**evidence.replies[0], "subject": f"{pull(39)}/1"})


def status_untrue(evidence: Evidence) -> None:
    evidence.recorded[0] = replace(
        evidence.recorded[0], recipients={NUMBERS[0]: "undelivered", NUMBERS[1]: "delivered"}
    )


def status_without_report(evidence: Evidence) -> None:
    evidence.recorded.append(Recorded("M3", "default", 3, {NUMBERS[0]: "delivered"}))


def never_told(evidence: Evidence) -> None:
    evidence.requests[1].queued = True


def counted_twice(evidence: Evidence) -> None:
    evidence.finals = {"default": 3}


def not_counted(evidence: Evidence) -> None:
    evidence.finals = {"default": 1}


def statistics_differ(evidence: Evidence) -> None:
    evidence.gateway_finals = {"default": 1}


def dead_letter(evidence: Evidence) -> None:
    evidence.dead.append(DeadLetter("TrackDeadLetterQueue", "700 characters"))


def unsound_event(evidence: Evidence) -> None:
    evidence.unsound.append("E1")


MUTANTS: list[tuple[Callable[[Evidence], None], str]] = [
    (unrecorded, "messages promised by answers"),
    (half_recorded, "recipients handed in"),
    (recorded_unasked, "recipients handed in"),
    (two_messages, "requests with a live message"),
    (other_repeat, "repeats answered otherwise"),
    (never_taken, "recipients taken by the gateway"),
    (taken_and_rejected, "recipients taken by the gateway"),
    (taken_and_rejected, "requests taken although denied"),
    (taken_twice, "submits of what was handed in once"),
    (taken_twice_under_another_id, "submits of what was handed in once"),
    (taken_unasked, "requests taken although denied"),
    (taken_though_cancelled, "requests taken although denied"),
    (never_ended, "recipients and queue entries still under way"),
    (still_queued, "recipients and queue entries still under way"),
    (never_pulled, "records that wait at the gateway"),
    (page_lost_silently, "pages handed out"),
    (page_lost_and_another_named, "pages handed out"),
    (page_altered, "pages handed out"),
    (page_spoiled_silently, "pages kept that came spoiled"),
    (page_cut_behind_its_record, "reports handed out"),
    (page_unpublished, "pages in the journal"),
    (event_missing, "reports handed out"),
    (event_invented, "reports published that were not handed out"),
    (reply_missing, "replies handed out"),
    (reply_altered, "replies handed out"),
    (reply_invented, "replies handed out"),
    (status_untrue, "recipients with a final event"),
    (status_without_report, "recipients with a final event"),
    (never_told, "queued recipients that ended"),
    (counted_twice, "final outcomes published"),
    (not_counted, "final outcomes published"),
    (statistics_differ, "final outcomes handed out"),
    (dead_letter, "dead letters"),
    (unsound_event, "events against their schemas"),
]


@pytest.mark.parametrize(("spoil", "line"), MUTANTS, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_wrong_is_seen_and_named(spoil: Callable[[Evidence], None], line: str) -> None:
    evidence = sound()
    spoil(evidence)

    wrong = [found for found in wrong_lines(evidence) if found.what.startswith(line)]

    assert len(wrong) == 1
    assert wrong[0].wrong


def test_what_is_lost_and_named_balances() -> None:
    """A page that never arrived, with the only report of a message: it stays submitted, and nobody is blamed."""
    evidence = sound()
    evidence.pages[1] = replace(evidence.pages[1], sent=None)
    evidence.kept.pop(1)
    evidence.names.append(lost(pull(19)))
    evidence.deliveries.pop()
    evidence.deliveries.append(
        {"id": "S", "type": "sms.message.submitted", "data": {"message_id": "M1", "to": NUMBERS[1]}}
    )
    evidence.recorded[0] = replace(evidence.recorded[0], recipients={NUMBERS[0]: "delivered", NUMBERS[1]: "submitted"})
    evidence.finals = {"default": 1}

    assert wrong_lines(evidence) == []


def test_one_lost_pull_excuses_one_page() -> None:
    evidence = sound()
    evidence.pages.append(replace(evidence.pages[3], at=NOON + timedelta(seconds=31)))

    assert [line.what for line in wrong_lines(evidence)] == ["pages handed out = kept byte for byte + named as lost"]


def test_error_pages_are_told_apart_by_their_time() -> None:
    """Two pulls brought the same error page; only one of them had records behind it, and its own was not kept."""
    evidence = sound()
    behind = page(50, record(2, "UNDELIV"), body=b"<html>")
    evidence.pages.append(behind)
    evidence.kept.append(kept(pull(60), b"<html>"))

    assert "pages handed out = kept byte for byte + named as lost" in {line.what for line in wrong_lines(evidence)}


@pytest.mark.parametrize("status", ["unknown", "submitted"])
def test_an_unknown_one_may_have_been_taken_or_not(status: str) -> None:
    evidence = sound()
    evidence.requests.append(Request(4, "one", "default", NUMBERS[:1], answers=[replace(SAID, ids=("M4",))]))
    evidence.recorded.append(Recorded("M4", "default", 4, {NUMBERS[0]: status}))

    assert [line.what for line in wrong_lines(evidence)] == (
        [] if status == "unknown" else ["recipients taken by the gateway = on record as sent + unknown of these"]
    )
    evidence.taken.append(Taken("default", "M4", NUMBERS[0], 4, "G4"))
    assert wrong_lines(evidence) == []


def test_what_is_wanted_rather_twice_may_be_taken_twice() -> None:
    evidence = sound()
    evidence.requests[0].resends = True
    taken_twice(evidence)

    assert wrong_lines(evidence) == []


def test_no_line_names_a_phone_number() -> None:
    for spoil, _ in MUTANTS:
        evidence = sound()
        spoil(evidence)
        for line in wrong_lines(evidence):
            assert not any(number in text or number[3:] in text for text in line.wrong for number in NUMBERS)
