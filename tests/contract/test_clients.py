"""Keys, what holds for their clients, and what these use of their limits: the tables, and the operator's side."""

import json
import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from bridge.adapters.clients_table import REMEMBERED, ClientsTable, RememberedStandings
from bridge.adapters.uses_table import UsesTable
from bridge.domain.clients import ClientStanding, hash_key
from bridge.domain.errors import BridgeError, DailyCapReached, NotAllowed, RateLimited, TooManyRequests
from bridge.domain.limits import Limits, Tally, Use
from bridge.ports import Uses
from bridge.services.authorizing import Authorizing
from local.client_records import ClientRecord, ClientRecords
from local.clients import Client, Clients
from local.errors import LocalError
from local.twilio_credentials import TwilioAccounts
from tests.contract.conftest import make_table
from tests.fakes.clients import FakeUses
from tests.fakes.clock import FakeClock
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHOP = Client(client="shop", accounts=("default", "b"), default_account="default", scopes=("send", "read"))
DAY = timedelta(days=1)
ONE = Use(messages=1, segments=1)


# --- what is used


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> str:
    return make_table(dynamodb, "state", sort_key=False)


@pytest.fixture(params=["fake", "dynamodb"])
def uses(request: pytest.FixtureRequest) -> Uses:
    if request.param == "fake":
        return FakeUses()
    return UsesTable(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def test_what_is_taken_is_counted_and_what_is_refused_is_not(uses: Uses) -> None:
    limits = Limits(daily_messages=10, daily_segments=15)
    uses.take("shop", limits, Use(messages=6, segments=12), now=NOON)
    for wanted in (Use(messages=5, segments=1), Use(messages=1, segments=4)):
        with pytest.raises(DailyCapReached):
            uses.take("shop", limits, wanted, now=NOON)
    uses.take("shop", limits, Use(messages=3, segments=3), now=NOON)

    assert uses.of("shop", now=NOON) == Tally(day="2026-11-23", messages=9, segments=15)
    assert uses.of("bank", now=NOON) == Tally(day="2026-11-23")
    tomorrow = NOON + timedelta(hours=12)
    assert uses.of("shop", now=tomorrow) == Tally(day="2026-11-24")
    uses.take("shop", limits, Use(messages=10, segments=15), now=tomorrow)
    assert uses.of("shop", now=tomorrow) == Tally(day="2026-11-24", messages=10, segments=15)


def test_a_rate_and_a_cap_are_kept_together(uses: Uses) -> None:
    limits = Limits(rate=2.0, burst=2, daily_messages=3)
    for _ in range(2):
        uses.take("shop", limits, ONE, now=NOON)
    with pytest.raises(RateLimited):
        uses.take("shop", limits, ONE, now=NOON)
    uses.take("shop", limits, ONE, now=NOON + timedelta(seconds=0.5))
    with pytest.raises(DailyCapReached):
        uses.take("shop", limits, ONE, now=NOON + timedelta(hours=1))
    assert uses.of("shop", now=NOON).messages == 3


def told(uses: Uses, limits: Limits, use: Use, now: datetime) -> tuple[str, int]:
    try:
        uses.take("shop", limits, use, now=now)
    except BridgeError as error:
        return type(error).__name__, error.retry_after if isinstance(error, TooManyRequests) else 0
    return "taken", 0


@pytest.mark.parametrize("seed", range(3))
def test_several_lambdas_count_as_one_that_has_it_all_in_memory(
    dynamodb: "DynamoDBClient", table: str, seed: int
) -> None:
    rng = Random(seed)  # noqa: S311 - which of the cases come when
    fake, lambdas = FakeUses(), [UsesTable(dynamodb, table) for _ in range(3)]
    said = Counter[str]()
    now = NOON
    for _ in range(120):
        now += timedelta(seconds=rng.choice([0, 0, 0.1, 1, 10, 3600, 20_000]))
        limits = Limits(
            rate=rng.choice([None, 0.5, 20.0]),
            daily_messages=rng.choice([None, 60, 400]),
            daily_segments=rng.choice([None, 500]),
        )
        if not limits.counted:
            continue
        messages = rng.choice([1, 1, 1, 7, 50, 100])
        use = Use(messages=messages, segments=messages * rng.choice([1, 3]))
        expected = told(fake, limits, use, now)
        assert told(rng.choice(lambdas), limits, use, now) == expected
        assert lambdas[0].of("shop", now=now) == fake.of("shop", now=now)
        said[expected[0]] += 1
    assert said["taken"] > 20
    assert said["RateLimited"] > 3
    assert said["DailyCapReached"] > 3


@dataclass
class OneAtATime:
    """DynamoDB writes an item once at a time (moto, in threads, does not); and how often it was asked to."""

    client: Any
    lock: Any
    calls: int = 0

    def update_item(self, **arguments: Any) -> Any:
        with self.lock:
            self.calls += 1
            return self.client.update_item(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def test_writers_at_once_never_take_more_than_there_is(dynamodb: "DynamoDBClient", table: str) -> None:
    limits = Limits(rate=1000.0, burst=40, daily_messages=60, daily_segments=100)
    lock, answers = threading.Lock(), list[str]()
    clients = [OneAtATime(dynamodb, lock) for _ in range(4)]
    begin = threading.Barrier(len(clients))

    def write(client: Any, number: int) -> None:
        writer = UsesTable(client, table)
        begin.wait(timeout=60)
        for step in range(30):
            # Before, at and after midnight, so that all of them cross each border at some time.
            now = NOON + timedelta(hours=12, seconds=-0.03 + 0.002 * step)
            answers.append(told(writer, limits, Use(messages=1 + number % 2, segments=2), now)[0])

    threads = [threading.Thread(target=write, args=(client, number)) for number, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": "use#shop"}})["Item"]
    assert item["day"] == {"S": "2026-11-24"}
    assert int(item["segments"]["N"]) <= 100
    assert int(item["messages"]["N"]) <= 60
    counted = Counter(answers)
    # Segments are two for each request: fifty requests a day at the most, and the burst lets through less.
    assert int(item["segments"]["N"]) // 2 <= counted["taken"] <= 40 + 60
    assert set(counted) <= {"taken", "RateLimited", "DailyCapReached"}
    assert counted.total() == 4 * 30


def test_a_cap_is_used_up_to_the_last_message_by_writers_at_once(dynamodb: "DynamoDBClient", table: str) -> None:
    lock, answers = threading.Lock(), list[str]()

    def write(client: Any) -> None:
        writer = UsesTable(client, table)
        answers.extend(told(writer, Limits(daily_messages=50), ONE, NOON)[0] for _ in range(20))

    threads = [threading.Thread(target=write, args=(OneAtATime(dynamodb, lock),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert Counter(answers) == {"taken": 50, "DailyCapReached": 30}


def test_one_call_counts_where_the_state_is_known_and_two_where_it_is_not(
    dynamodb: "DynamoDBClient", table: str
) -> None:
    limits = Limits(rate=10.0, burst=100, daily_messages=200, daily_segments=200)
    first, second = (OneAtATime(dynamodb, threading.Lock()) for _ in range(2))
    one, other = UsesTable(first, table), UsesTable(second, table)  # type: ignore[arg-type]
    steps = [
        (one, 0, (1, 0)),  # nothing is there
        (one, 0, (1, 0)),  # the rate is in use
        (other, 0, (0, 2)),  # whose first guess is that nothing is there
        (one, 0, (1, 0)),
        (one, 3600, (1, 0)),  # it is idle
        (other, 3600, (0, 2)),  # it was when it looked last, and is in use again
        (one, 12 * 3600, (1, 0)),  # a new day
    ]
    for uses, seconds, expected in steps:
        before = (first.calls, second.calls)
        uses.take("shop", limits, ONE, now=NOON + timedelta(seconds=seconds))
        assert (first.calls - before[0], second.calls - before[1]) == expected

    first.calls = 0
    one.take("shop", limits, Use(messages=199, segments=199), now=NOON + timedelta(hours=13))
    for _ in range(3):
        with pytest.raises(DailyCapReached):
            one.take("shop", limits, ONE, now=NOON + timedelta(hours=13))
    assert first.calls == 1  # what is known to be used up is refused without asking


def test_what_is_used_is_kept_for_as_long_as_it_means_anything(dynamodb: "DynamoDBClient", table: str) -> None:
    uses = UsesTable(dynamodb, table)
    uses.take("shop", Limits(daily_messages=10_000), ONE, now=NOON)
    assert expires(dynamodb, table) == NOON + timedelta(hours=12) + DAY

    uses.take("shop", Limits(rate=0.01), Use(messages=10_000, segments=1), now=NOON)
    assert expires(dynamodb, table) >= NOON + timedelta(seconds=10_000 / 0.01)


def expires(dynamodb: "DynamoDBClient", table: str) -> datetime:
    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": "use#shop"}})["Item"]
    return datetime.fromtimestamp(int(item["expires_at"]["N"]), NOON.tzinfo)


def test_who_is_never_let_through_is_told_to_come_back(dynamodb: "DynamoDBClient", table: str) -> None:
    class Moving:
        """Each time somebody else has just crossed a border."""

        exceptions = dynamodb.exceptions
        times = 0

        def update_item(self, **_: Any) -> Any:
            self.times += 1
            item: Any = {"free_at": {"N": str(int(NOON.timestamp() * 1e6) + self.times)}, "day": {"S": "2026-11-23"}}
            answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": item}
            raise self.exceptions.ConditionalCheckFailedException(answer, "UpdateItem")

    moving: Any = Moving()
    with pytest.raises(RateLimited):
        UsesTable(moving, table).take("shop", Limits(rate=1.0, burst=5), ONE, now=NOON)
    assert moving.times < 10


# --- keys and clients


@dataclass
class Operator:
    """The operator's side, and the authorizer's."""

    dynamodb: Any
    clients: Clients
    records: ClientRecords
    twilio: TwilioAccounts
    table: ClientsTable
    clock: FakeClock

    def opens(self, key: str) -> bool:
        return Authorizing(clients=self.table, clock=self.clock).caller(f"Bearer {key}") is not None

    def limits(self, key: str) -> Limits:
        caller = Authorizing(clients=self.table, clock=self.clock).caller(f"Bearer {key}")
        assert caller is not None
        return caller.limits

    def item(self, key: str) -> Any:
        return self.dynamodb.get_item(TableName="clients", Key={"pk": {"S": hash_key(key)}})["Item"]


@pytest.fixture
def operator(dynamodb: "DynamoDBClient") -> Operator:
    names = make_table(dynamodb, "clients", sort_key=False), make_table(dynamodb, "webhooks", sort_key=True)
    clock = FakeClock(datetime.now(NOON.tzinfo))
    return Operator(
        dynamodb,
        Clients(dynamodb, names[0]),
        ClientRecords(dynamodb, *names),
        TwilioAccounts(dynamodb, *names),
        ClientsTable(dynamodb, names[0]),
        clock,
    )


def test_a_key_opens_until_it_ends(operator: Operator) -> None:
    ends = (operator.clock.now() + timedelta(hours=1)).replace(microsecond=0)
    key = operator.clients.create(SHOP, expires_at=ends)
    assert operator.opens(key)
    operator.clock.advance((ends - operator.clock.now()).total_seconds() - 0.001)
    assert operator.opens(key)
    operator.clock.advance(0.001)
    assert not operator.opens(key)

    (stored,) = operator.clients  # it is listed until DynamoDB forgets it
    assert (stored.expires_at, stored.is_live(operator.clock.now())) == (ends, False)
    assert int(operator.item(key)["forgotten_at"]["N"]) == int((ends + 30 * DAY).timestamp())


def test_a_key_without_an_end_is_never_forgotten(operator: Operator) -> None:
    assert not {"expires_at", "forgotten_at", "lifetime"} & set(operator.item(operator.clients.create(SHOP)))


def test_two_keys_work_for_the_overlap_of_a_rotation_and_share_the_limits(operator: Operator) -> None:
    limits = Limits(rate=5.0, extensions=("01*",))
    operator.records.limit("shop", limits)
    first = operator.clients.create(SHOP)

    rotated = operator.clients.rotate("shop", overlap=DAY)

    assert rotated.client == SHOP
    assert operator.limits(first) == operator.limits(rotated.key) == limits
    # Of the two the new one is meant where nobody says which.
    third = operator.clients.rotate("shop", overlap=2 * DAY).key
    operator.clock.advance(DAY.total_seconds() + 1)
    assert [operator.opens(key) for key in (first, rotated.key, third)] == [False, True, True]
    operator.clock.advance(DAY.total_seconds())
    assert [operator.opens(key) for key in (first, rotated.key, third)] == [False, False, True]


def test_a_rotation_without_an_overlap_ends_the_old_key_at_once(operator: Operator) -> None:
    first = operator.clients.create(SHOP)
    rotated = operator.clients.rotate("shop", overlap=timedelta())
    operator.clock.advance(5)
    assert [operator.opens(key) for key in (first, rotated.key)] == [False, True]
    with pytest.raises(LocalError, match="no key of shop like"):
        operator.clients.rotate("shop", hash_key(first)[:12], overlap=DAY)


def test_a_key_lasts_as_long_as_the_one_whose_place_it_takes_was_made_for(operator: Operator) -> None:
    now = operator.clock.now()
    first = operator.clients.create(SHOP, expires_at=now + timedelta(hours=12))
    rotated = operator.clients.rotate("shop", overlap=DAY)
    # An overlap makes no key live longer than it was to.
    assert abs(rotated.old_ends_at - (now + timedelta(hours=12))) < timedelta(minutes=5)
    assert rotated.expires_at is not None
    assert abs(rotated.expires_at - (now + timedelta(hours=12))) < timedelta(minutes=5)
    again = operator.clients.rotate("shop", overlap=timedelta(minutes=1))
    assert again.expires_at is not None
    assert again.expires_at >= rotated.expires_at
    forever = operator.clients.rotate("shop", overlap=DAY, expires_at=now + 90 * DAY)
    assert forever.expires_at == now + 90 * DAY
    assert operator.opens(first)


def test_of_several_keys_the_one_that_is_meant_must_be_said(operator: Operator) -> None:
    first, _ = operator.clients.create(SHOP), operator.clients.create(SHOP)
    operator.twilio.create(SHOP)
    with pytest.raises(LocalError, match="several keys of shop: say which with --key"):
        operator.clients.rotate("shop", overlap=DAY)
    with pytest.raises(LocalError, match="no key of bank that could be rotated"):
        operator.clients.rotate("bank", overlap=DAY)

    rotated = operator.clients.rotate("shop", hash_key(first)[:12], overlap=DAY)
    assert rotated.old.key_hash == hash_key(first)


def test_a_key_that_is_revoked_meanwhile_is_not_rotated(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    operator.clients.create(SHOP)
    write = operator.dynamodb.transact_write_items

    def revoked_first(**arguments: Any) -> Any:
        assert operator.clients.revoke("shop") == 1
        return write(**arguments)

    monkeypatch.setattr(operator.dynamodb, "transact_write_items", revoked_first)
    with pytest.raises(LocalError, match="has just been revoked"):
        operator.clients.rotate("shop", overlap=DAY)
    assert list(operator.clients) == []


def test_limits_are_those_of_all_keys_at_once(operator: Operator) -> None:
    keys = [operator.clients.create(SHOP), operator.clients.create(replace(SHOP, scopes=("read",)))]
    assert [operator.limits(key) for key in keys] == [Limits(), Limits()]

    limits = Limits(rate=0.5, burst=10, daily_messages=1, daily_segments=2, extensions=("01*", "none"))
    operator.records.limit("shop", limits)

    assert [operator.limits(key) for key in keys] == [limits, limits]
    assert operator.records.find("shop") == ClientRecord(limits=limits)
    assert operator.records.find("bank") is None
    assert [stored.client.client for stored in operator.clients] == ["shop", "shop"]  # a record is no key
    operator.records.limit("shop", Limits())
    assert operator.limits(keys[0]) == Limits()


def test_what_was_revoked_opens_nothing_whatever_key_it_shows(operator: Operator) -> None:
    operator.records.limit("shop", Limits(rate=1.0))
    key, made = operator.clients.create(SHOP), operator.twilio.create(SHOP)
    bank = operator.clients.create(replace(SHOP, client="bank"))

    operator.records.revoke("shop")

    assert not operator.opens(key)
    assert operator.opens(bank)
    record = operator.records.find("shop")
    assert record is not None
    assert record.revoked_at is not None
    assert operator.table.standing("shop") == ClientStanding(limits=Limits(rate=1.0), revoked=True)
    operator.records.restore("shop")
    assert operator.limits(key) == Limits(rate=1.0)
    assert made.auth_token


def test_a_token_of_the_door_ends_by_itself_where_an_overlap_is_said(operator: Operator) -> None:
    first = operator.twilio.create(SHOP)
    operator.twilio.rotate(first.account_sid, timedelta(hours=1))
    ends = [stored.expires_at for stored in sorted(operator.clients, key=lambda each: each.created_at)]
    assert ends[0] is not None
    assert abs(ends[0] - operator.clock.now() - timedelta(hours=1)) < timedelta(minutes=5)
    assert ends[1] is None

    operator.twilio.rotate(first.account_sid)
    assert [stored.expires_at for stored in operator.clients] == [None, None]


def test_what_holds_for_a_client_is_read_once_in_half_a_minute(operator: Operator) -> None:
    assert REMEMBERED < 60  # what is said to hold within a minute does
    standings = RememberedStandings(operator.table, monotonic=operator.clock.monotonic)
    assert standings.standing("shop") == ClientStanding()
    operator.records.revoke("shop")
    operator.clock.advance(REMEMBERED - 0.5)
    assert not standings.standing("shop").revoked
    operator.clock.advance(0.5)
    assert standings.standing("shop").revoked


def test_the_names_of_a_clients_hook_sources_are_found(operator: Operator) -> None:
    for client, name in (("shop", "b"), ("shop", "a"), ("bank", "c")):
        item: Any = {"pk": {"S": f"sources#{client}"}, "sk": {"S": name}, "kind": {"S": "bearer"}}
        operator.dynamodb.put_item(TableName="webhooks", Item=item)
    assert operator.records.hook_sources("shop") == ("a", "b")
    assert operator.records.hook_sources("nobody") == ()


def test_what_is_stored_of_limits_is_read_by_who_knows_less_and_more_of_them(operator: Operator) -> None:
    operator.dynamodb.put_item(
        TableName="clients",
        Item={"pk": {"S": "client#shop"}, "limits": {"S": json.dumps({"rate": 5, "of_a_later_version": True})}},
    )
    assert operator.table.standing("shop").limits == Limits(rate=5)
    with pytest.raises(NotAllowed):
        FakeUses().take("shop", Limits(daily_messages=1), Use(messages=2, segments=2), now=NOON)
