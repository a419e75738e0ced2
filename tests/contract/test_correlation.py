"""What correlation, expiry and the counts need of MessagesTable and StateTable."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from bridge.adapters.aws import from_item
from bridge.adapters.day_counts_table import DayCountsTable
from bridge.adapters.early_reports_table import EarlyReportsTable
from bridge.adapters.messages_table import MessagesTable
from bridge.adapters.state_table import WalkProgress
from bridge.domain.days import DayCount
from bridge.domain.events import reported, tracked_report
from bridge.domain.ids import ulid, ulid_time
from bridge.domain.messages import (
    Applied,
    EarlyReport,
    Message,
    Outbound,
    Recipient,
    Status,
    TrackedReport,
)
from bridge.domain.walks import HOUR, MINUTE, SHARDS, Place
from bridge.ports import DayCounts, EarlyReports, Messages, Progress
from eums import Report
from tests.contract.conftest import make_table
from tests.fakes.day_counts import FakeDayCounts
from tests.fakes.early_reports import FakeEarlyReports
from tests.fakes.messages import FakeMessages
from tests.fakes.walks import FakeProgress
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAY = date(2026, 11, 23)
RETENTION = timedelta(days=30)
NUMBER, OTHER = "+8613800000000", "+8613800000001"


@dataclass(frozen=True)
class Stores:
    """One table under three names."""

    messages: Messages
    early: EarlyReports
    days: DayCounts


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "fake":
        days = FakeDayCounts()
        return Stores(FakeMessages(days), FakeEarlyReports(days), days)
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    table = make_table(client, "messages", sort_key=True)
    return Stores(
        MessagesTable(client, table, retention=RETENTION),
        EarlyReportsTable(client, table, retention=RETENTION),
        DayCountsTable(client, table),
    )


@pytest.fixture
def messages(stores: Stores) -> Messages:
    return stores.messages


def message(*numbers: str, hours_ago: float = 0, tail: int = 0, **changes: object) -> Message:
    made_at = NOON - timedelta(hours=hours_ago)
    made = Message(
        id=ulid(made_at, tail.to_bytes(10, "big")),
        claim=ulid(made_at, tail.to_bytes(10, "big")),
        client="shop",
        account="default",
        text="x",
        extension="12",
        client_reference="order-42",
        recipients=tuple(Recipient(to=number, status=Status.SUBMITTING) for number in numbers or (NUMBER,)),
        created_at=made_at,
        deadline=made_at + timedelta(minutes=1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def record(messages: Messages, sent: Message) -> Message:
    """Claimed, indexed and recorded as submitted."""
    messages.add(sent)
    messages.index(sent)
    ended = sent.with_recipients(
        replace(recipient, status=Status.SUBMITTED, gateway_message_id=f"0{index}")
        for index, recipient in enumerate(sent.recipients)
    )
    assert messages.move(sent, ended) is None
    return ended


def sent_to(messages: Messages, *numbers: str, account: str = "default") -> dict[str, list[str]]:
    found = messages.sent_to(account, numbers or (NUMBER,), since=NOON - timedelta(hours=72), until=NOON)
    return {number: [outbound.owner.message_id for outbound in sent] for number, sent in found.items()}


def test_what_was_sent_to_a_number_is_told_whole(messages: Messages) -> None:
    sent = record(messages, message())

    found = messages.sent_to("default", [NUMBER, OTHER], since=NOON, until=NOON)

    owner = sent.owner
    assert found == {
        NUMBER: (Outbound(owner=owner, extension="12", status=Status.SUBMITTED, gateway_message_id="00"),),
    }


def test_the_newest_comes_first_and_neither_the_old_nor_the_new_nor_another_accounts(messages: Messages) -> None:
    for hours_ago in (72.1, 72, 1, 0, -0.1):
        record(messages, message(hours_ago=hours_ago))
    record(messages, message(hours_ago=2, account="other"))

    expected = [message(hours_ago=hours_ago).id for hours_ago in (0, 1, 72)]
    assert sent_to(messages) == {NUMBER: expected}


def test_of_many_the_newest_fifty(messages: Messages) -> None:
    for number in range(60):
        record(messages, message(hours_ago=number / 60))

    assert sent_to(messages) == {NUMBER: [message(hours_ago=number / 60).id for number in range(50)]}


def test_each_of_a_thousand_numbers_finds_its_own(messages: Messages) -> None:
    numbers = [f"+86138{index:08}" for index in range(1000)]
    sent = record(messages, message(*numbers))

    found = messages.sent_to("default", [numbers[0], numbers[999]], since=NOON, until=NOON)

    assert {number: outbound.gateway_message_id for number, (outbound,) in found.items()} == {
        numbers[0]: "00",
        numbers[999]: "0999",
    }
    assert messages.find(sent.id) == sent


def test_a_message_whose_submit_is_not_recorded_has_no_gateway_id(messages: Messages) -> None:
    messages.add(message())

    [outbound] = messages.sent_to("default", [NUMBER], since=NOON, until=NOON)[NUMBER]
    assert (outbound.status, outbound.gateway_message_id) == (Status.SUBMITTING, None)


def test_the_messages_of_an_hour_are_walked_through_once(messages: Messages) -> None:
    expected = set()
    for minute in range(-10, 70):
        sent = message(hours_ago=-minute / 60, tail=minute % 13)
        messages.add(sent)
        if 0 <= minute < 60:
            expected.add(sent.id)

    found: list[str] = []
    for shard in range(SHARDS):
        after = ""
        while page := messages.begun_in(NOON, shard, after=after):
            assert list(page) == sorted(page)
            found += [entry.id for entry in page]
            after = page[-1].key

    assert sorted(found) == sorted(expected)
    assert all(NOON <= ulid_time(message_id) < NOON + HOUR for message_id in found)


def report(
    status: Status = Status.DELIVERED, event_id: str = "1", second: int | None = 1, to: str = NUMBER
) -> TrackedReport:
    silent = status is Status.UNKNOWN_EXPIRED
    raw = {Status.DELIVERED: "DELIVRD", Status.UNDELIVERED: "MK:0001", Status.SUBMITTED: "ACCEPTD"}.get(status)
    return TrackedReport(
        event_id=event_id,
        account="default",
        message_id=message().id,
        to=to,
        status=status,
        final=status in {Status.DELIVERED, Status.UNDELIVERED},
        gateway_message_id=None if silent else "00",
        gateway_status=raw,
        error_class="invalid_number" if status is Status.UNDELIVERED else None,
        reported_at=NOON + timedelta(seconds=second) if second is not None else None,
    )


EXPIRED = report(Status.UNKNOWN_EXPIRED, "expired", None)
# What was reported before stands in it, too.
EXPIRED_AFTER_ACCEPTD = replace(report(Status.SUBMITTED, "expired"), status=Status.UNKNOWN_EXPIRED)


@pytest.mark.parametrize(
    ("reports", "applied", "status"),
    [
        ([EXPIRED, EXPIRED], ["moved", "repeated"], "unknown_expired"),
        ([EXPIRED, report()], ["moved", "moved"], "delivered"),
        ([EXPIRED, report(), EXPIRED], ["moved", "moved", "repeated"], "delivered"),
        ([report(), EXPIRED, EXPIRED], ["moved", "stale", "stale"], "delivered"),
        ([EXPIRED, report(Status.SUBMITTED), EXPIRED], ["moved", "moved", "repeated"], "submitted"),
        ([report(Status.SUBMITTED), EXPIRED_AFTER_ACCEPTD], ["moved", "moved"], "unknown_expired"),
        (
            [report(Status.SUBMITTED), EXPIRED, report(Status.SUBMITTED)],
            ["moved", "moved", "repeated"],
            "unknown_expired",
        ),
        (
            [report(), *[report(Status.UNDELIVERED, "2", 2)] * 2],
            ["moved", "contradiction", "repeated"],
            "delivered",
        ),
        ([report(), *[report(event_id="2", second=2)] * 2], ["moved", "duplicate", "repeated"], "delivered"),
        ([report(), report(event_id="attached")], ["moved", "repeated"], "delivered"),
        (
            [report(Status.SUBMITTED), report(Status.SUBMITTED, "2", 2), report(Status.SUBMITTED)],
            ["moved", "moved", "repeated"],
            "submitted",
        ),
        (
            [report(Status.SUBMITTED), report(event_id="2"), report(Status.SUBMITTED)],
            ["moved", "moved", "repeated"],
            "delivered",
        ),
    ],
)
def test_nothing_is_applied_or_counted_twice(
    messages: Messages, reports: list[TrackedReport], applied: list[str], status: str
) -> None:
    record(messages, message())

    assert [messages.apply(each, day=DAY) for each in reports] == applied

    found = messages.find(message().id)
    assert found is not None
    assert found.recipients[0].status == status
    assert found.recipients[0].gateway_message_id == "00"


def test_expiry_leaves_what_was_reported_before(messages: Messages) -> None:
    record(messages, message())
    messages.apply(report(Status.SUBMITTED), day=DAY)
    messages.apply(EXPIRED, day=DAY)

    found = messages.find(message().id)
    assert found is not None
    [recipient] = found.recipients
    assert (recipient.status, recipient.gateway_status) == (Status.UNKNOWN_EXPIRED, "ACCEPTD")
    assert recipient.reported_at == NOON + timedelta(seconds=1)


def test_the_first_final_report_of_each_recipient_counts(stores: Stores) -> None:
    numbers = [f"+86138{index:08}" for index in range(20)]
    record(stores.messages, message(*numbers))
    for number in numbers:
        for status, event_id in [(Status.SUBMITTED, "1"), (Status.DELIVERED, "2"), (Status.UNDELIVERED, "3")]:
            stores.messages.apply(report(status, f"{event_id}{number}", to=number), day=DAY)
    stores.messages.apply(report(Status.UNDELIVERED, "4", to=OTHER + "0"), day=DAY)

    assert stores.days.of("default", DAY) == DayCount(delivered=20, failed=1)
    assert stores.days.of("default", DAY - timedelta(days=1)) == DayCount()
    assert stores.days.of("other", DAY) == DayCount()


def test_reports_of_one_recipient_are_applied_in_the_order_in_which_they_came(stores: Stores) -> None:
    numbers = [f"+86138{index:08}" for index in range(20)]
    record(stores.messages, message(*numbers))
    reports = [
        (report(status, f"{event_id}{number}", to=number), DAY)
        for status, event_id in [(Status.DELIVERED, "1"), (Status.UNDELIVERED, "2"), (Status.UNDELIVERED, "2")]
        for number in numbers
    ]

    applied = stores.messages.apply_all(reports)

    assert applied == [Applied.MOVED] * 20 + [Applied.CONTRADICTION] * 20 + [Applied.REPEATED] * 20
    assert stores.days.of("default", DAY) == DayCount(delivered=20)
    assert set(stores.messages.apply_all(reports)) == {Applied.REPEATED}
    assert stores.days.of("default", DAY) == DayCount(delivered=20)


def early(gateway_message_id: str = "00", status: str = "DELIVRD") -> EarlyReport:
    record = Report(
        ordinal=0,
        message_id=gateway_message_id,
        dest_number=NUMBER,
        report_status=status,
        report_time=NOON,
        report_time_raw="then",
        reference="",
    )
    found = tracked_report(reported("default", record, None, NOON).body())
    assert isinstance(found, EarlyReport)
    return found


def test_an_early_report_is_kept_and_counted_once(stores: Stores) -> None:
    assert stores.early.keep(early(), at=NOON, day=DAY)
    assert not stores.early.keep(early(), at=NOON + 7 * MINUTE, day=DAY)
    assert stores.early.keep(early(status="MK:0001"), at=NOON, day=DAY)
    assert stores.early.keep(early(status="ACCEPTD"), at=NOON, day=DAY)

    assert stores.days.of("default", DAY) == DayCount(foreign_delivered=1, foreign_failed=1)
    assert stores.early.kept_in(NOON + 7 * MINUTE, after="") == []


def test_early_reports_wait_in_their_minute_until_they_are_attached(stores: Stores) -> None:
    kept = sorted((early(f"0{number}") for number in range(5)), key=lambda report: report.event_id)
    for report in kept:
        stores.early.keep(report, at=NOON + timedelta(seconds=59), day=DAY)

    found: list[EarlyReport] = []
    while page := stores.early.kept_in(NOON, after=found[-1].event_id if found else ""):
        found += page
    assert found == kept

    owner = replace(message().owner, client_reference=None)
    for _ in range(2):
        stores.early.attach(kept[0], owner, day=DAY)
    assert stores.early.kept_in(NOON, after="")[0] == kept[1]
    assert stores.days.of("default", DAY) == DayCount(foreign_delivered=4)
    assert not stores.early.keep(kept[0], at=NOON, day=DAY)


@pytest.mark.parametrize("kind", ["fake", "dynamodb"])
def test_a_walk_goes_on_where_it_stopped(request: pytest.FixtureRequest, kind: str) -> None:
    progress: Progress = FakeProgress()
    if kind == "dynamodb":
        client = request.getfixturevalue("dynamodb")
        progress = WalkProgress(client, make_table(client, "state", sort_key=False))

    assert progress.reached("expiry") is None
    for place in (Place(at=NOON), Place(at=NOON, shard=3, after=message().id)):
        progress.remember("expiry", place)
        assert progress.reached("expiry") == place
    assert progress.reached("early-first") is None


class Watched:
    """A client that remembers its calls, and some of whose methods answer otherwise."""

    def __init__(self, client: "DynamoDBClient", **answers: Callable[..., Any]) -> None:
        self.calls: list[str] = []
        self._client = client
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found) or name in {"get_paginator", "exceptions"}:
            return found

        def call(**arguments: Any) -> Any:
            self.calls.append(name)
            return self._answers[name](found, **arguments) if name in self._answers else found(**arguments)

        return call


def watched(client: "DynamoDBClient", **answers: Callable[..., Any]) -> tuple[Watched, MessagesTable]:
    watching = Watched(client, **answers)
    table = make_table(client, "messages", sort_key=True)
    return watching, MessagesTable(watching, table, retention=RETENTION, sleep=lambda _: None)  # type: ignore[arg-type]


def test_what_each_step_costs(dynamodb: "DynamoDBClient") -> None:
    watching, messages = watched(dynamodb)

    def cost(step: Callable[[], object]) -> dict[str, int]:
        watching.calls.clear()
        step()
        return {name: watching.calls.count(name) for name in watching.calls}

    assert cost(lambda: record(messages, message())) == {"put_item": 1, "update_item": 1}
    many = message(*(f"+86139{index:08}" for index in range(60)), tail=1)
    assert cost(lambda: record(messages, many)) == {"put_item": 1, "batch_write_item": 3, "update_item": 1}
    assert cost(lambda: messages.apply(report(), day=DAY)) == {"update_item": 1, "put_item": 1}
    reports = [(report(to=recipient.to), DAY) for recipient in many.recipients[:10]]
    assert cost(lambda: messages.apply_all(reports)) == {"update_item": 10, "put_item": 1}
    assert cost(lambda: messages.apply(report(Status.SUBMITTED, to=OTHER), day=DAY)) == {"update_item": 1}
    assert cost(lambda: sent_to(messages, NUMBER, OTHER)) == {"query": 2, "batch_get_item": 1}
    assert cost(lambda: messages.owners([ulid(NOON, bytes([0] * 8 + [9, n])) for n in range(101)])) == {
        "batch_get_item": 2
    }


def test_index_rows_that_were_not_processed_are_written_again(dynamodb: "DynamoDBClient") -> None:
    def half(batch_write_item: Callable[..., Any], **arguments: Any) -> Any:
        [(table, requests)] = arguments["RequestItems"].items()
        batch_write_item(RequestItems={table: requests[:13]})
        return {"UnprocessedItems": {table: requests[13:]} if requests[13:] else {}}

    _, messages = watched(dynamodb, batch_write_item=half)
    numbers = [f"+86138{index:08}" for index in range(60)]
    sent = record(messages, message(*numbers))

    assert sent_to(messages, *numbers) == {number: [sent.id] for number in numbers}


def test_index_rows_that_are_never_processed_are_an_error(dynamodb: "DynamoDBClient") -> None:
    def nothing(_: Callable[..., Any], **arguments: Any) -> Any:
        return {"UnprocessedItems": arguments["RequestItems"]}

    _, messages = watched(dynamodb, batch_write_item=nothing)
    messages.add(message(NUMBER, OTHER))
    with pytest.raises(TimeoutError, match="2 items unprocessed"):
        messages.index(message(NUMBER, OTHER))


@pytest.mark.parametrize(("conflicts", "written"), [(1, True), (4, True), (5, False)])
def test_transactions_in_each_others_way_try_again_a_few_times(
    dynamodb: "DynamoDBClient", conflicts: int, *, written: bool
) -> None:
    shards: list[str] = []

    def meet(transact_write_items: Callable[..., Any], **arguments: Any) -> Any:
        shards.append(from_item(arguments["TransactItems"][1]["Update"]["Key"])["sk"])
        if len(shards) <= conflicts:
            reasons: Any = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            raise dynamodb.exceptions.TransactionCanceledException(
                {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},
                "TransactWriteItems",
            )
        return transact_write_items(**arguments)

    watching, _ = watched(dynamodb, transact_write_items=meet)
    reports = EarlyReportsTable(watching, "messages", retention=RETENTION, sleep=lambda _: None)  # type: ignore[arg-type]
    if written:
        assert reports.keep(early(), at=NOON, day=DAY)
    else:
        with pytest.raises(ClientError):
            reports.keep(early(), at=NOON, day=DAY)
    assert len(set(shards)) == len(shards)  # another item each time
    assert DayCountsTable(dynamodb, "messages").of("default", DAY) == DayCount(foreign_delivered=int(written))


@pytest.mark.parametrize("again_under", [0, 3, 26])
def test_who_dies_before_a_report_is_counted_has_it_counted_the_next_time(
    dynamodb: "DynamoDBClient", again_under: int
) -> None:
    dead = [True]

    def die(put_item: Callable[..., Any], **arguments: Any) -> Any:
        if dead.pop() if dead else False:
            raise TimeoutError("the table does not answer")
        return put_item(**arguments)

    _, dying = watched(dynamodb)
    record(dying, message())
    watching = Watched(dynamodb, put_item=die)
    messages = MessagesTable(watching, "messages", retention=RETENTION)  # type: ignore[arg-type]
    days = DayCountsTable(dynamodb, "messages")

    with pytest.raises(TimeoutError):
        messages.apply(report(), day=DAY)
    assert days.of("default", DAY) == DayCount()

    # Meanwhile the message was submitted once more, so that the same report comes as an event of another time.
    later = replace(report(), submitted_at=NOON + timedelta(hours=again_under))
    day = DAY + timedelta(days=again_under // 24)
    for _ in range(2):
        assert messages.apply(later, day=day) is Applied.REPEATED
        assert days.of("default", DAY) == DayCount(delivered=1)
    assert again_under < 24 or days.of("default", day) == DayCount()


def test_one_report_that_fails_holds_up_no_other(dynamodb: "DynamoDBClient") -> None:
    def refuse(update_item: Callable[..., Any], **arguments: Any) -> Any:
        if from_item(arguments["Key"])["sk"] == f"report#{OTHER}":
            raise TimeoutError("the table does not answer")
        return update_item(**arguments)

    _, messages = watched(dynamodb, update_item=refuse)
    numbers = [NUMBER, OTHER, "+8613800000002"]

    applied = messages.apply_all([(report(to=number), DAY) for number in numbers])

    assert [applied[0], applied[2]] == [Applied.MOVED, Applied.MOVED]
    assert isinstance(applied[1], TimeoutError)
    assert DayCountsTable(dynamodb, "messages").of("default", DAY) == DayCount(delivered=2)


def test_what_cannot_be_counted_is_to_come_again_and_nothing_else_is(dynamodb: "DynamoDBClient") -> None:
    def refuse(put_item: Callable[..., Any], **arguments: Any) -> Any:
        if from_item(arguments["Item"])["pk"].startswith(f"day#default#{DAY}"):
            raise TimeoutError("the table does not answer")
        return put_item(**arguments)

    _, messages = watched(dynamodb, put_item=refuse)
    yesterday = DAY - timedelta(days=1)
    reports = [
        (report(), DAY),
        (report(Status.SUBMITTED, to=OTHER), DAY),
        (report(to="+8613800000002"), yesterday),
    ]

    applied = messages.apply_all(reports)

    assert isinstance(applied[0], TimeoutError)
    assert applied[1:] == [Applied.MOVED, Applied.MOVED]
    assert DayCountsTable(dynamodb, "messages").of("default", yesterday) == DayCount(delivered=1)


def test_a_contradiction_is_kept_in_the_row(dynamodb: "DynamoDBClient") -> None:
    _, messages = watched(dynamodb)
    record(messages, message())
    messages.apply(report(), day=DAY)
    messages.apply(report(Status.UNDELIVERED, "2", 2), day=DAY)

    [row] = [
        item
        for item in map(from_item, dynamodb.scan(TableName="messages")["Items"])
        if item["sk"].startswith("report#")
    ]
    assert (row["status"], row["gateway_status"]) == ("delivered", "DELIVRD")
    assert row["contradiction"] == {
        "event_id": "2",
        "status": "undelivered",
        "gateway_status": "MK:0001",
        "reported_at": (NOON + timedelta(seconds=2)).isoformat(),
    }
