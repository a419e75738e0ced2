"""What the watchers and the reconciliation keep and read, and how many calls that takes."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.adapters.aws import to_item
from bridge.adapters.day_counts_table import DayCountsTable
from bridge.adapters.messages_table import MessagesTable
from bridge.adapters.state_table import PullLeases, Reconciliations
from bridge.adapters.submit_times import SubmitTimes
from bridge.adapters.watches_table import WatchesTable
from bridge.domain.days import DayCount
from bridge.domain.ids import ulid
from bridge.domain.pulls import Kind, PullId
from bridge.domain.watches import PullTrace, Reading, Watch, Watched
from bridge.ports import Reconciliations as ReconciliationsPort
from bridge.ports import Watches
from bridge.services.watching import Watching
from tests.contract.conftest import make_table
from tests.fakes.watching import FakeReconciliations, FakeWatches
from tests.fakes.world import NOON, World

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MINUTE = timedelta(minutes=1)
WATCH = Watch(
    known_since=NOON - timedelta(days=3),
    watched_since=NOON,
    asked_at=NOON + MINUTE,
    suspended=True,
    balances=(Reading(at=NOON, balance=100), Reading(at=NOON + MINUTE, balance=-3)),
    announced={"balance_low": NOON + MINUTE},
)


@pytest.fixture(params=["fake", "dynamodb"])
def watches(request: pytest.FixtureRequest) -> Watches:
    if request.param == "fake":
        return FakeWatches()
    client = request.getfixturevalue("dynamodb")
    return WatchesTable(client, make_table(client, "state", sort_key=False))


@pytest.fixture(params=["fake", "dynamodb"])
def reconciliations(request: pytest.FixtureRequest) -> ReconciliationsPort:
    if request.param == "fake":
        return FakeReconciliations()
    client = request.getfixturevalue("dynamodb")
    return Reconciliations(client, make_table(client, "state", sort_key=False))


@pytest.mark.parametrize("watch", [WATCH, Watch(known_since=NOON, watched_since=NOON)])
def test_a_watch_is_read_as_it_was_kept(watches: Watches, watch: Watch) -> None:
    assert watches.read(["default"]) == {"default": Watched()}

    watches.keep("default", watch)

    assert watches.read(["default", "other"]) == {"default": Watched(watch=watch), "other": Watched()}


def test_a_comparison_is_remembered(reconciliations: ReconciliationsPort) -> None:
    assert reconciliations.last("default") is None

    reconciliations.done("default", date(2026, 11, 22))
    reconciliations.done("default", date(2026, 11, 23))

    assert reconciliations.last("default") == date(2026, 11, 23)
    assert reconciliations.last("other") is None


def test_what_the_leases_remember_is_read_beside_it(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "state", sort_key=False)
    leases = PullLeases(dynamodb, table)
    for number, (kind, brought, suspended) in enumerate(
        [(Kind.REPORTS, True, False), (Kind.REPORTS, False, False), (Kind.INBOUND, False, True)]
    ):
        pull = PullId(account="default", kind=kind, id=ulid(NOON, number.to_bytes(10, "big")), begun_at=NOON)
        intent = leases.begin(pull, expires_at=NOON + MINUTE)
        assert intent is not None
        leases.complete(intent, at=NOON + number * MINUTE, brought_records=brought, suspended=suspended)

    assert WatchesTable(dynamodb, table).read(["default"])["default"].pulls == {
        Kind.REPORTS: PullTrace(completed_at=NOON + MINUTE, records_at=NOON),
        Kind.INBOUND: PullTrace(completed_at=NOON + 2 * MINUTE, suspended=True),
    }


def test_more_accounts_than_one_read_takes(dynamodb: "DynamoDBClient") -> None:
    watches = WatchesTable(dynamodb, make_table(dynamodb, "state", sort_key=False))
    names = [f"account{number}" for number in range(70)]
    for name in names:
        watches.keep(name, WATCH)

    assert watches.read(names) == {name: Watched(watch=WATCH) for name in names}


def put_submit(client: "DynamoDBClient", table: str, at: datetime, *, account: str = "default", shard: int = 0) -> str:
    made = ulid(at, shard.to_bytes(10, "big"))
    item = {
        "pk": f"message#{made}",
        "sk": "message",
        "hour": f"{at.astimezone(UTC):%Y-%m-%dT%H}#{shard}",
        "made": made,
        "account": account,
    }
    client.put_item(TableName=table, Item=to_item(item))
    return made


def test_submits_of_a_window_over_all_shards_and_accounts(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "messages", sort_key=True)
    submits = SubmitTimes(dynamodb, table)
    put_submit(dynamodb, table, NOON - 11 * MINUTE)
    first = put_submit(dynamodb, table, NOON - 10 * MINUTE, shard=3)  # the hour before
    second = put_submit(dynamodb, table, NOON, shard=1)
    other = put_submit(dynamodb, table, NOON + 2 * MINUTE, account="other", shard=2)
    put_submit(dynamodb, table, NOON + 6 * MINUTE)

    found = submits.between(NOON - 10 * MINUTE, NOON + 5 * MINUTE)

    assert found == {"default": (first, second), "other": (other,)}
    assert submits.between(NOON + timedelta(days=1), NOON + timedelta(days=1, minutes=15)) == {}


def test_a_busy_quarter_of_an_hour_is_sampled(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "messages", sort_key=True)
    made = [put_submit(dynamodb, table, NOON + timedelta(seconds=number)) for number in range(60)]

    assert SubmitTimes(dynamodb, table).between(NOON, NOON + 2 * MINUTE) == {"default": tuple(made[:10])}


def test_the_counters_of_a_day_are_summed(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "messages", sort_key=True)
    rows: list[dict[str, Any]] = [
        {"sk": "shard#0", "delivered": 3, "failed": 1},
        {"sk": "shard#7", "delivered": 4, "foreign_delivered": 5, "foreign_failed": 6},
        # The same recipient twice in ten minutes is one; in others it would be another.
        {"sk": "tally#04:1#a", "delivered": b"a" * 10 + b"b" * 10, "failed": b"c" * 10, "expires_at": 1},
        {"sk": "tally#04:1#b", "delivered": b"b" * 10 + b"d" * 10, "expires_at": 1},
        {"sk": "tally#04:2#a", "delivered": b"b" * 10, "expires_at": 1},
    ]
    for row in rows:
        dynamodb.put_item(TableName=table, Item=to_item({"pk": "day#default#2026-11-22", **row}))
    counts = DayCountsTable(dynamodb, table)

    assert counts.of("default", date(2026, 11, 22)) == DayCount(
        delivered=11, failed=2, foreign_delivered=5, foreign_failed=6
    )
    assert counts.of("default", date(2026, 11, 21)) == DayCount(delivered=0, failed=0)


def test_what_an_idle_hour_costs(dynamodb: "DynamoDBClient") -> None:
    state = make_table(dynamodb, "state", sort_key=False)
    table = make_table(dynamodb, "messages", sort_key=True)
    world = World()
    for number in range(9):
        world.add_account(f"account{number}")
    watching = Watching(
        accounts=world.accounts,
        balancing=world.balancing(),
        watches=WatchesTable(dynamodb, state),
        submits=SubmitTimes(dynamodb, table),
        messages=MessagesTable(dynamodb, table, retention=timedelta(days=30)),
        topic=world.topic,
        clock=world.clock,
        counters=world.counters,
        threshold=50,
        low_hours=24,
        report_gap=timedelta(minutes=30),
    )
    leases = PullLeases(dynamodb, state)
    calls: list[Counter[str]] = []
    dynamodb.meta.events.register("before-call.dynamodb", lambda model, **_: calls[-1].update([model.name]))
    for minute in range(61):
        calls.append(Counter())
        for name in world.accounts.names():
            for kind in Kind:
                pull = PullId(account=name, kind=kind, id=world.new_id(), begun_at=world.clock.now())
                intent = leases.begin(pull, expires_at=world.clock.now() + MINUTE)
                assert intent is not None
                leases.complete(intent, at=world.clock.now(), brought_records=False)
        calls[-1].clear()
        assert watching.watch() == {name: [] for name in world.accounts.names()}, minute
        world.clock.advance(60)

    read = Counter(BatchGetItem=1)
    gap = Counter(Query=4)  # one a shard of the index, whatever the number of accounts
    kept = Counter(PutItem=10)  # one an account
    assert calls[1] == calls[59] == read
    # Over the change of the hour, two hours of the index are asked.
    assert [call for minute, call in enumerate(calls) if minute in {5, 10, 20, 50, 55}] == [read + gap] * 5
    assert [call for minute, call in enumerate(calls) if minute in {15, 60}] == [read + gap + kept] * 2
    # The first of the hour found them unknown.
    assert sum(calls[1:61], Counter()) == Counter(BatchGetItem=60, Query=60, PutItem=40)
