from dataclasses import replace
from datetime import date, timedelta

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from bridge.domain import webhook_events
from bridge.domain.days import Comparison, DayCount
from bridge.domain.events import (
    Event,
    EventType,
    attached,
    balance_low,
    discrepancy,
    expired,
    lost,
    outcomes,
    quarantined,
    received,
    reported,
    stalled,
    suspended,
    tracked_report,
)
from bridge.domain.ids import ulid
from bridge.domain.messages import Answered, By, EarlyReport, Message, Owner, Recipient, Status
from bridge.domain.pulls import Kind, PullId
from bridge.domain.watches import Reason, Stall
from bridge.domain.webhooks import DisabledReason, Health, delivery_of, happened
from eums import ERROR_CLASSES, DayStatistics, Inbound, Report
from tests.fakes.schemas import SCHEMAS, hold_against_schema
from tests.fakes.webhooks import endpoint
from tests.fakes.world import NOON

ID = ulid(NOON, b"a message!")
PULL = PullId(account="default", kind=Kind.INBOUND, id=ulid(NOON, b"one pull!!"), begun_at=NOON)
OWNER = Owner(message_id=ID, account="default", client="shop", client_reference="order-42", submitted_at=NOON)
ANSWERED = Answered(owner=OWNER, by=By.LATEST)
MESSAGE = Message(
    id=ID,
    client="shop",
    account="default",
    text="x",
    recipients=(Recipient(to="+8613812345678", status=Status.UNKNOWN),),
    created_at=NOON,
    deadline=NOON,
)

QUEUED = replace(
    MESSAGE,
    queued=True,
    recipients=(
        Recipient(to="+8613812345678", status=Status.SUBMITTED, gateway_message_id="06", billed_segments=1),
        Recipient(to="+8613800001234", status=Status.REJECTED, error_class="opted_out"),
    ),
)


def report(status: str) -> Report:
    return Report(
        ordinal=0,
        message_id="0603015522454756885",
        dest_number="13812345678",
        report_status=status,
        report_time=NOON,
        report_time_raw="2026-11-23 12:00:00",
        reference=ID,
    )


def inbound(src: str = "13812345678") -> Inbound:
    return Inbound(
        ordinal=3,
        dest="1069012345678",
        src=src,
        content="",
        receive_time=None,
        receive_time_raw="?",
        binary_content="WX12hA==",
        msg_fmt=8,
        reference=ID,
        sign="",
    )


def early() -> EarlyReport:
    found = tracked_report(reported("default", report("DELIVRD"), None, NOON).body())
    assert isinstance(found, EarlyReport)
    return found


COMPARISON = Comparison(
    gateway=DayStatistics(date(2026, 11, 20), 100, 90, 6, 4),
    recorded=DayCount(delivered=80, failed=6, foreign_delivered=9, foreign_failed=1),
    final=True,
)
ENDPOINT = endpoint()
DELIVERY = replace(
    delivery_of(ENDPOINT.id, happened(suspended("default", NOON).body()), NOON), attempts=8, http_status=500
)

EVENTS = [
    reported("default", report("DELIVRD"), OWNER, NOON),
    reported("default", report("DELIVRD"), None, NOON),
    reported("default", report("MK:0001"), OWNER, NOON),
    reported("default", report("ACCEPTD"), OWNER, NOON),
    received(PULL, inbound(), ANSWERED, NOON),
    received(PULL, inbound("10086"), None, NOON),
    *outcomes(MESSAGE, NOON),
    *outcomes(QUEUED, NOON),
    expired(MESSAGE, MESSAGE.recipients[0], NOON),
    attached(early(), OWNER),
    lost(PULL, "the answer broke off", NOON + timedelta(seconds=1)),
    quarantined(PULL, "quarantine/x", ("bad record", "bad record"), NOON),
    balance_low("default", 7, 1000, None, NOON),
    balance_low("default", 2000, 1000, 3.5, NOON),
    suspended("default", NOON),
    stalled("default", Stall(kind=Kind.INBOUND, reason=Reason.MISSED_TICKS, since=NOON), NOON),
    stalled("default", Stall(kind=Kind.REPORTS, reason=Reason.NO_REPORTS, since=NOON, message_id=ID), NOON),
    discrepancy("default", COMPARISON, NOON),
    webhook_events.failed(ENDPOINT, DELIVERY, NOON),
    webhook_events.failed(ENDPOINT, replace(DELIVERY, http_status=None, error="timeout"), NOON),
    webhook_events.disabled(replace(ENDPOINT, reason=DisabledReason.GONE), "default", NOON),
    webhook_events.disabled(
        replace(ENDPOINT, reason=DisabledReason.FAILING, health=Health(failing_since=NOON)), "default", NOON
    ),
    webhook_events.tested(ENDPOINT, "default", NOON, "x"),
]


def test_there_is_an_example_of_every_type_and_a_schema_of_each() -> None:
    assert {event.type for event in EVENTS} == set(EventType)
    assert {f"{event_type}.json" for event_type in EventType} | {"cloudevent.json"} == {
        path.name for path in SCHEMAS.iterdir()
    }


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_is_as_documented_and_the_sdk_reads_it(event: Event) -> None:
    hold_against_schema(event.body())

    read = JSONFormat().read(CloudEvent, event.body())

    assert read.get_id() == event.id
    assert read.get_type() == event.type
    assert read.get_source() == "urn:eums:default"
    assert read.get_time() == event.time
    assert read.get_subject() == event.subject
    assert read.get_data() == event.data


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_attributes_are_few_and_never_empty(event: Event) -> None:
    attributes = event.attributes()
    assert attributes["event_type"] == event.type
    assert len(attributes) <= 10  # SNS drops a raw delivery with more
    assert all(attributes.values())


def test_a_discrepancy_says_what_is_missing_and_what_is_too_much() -> None:
    event = discrepancy("default", COMPARISON, NOON)

    assert event.data["missing"] == {"delivered": 1, "failed": -1}
    assert event.attributes()["final"] == "true"


def test_the_same_finding_is_the_same_event_and_other_figures_are_another() -> None:
    later = NOON + timedelta(hours=1)
    grown = replace(COMPARISON, recorded=replace(COMPARISON.recorded, delivered=81))
    ids = [
        discrepancy("default", COMPARISON, NOON).id,
        discrepancy("default", COMPARISON, later).id,
        discrepancy("default", grown, NOON).id,
        discrepancy("default", replace(COMPARISON, final=False), NOON).id,
        discrepancy("other", COMPARISON, NOON).id,
    ]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


@pytest.mark.parametrize("error_class", sorted(ERROR_CLASSES))
def test_every_class_of_error_is_in_the_schema(error_class: str) -> None:
    event = reported("default", report("MK:0001"), OWNER, NOON)

    hold_against_schema(replace(event, data={**event.data, "error_class": error_class}).body())


def test_the_text_of_a_reply_comes_from_its_bytes_where_there_is_no_other() -> None:
    assert received(PULL, inbound(), None, NOON).data["text"] == "好的"


def test_an_attached_report_says_the_same_of_its_message_in_an_event_of_its_own() -> None:
    first = reported("default", report("DELIVRD"), OWNER, NOON)

    again = attached(early(), OWNER)

    assert again.id != first.id
    assert again.id == attached(early(), OWNER).id
    assert replace(again, id=first.id) == first
    assert again.attributes()["client"] == "shop"
