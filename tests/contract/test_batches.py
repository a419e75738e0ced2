import json
import time
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from bridge.adapters import messages_table
from bridge.adapters.aws import from_item
from bridge.adapters.batches_table import BatchesTable, count
from bridge.adapters.messages_table import MessagesTable
from bridge.domain.batches import (
    Batch,
    BatchEntry,
    BatchStanding,
    BatchStatus,
    Group,
    batch_id,
    message_id_of,
    message_of,
    plan,
)
from bridge.domain.ids import ulid
from bridge.domain.messages import Category, Message, OnAmbiguous, Once, Status, TrackedReport
from bridge.domain.submits import begun, submitted, unknown
from bridge.ports import Batches, Messages
from eums import Accepted
from tests.contract.conftest import make_table
from tests.fakes.batches import FakeBatches
from tests.fakes.messages import FakeMessages
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ID = batch_id(ulid(NOON, b"one batch!"))
OTHER_ID = batch_id(ulid(NOON, b"other one!"))
BATCH = Batch(
    id=ID,
    client="shop",
    account="default",
    size=7,
    most=1000,
    created_at=NOON,
    extension="12",
    category=Category.TRANSACTIONAL,
    on_ambiguous=OnAmbiguous.RESEND,
    fallback_accounts=("b", "a"),
)
LATER = NOON + timedelta(minutes=3)


class Stores(NamedTuple):
    batches: Batches
    messages: Messages


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "fake":
        fake = FakeMessages()
        return Stores(FakeBatches(fake), fake)
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    table = make_table(client, "messages", sort_key=True)
    retention = timedelta(days=30)
    return Stores(BatchesTable(client, table, retention=retention), MessagesTable(client, table, retention=retention))


@pytest.fixture
def batches(stores: Stores) -> Batches:
    return stores.batches


def get(batches: Batches, wanted: str = ID) -> Batch:
    found = batches.get(wanted)
    assert found is not None
    return found


def message(ordinal: int = 1, recipients: int = 1, *, batch: Batch = BATCH) -> Message:
    entries = tuple(
        BatchEntry(to=f"138{ordinal:04}{number:04}", text="【京东】a", client_reference=f"r{number}")
        for number in range(recipients)
    )
    return message_of(batch, Group(ordinal=ordinal, entries=entries))


def taken(claimed: Message, *, but: int = 0) -> Message:
    """Submitted: the gateway took all but the last few."""
    numbers = [recipient.to.removeprefix("+86") for recipient in claimed.recipients]
    return submitted(claimed, [Accepted(number, "1", 1) for number in numbers[: len(numbers) - but]])


def report(of: Message, recipient: int, status: Status, event_id: str = "1") -> TrackedReport:
    return TrackedReport(
        event_id=event_id,
        account="default",
        message_id=of.id,
        to=of.recipients[recipient].to,
        status=status,
        final=status is not Status.SUBMITTED,
        gateway_message_id="1",
        gateway_status=str(status),
        error_class=None,
        reported_at=NOON + timedelta(seconds=int(event_id)),
        batch_id=of.batch_id,
    )


def test_what_was_added_is_there(batches: Batches) -> None:
    assert batches.get(ID) is None
    assert batches.add(BATCH) is None
    assert batches.get(ID) == BATCH


def test_a_key_stands_for_the_first_batch(batches: Batches) -> None:
    once = Once(key_hash="key", request_hash="request")
    assert batches.add(BATCH, once) is None

    other = replace(BATCH, id=OTHER_ID, created_at=NOON + timedelta(hours=23, minutes=59))
    assert batches.add(other, replace(once, request_hash="other")) == BatchStanding(batch=BATCH, request_hash="request")
    assert batches.get(OTHER_ID) is None

    assert batches.add(replace(other, created_at=NOON + timedelta(hours=24)), once) is None


