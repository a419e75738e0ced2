"""The bill: what is counted of a send and of its report, the rules it is counted by, and what the docs say of it."""

import os
from typing import Any, Final

import pytest

from bridge.adapters import aws as clients
from tests.bench import costing
from tests.bench.costing import Assumed
from tests.bench.emulated import emulated
from tests.bench.idling import RUNS_A_MINUTE, idle_minute
from tests.bench.metered import read_units, size, template, written

TABLES: Final[dict[str, Any]] = {
    name: resource["Properties"]
    for name, resource in template()["Resources"].items()
    if resource["Type"] == "AWS::DynamoDB::Table"
}


def item(text: str = "", **keys: str) -> Any:
    return {
        "pk": {"S": "message#1"},
        "sk": {"S": "message"},
        "text": {"S": text},
        **{name: {"S": value} for name, value in keys.items()},
    }


def change(before: Any, after: Any, *, transaction: bool = False) -> dict[str, int]:
    def at(one: Any) -> Any:
        return {("MessagesTable", "message#1", "message"): one} if one else {}

    return dict(written(at(before), at(after), TABLES, transaction=transaction))


def test_a_new_item_is_a_unit_for_each_kilobyte_and_one_for_each_index_that_it_is_in() -> None:
    assert change(None, item()) == {"table": 1, "index": 0, "write": 1}
    assert change(None, item("x" * 1024)) == {"table": 2, "index": 0, "write": 2}
    assert change(None, item(client_key="shop#0", created="01")) == {"table": 1, "index": 1, "write": 2}
    assert change(None, item(client_key="shop#0")) == {"table": 1, "index": 0, "write": 1}


def test_a_change_that_an_index_does_not_hold_costs_nothing_there() -> None:
    keys = {"client_key": "shop#0", "created": "01"}

    assert change(item(**keys), item("x", **keys)) == {"table": 1, "index": 0, "write": 1}
    assert change(item(**keys), item(client_key="shop#1", created="01")) == {"table": 1, "index": 2, "write": 3}


def test_a_transaction_doubles_the_tables_units_alone() -> None:
    keys = {"client_key": "shop#0", "created": "01"}

    assert change(None, item(**keys), transaction=True) == {"table": 2, "index": 1, "write": 3}


def test_what_is_not_there_costs_half_a_read_unit() -> None:
    assert read_units({}, consistent=False) == 0.5
    assert read_units({"Item": item("x" * 5000)}, consistent=True) == 2
    assert read_units({"Responses": {"t": [item(), item()]}}, consistent=False) == 1


def test_the_size_of_an_item_counts_names_and_values() -> None:
    assert size({"a": {"S": "京"}, "bc": {"N": "1234"}, "d": {"L": [{"S": "xy"}]}, "e": {"BOOL": True}}) == (
        (1 + 3) + (2 + 3) + (1 + 3 + 1 + 2) + (1 + 1)
    )


@pytest.fixture(scope="module")
def counted() -> costing.Counts:
    return costing.count(Assumed())


def test_what_a_send_asks_of_dynamodb_does_not_grow(counted: costing.Counts) -> None:
    assert counted.sent.calls == {"dynamodb:GetItem": 1, "dynamodb:PutItem": 1, "dynamodb:UpdateItem": 1}
    assert (counted.sent.write_units, counted.sent.read_units) == (6, 1)


def test_a_client_with_limits_costs_one_call_more_and_nothing_for_a_repeat() -> None:
    sent, keyed, repeated = costing.count_limited()

    assert sent.calls == {"dynamodb:GetItem": 1, "dynamodb:PutItem": 1, "dynamodb:UpdateItem": 2}
    assert (sent.write_units, sent.read_units) == (7, 1)
    # Whether its key stands for anything is asked before it is counted.
    assert keyed.calls == {
        "dynamodb:GetItem": 1,
        "dynamodb:Query": 1,
        "dynamodb:TransactWriteItems": 1,
        "dynamodb:UpdateItem": 2,
    }
    assert (repeated.calls, repeated.write_units) == ({"dynamodb:Query": 2}, 0)


def test_what_becomes_of_a_send_is_looked_at_twice(counted: costing.Counts) -> None:
    # An hour's messages in one call of up to a hundred; and each with its reports three days later.
    assert counted.messages == 10
    walked = counted.walked.read_units - counted.walked.walk_units
    assert 2 <= walked / counted.messages <= 2.2


def test_what_a_page_of_reports_asks_of_aws_does_not_grow(counted: costing.Counts) -> None:
    assert counted.pulled.calls == {"dynamodb:UpdateItem": 2, "s3:PutObject": 1, "sqs:SendMessage": 1}
    assert counted.published.calls == {
        "s3:GetObject": 1,
        "dynamodb:BatchGetItem": 1,
        "sns:PublishBatch": 1,
        "s3:PutObjectTagging": 1,
    }
    assert counted.published.messages == Assumed().reports_a_page
    assert counted.published.publishes == 1


def test_what_a_batch_of_reports_asks_of_dynamodb_does_not_grow(counted: costing.Counts) -> None:
    # A row for each report, one tally for all of them; the endpoints of webhooks are read once.
    batch = Assumed().reports_a_batch
    assert counted.tracked.calls == {"dynamodb:UpdateItem": batch, "dynamodb:PutItem": 1}
    assert counted.tracked.write_units == batch + 1
    assert counted.fanned_out.calls == {"dynamodb:Query": 1}


def test_sns_charges_a_request_for_each_64_kilobytes() -> None:
    with emulated() as stack:
        topic = os.environ["EVENTS_TOPIC_ARN"]

        def publish(*sizes: int) -> int:
            entries: Any = [{"Id": str(number), "Message": "x" * size} for number, size in enumerate(sizes)]
            publish_batch = clients.sns().publish_batch
            return stack.counted(lambda: publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)).publishes

        assert [publish(*[600] * 10), publish(60_000, 60_000), publish(*[19_000] * 10)] == [1, 2, 3]


def test_what_an_idle_minute_asks_of_aws_does_not_grow() -> None:
    minute = idle_minute(5)

    # Twelve pulls of each kind begin and end. The walks remember four minutes; now and then the watchers a balance.
    assert {name: round(count, 2) for name, count in minute.calls.items()} == {
        "dynamodb:UpdateItem": 48.0,
        "dynamodb:PutItem": 4.07,
        "dynamodb:GetItem": 6.4,
        "dynamodb:BatchGetItem": 1.0,
        "dynamodb:Query": 4.8,
        "s3:ListObjectsV2": 0.4,
    }
    assert (round(minute.write_units, 2), minute.read_units) == (52.07, 11.8)
    assert idle_minute(60).calls["dynamodb:UpdateItem"] == 4


def test_every_schedule_is_in_the_idle_minute() -> None:
    minutes = {"rate(1 minute)": 1.0, "rate(5 minutes)": 1 / 5, "rate(1 hour)": 1 / 60}
    scheduled = {
        name: minutes[event["Properties"]["ScheduleExpression"]]
        for name, resource in template()["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "ScheduleV2"
    }
    assert scheduled == RUNS_A_MINUTE


def test_the_docs_have_the_bill_as_it_is() -> None:
    assert costing.in_the_docs() == costing.tables(), "write it anew: make cost"
