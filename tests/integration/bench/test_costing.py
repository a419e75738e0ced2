"""The bill: what is counted of a send and of its report, the rules it is counted by, and what the docs say of it."""

from typing import Any, Final

import pytest

from tests.bench import costing
from tests.bench.costing import Assumed
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
def counted() -> Any:
    return costing.count(Assumed())


def test_what_a_send_asks_of_dynamodb_does_not_grow(counted: Any) -> None:
    sent, _, _, _ = counted

    assert sent.calls == {"dynamodb:GetItem": 1, "dynamodb:PutItem": 1, "dynamodb:UpdateItem": 1}
    assert (sent.write_units, sent.read_units) == (6, 1)


def test_what_a_page_of_reports_asks_of_aws_does_not_grow(counted: Any) -> None:
    _, pulled, published, followed = counted

    assert pulled.calls == {"dynamodb:UpdateItem": 2, "s3:PutObject": 1, "sqs:SendMessage": 1}
    assert published.calls == {
        "s3:GetObject": 1,
        "dynamodb:BatchGetItem": 1,
        "sns:PublishBatch": 1,
        "s3:PutObjectTagging": 1,
    }
    assert published.messages == Assumed().reports_a_page
    # A row for each report, one tally for all of them; the endpoints of webhooks are read once.
    batch = Assumed().events_a_batch
    assert followed.calls == {"dynamodb:UpdateItem": batch, "dynamodb:PutItem": 1, "dynamodb:Query": 1}
    assert followed.write_units == batch + 1


def test_the_docs_have_the_bill_as_it_is() -> None:
    assert costing.in_the_docs() == costing.tables(), "write it anew: make cost"
