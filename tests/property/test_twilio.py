"""The door's names: a ULID and its SID are the same 128 bits."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.ids import is_ulid
from bridge.domain.twilio import TwilioSend, message_id, message_sid, send_of

SIDS = st.integers(0, 2**128 - 1).map(lambda number: f"SM{number:032x}")
TEXTS = st.none() | st.text(min_size=1)


@given(SIDS)
def test_every_sid_is_one_ulids_and_that_ulids_alone(sid: str) -> None:
    found = message_id(sid)

    assert is_ulid(found)
    assert message_sid(found) == sid


@given(SIDS, SIDS)
def test_sids_sort_as_their_messages_do(one: str, other: str) -> None:
    assert (one < other) == (message_id(one) < message_id(other))


@given(st.text() | SIDS.map(str.upper) | SIDS.map(lambda sid: sid[:-1]) | SIDS.map(lambda sid: f"{sid}\n"))
def test_whatever_else_is_no_sid(text: str) -> None:
    if re.fullmatch(r"SM[0-9a-f]{32}", text):
        return
    with pytest.raises(ValueError, match="not a message's SID"):
        message_id(text)


@given(st.builds(TwilioSend, account_sid=st.text(), sender=TEXTS, service_sid=TEXTS, callback_url=TEXTS))
def test_what_a_message_remembers_is_read_as_it_was_written(send: TwilioSend) -> None:
    assert send_of(send.record()) == send
