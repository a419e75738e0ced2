from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.adapters.aws import from_item
from bridge.adapters.clients_table import ClientsTable
from bridge.adapters.state_table import JournalSweeps, PullLeases, StatisticsCache, StatisticsSlots
from bridge.domain.clients import Caller, Credential, hash_key
from bridge.domain.ids import ulid
from bridge.domain.pulls import Kind, PullId
from bridge.domain.sweeps import Sweep, Waiting
from bridge.ports import Leases, Slots, Sweeps
from bridge.ports import StatisticsCache as StatisticsCachePort
from eums import DayStatistics
from local.clients import Client, Clients
from tests.contract.conftest import make_table
from tests.fakes.pulls import FakeLeases, FakeSweeps
from tests.fakes.statistics import FakeCache, FakeSlots
from tests.fakes.world import NOON, SHOP

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MINUTE = timedelta(minutes=1)


def _table(request: pytest.FixtureRequest) -> "tuple[DynamoDBClient, str]":
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    return client, make_table(client, "state", sort_key=False)


@pytest.fixture(params=["fake", "dynamodb"])
def leases(request: pytest.FixtureRequest) -> Leases:
    return FakeLeases() if request.param == "fake" else PullLeases(*_table(request))


@pytest.fixture(params=["fake", "dynamodb"])
def slots(request: pytest.FixtureRequest) -> Slots:
    return FakeSlots() if request.param == "fake" else StatisticsSlots(*_table(request))


@pytest.fixture(params=["fake", "dynamodb"])
def cache(request: pytest.FixtureRequest) -> StatisticsCachePort:
    return FakeCache() if request.param == "fake" else StatisticsCache(*_table(request))


@pytest.fixture(params=["fake", "dynamodb"])
def sweeps(request: pytest.FixtureRequest) -> Sweeps:
    return FakeSweeps() if request.param == "fake" else JournalSweeps(*_table(request))


def pull(number: int, *, account: str = "default", kind: Kind = Kind.REPORTS, at: datetime = NOON) -> PullId:
    return PullId(account=account, kind=kind, id=ulid(NOON, number.to_bytes(10, "big")), begun_at=at)


def test_one_pull_at_a_time(leases: Leases) -> None:
    first = leases.begin(pull(1), expires_at=NOON + MINUTE)
    assert first is not None
    assert (first.fence, first.dangling) == (1, ())

    assert leases.begin(pull(2), expires_at=NOON + MINUTE) is None
    assert leases.begin(pull(3, kind=Kind.INBOUND), expires_at=NOON + MINUTE) is not None
    assert leases.begin(pull(4, account="other"), expires_at=NOON + MINUTE) is not None


def test_a_completed_pull_makes_room_and_leaves_nothing_dangling(leases: Leases) -> None:
    first = leases.begin(pull(1), expires_at=NOON + MINUTE)
    assert first is not None
    assert leases.complete(first, at=NOON, brought_records=False)

    second = leases.begin(pull(2), expires_at=NOON + MINUTE)
    assert second is not None
    assert (second.fence, second.dangling) == (2, ())


def test_an_expired_lease_is_taken_over_and_its_pull_is_dangling(leases: Leases) -> None:
    leases.begin(pull(1), expires_at=NOON + MINUTE)

    late = NOON + MINUTE + timedelta(seconds=1)
    second = leases.begin(pull(2, at=late), expires_at=late + MINUTE)

    assert second is not None
    assert (second.fence, second.dangling) == (2, (pull(1),))


def test_a_dangling_pull_is_remembered_until_it_is_settled(leases: Leases) -> None:
    leases.begin(pull(1), expires_at=NOON + MINUTE)
    later = NOON + 2 * MINUTE
    # The second dies as well, before it settled the first; the third settles one and is completed.
    assert leases.begin(pull(2, at=later), expires_at=later + MINUTE) is not None
    still_later = NOON + 4 * MINUTE
    third = leases.begin(pull(3, at=still_later), expires_at=still_later + MINUTE)
    assert third is not None
    assert third.dangling == (pull(1), pull(2, at=later))
    leases.settle(third.dangling[0])
    leases.settle(third.dangling[0])
    assert leases.complete(third, at=still_later, brought_records=False)

    fourth = leases.begin(pull(4, at=still_later), expires_at=still_later + MINUTE)
    assert fourth is not None
    assert (fourth.fence, fourth.dangling) == (4, (pull(2, at=later),))
    leases.settle(fourth.dangling[0])
    leases.complete(fourth, at=still_later, brought_records=False)

    fifth = leases.begin(pull(5, at=still_later), expires_at=still_later + MINUTE)
    assert fifth is not None
    assert fifth.dangling == ()