def test_what_a_key_stands_for_can_be_asked_before_anything_is_added(batches: Batches) -> None:
    once = Once(key_hash="key", request_hash="request")
    assert batches.standing(once, now=NOON) is None
    batches.add(BATCH, once)
    assert batches.standing(once, now=NOON) == BatchStanding(batch=BATCH, request_hash="request")
    assert batches.standing(replace(once, key_hash="other"), now=NOON) is None
    assert batches.standing(once, now=NOON + timedelta(hours=25)) is None  # it may be taken anew


def test_a_batch_is_planned_once(batches: Batches) -> None:
    batches.add(BATCH)
    batches.planned(BATCH, 3, at=LATER)
    batches.planned(BATCH, 4, at=LATER + timedelta(minutes=1))

    assert get(batches) == replace(BATCH, status=BatchStatus.SENDING, submits=3, progress_at=LATER)


def test_a_batch_is_walked_to_its_end(batches: Batches) -> None:
    batches.add(BATCH)
    batches.planned(BATCH, 3, at=LATER)

    assert batches.walked(get(batches), 2, at=LATER + timedelta(seconds=1))
    half = get(batches)
    assert (half.walked, half.status, half.progress_at) == (2, BatchStatus.SENDING, LATER + timedelta(seconds=1))

    assert batches.walked(half, 3, at=LATER + timedelta(seconds=2))
    assert (get(batches).walked, get(batches).status) == (3, BatchStatus.FINISHED)
    assert not batches.walked(get(batches), 3, at=LATER + timedelta(seconds=3))


def test_of_two_who_walked_one_goes_on(batches: Batches) -> None:
    batches.add(BATCH)
    batches.planned(BATCH, 3, at=LATER)
    seen = get(batches)

    assert batches.walked(seen, 2, at=LATER + timedelta(seconds=1))
    assert not batches.walked(seen, 1, at=LATER + timedelta(seconds=2))
    assert not batches.walked(seen, 3, at=LATER + timedelta(seconds=2))
    assert get(batches).walked == 2


def test_no_progress_is_written_down_too(batches: Batches) -> None:
    batches.add(BATCH)
    assert batches.walked(get(batches), 0, at=LATER)
    assert get(batches) == replace(BATCH, progress_at=LATER)
    batches.planned(BATCH, 3, at=LATER)
    assert get(batches).status is BatchStatus.SENDING


def test_recipients_are_counted_by_status(stores: Stores) -> None:
    batches, messages = stores
    # One waits, one is on its way, of one nobody knows, one was taken but for one number, one is another batch's.
    waits, begins, lost, went = (message(number, 3) for number in range(1, 5))
    foreign = message(1, 2, batch=replace(BATCH, id=OTHER_ID))
    messages.add_all([waits, begins, lost, went, foreign])
    for each in (begins, lost, went):
        messages.move(each, begun(each, claim="c", now=NOON))
    messages.move(begun(lost, claim="c", now=NOON), unknown(begun(lost, claim="c", now=NOON)))
    messages.move(begun(went, claim="c", now=NOON), taken(begun(went, claim="c", now=NOON), but=1))

    assert batches.counts(ID) == {
        Status.ACCEPTED: 3,
        Status.SUBMITTING: 3,
        Status.UNKNOWN: 3,
        Status.SUBMITTED: 2,
        Status.REJECTED: 1,
    }

    day = date(2026, 11, 23)
    for told in (
        report(went, 0, Status.DELIVERED),
        report(went, 1, Status.SUBMITTED),
        report(went, 1, Status.UNDELIVERED, "2"),
        report(lost, 2, Status.DELIVERED),
        report(lost, 1, Status.UNKNOWN_EXPIRED),
        report(begins, 0, Status.DELIVERED),  # quicker than the record of its submit
    ):
        messages.apply(told, day=day)

    assert batches.counts(ID) == {
        Status.ACCEPTED: 3,
        Status.SUBMITTING: 2,
        Status.UNKNOWN: 1,
        Status.REJECTED: 1,
        Status.DELIVERED: 3,
        Status.UNDELIVERED: 1,
        Status.UNKNOWN_EXPIRED: 1,
    }
    assert batches.counts(OTHER_ID) == {Status.ACCEPTED: 2}


