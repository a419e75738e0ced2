"""SendQueue, Schedules and Pace: each suite on the fake and on the real adapter."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest

from bridge.adapters.aws import from_item
from bridge.adapters.pace_table import PaceTable
from bridge.adapters.send_queue import SendQueue
from bridge.adapters.send_schedules import SendSchedules
from bridge.domain.errors import NotQueued
from bridge.domain.ids import ulid
from bridge.domain.pace import Turn
from bridge.domain.work import BatchWork, MessageWork, PlanWork, Work, work_of
from bridge.ports import Pace, Schedules
from bridge.ports import SendQueue as SendQueuePort
from tests.contract.conftest import make_table
from tests.fakes.sends import FakePace, FakeSchedules, FakeSendQueue
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

SHANGHAI: Final = timezone(timedelta(hours=8))
QUEUE: Final = "arn:aws-cn:sqs:cn-north-1:123456789012:send"
ROLE: Final = "arn:aws-cn:iam::123456789012:role/send"
DEAD: Final = "arn:aws-cn:sqs:cn-north-1:123456789012:dead"


def name(number: int) -> str:
    return ulid(NOON, number.to_bytes(10, "big"))


# --- SendQueue


@dataclass
class Queued:
    """A queue, and how to see what is in it."""

    port: SendQueuePort
    received: Callable[[], list[Work]]


@pytest.fixture(params=["fake", "sqs"])
def queued(request: pytest.FixtureRequest) -> Queued:
    if request.param == "fake":
        fake = FakeSendQueue()
        return Queued(fake, fake.take)
    request.getfixturevalue("aws")
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="send")["QueueUrl"]

    def received() -> list[Work]:
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [work_of(message["Body"]) for message in messages]
        return found

    return Queued(SendQueue(lambda: sqs, url), received)


def test_all_work_arrives_whatever_its_kind(queued: Queued) -> None:
    work: list[Work] = [PlanWork(batch_id=name(1)), BatchWork(batch_id=name(1), start=7)]
    work += [MessageWork(message_id=name(number)) for number in range(23)]

    queued.port.send(work)

    found = queued.received()
    assert len(found) == len(work)
    assert set(found) == set(work)


def test_no_work_is_nothing(queued: Queued) -> None:
    queued.port.send([])
    assert queued.received() == []


@dataclass
class Sqs:
    """Answers send_message_batch and remembers it; `fail` says which entries are not taken in each call."""

    fail: list[set[str]] = field(default_factory=list)
    calls: list[list[dict[str, Any]]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def send_message_batch(self, **arguments: Any) -> dict[str, Any]:
        assert arguments["QueueUrl"] == "https://queue"
        entries = arguments["Entries"]
        self.calls.append(entries)
        failed = self.fail.pop(0) if self.fail else set()
        return {"Failed": [{"Id": name, "Code": "InternalError", "SenderFault": False} for name in failed]}

    def queue(self) -> SendQueue:
        return SendQueue(lambda: self, "https://queue", sleep=self.slept.append)  # type: ignore[arg-type, return-value]


def work(count: int) -> list[Work]:
    return [MessageWork(message_id=name(number)) for number in range(count)]


def test_ten_at_a_time() -> None:
    sqs = Sqs()
    sqs.queue().send(work(25))

    assert [len(call) for call in sqs.calls] == [10, 10, 5]
    assert [json.loads(entry["MessageBody"])["message"] for call in sqs.calls for entry in call] == [
        name(number) for number in range(25)
    ]
    assert sqs.slept == []


@pytest.mark.parametrize(("delay", "seconds"), [(0, 0), (0.2, 1), (60, 60), (899.5, 900), (100_000, 900), (-3, 0)])
def test_a_delay_is_in_whole_seconds_never_too_early_and_at_most_what_sqs_waits(delay: float, seconds: int) -> None:
    sqs = Sqs()
    sqs.queue().send(work(2), delay=delay)

    assert [entry["DelaySeconds"] for entry in sqs.calls[0]] == [seconds] * 2


def test_what_failed_and_only_that_is_tried_again() -> None:
    sqs = Sqs([{"1", "2"}, {"2"}])
    sqs.queue().send(work(3))

    assert [[entry["Id"] for entry in call] for call in sqs.calls] == [["0", "1", "2"], ["1", "2"], ["2"]]
    assert sqs.slept == [0.1, 0.2]


def test_what_is_never_taken_is_said_and_the_other_batches_go() -> None:
    sqs = Sqs([{"0", "3"}, {"0"}, {"0"}, {"0"}])

    with pytest.raises(NotQueued) as caught:
        sqs.queue().send(work(12))

    assert caught.value.failed == 1
    assert [len(call) for call in sqs.calls] == [10, 2, 1, 1, 2]


# --- Schedules


@dataclass
class Scheduled:
    """Schedules, and how to see which there are: due times by name."""

    port: Schedules
    due: Callable[[], dict[str, datetime]]


@pytest.fixture
def scheduler(aws: None) -> "EventBridgeSchedulerClient":  # noqa: ARG001 - the client is made inside it
    client = boto3.client("scheduler")
    client.create_schedule_group(Name="stack-sends")
    return client


def schedules(client: "EventBridgeSchedulerClient") -> SendSchedules:
    return SendSchedules(lambda: client, group="stack-sends", queue_arn=QUEUE, role_arn=ROLE, dead_letters_arn=DEAD)


@pytest.fixture(params=["fake", "scheduler"])
def scheduled(request: pytest.FixtureRequest) -> Scheduled:
    if request.param == "fake":
        fake = FakeSchedules()
        return Scheduled(fake, lambda: fake.due)
    client: EventBridgeSchedulerClient = request.getfixturevalue("scheduler")

    def due() -> Iterator[tuple[str, datetime]]:
        for found in client.list_schedules(GroupName="stack-sends")["Schedules"]:
            said = client.get_schedule(GroupName="stack-sends", Name=found["Name"])["ScheduleExpression"]
            yield found["Name"], datetime.fromisoformat(said.removeprefix("at(").removesuffix(")") + "+00:00")

    return Scheduled(schedules(client), lambda: dict(due()))


def test_a_message_has_its_time(scheduled: Scheduled) -> None:
    scheduled.port.create(name(1), NOON)
    scheduled.port.create(name(2), (NOON + timedelta(days=35)).astimezone(SHANGHAI))

    assert scheduled.due() == {name(1): NOON, name(2): NOON + timedelta(days=35)}


def test_the_same_again_changes_nothing(scheduled: Scheduled) -> None:
    scheduled.port.create(name(1), NOON)
    scheduled.port.create(name(1), NOON)

    assert scheduled.due() == {name(1): NOON}


def test_what_is_deleted_is_gone_and_deleting_again_is_no_error(scheduled: Scheduled) -> None:
    scheduled.port.create(name(1), NOON)
    scheduled.port.create(name(2), NOON)

    scheduled.port.delete(name(1))
    scheduled.port.delete(name(1))
    scheduled.port.delete(name(3))

    assert scheduled.due() == {name(2): NOON}


def test_a_schedule_points_the_queue_to_its_message_once(scheduler: "EventBridgeSchedulerClient") -> None:
    schedules(scheduler).create(name(1), NOON + timedelta(microseconds=1))

    found = scheduler.get_schedule(GroupName="stack-sends", Name=name(1))
    # Never early: a part of a second is rounded up.
    assert found["ScheduleExpression"] == "at(2026-11-23T04:00:01)"
    assert found["ScheduleExpressionTimezone"] == "UTC"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert found["ActionAfterCompletion"] == "DELETE"
    target = found["Target"]
    assert (target["Arn"], target["RoleArn"]) == (QUEUE, ROLE)
    assert target["DeadLetterConfig"] == {"Arn": DEAD}
    assert work_of(target["Input"]) == MessageWork(message_id=name(1))


# --- Pace


@pytest.fixture(params=["fake", "dynamodb"])
def pace(request: pytest.FixtureRequest) -> Pace:
    if request.param == "fake":
        return FakePace()
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    return PaceTable(client, make_table(client, "state", sort_key=False))


def test_each_begins_where_the_one_before_ends(pace: Pace) -> None:
    turns = [pace.reserve("default", 50, rate=100, now=NOON, within=10) for _ in range(4)]

    assert turns == [Turn(after=after, reserved=True) for after in (0.0, 0.5, 1.0, 1.5)]


def test_time_goes_on_and_what_was_not_used_is_not_saved_up(pace: Pace) -> None:
    pace.reserve("default", 100, rate=100, now=NOON, within=10)

    half = pace.reserve("default", 100, rate=100, now=NOON + timedelta(seconds=0.25), within=10)
    later = NOON + timedelta(hours=3)

    assert half == Turn(after=0.75, reserved=True)
    assert pace.reserve("default", 100, rate=100, now=later, within=10).after == 0
    assert pace.reserve("default", 100, rate=100, now=later, within=10).after == 1


def test_what_would_be_too_late_reserves_nothing_and_is_told_how_late(pace: Pace) -> None:
    pace.reserve("default", 1_000, rate=100, now=NOON, within=0)

    refused = [pace.reserve("default", 1, rate=100, now=NOON, within=9.9) for _ in range(3)]

    assert refused == [Turn(after=10.0, reserved=False)] * 3
    assert pace.reserve("default", 1, rate=100, now=NOON, within=10) == Turn(after=10.0, reserved=True)


def test_an_account_waits_for_itself_only(pace: Pace) -> None:
    pace.reserve("default", 1_000, rate=100, now=NOON, within=0)

    assert pace.reserve("other", 1, rate=100, now=NOON, within=0) == Turn(after=0.0, reserved=True)


def test_another_rate_holds_from_then_on(pace: Pace) -> None:
    pace.reserve("default", 10, rate=10, now=NOON, within=0)

    assert pace.reserve("default", 10, rate=1, now=NOON, within=9).after == 1
    assert pace.reserve("default", 1, rate=1, now=NOON, within=99).after == 11


@pytest.mark.parametrize(("count", "rate"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -1.0), (1, float("nan"))])
def test_nobody_or_no_rate_is_a_mistake(pace: Pace, count: int, rate: float) -> None:
    with pytest.raises(ValueError, match="rate above zero"):
        pace.reserve("default", count, rate=rate, now=NOON, within=1)


def test_all_lambdas_share_one_pace(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "state", sort_key=False)
    one, two = PaceTable(dynamodb, table), PaceTable(dynamodb, table)

    turns = [lambda_.reserve("default", 10, rate=10, now=NOON, within=99).after for lambda_ in [one, two] * 3]

    assert turns == [0, 1, 2, 3, 4, 5]


def test_a_pace_ends_an_hour_after_its_last_use(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "state", sort_key=False)
    PaceTable(dynamodb, table).reserve("default", 30, rate=10, now=NOON, within=0)

    [item] = dynamodb.scan(TableName=table)["Items"]
    assert from_item(item) == {
        "pk": "pace#default",
        "free_at": (int(NOON.timestamp()) + 3) * 1_000_000,
        "expires_at": int(NOON.timestamp()) + 3 + 3600,
    }


def test_an_item_that_ended_is_made_anew(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "state", sort_key=False)
    pace = PaceTable(dynamodb, table)
    pace.reserve("default", 30, rate=10, now=NOON, within=0)
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "pace#default"}})

    assert pace.reserve("default", 1, rate=1, now=NOON + timedelta(days=1), within=0) == Turn(after=0.0, reserved=True)


class Counted:
    """A client that counts its calls, and lets somebody else write before each of them."""

    def __init__(self, client: "DynamoDBClient", before: Callable[[], object] = lambda: None) -> None:
        self.exceptions = client.exceptions
        self.writes = 0
        self._client = client
        self._before = before

    def update_item(self, **arguments: Any) -> Any:
        self.writes += 1
        self._before()
        return self._client.update_item(**arguments)


def test_whoever_is_alone_writes_once_a_reservation_and_not_at_all_where_it_is_too_late(
    dynamodb: "DynamoDBClient",
) -> None:
    client = Counted(dynamodb)
    pace = PaceTable(client, make_table(dynamodb, "state", sort_key=False))  # type: ignore[arg-type]

    assert all(pace.reserve("default", 1, rate=1, now=NOON, within=9).reserved for _ in range(3))
    assert client.writes == 3
    assert not pace.reserve("default", 1, rate=1, now=NOON, within=1).reserved
    assert client.writes == 3


def test_threads_of_one_process_do_not_hinder_each_other(dynamodb: "DynamoDBClient") -> None:
    client = Counted(dynamodb)
    pace = PaceTable(client, make_table(dynamodb, "state", sort_key=False))  # type: ignore[arg-type]

    def reserve(_: int) -> Turn:
        return pace.reserve("default", 1, rate=1, now=NOON, within=99)

    with ThreadPoolExecutor(10) as pool:
        turns = list(pool.map(reserve, range(20)))

    assert sorted(turn.after for turn in turns) == list(range(20))
    assert client.writes == 20


def test_where_too_many_ask_at_once_nothing_is_reserved(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "state", sort_key=False)
    others = PaceTable(dynamodb, table)
    client = Counted(dynamodb, lambda: others.reserve("default", 1, rate=10, now=NOON, within=99))
    pace = PaceTable(client, table)  # type: ignore[arg-type]

    turn = pace.reserve("default", 1, rate=10, now=NOON, within=99)

    assert not turn.reserved
    assert 0 < turn.after < 1
    assert client.writes == 5
    assert others.reserve("default", 1, rate=10, now=NOON, within=99).after == 0.5
