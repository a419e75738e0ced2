"""What the send machine needs of the messages, on the fake and on DynamoDB: each move by compare-and-set."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.adapters.aws import from_item, to_item
from bridge.adapters.message_items import entry_of, message_item, message_of, rows
from bridge.adapters.messages_table import MessagesTable
from bridge.domain.errors import NotFound
from bridge.domain.ids import ulid
from bridge.domain.messages import Category, Message, OnAmbiguous, Recipient, Rejection, Status
from bridge.domain.submits import (
    begun,
    cancelled,
    put_back,
    rejected,
    rerouted,
    state_of,
    submitted,
    to_resend,
    unknown,
    waiting,
)
from bridge.domain.walks import SHARDS, Entry
from bridge.ports import Messages
from eums import Accepted
from tests.contract.conftest import INDEXES, make_table
from tests.fakes.messages import FakeMessages
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ID: Final = ulid(NOON, b"a message!")
ONE, TWO = "+8613800000001", "+8613800000002"
LATER: Final = NOON + timedelta(hours=5, minutes=30)
RETENTION: Final = timedelta(days=30)
TAKEN: Final = [Accepted("13800000001", "06", 1)]
CLAIM, OTHER = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR", "01JDCKQ3V9T4M3W5Y8Z7N6P2QS"


@pytest.fixture(params=["fake", "dynamodb"])
def messages(request: pytest.FixtureRequest) -> Messages:
    if request.param == "fake":
        return FakeMessages()
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    return MessagesTable(client, make_table(client, "messages", sort_key=True), retention=RETENTION)


def new(message_id: str = ID, *numbers: str, **changes: object) -> Message:
    made = Message(
        id=message_id,
        client="shop",
        account="default",
        text="【京东】x",
        signature="京东",
        client_reference="order-42",
        recipients=tuple(Recipient(to=number, status=Status.SUBMITTING) for number in numbers or (ONE,)),
        created_at=NOON,
        deadline=NOON,
        fallback_accounts=("backup", "third"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def accepted(**changes: object) -> Message:
    return waiting(replace(new(), **changes))  # type: ignore[arg-type]


def scheduled() -> Message:
    return waiting(new(send_at=LATER))


def claimed(message: Message | None = None, claim: str = CLAIM) -> Message:
    return begun(message or accepted(), claim=claim, now=LATER)


def brought(messages: Messages, *path: Message) -> Message:
    """Add the first and move it along."""
    messages.add(path[0])
    for before, after in pairwise(path):
        assert messages.move(before, after) is None
    return path[-1]


PATHS = [
    [accepted(), claimed(), submitted(claimed(), TAKEN)],
    [scheduled(), claimed(scheduled()), unknown(claimed(scheduled())), submitted(claimed(scheduled()), TAKEN)],
    [accepted(), claimed(), put_back(claimed()), claimed(put_back(claimed()), OTHER)],
    [accepted(), claimed(), to_resend(claimed()), claimed(to_resend(claimed()), OTHER)],
    [accepted(), claimed(), rerouted(claimed(), account="backup", text="【备用】x", signature="备用")],
    [accepted(), cancelled(accepted())],
    [scheduled(), rejected(scheduled(), Rejection.EXPIRED_IN_QUEUE)],
]


@pytest.mark.parametrize("path", PATHS)
def test_each_step_is_found_as_it_was_written(messages: Messages, path: list[Message]) -> None:
    messages.add(path[0])
    assert messages.recorded(ID) == path[0]
    for before, after in pairwise(path):
        assert messages.move(before, after) is None
        assert messages.recorded(ID) == after
        assert messages.find(ID) == after
        assert messages.recorded_all([ID]) == {ID: after}


@pytest.mark.parametrize("path", PATHS)
def test_a_step_whose_answer_was_lost_is_taken_once(messages: Messages, path: list[Message]) -> None:
    last = brought(messages, *path)

    assert messages.move(path[-2], last) is None
    assert messages.recorded(ID) == last


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ([accepted(), claimed()], accepted(), claimed(claim=OTHER)),  # two claim it
        ([accepted(), claimed()], accepted(), cancelled(accepted())),
        ([accepted(), cancelled(accepted())], accepted(), claimed()),
        ([scheduled(), claimed(scheduled())], scheduled(), cancelled(scheduled())),
        ([accepted(), claimed(claim=OTHER)], claimed(), submitted(claimed(), TAKEN)),  # another's claim
        ([accepted(), claimed(), unknown(claimed())], claimed(), submitted(claimed(), TAKEN)),
        ([accepted(), claimed(), submitted(claimed(), TAKEN)], claimed(), unknown(claimed())),
        ([accepted(), claimed(), put_back(claimed())], claimed(), submitted(claimed(), TAKEN)),
    ],
)
def test_who_comes_second_moves_nothing_and_is_told_what_stands(
    messages: Messages, path: list[Message], before: Message, after: Message
) -> None:
    standing = brought(messages, *path)

    assert messages.move(before, after) == standing
    assert messages.recorded(ID) == standing


def test_what_is_not_there_is_not_moved(messages: Messages) -> None:
    with pytest.raises(NotFound):
        messages.move(accepted(), claimed())
    assert messages.recorded(ID) is None


def test_a_move_writes_all_of_what_follows(messages: Messages) -> None:
    """Another process had it in between, and left it in the same state."""
    onward = put_back(rerouted(claimed(), account="backup", text="【备用】x", signature="备用"))
    brought(messages, accepted(), claimed(), onward)

    again = claimed(accepted(), OTHER)
    assert messages.move(accepted(), again) is None
    assert messages.recorded(ID) == again
    [found] = messages.sent_to("default", [ONE], since=NOON, until=LATER + timedelta(minutes=1))[ONE]
    assert found.owner.account == "default"


def walked(messages: Messages, hour: datetime) -> list[str]:
    """Every message that was begun in an hour, page by page."""
    found: list[str] = []
    for shard in range(SHARDS):
        after = ""
        while page := messages.begun_in(hour, shard, after=after):
            found += [entry.id for entry in page]
            after = page[-1].key
    return found


def due(messages: Messages, minute: datetime) -> list[str]:
    found: list[str] = []
    after = ""
    while page := messages.due_in(minute, after=after):
        assert all(entry.kind == "message" for entry in page)
        assert [entry.key for entry in page] == sorted(entry.key for entry in page)
        found += [entry.id for entry in page]
        after = page[-1].key
    return found


HOUR: Final = NOON.replace(minute=0)


def test_what_waits_is_due_in_its_minute_and_begun_in_no_hour(messages: Messages) -> None:
    messages.add(accepted())
    other = waiting(new(ulid(NOON, b"another's!"), send_at=LATER + timedelta(seconds=59)))
    messages.add(other)

    assert due(messages, NOON) == [ID]
    assert due(messages, LATER) == [other.id]
    assert walked(messages, HOUR) == walked(messages, HOUR + timedelta(hours=5)) == []


def test_once_it_is_claimed_it_is_in_the_hour_of_its_claim_only(messages: Messages) -> None:
    brought(messages, accepted(), claimed())

    assert due(messages, NOON) == []
    assert walked(messages, HOUR) == []
    assert walked(messages, HOUR + timedelta(hours=5)) == [ID]


def test_what_waits_again_is_due_again(messages: Messages) -> None:
    brought(messages, accepted(), claimed(), put_back(claimed()))

    assert due(messages, NOON) == [ID]
    assert walked(messages, HOUR + timedelta(hours=5)) == []


def test_what_was_begun_at_once_is_in_the_hour_of_its_id(messages: Messages) -> None:
    messages.add(begun(new(), claim=ID, now=NOON))

    assert walked(messages, HOUR) == [ID]
    assert due(messages, NOON) == []


def test_what_belongs_to_a_batch_is_due_with_its_batch(messages: Messages) -> None:
    messages.add(accepted(batch_id=OTHER))
    assert due(messages, NOON) == []


def test_pages_of_what_is_due(messages: Messages) -> None:
    ids = [ulid(NOON, number.to_bytes(10, "big")) for number in range(230)]
    for message_id in ids:
        messages.add(waiting(new(message_id)))

    assert due(messages, NOON) == ids
    first = messages.due_in(NOON, after="")
    assert messages.due_in(NOON, after=first[0].key)[0] == first[1]


def test_what_was_sent_to_a_number_is_in_the_order_of_its_claims(messages: Messages) -> None:
    first, second = (ulid(NOON + timedelta(minutes=minute), b"0123456789") for minute in (0, 1))
    early = waiting(new(first, ONE, TWO))
    late = waiting(new(second, ONE))
    for message, at in ((late, 10), (early, 20)):
        after = begun(message, claim=CLAIM, now=NOON + timedelta(minutes=at))
        brought(messages, message, after)
        messages.index(after)

    def sent(since: int, until: int) -> list[str]:
        minutes = [NOON + timedelta(minutes=minute) for minute in (since, until)]
        found = messages.sent_to("default", [ONE], since=minutes[0], until=minutes[1])
        return [outbound.owner.message_id for outbound in found.get(ONE, ())]

    assert sent(0, 30) == [first, second]
    assert sent(0, 15) == [second]
    assert sent(15, 30) == [first]
    assert sent(0, 5) == []


def test_each_number_has_its_own_reference(messages: Messages) -> None:
    recipients = (
        Recipient(to=ONE, status=Status.SUBMITTING, client_reference="a"),
        Recipient(to=TWO, status=Status.SUBMITTING),
    )
    message = accepted(recipients=recipients, client_reference=None, batch_id=OTHER)
    after = claimed(message)
    brought(messages, message, after)
    messages.index(after)

    owner = messages.owners([ID])[ID]
    assert owner == after.owner
    assert (owner.reference_of(ONE), owner.reference_of(TWO)) == ("a", None)
    assert (owner.submitted_at, owner.batch_id) == (LATER, OTHER)
    [found] = messages.sent_to("default", [TWO], since=NOON, until=LATER + timedelta(minutes=1))[TWO]
    assert found.owner == owner


def test_a_scheduled_message_outlasts_its_time_whatever_becomes_of_it() -> None:
    at = int((LATER + RETENTION).timestamp())
    for message in (scheduled(), cancelled(scheduled()), rejected(scheduled(), Rejection.NOT_PROCESSED)):
        assert message_item(message, RETENTION)["expires_at"] == at
        assert {row["expires_at"] for row in rows(message, RETENTION)} == {at}
    late = begun(scheduled(), claim=CLAIM, now=LATER + timedelta(hours=1))
    assert message_item(late, RETENTION)["expires_at"] == at + 3600
    assert message_item(begun(new(), claim=ID, now=NOON), RETENTION)["expires_at"] == int(
        (NOON + RETENTION).timestamp()
    )


# --- items


zones = st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30))])
times = st.datetimes(datetime(2021, 1, 1), datetime(2035, 1, 1), timezones=zones)  # noqa: DTZ001 - hypothesis adds it
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
names = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
ids = st.builds(ulid, times, st.binary(min_size=10, max_size=10))
recipients = st.builds(
    Recipient,
    to=st.from_regex(r"\+861[3-9][0-9]{9}", fullmatch=True),
    status=st.sampled_from([status for status in Status if status not in {Status.DELIVERED, Status.UNDELIVERED}]),
    gateway_message_id=st.none() | st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    billed_segments=st.none() | st.integers(0, 10),
    error_class=st.none() | st.sampled_from(list(Rejection)),
    client_reference=st.none() | words,
)
everything = st.builds(
    Message,
    id=ids,
    client=names,
    account=names,
    text=words,
    recipients=st.lists(recipients, min_size=1, max_size=4, unique_by=lambda each: each.to).map(tuple),
    created_at=times,
    deadline=times,
    extension=st.from_regex(r"[0-9]{0,20}", fullmatch=True),
    client_reference=st.none() | st.just("") | words,
    gateway_code=st.none() | st.integers(101, 999),
    reason=st.none() | st.sampled_from(list(Rejection)),
    signature=st.just("") | words,
    category=st.sampled_from(list(Category)),
    on_ambiguous=st.sampled_from(list(OnAmbiguous)),
    claim=st.just("") | ids,
    claimed_at=st.none() | times,
    queued=st.booleans(),
    send_at=st.none() | times,
    batch_id=st.none() | ids,
    tries=st.integers(0, 3),
    doubtful=st.booleans(),
    fallback_accounts=st.lists(names, max_size=3).map(tuple),
    routed_from=st.none() | st.tuples(names, words),
)


@settings(deadline=None)
@given(message=everything)
def test_any_message_comes_back_as_it_was(message: Message) -> None:
    item = from_item(to_item(message_item(message, RETENTION)))

    assert message_of(item) == message


@settings(deadline=None)
@given(message=everything)
def test_no_key_is_empty_and_every_partition_has_its_order(message: Message) -> None:
    for item in [message_item(message, RETENTION), *rows(message, RETENTION)]:
        wire: dict[str, Any] = dict(to_item(item))
        keys = {"pk", "sk", *(key for first, second, _ in INDEXES.values() for key in (first, second))}
        for key in keys & set(wire):
            assert wire[key]["S"], f"{key} is empty"
            assert len(wire[key]["S"].encode()) <= 1024
        for partition, order, _ in INDEXES.values():
            assert partition not in wire or order in wire


@settings(deadline=None, max_examples=25)
@given(message=everything)
def test_what_waits_is_due_and_nothing_else_is(message: Message) -> None:
    item = message_item(message, RETENTION)
    waits = state_of(message) in {Status.ACCEPTED, Status.SCHEDULED}

    assert entry_of(item) == Entry(key=str(item["made"]), kind="message", id=message.id)
    assert (item["hour"] is None) == (waits and message.batch_id is not None)
    assert item["hour"] is None or str(item["hour"]).startswith("due#") == waits


@pytest.fixture
def table(aws: None) -> MessagesTable:  # noqa: ARG001 - the client is made inside it
    client = boto3.client("dynamodb")
    return MessagesTable(client, make_table(client, "messages", sort_key=True), retention=RETENTION)


def test_a_message_leaves_the_indexes_that_it_is_no_more_in(table: MessagesTable) -> None:
    """What is None afterwards is removed, not left."""
    brought(table, accepted(), claimed(), put_back(claimed()))
    item = from_item(
        boto3.client("dynamodb").get_item(TableName="messages", Key=to_item({"pk": f"message#{ID}", "sk": "message"}))[
            "Item"
        ]
    )

    assert not {"claim", "claimed_at"} & set(item)
    assert item["made"] == ID
    assert str(item["hour"]).startswith("due#")
