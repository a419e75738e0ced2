"""The door's names, which are the same 128 bits as ours, and its forms, whatever is in them."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.api.twilio_errors import twilio_problem_of
from bridge.api.twilio_forms import listing_of, order_of, parse_form
from bridge.domain.errors import BridgeError
from bridge.domain.ids import is_ulid
from bridge.domain.numbers import national
from bridge.domain.twilio import TwilioSend, message_id, message_sid, send_of
from bridge.services.twilio_sending import TwilioSending
from tests.fakes.world import SHOP, World

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


NAMES = st.sampled_from(["To", "Body", "From", "StatusCallback", "SendAt", "ScheduleType", "MessagingServiceSid"])
TIMES = st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat()) | st.sampled_from(
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31"]
)
VALUES = st.text() | TIMES | st.sampled_from(["+8613812345678", "13812345678", "fixed", "https://a.example.com/"])
BODIES = st.text() | st.lists(st.tuples(NAMES, VALUES)).map(lambda fields: urlencode(fields, errors="surrogatepass"))
SHOP_SID = "AC" + "0" * 32


def refusal(call: Callable[[], None]) -> int | None:
    """The HTTP status of what a call is refused with; whatever else it raises is a bug."""
    try:
        call()
    except BridgeError as error:
        return twilio_problem_of(error).status
    return None


@given(BODIES)
@example("To=13812345678&Body=x&ScheduleType=fixed&SendAt=0001-01-01T00:00:00%2B23:59")
@example("To=13812345678&Body=x&ScheduleType=fixed&SendAt=9999-12-31T23:59:59-23:59")
def test_any_body_is_an_order_or_refused(body: str) -> None:
    world = World()
    door = TwilioSending(
        sending=world.sending(), opt_outs=world.opt_outs, counters=world.counters, allow_loopback=False
    )

    def send() -> None:
        order = order_of(parse_form(body), SHOP_SID)
        assert national(order.to[0]) == order.to[0]
        door.send(SHOP, order, None)

    assert refusal(send) in {None, 400}


@example({"DateSent": "9999-12-31"})
@example({"DateSent>": "0001-01-01T00:00:00+23:59", "DateSent<": "9999-12-31T23:59:59-23:59"})
@given(st.dictionaries(st.sampled_from(["To", "DateSent", "DateSent>", "DateSent<", "PageSize", "Page"]), VALUES))
def test_any_query_is_a_page_or_refused(query: dict[str, str]) -> None:
    def find() -> None:
        listing = listing_of(query)
        assert 1 <= listing.size <= 100
        World().finding().page(SHOP, listing.filters, limit=listing.size, cursor=listing.cursor)

    assert refusal(find) in {None, 400}