def test_messages_are_added_once(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages_table, "_TRANSACTION", 2)  # the emulator takes a second for a hundred
    many = [message(number) for number in range(1, 8)]
    begins = begun(many[0], claim="c", now=NOON)

    assert stores.messages.add_all(many[:4]) == {each.id for each in many[:4]}
    stores.messages.move(many[0], begins)
    assert stores.messages.add_all(many) == {each.id for each in many[4:]}
    assert stores.messages.add_all(many) == frozenset()

    assert stores.messages.recorded_all([each.id for each in many]) == {each.id: each for each in [begins, *many[1:]]}
    assert stores.batches.counts(ID) == {Status.ACCEPTED: 6, Status.SUBMITTING: 1}


class _Weighing:
    """Takes transactions, and remembers the items and bytes of each: the emulator takes a second for a hundred."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int]] = []

    def transact_write_items(self, *, TransactItems: list[Any]) -> None:  # noqa: N803 - boto3's name
        self.taken.append((len(TransactItems), len(json.dumps(TransactItems, ensure_ascii=False).encode())))


def test_as_many_are_added_at_once_as_a_transaction_takes() -> None:
    client = _Weighing()
    messages = MessagesTable(cast("Any", client), "messages", retention=timedelta(days=30))
    wide = BatchEntry(to="13800000000", text="字" * 500, client_reference="😀" * 128)
    entries = plan([replace(wide, to=f"138{number:08}") for number in range(1000)], most=1000)[0].entries

    messages.add_all([message_of(BATCH, Group(ordinal=ordinal, entries=entries)) for ordinal in range(1, 12)])
    messages.add_all([message(ordinal) for ordinal in range(12, 113)])

    *wide_ones, hundred, last = client.taken
    assert sum(items for items, _ in wide_ones) == 11
    assert all(size < 4_000_000 for _, size in wide_ones)
    assert len(wide_ones) <= 3
    assert (hundred[0], last[0]) == (100, 1)


def test_what_got_no_further_is_found_by_the_minute_of_its_last_step(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "messages", sort_key=True)
    batches = BatchesTable(dynamodb, table, retention=timedelta(days=30))

    def found(at: datetime) -> list[str]:
        answer = dynamodb.query(
            TableName=table,
            IndexName="ByHour",
            KeyConditionExpression="#hour = :hour",
            ExpressionAttributeNames={"#hour": "hour"},
            ExpressionAttributeValues={":hour": {"S": f"due#{at:%Y-%m-%dT%H:%M}"}},
        )
        return [from_item(item)["pk"] for item in answer["Items"]]

    batches.add(BATCH)
    assert found(NOON) == [f"batch#{ID}"]
    batches.planned(BATCH, 3, at=LATER)
    assert (found(NOON), found(LATER)) == ([], [f"batch#{ID}"])
    batches.walked(get(batches), 2, at=LATER + timedelta(minutes=1))
    assert (found(LATER), found(LATER + timedelta(minutes=1))) == ([], [f"batch#{ID}"])
    batches.walked(get(batches), 3, at=LATER + timedelta(minutes=1))
    assert found(LATER + timedelta(minutes=1)) == []


def test_ten_thousand_messages_with_as_many_reports_are_counted_at_once() -> None:
    statuses = ["delivered", "undelivered", "submitted", "unknown_expired"]
    items: list[dict[str, object]] = []
    for ordinal in range(1, 10_001):
        pk = {"S": f"message#{message_id_of(ID, ordinal)}"}
        items += [
            {"pk": pk, "status": {"S": statuses[ordinal % 4]}},
            {"pk": pk, "tally": {"M": {"submitted": {"N": "1"}}}},
        ]

    began = time.process_time()
    counts = count(items)

    assert time.process_time() - began < 1  # it takes some hundredths
    assert counts == Counter({Status(status): 2500 for status in statuses})