def test_a_stale_puller_cannot_complete_the_newer_ones_pull(leases: Leases) -> None:
    first = leases.begin(pull(1), expires_at=NOON + MINUTE)
    late = NOON + MINUTE + timedelta(seconds=1)
    second = leases.begin(pull(2, at=late), expires_at=late + MINUTE)
    assert first is not None
    assert second is not None

    assert not leases.complete(first, at=NOON, brought_records=False)

    assert leases.begin(pull(3, at=late), expires_at=late + MINUTE) is None
    assert leases.complete(second, at=NOON, brought_records=False)


def test_when_pulls_were_completed_is_remembered(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "state", sort_key=False)
    leases = PullLeases(dynamodb, table)
    for number, brought in ((1, True), (2, False)):
        intent = leases.begin(pull(number), expires_at=NOON + MINUTE)
        assert intent is not None
        leases.complete(intent, at=NOON + number * MINUTE, brought_records=brought)

    [item] = map(from_item, dynamodb.scan(TableName=table)["Items"])
    assert item["completed_at"] == (NOON + 2 * MINUTE).isoformat()
    assert item["records_at"] == (NOON + MINUTE).isoformat()


def test_a_write_whose_answer_was_lost_is_recognised(dynamodb: "DynamoDBClient") -> None:
    leases = PullLeases(dynamodb, make_table(dynamodb, "state", sort_key=False))
    first = leases.begin(pull(1), expires_at=NOON + MINUTE)

    # boto3 tries again what it got no answer to: the same pull, against its own first write.
    assert leases.begin(pull(1), expires_at=NOON + MINUTE) == first


def test_a_take_over_whose_answer_was_lost_is_recognised_and_forgets_nothing(dynamodb: "DynamoDBClient") -> None:
    leases = PullLeases(dynamodb, make_table(dynamodb, "state", sort_key=False))
    leases.begin(pull(1), expires_at=NOON + MINUTE)
    late = NOON + 2 * MINUTE
    second = leases.begin(pull(2, at=late), expires_at=late + MINUTE)

    assert second is not None
    assert second.dangling == (pull(1),)
    assert leases.begin(pull(2, at=late), expires_at=late + MINUTE) == second


def test_of_two_that_take_a_lease_over_at_once_one_does(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "state", sort_key=False)
    leases = PullLeases(dynamodb, table)
    leases.begin(pull(1), expires_at=NOON + MINUTE)
    late = NOON + 2 * MINUTE

    class Meanwhile:
        """The same table, on which somebody else takes over between our two writes."""

        exceptions = dynamodb.exceptions
        writes = 0

        def update_item(self, **arguments: object) -> object:
            self.writes += 1
            if self.writes == 2:
                assert leases.begin(pull(2, at=late), expires_at=late + MINUTE) is not None
            return dynamodb.update_item(**arguments)  # type: ignore[arg-type]

    beaten = PullLeases(Meanwhile(), table)  # type: ignore[arg-type]
    assert beaten.begin(pull(3, at=late), expires_at=late + MINUTE) is None
    late += 2 * MINUTE
    fourth = leases.begin(pull(4, at=late), expires_at=late + MINUTE)
    assert fourth is not None
    assert fourth.dangling == (pull(1), pull(2, at=NOON + 2 * MINUTE))


def test_three_calls_in_a_minute(slots: Slots) -> None:
    assert [slots.take("default", NOON + timedelta(seconds=second)) for second in (0, 1, 2)] == [0.0, 0.0, 0.0]

    wait = slots.take("default", NOON + timedelta(seconds=3))

    assert 57 <= wait <= 60
    assert slots.take("other", NOON + timedelta(seconds=3)) == 0.0 or isinstance(slots, FakeSlots)
    assert slots.take("default", NOON + timedelta(seconds=3 + wait)) == 0.0
    assert slots.take("default", NOON + timedelta(seconds=3 + wait)) > 0


