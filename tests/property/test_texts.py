"""Texts of all kinds: which go out, how long they are, and that an event carries each of them as it is."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import eums
from bridge.adapters.events_topic import batches
from bridge.domain import segments
from bridge.domain.events import received
from bridge.domain.ids import ulid
from bridge.domain.messages import Owner
from bridge.domain.pulls import Kind, PullId
from bridge.domain.report_events import report_events
from tests.fakes.clock import NOON
from tests.fakes.hostile import TEXTS

PLAIN = eums.Account(base_url="http://gateway.test", name="test", password="123456")
ID = ulid(NOON, b"a message!")
PULL = PullId(account="default", kind=Kind.INBOUND, id=ID, begun_at=NOON)

# What an SQS message may have: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
ALLOWED = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")

texts = (
    st.text() | st.sampled_from(TEXTS) | st.text(st.sampled_from("\0\x1b\x7f\x9f\t\n\r\ufffe\uffff\u202e👩\u200d好a"))
)
GOOD = [
    pytest.param("\u202e\u2066abc\u2069\u202c", 7, id="the direction of writing"),
    pytest.param("👩\u200d👩\u200d👧\u200d👦", 11, id="a family of emoji"),
    pytest.param("🇨🇳", 4, id="a flag"),
    pytest.param("𠮷野家", 4, id="beyond the basic plane"),
    pytest.param("e\u0301", 2, id="a letter and its accent"),
    pytest.param("a\tb\r\nc\nd", 8, id="tabs and line ends"),
    pytest.param("\u2028\u2029\ufeff\ufffd", 4, id="of no width"),
]
CONTROLS = [*range(0x20), 0x7F, *range(0x80, 0xA0)]


def problems(content: str) -> list[tuple[str, int | None]]:
    """What is wrong with a text, by its reason and the gateway's code."""
    try:
        eums.check_submit(PLAIN, eums.Submit(dest=("13812345678",), content=content))
    except eums.InvalidSubmit as exc:
        return [(each.reason, each.code) for each in (exc, *exc.further)]
    return []


@pytest.mark.parametrize(("text", "length"), GOOD)
def test_what_some_language_needs_goes_out_as_it_is(text: str, length: int) -> None:
    assert problems(text) == []
    assert segments.length(text) == length


@pytest.mark.parametrize("code", CONTROLS)
def test_a_control_character_is_refused_unless_it_is_a_tab_or_a_line_end(code: int) -> None:
    expected = [] if chr(code) in "\t\n\r" else [("holds a control character other than a tab or a line end", None)]

    assert problems(f"a{chr(code)}b") == expected


@given(texts)
@example("👍" * 250)
@example("👍" * 251)
def test_whatever_is_not_refused_can_be_written_and_is_read_as_it_was(text: str) -> None:
    submit = eums.Submit(dest=("13812345678",), content=text)
    if problems(text):
        return
    request = eums.build_request(PLAIN, eums.Call.SEND, NOON, submit=submit)

    assert json.loads(dict(request.fields)["data"])["content"] == text
    assert segments.length(text) == len(text.encode("utf-16-be")) // 2 <= 500


@given(st.text(st.characters()), st.integers(1, 8))
def test_segments_are_counted_in_utf16_units(text: str, times: int) -> None:
    units = sum(2 if each > "\uffff" else 1 for each in text) * times

    assert segments.length(text * times) == units
    assert segments.estimate(text * times) == (1 if units <= 70 else (units + 66) // 67)


@given(texts, texts, texts)
@example("\ufffe\uffff", "\uffff", "\\\ufffe")
def test_an_event_has_no_character_that_a_queue_refuses_and_loses_none(text: str, number: str, reference: str) -> None:
    inbound = eums.Inbound(0, number, number, text, NOON, "", "", None, "", "")
    report = eums.Report(0, number, number, text, NOON, "", ID)
    owner = Owner(message_id=ID, account="default", client="shop", client_reference=reference, submitted_at=NOON)
    events = [received(PULL, inbound, None, NOON), *report_events("default", [(report, owner)], NOON)]

    heard, reported = (json.loads(entry["Message"]) for batch in batches(events) for entry in batch)

    assert all(ALLOWED.fullmatch(entry["Message"]) for batch in batches(events) for entry in batch)
    assert heard["data"]["text"] == text
    assert reported["data"]["gateway_status"] == text
    assert reported["data"]["client_reference"] == reference
