import json
from datetime import date

import pytest

from bridge.domain.days import DayCount
from bridge.domain.events import reported, tracked_report
from bridge.domain.ids import ulid_time
from bridge.domain.messages import Applied, EarlyReport, Owner, Status, TrackedReport
from bridge.services.tracking import Tracking
from eums import Report
from tests.fakes.world import NOON, World

OWNER = Owner(
    message_id="01JDCKQ3V9T4M3W5Y8Z7N6P2QR", account="default", client="shop", client_reference=None, submitted_at=NOON
)


def event(status: str = "DELIVRD", at: str = "2021-01-02 13:45:56", owner: Owner | None = OWNER) -> str:
    record = Report(
        ordinal=0,
        message_id="06",
        dest_number="13812345678",
        report_status=status,
        report_time=NOON.replace(second=int(at[-2:])),
        report_time_raw=at,
        reference="",
    )
    return reported("default", record, owner, NOON).body()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def tracking(world: World) -> Tracking:
    return Tracking(
        accounts=world.accounts,
        messages=world.messages,
        early=world.early,
        clock=world.clock,
        counters=world.counters,
    )


def test_a_report_moves_its_recipient(world: World, tracking: Tracking) -> None:
    assert tracking.track(event()) is Applied.MOVED

    report = world.messages.reports[OWNER.message_id, "+8613812345678"]
    assert (report.status, report.gateway_status, report.final) == (Status.DELIVERED, "DELIVRD", True)


def test_an_event_that_comes_again_changes_nothing(world: World, tracking: Tracking) -> None:
    tracking.track(event())

    assert tracking.track(event()) is Applied.REPEATED
    assert world.counters.counted == {}


def test_another_report_of_the_same_is_counted(world: World, tracking: Tracking) -> None:
    tracking.track(event())

    assert tracking.track(event(at="2021-01-02 13:45:57")) is Applied.DUPLICATE
    assert world.counters.counted["ReportsDuplicate"] == 1


def test_a_contradiction_is_counted_and_the_first_final_status_stays(world: World, tracking: Tracking) -> None:
    tracking.track(event("DELIVRD"))

    assert tracking.track(event("MK:0001")) is Applied.CONTRADICTION
    assert world.counters.counted["ReportsContradicting"] == 1
    assert world.messages.reports[OWNER.message_id, "+8613812345678"].status is Status.DELIVERED


def test_a_final_report_follows_one_that_is_not(tracking: Tracking) -> None:
    assert tracking.track(event("ACCEPTD")) is Applied.MOVED
    assert tracking.track(event("DELIVRD")) is Applied.MOVED
    assert tracking.track(event("ACCEPTD", at="2021-01-02 13:45:58")) is Applied.STALE


def test_a_report_of_nobodys_message_is_kept_once(world: World, tracking: Tracking) -> None:
    assert tracking.track(event(owner=None)) is Applied.KEPT
    assert tracking.track(event(owner=None)) is Applied.REPEATED

    assert world.messages.reports == {}
    [kept] = world.early.reports.values()
    assert isinstance(kept, EarlyReport)
    assert (kept.to, kept.gateway_message_id, kept.status) == ("+8613812345678", "06", Status.DELIVERED)
    assert kept.event == event(owner=None)


def test_the_first_final_report_counts_on_the_day_of_its_submit(world: World, tracking: Tracking) -> None:
    for status, second in [
        ("ACCEPTD", "51"),
        ("MK:0001", "52"),
        ("MK:0001", "52"),
        ("MK:0001", "53"),
        ("DELIVRD", "54"),
    ]:
        tracking.track(event(status, at=f"2021-01-02 13:45:{second}"))

    day = OWNER.submitted_at.astimezone(world.accounts.get("default").tzinfo).date()
    assert world.days.days == {("default", day): DayCount(failed=1)}


def test_an_event_of_an_older_bridge_counts_on_the_day_of_its_messages_id(world: World, tracking: Tracking) -> None:
    older = json.loads(event("DELIVRD"))
    del older["data"]["submitted_at"], older["data"]["batch_id"]

    tracking.track(json.dumps(older))

    day = ulid_time(OWNER.message_id).astimezone(world.accounts.get("default").tzinfo).date()
    assert world.days.days == {("default", day): DayCount(delivered=1)}


def test_a_report_of_nobodys_message_counts_on_its_own_day(world: World, tracking: Tracking) -> None:
    for status in ("ACCEPTD", "DELIVRD", "DELIVRD", "MK:0001"):
        tracking.track(event(status, owner=None))

    assert world.days.of("default", date(2026, 11, 23)) == DayCount(foreign_delivered=1, foreign_failed=1)


def test_a_contradiction_or_duplicate_that_comes_again_is_not_counted_again(world: World, tracking: Tracking) -> None:
    tracking.track(event("DELIVRD"))
    for _ in range(2):
        tracking.track(event("DELIVRD", at="2021-01-02 13:45:57"))
        tracking.track(event("MK:0001"))

    assert world.counters.counted == {"ReportsDuplicate": 1, "ReportsContradicting": 1}
    assert world.messages.contradictions[OWNER.message_id, "+8613812345678"].gateway_status == "MK:0001"


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", "7", json.dumps({"data": {"message_id": 1}}), "{"])
def test_what_is_no_report_event_is_an_error(tracking: Tracking, body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSONDecodeError is one
        tracking.track(body)


def test_what_is_written_is_read_back() -> None:
    report = tracked_report(event("MK:0001"))

    assert isinstance(report, TrackedReport)
    assert (report.status, report.error_class, report.gateway_message_id) == (
        Status.UNDELIVERED,
        "invalid_number",
        "06",
    )
    assert report.reported_at == NOON.replace(second=56)
