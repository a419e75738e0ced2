"""What only time brings forward, in the deployed stack: the clock is turned by putting things where they would be."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from bridge.adapters.day_counts_table import DayCountsTable
from bridge.adapters.early_reports_table import EarlyReportsTable
from bridge.adapters.messages_table import MessagesTable
from bridge.adapters.state_table import WalkProgress
from bridge.domain.events import reported, tracked_report
from bridge.domain.ids import ulid
from bridge.domain.messages import EarlyReport, Message, Recipient, Status
from bridge.domain.walks import Place
from eums import Report
from local import stack
from tests.e2e.deployed import Deployed, until

RETENTION = timedelta(days=30)
NUMBER = "+8613812345660"


def attend(deployed: Deployed) -> dict[str, int]:
    answer = deployed.aws.functions.invoke(FunctionName=f"{stack.STACK_NAME}-attend", Payload=b"{}")
    result: dict[str, int] = json.loads(answer["Payload"].read())
    assert set(result) == {"attached", "overdue", "abandoned", "expired"}, result
    return result


def turn_back(deployed: Deployed, walk: str, place: Place) -> None:
    WalkProgress(deployed.aws.dynamodb, deployed.outputs["StateTableName"]).remember(walk, place)


def claimed(deployed: Deployed, made_at: datetime, randomness: bytes, **changes: object) -> Message:
    """A message of the shop's, as it stands between its claim and its record."""
    message = Message(
        id=ulid(made_at, randomness),
        claim=ulid(made_at, randomness),
        client="shop",
        account="default",
        text="【京东】x",
        recipients=(Recipient(to=NUMBER, status=Status.SUBMITTING),),
        created_at=made_at,
        deadline=made_at + timedelta(minutes=1),
    )
    message = replace(message, **changes)  # type: ignore[arg-type]
    table(deployed).add(message)
    return message


def table(deployed: Deployed) -> MessagesTable:
    return MessagesTable(deployed.aws.dynamodb, deployed.outputs["MessagesTableName"], retention=RETENTION)


def test_an_early_report_gets_its_message_later_and_counts_once(deployed: Deployed, shop: httpx.Client) -> None:
    name = deployed.outputs["MessagesTableName"]
    days = DayCountsTable(deployed.aws.dynamodb, name)
    early = EarlyReportsTable(deployed.aws.dynamodb, name, retention=RETENTION)
    pulled_at = datetime.now(UTC) - timedelta(minutes=4)
    today = pulled_at.astimezone(ZoneInfo("Asia/Shanghai")).date()
    record = Report(
        ordinal=0,
        message_id="77",
        dest_number=NUMBER,
        report_status="DELIVRD",
        report_time=pulled_at,
        report_time_raw="then",
        reference="",
    )
    report = tracked_report(reported("default", record, None, pulled_at).body())
    assert isinstance(report, EarlyReport)
    foreign = days.of("default", today).foreign_delivered
    early.keep(report, at=pulled_at, day=today)
    assert days.of("default", today).foreign_delivered == foreign + 1
    message = claimed(deployed, pulled_at - timedelta(seconds=1), b"early one!")
    recipient = replace(message.recipients[0], status=Status.SUBMITTED, gateway_message_id="77")
    assert table(deployed).move(message, message.with_recipients([recipient])) is None

    turn_back(deployed, "early-first", Place(at=pulled_at.replace(second=0, microsecond=0)))
    attend(deployed)

    event = deployed.deliveries.about(message.id, "sms.message.delivered")
    assert event["data"]["client"] == "shop"
    until(lambda: status(shop, message.id) == "delivered", "the attached status")
    assert days.of("default", today).foreign_delivered == foreign
    assert days.of("default", today).delivered >= 1


def test_silence_expires_after_72_hours_and_says_so(deployed: Deployed, shop: httpx.Client) -> None:
    made_at = datetime.now(UTC) - timedelta(hours=74)
    message = claimed(deployed, made_at, b"silent one")
    assert status(shop, message.id) == "unknown"

    turn_back(deployed, "expiry", Place(at=made_at.replace(minute=0, second=0, microsecond=0)))
    attend(deployed)

    event = deployed.deliveries.about(message.id, "sms.message.updated")
    assert (event["data"]["status"], event["data"]["final"]) == ("unknown_expired", False)
    until(lambda: status(shop, message.id) == "unknown_expired", "the expired status")


def status(shop: httpx.Client, message_id: str) -> str:
    message: dict[str, Any] = shop.get(f"messages/{message_id}").json()
    return str(message["status"])
