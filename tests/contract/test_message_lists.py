"""The lists of MessagesTable: ByClient, ByReference and ByNumber."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.adapters.aws import to_item
from bridge.adapters.message_items import message_pk
from bridge.adapters.message_lists_table import MessageListsTable
from bridge.adapters.messages_table import MessagesTable
from bridge.domain.ids import ulid
from bridge.domain.lists import END, FIRST, Among, Filters
from bridge.domain.messages import Message, Recipient, Status, TrackedReport
from bridge.ports import MessageLists, Messages
from bridge.services.finding import Finding
from tests.contract.conftest import make_table
from tests.fakes.accounts import FakeAccounts
from tests.fakes.clock import FakeClock
from tests.fakes.lists import FakeMessageLists
from tests.fakes.messages import FakeMessages
from tests.fakes.world import NOON, SHOP

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NUMBER, OTHER = "+8613800000000", "+8613800000001"
SHOPS = Among(client="shop")
TO_NUMBER = Among(client="shop", number=NUMBER, accounts=("default",))
WITH_REFERENCE = Among(client="shop", client_reference="order-42")


@dataclass(frozen=True, slots=True)
class Store:
    """Messages and their lists."""

    messages: Messages
    lists: MessageLists

    def add(self, message: Message) -> Message:
        """Claimed and indexed."""
        self.messages.add(message)
        self.messages.index(message)
        return message

    def finding(self) -> Finding:
        """The service over them."""
        return Finding(accounts=FakeAccounts(), messages=self.messages, lists=self.lists, clock=FakeClock())

    def newest(self, among: Among, *, first: str = FIRST, end: str = END, limit: int = 100) -> list[str]:
        return self.lists.newest(among, first=first, end=end, limit=limit)


@pytest.fixture(params=["fake", "dynamodb"])
def make_store(request: pytest.FixtureRequest) -> Callable[[], Store]:
    if request.param == "fake":

        def fake() -> Store:
            messages = FakeMessages()
            return Store(messages, FakeMessageLists(messages))

        return fake
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    numbers = count()
    of_a_number = {"of_a_number": 5} if request.param == "crowded" else {}

    def dynamodb() -> Store:
        table = make_table(client, f"messages-{next(numbers)}", sort_key=True)
        messages = MessagesTable(client, table, retention=timedelta(days=30))
        return Store(messages, MessageListsTable(client, table, find=messages.find, **of_a_number))

    return dynamodb


@pytest.fixture
def store(make_store: Callable[[], Store]) -> Store:
    return make_store()


def message(minute: float = 0, *, tail: int = 0, to: tuple[str, ...] = (NUMBER,), **changes: object) -> Message:
    at = NOON + timedelta(minutes=minute)
    made = Message(
        id=ulid(at, tail.to_bytes(10, "big")),
        claim=ulid(at, tail.to_bytes(10, "big")),
        client="shop",
        account="default",
        text="x",
        client_reference="order-42",
        recipients=tuple(Recipient(to=number, status=Status.SUBMITTING) for number in to),
        created_at=at,
        deadline=at + timedelta(minutes=1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("among", [SHOPS, TO_NUMBER, WITH_REFERENCE], ids=["client", "number", "reference"])
def test_the_newest_of_all_shards_come_in_order(store: Store, among: Among) -> None:
    ids = [store.add(message(tail=tail)).id for tail in (5, 0, 3, 2, 7, 1, 6, 4, 8)]
    expected = sorted(ids, reverse=True)

    assert store.newest(among) == expected
    assert store.newest(among, limit=4) == expected[:4]


@pytest.mark.parametrize("among", [SHOPS, TO_NUMBER, WITH_REFERENCE], ids=["client", "number", "reference"])
def test_a_range_has_its_first_and_not_its_end(store: Store, among: Among) -> None:
    ids = [store.add(message(tail=tail)).id for tail in range(34)]

    for first, end in ((3, 7), (0, 33), (31, 32), (9, 11), (15, 17), (32, 33)):
        assert store.newest(among, first=ids[first], end=ids[end]) == ids[first:end][::-1]
    assert store.newest(among, first=ids[5], end=ids[5]) == []
    assert store.newest(among, first=ids[6], end=ids[5]) == []


def test_another_clients_messages_are_never_shown(store: Store) -> None:
    own = store.add(message())
    store.add(message(1, client="other"))
    store.add(message(2, client="shop#0"))  # with its reference it makes the key of the last of these

    def shown(filters: Filters) -> list[str]:
        return [found.id for found in store.finding().page(SHOP, filters, limit=10).messages]

    assert shown(Filters()) == [own.id]
    assert shown(Filters(to=NUMBER)) == [own.id]
    assert shown(Filters(client_reference="order-42")) == [own.id]
    assert shown(Filters(client_reference="0#order-42")) == []


def test_equal_references_are_found_all(store: Store) -> None:
    first, second = store.add(message()), store.add(message(1))
    store.add(message(2, client_reference="order-43"))
    store.add(message(3, client_reference=None))

    assert store.newest(WITH_REFERENCE) == [second.id, first.id]


def test_by_each_of_its_numbers_once(store: Store) -> None:
    both = store.add(message(to=(NUMBER, OTHER)))
    one = store.add(message(1))

    assert store.newest(TO_NUMBER) == [one.id, both.id]
    assert store.newest(replace(TO_NUMBER, number=OTHER)) == [both.id]
    assert store.newest(SHOPS) == [one.id, both.id]
    assert store.newest(WITH_REFERENCE) == [one.id, both.id]


def test_by_number_in_these_accounts(store: Store) -> None:
    default, backup = store.add(message()), store.add(message(1, account="backup"))
    store.add(message(2, account="third"))

    assert store.newest(TO_NUMBER) == [default.id]
    assert store.newest(replace(TO_NUMBER, accounts=("default", "backup"))) == [backup.id, default.id]
    assert store.newest(replace(TO_NUMBER, accounts=())) == []


def test_entries_that_share_a_message_find_it_once_by_their_own_reference(store: Store) -> None:
    def sharing(minute: int, *references: str) -> Message:
        recipients = tuple(
            Recipient(to=f"+86138{index:08}", status=Status.SUBMITTING, client_reference=reference)
            for index, reference in enumerate(references)
        )
        return store.add(message(minute, client_reference=None, recipients=recipients))

    mixed = sharing(1, "a", "b", "c")
    equal = sharing(2, *["b"] * 60)
    alone = store.add(message(client_reference="b"))

    def found(reference: str, limit: int) -> list[str]:
        return store.newest(Among(client="shop", client_reference=reference), limit=limit)

    assert found("a", 5) == [mixed.id]
    for limit in (3, 5, 70):
        assert found("b", limit) == [equal.id, mixed.id, alone.id]
    assert found("b", 1) == [equal.id]
    assert store.messages.find(mixed.id) == mixed


def test_messages_are_read_with_their_reports_in_the_order_asked_for(store: Store) -> None:
    old, new = store.add(message()), store.add(message(1))
    report = TrackedReport(
        event_id="1",
        account="default",
        message_id=old.id,
        to=NUMBER,
        status=Status.DELIVERED,
        final=True,
        gateway_message_id="00",
        gateway_status="DELIVRD",
        error_class=None,
        reported_at=NOON,
    )
    store.messages.apply(report, day=date(2026, 11, 23))

    read = store.lists.read([new.id, message(2).id, old.id])

    assert [found.id for found in read] == [new.id, old.id]
    assert [found.status for found in read] == [Status.SUBMITTING, Status.DELIVERED]
    assert store.lists.read([]) == []


MADE = st.tuples(st.integers(0, 5), st.integers(0, 2000))
FILTERS = {"client": Filters(), "number": Filters(to=NUMBER), "reference": Filters(client_reference="order-42")}


@pytest.mark.parametrize("make_store", ["fake", "dynamodb", "crowded"], indirect=True)
@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(there=st.sets(MADE, max_size=12), later=st.lists(st.sets(MADE, max_size=3), max_size=8), limit=st.integers(1, 4))
def test_a_walk_shows_what_was_there_once_and_in_order_whatever_is_sent_meanwhile(
    make_store: Callable[[], Store],
    filters: Filters,
    there: set[tuple[int, int]],
    later: list[set[tuple[int, int]]],
    limit: int,
) -> None:
    """Where a number gets crowded on the way, it is looked for elsewhere from there on."""
    store = make_store()
    finding = store.finding()

    def add(made: set[tuple[int, int]]) -> list[str]:
        to = ((NUMBER,), (OTHER, NUMBER))
        return [store.add(message(minute, tail=tail, to=to[tail % 2])).id for minute, tail in made]

    before = sorted(add(there), reverse=True)
    shown: list[str] = []
    cursor: str | None = None
    for sent in [*later, *[set[tuple[int, int]]()] * 100]:
        page = finding.page(SHOP, filters, limit=limit, cursor=cursor)
        shown += [found.id for found in page.messages]
        add(sent)
        cursor = page.next_cursor
        if cursor is None:
            break

    assert cursor is None
    assert shown == sorted(set(shown), reverse=True)
    assert [message_id for message_id in shown if message_id in before] == before


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> str:
    return make_table(dynamodb, "messages", sort_key=True)


def test_a_message_that_was_begun_late_stands_where_it_was_created(dynamodb: "DynamoDBClient", table: str) -> None:
    messages = MessagesTable(dynamodb, table, retention=timedelta(days=30))
    store = Store(messages, MessageListsTable(dynamodb, table, find=messages.find))
    queued, *others = [store.add(message(minute)) for minute in range(4)]
    dynamodb.update_item(
        TableName=table,
        Key=to_item({"pk": message_pk(queued.id), "sk": "message"}),
        UpdateExpression="SET made = :made",
        ExpressionAttributeValues=to_item({":made": message(60).id}),
    )

    assert store.newest(TO_NUMBER) == [*(made.id for made in reversed(others)), queued.id]
    assert store.newest(TO_NUMBER, end=others[0].id) == [queued.id]
    assert store.newest(TO_NUMBER, first=others[0].id) == [made.id for made in reversed(others)]


def test_a_number_with_too_many_messages_is_looked_for_among_the_clients(
    dynamodb: "DynamoDBClient", table: str
) -> None:
    messages = MessagesTable(dynamodb, table, retention=timedelta(days=30))
    store = Store(messages, MessageListsTable(dynamodb, table, find=messages.find, of_a_number=3))
    own = [store.add(message(minute)).id for minute in range(3)][::-1]
    to_another = store.add(message(4, to=(OTHER,))).id

    assert store.newest(TO_NUMBER) == own

    own = [store.add(message(5)).id, *own]
    store.add(message(6, client="other"))
    assert store.newest(TO_NUMBER) == [own[0], to_another, *own[1:]]  # whoever asks looks at each message
