"""Webhook endpoints, deliveries and their queue: on the fakes and on the real adapters."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from bridge.adapters.deliver_queue import DeliverQueue
from bridge.adapters.webhooks_table import DeliveriesTable, WebhookEndpointsTable
from bridge.domain.errors import NotQueued
from bridge.domain.events import suspended
from bridge.domain.lists import END, FIRST
from bridge.domain.webhooks import (
    ATTEMPTS,
    LEASE,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    EndpointStatus,
    Health,
    Pointer,
    Secrets,
    delivery_of,
    happened,
    pointer_of,
)
from bridge.ports import Deliveries, WebhookEndpoints
from tests.contract.conftest import make_table
from tests.fakes.webhooks import SECRET, FakeDeliveries, FakeWebhookEndpoints, endpoint
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SECOND = timedelta(seconds=1)
FULL = endpoint(
    accounts=("default", "other"),
    description="the shop",
    status=EndpointStatus.DISABLED,
    reason=DisabledReason.FAILING,
    disabled_at=NOON,
    told=False,
    secrets=Secrets(current=SECRET, previous="whsec_AAAA", previous_until=NOON + SECOND),
    health=Health(failures=3, failing_since=NOON, open_until=NOON + SECOND),
)


@dataclass
class Ports:
    endpoints: WebhookEndpoints
    deliveries: Deliveries


@pytest.fixture(params=["fake", "dynamodb"])
def ports(request: pytest.FixtureRequest) -> Ports:
    if request.param == "fake":
        return Ports(FakeWebhookEndpoints(), FakeDeliveries())
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    table = make_table(client, "webhooks", sort_key=True)
    return Ports(WebhookEndpointsTable(client, table), DeliveriesTable(client, table))


def delivery(day: int = 0) -> Delivery:
    event = happened(suspended("default", NOON + timedelta(days=day)).body())
    return delivery_of(endpoint().id, event, NOON)


@pytest.mark.parametrize("one", [endpoint(), FULL], ids=["plain", "full"])
def test_an_endpoint_is_read_as_it_was_written(ports: Ports, one: Any) -> None:
    assert ports.endpoints.get(one.id) is None
    ports.endpoints.add(one)

    assert ports.endpoints.get(one.id) == one
    assert list(ports.endpoints.all()) == [one]


def test_endpoints_come_in_order_and_go(ports: Ports) -> None:
    for number in (2, 1, 3):
        ports.endpoints.add(endpoint(number))
    ports.endpoints.remove(endpoint(2).id)
    ports.endpoints.remove(endpoint(2).id)

    assert [one.id for one in ports.endpoints.all()] == [endpoint(1).id, endpoint(3).id]


def test_of_two_who_change_an_endpoint_one_does(ports: Ports) -> None:
    ports.endpoints.add(endpoint())
    read = ports.endpoints.get(endpoint().id)
    assert read

    written = ports.endpoints.replace(replace(read, description="first"))

    assert written
    assert (written.description, written.version) == ("first", 1)
    assert ports.endpoints.replace(replace(read, description="second")) is None
    assert ports.endpoints.get(read.id) == written
    ports.endpoints.remove(read.id)
    assert ports.endpoints.replace(written) is None
    assert ports.endpoints.get(read.id) is None


def test_an_attempt_is_one_callers(ports: Ports) -> None:
    fresh = delivery()
    pointer = Pointer(endpoint=fresh.endpoint, delivery=fresh.id)

    first = ports.deliveries.begin(pointer, fresh, now=NOON)
    second = ports.deliveries.begin(pointer, fresh, now=NOON + SECOND)
    third = ports.deliveries.begin(pointer, fresh, now=NOON + LEASE)

    assert first.yours
    assert first.delivery == replace(fresh, attempts=1, leased_until=NOON + LEASE, attempted_at=NOON)
    assert not second.yours
    assert second.delivery == first.delivery
    assert third.yours
    assert third.delivery
    assert third.delivery.attempts == 2
    assert not ports.deliveries.end(first.delivery, replace(first.delivery, status=DeliveryStatus.DELIVERED))


def test_nothing_begins_before_its_time_or_after_the_last_attempt(ports: Ports) -> None:
    fresh = delivery()
    pointer = Pointer(endpoint=fresh.endpoint, delivery=fresh.id)
    now = NOON
    for attempt in range(1, ATTEMPTS + 1):
        begun = ports.deliveries.begin(pointer, fresh, now=now)
        assert begun.yours
        assert begun.delivery
        assert begun.delivery.attempts == attempt
        after = replace(begun.delivery, next_at=now + SECOND, http_status=500, leased_until=None)
        assert ports.deliveries.end(begun.delivery, after)
        assert ports.deliveries.find(fresh.endpoint, fresh.id) == after
        assert not ports.deliveries.begin(pointer, fresh, now=now).yours
        now += SECOND
    assert not ports.deliveries.begin(pointer, fresh, now=now).yours


def test_a_delivery_that_nobody_knows_does_not_begin(ports: Ports) -> None:
    begun = ports.deliveries.begin(delivery().pointer, None, now=NOON)

    assert (begun.yours, begun.delivery) == (False, None)


@pytest.mark.parametrize("status", DeliveryStatus)
def test_a_later_round_begins_from_the_first_attempt_once(ports: Ports, status: DeliveryStatus) -> None:
    fresh = delivery()
    begun = ports.deliveries.begin(Pointer(endpoint=fresh.endpoint, delivery=fresh.id), fresh, now=NOON)
    assert begun.delivery
    ports.deliveries.end(
        begun.delivery, replace(begun.delivery, status=status, http_status=500, error="x", next_at=NOON + LEASE)
    )
    again = begun.delivery.pointer.again()

    first = ports.deliveries.begin(again, None, now=NOON)
    second = ports.deliveries.begin(again, None, now=NOON)
    old = ports.deliveries.begin(begun.delivery.pointer, None, now=NOON + 2 * LEASE)

    assert first.yours
    assert first.delivery
    assert (first.delivery.round, first.delivery.attempts, first.delivery.status) == (1, 1, DeliveryStatus.PENDING)
    assert (first.delivery.http_status, first.delivery.error) == (None, None)
    assert (second.yours, old.yours) == (False, False)


def test_what_waits_is_written_off_and_what_ended_is_not(ports: Ports) -> None:
    ports.deliveries.write_off(delivery().pointer, "disabled")
    assert ports.deliveries.find(delivery().endpoint, delivery().id) is None
    for day, status in enumerate(DeliveryStatus):
        ports.deliveries.add(replace(delivery(day), status=status))
        ports.deliveries.write_off(delivery(day).pointer, "disabled")

    found = [ports.deliveries.find(delivery().endpoint, delivery(day).id) for day in range(3)]

    assert [(one.status, one.error) for one in found if one] == [
        (DeliveryStatus.FAILED, "disabled"),
        (DeliveryStatus.DELIVERED, None),
        (DeliveryStatus.FAILED, None),
    ]
    ports.deliveries.write_off(delivery(1).pointer.again(), "disabled")
    replayed = ports.deliveries.find(delivery().endpoint, delivery(1).id)
    assert replayed
    assert (replayed.status, replayed.round) == (DeliveryStatus.FAILED, 1)


def test_lists_are_by_the_events_time_newest_first(ports: Ports) -> None:
    days = [delivery(day) for day in range(5)]
    for number, one in enumerate(days):
        assert ports.deliveries.add(
            replace(one, status=DeliveryStatus.FAILED if number % 2 else DeliveryStatus.PENDING)
        )
        assert not ports.deliveries.add(one)

    def ids(status: DeliveryStatus | None = None, first: str = FIRST, end: str = END, limit: int = 10) -> list[int]:
        found = ports.deliveries.newest(days[0].endpoint, status=status, first=first, end=end, limit=limit)
        return [[day.id for day in days].index(one.id) for one in found]

    assert ids() == [4, 3, 2, 1, 0]
    assert ids(limit=2) == [4, 3]
    assert ids(end=days[3].id) == [2, 1, 0]
    assert ids(first=days[1].id, end=days[3].id) == [2, 1]
    assert ids(DeliveryStatus.FAILED) == [3, 1]
    assert ids(DeliveryStatus.FAILED, end=days[3].id, limit=1) == [1]
    assert ids(DeliveryStatus.DELIVERED) == []
    assert list(ports.deliveries.newest("other", status=None, first=FIRST, end=END, limit=5)) == []


def test_deliveries_are_forgotten_after_thirty_days(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "webhooks", sort_key=True)
    DeliveriesTable(dynamodb, table).add(delivery())

    (item,) = dynamodb.scan(TableName=table)["Items"]

    assert int(item["expires_at"]["N"]) == int((NOON + timedelta(days=30)).timestamp())


def test_the_queue(aws: None) -> None:  # noqa: ARG001 - the client is made inside it
    client = boto3.client("sqs")
    url, dead = (client.create_queue(QueueName=name)["QueueUrl"] for name in ("deliver", "dead"))
    queue = DeliverQueue(client, url, dead)
    event = happened(suspended("default", NOON).body())
    pointers = [Pointer(endpoint=endpoint(number).id, delivery=event.delivery, event=event) for number in range(25)]

    queue.send([(pointer, 0.0) for pointer in pointers])
    received = [one for _ in range(5) for one in queue.receive()]

    assert sorted(pointer_of(one.body).endpoint for one in received) == sorted(pointer.endpoint for pointer in pointers)
    assert all(one.own and one.receives == 1 for one in received)
    assert pointer_of(received[0].body).event == event
    queue.hold(received[0], 0)
    (again,) = queue.receive()
    assert again.receives == 2
    queue.delete(again)
    queue.bury(pointers[0].again())
    (letter,) = client.receive_message(QueueUrl=dead)["Messages"]
    assert pointer_of(letter["Body"]) == pointers[0].again()


class Sqs:
    """Remembers batches; `fail` says which entries are not taken in each call."""

    def __init__(self, *fail: set[str]) -> None:
        self.fail = list(fail)
        self.calls: list[list[Any]] = []

    def send_message_batch(self, *, Entries: list[Any], QueueUrl: str) -> Any:  # noqa: N803, ARG002 - boto3's names
        self.calls.append(Entries)
        return {"Failed": [{"Id": name} for name in (self.fail.pop(0) if self.fail else set())]}


def test_batches_keep_to_the_size_that_sqs_takes_and_failed_entries_go_again() -> None:
    large = happened(suspended("default", NOON).body())
    large = replace(large, body=large.body + " " * 100_000)
    sqs = Sqs({"0"}, set())
    queue = DeliverQueue(sqs, "q", "d", sleep=lambda _: None)  # type: ignore[arg-type]

    queue.send([(Pointer(endpoint=endpoint().id, delivery=large.delivery, event=large), 5000.0)] * 5)

    assert [len(call) for call in sqs.calls] == [2, 1, 2, 1]
    assert {entry["DelaySeconds"] for call in sqs.calls for entry in call} == {900}
    with pytest.raises(NotQueued):
        DeliverQueue(Sqs(*[{"0"}] * 4), "q", "d", sleep=lambda _: None).send(  # type: ignore[arg-type]
            [(delivery().pointer, 0.0)]
        )
