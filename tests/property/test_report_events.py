"""The events of a page of reports, written by the thousand, are those that are made one by one."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from bridge.domain.events import LARGEST, reported
from bridge.domain.ids import ulid
from bridge.domain.messages import Owner
from bridge.domain.report_events import report_events
from bridge.domain.times import Rfc3339, rfc3339
from eums import Report
from tests.fakes.clock import NOON

ID = ulid(NOON, b"a message!")
ZONES = (UTC, timezone(timedelta(hours=8)), ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York"))

anything = st.text(st.characters(), max_size=8) | st.sampled_from(['"', "\\", "\x00\x1f\x7f", "\u2028é订😀", "\ud83d"])
times = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.sampled_from(ZONES)) | st.just(NOON)  # noqa: DTZ001 - hypothesis adds the zone
reports = st.builds(
    Report,
    ordinal=st.integers(0, 9),
    message_id=st.from_regex("[0-9]{1,20}", fullmatch=True) | anything,
    dest_number=st.sampled_from(["13812345678", "8613800001234", "10086"]) | anything,
    report_status=st.sampled_from(["DELIVRD", "MK:0001", "ACCEPTD", "订"]) | anything,
    report_time=times | st.none(),
    report_time_raw=st.sampled_from(["2026-11-23 12:00:00", "?"]) | anything,
    reference=anything,
)
owners = st.builds(
    Owner,
    message_id=st.just(ID) | anything,
    account=st.just("default"),
    client=st.sampled_from(["shop", "bank"]) | anything,
    client_reference=st.none() | anything,
    submitted_at=times,
    batch_id=st.none() | anything,
    references=st.dictionaries(st.sampled_from(["+8613812345678", "10086"]), anything, max_size=2),
    calls_back=st.booleans(),
)

REPORT = Report(0, "0603015522454756885", "13812345678", "DELIVRD", NOON, "2026-11-23 12:00:00", ID)
OWNER = Owner(message_id=ID, account="default", client="shop", client_reference="order-42", submitted_at=NOON)
SAME_INSTANT = REPORT._replace(report_time=NOON.astimezone(ZONES[1]))


@given(
    account=st.just("default") | anything,
    page=st.lists(st.tuples(reports, owners | st.none()), max_size=6),
    pulled_at=times,
)
@example(account="default", page=[(REPORT, OWNER), (REPORT, None), (SAME_INSTANT, OWNER)], pulled_at=NOON)
@example(account="default", page=[(REPORT, OWNER), (REPORT, replace(OWNER, calls_back=True))], pulled_at=NOON)
def test_a_page_of_events_is_what_each_of_them_is(
    account: str, page: list[tuple[Report, Owner | None]], pulled_at: datetime
) -> None:
    one_by_one = [reported(account, report, owner, pulled_at) for report, owner in page]
    together = report_events(account, page, pulled_at)

    assert [event.body() for event in together] == [event.body() for event in one_by_one]
    assert [event.attributes() for event in together] == [event.attributes() for event in one_by_one]
    for event, same in zip(together, one_by_one, strict=True):
        for one in (event, pickle.loads(pickle.dumps(event))):  # noqa: S301 - our own
            assert (one.body(), one.attributes()) == (same.body(), same.attributes())
        for name in ("id", "type", "account", "client", "calls_back", "subject", "data"):
            assert getattr(event, name) == getattr(same, name)
        assert event.fits()
        assert abs(event.time - same.time) < timedelta(milliseconds=1)


@given(st.lists(times, max_size=20))
def test_many_times_are_written_as_each_of_them_is(many: list[datetime]) -> None:
    rfc3339_of = Rfc3339()

    assert [rfc3339_of(time) for time in many] == [rfc3339(time) for time in many]


def test_an_event_that_sns_would_not_take_does_not_fit() -> None:
    text = "订" * (LARGEST // 3)
    assert [
        event.fits() for event in report_events("default", [(REPORT._replace(report_status=text), OWNER)], NOON)
    ] == [False]
    assert not reported("default", REPORT._replace(report_status=text), OWNER, NOON).fits()