def test_slots_that_the_gateway_says_are_used_up(slots: Slots) -> None:
    slots.exhaust("default", NOON)

    assert slots.take("default", NOON + timedelta(seconds=1)) > 50
    assert slots.take("default", NOON + timedelta(seconds=63)) == 0.0


def test_two_that_take_the_last_slot_at_once_do_not_both_get_it(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "state", sort_key=False)
    slots = StatisticsSlots(dynamodb, table)
    slots.take("default", NOON)
    slots.take("default", NOON)

    class Meanwhile:
        """The same table, on which somebody else takes a slot between our read and our write."""

        exceptions = dynamodb.exceptions
        update_item = dynamodb.update_item
        interfered = False

        def get_item(self, **arguments: object) -> object:
            answer = dynamodb.get_item(**arguments)  # type: ignore[arg-type]
            if not self.interfered:
                self.interfered = True
                assert slots.take("default", NOON) == 0.0
            return answer

    assert StatisticsSlots(Meanwhile(), table).take("default", NOON) > 0  # type: ignore[arg-type]


DAYS = (DayStatistics(date(2021, 2, 3), 100, 90, 6, 4), DayStatistics(date(2021, 2, 4), 200, 180, 12, 8))


@pytest.mark.parametrize("days", [DAYS, ()])
def test_an_answer_is_kept_until_it_is_stale(cache: StatisticsCachePort, days: tuple[DayStatistics, ...]) -> None:
    start, end = date(2021, 2, 3), date(2021, 2, 4)
    assert cache.get("default", start, end, NOON) is None

    cache.put("default", start, end, days, NOON + MINUTE)

    assert cache.get("default", start, end, NOON + timedelta(seconds=59)) == days
    assert cache.get("default", start, end, NOON + MINUTE) is None
    assert cache.get("default", start, start, NOON) is None
    assert cache.get("other", start, end, NOON) is None


def test_a_client_is_found_by_the_hash_of_its_key(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "clients", sort_key=False)
    dynamodb.put_item(
        TableName=table,
        Item={
            "pk": {"S": "hash"},
            "client": {"S": "shop"},
            "accounts": {"L": [{"S": "default"}]},
            "default_account": {"S": "default"},
            "scopes": {"L": [{"S": "send"}, {"S": "read"}]},
            "created_at": {"S": "2026-11-23T12:00:00+08:00"},
        },
    )
    clients = ClientsTable(dynamodb, table)

    assert clients.find("hash") == Credential(caller=SHOP)
    assert clients.find("other") is None


def test_a_client_that_was_stored_with_fallbacks_has_them_in_order(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "clients", sort_key=False)
    accounts = ("default", "b", "c")
    stored = Client(
        client="shop", accounts=accounts, default_account="default", scopes=("send",), fallback_accounts=("c", "b")
    )

    key = Clients(dynamodb, table).create(stored)

    found = ClientsTable(dynamodb, table).find(hash_key(key))
    assert found == Credential(
        caller=Caller(
            client="shop",
            accounts=frozenset(accounts),
            default_account="default",
            scopes=frozenset({"send"}),
            fallback_accounts=("c", "b"),
        )
    )
    assert [each.client for each in Clients(dynamodb, table)] == [stored]


def test_a_sweep_is_written_by_whoever_read_it_last(sweeps: Sweeps) -> None:
    assert sweeps.load("default", Kind.REPORTS) == Sweep()
    waiting = Waiting.first("raw/default/reports/2026-11-23/x", NOON)
    sweep = Sweep(until="raw/default/reports/2026-11-23/y", waiting=(waiting, waiting.again(NOON)))

    assert sweeps.save("default", Kind.REPORTS, sweep)
    assert not sweeps.save("default", Kind.REPORTS, sweep)

    standing = sweeps.load("default", Kind.REPORTS)
    assert standing == replace(sweep, version=1)
    assert sweeps.save("default", Kind.REPORTS, replace(standing, waiting=()))
    assert sweeps.load("default", Kind.REPORTS).waiting == ()
    assert sweeps.load("default", Kind.INBOUND) == Sweep()
