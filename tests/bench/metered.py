"""An AWS in this process that counts what is asked of it, and what DynamoDB would charge for what changed there.

The emulator keeps items but no capacity. Units are computed from the tables before and after each call, by the rules of
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html and, for the indexes,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
"""

import contextlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import boto3
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

from bridge.adapters import aws as clients

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TEMPLATE: Final = Path(__file__).parents[2] / "template.yaml"
_WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
_WRITE_UNIT: Final = 1024  # bytes
_READ_UNIT: Final = 4096
_PUBLISH: Final = 64_000  # bytes of SNS's 64 KB: rather too few, since attributes and framing count, too

Item = Mapping[str, Any]
Items = Mapping[tuple[str, str, str], Item]


@dataclass(slots=True)
class Meter:
    """What was asked since it was cleared.

    Attributes:
        calls: by service and operation, for instance `sns:PublishBatch`.
        units: of DynamoDB, `write` and `half reads`, and of the writes those `table` and `index` took; of the reads
            those of an index, by its name.
        messages: published to SNS.
        publishes: that SNS charges: one for each 64 KB of a request, however many messages are in it.
    """

    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    publishes: int = 0

    def clear(self) -> None:
        self.calls.clear()
        self.units.clear()
        self.messages = 0
        self.publishes = 0


def template() -> Any:
    """The template as it is written, with its intrinsic functions as objects."""
    return yaml_parse(TEMPLATE.read_text(encoding="utf-8"))


@contextlib.contextmanager
def metered(account: Mapping[str, Any], environment: dict[str, str]) -> Iterator[Meter]:
    """Run an emulated AWS with this stack's tables, topic, queues, bucket and secret; say how to reach them.

    Args:
        account: the gateway account, as the secret holds it.
        environment: the functions' variables, which are filled in.
    """
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        tables = {
            logical: properties["Properties"]
            for logical, properties in template()["Resources"].items()
            if properties["Type"] == "AWS::DynamoDB::Table"
        }
        for logical, properties in tables.items():
            _make(dynamodb, logical, properties)
        sqs, sns, s3 = boto3.client("sqs"), boto3.client("sns"), boto3.client("s3")
        s3.create_bucket(Bucket="journal", CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
        environment |= {
            "MESSAGES_TABLE": "MessagesTable",
            "STATE_TABLE": "StateTable",
            "CLIENTS_TABLE": "ClientsTable",
            "OPT_OUTS_TABLE": "OptOutsTable",
            "WEBHOOKS_TABLE": "WebhooksTable",
            "JOURNAL_BUCKET": "journal",
            "EVENTS_TOPIC_ARN": sns.create_topic(Name="events")["TopicArn"],
            "PUBLISH_QUEUE_URL": sqs.create_queue(QueueName="publish")["QueueUrl"],
            "SEND_QUEUE_URL": sqs.create_queue(QueueName="send")["QueueUrl"],
            "DELIVER_QUEUE_URL": sqs.create_queue(QueueName="deliver")["QueueUrl"],
            "ACCOUNTS_SECRET_ARN": boto3.client("secretsmanager").create_secret(
                Name="accounts", SecretString=json.dumps({"default": account})
            )["ARN"],
        }
        meter = Meter()
        for client in (clients.dynamodb(), clients.s3(), clients.sns(), clients.sqs(), clients.secretsmanager()):
            _watch(client, meter, dynamodb, tables)
        yield meter


def written(before: Items, after: Items, tables: Mapping[str, Any], *, transaction: bool) -> Counter[str]:
    """The write units of a change of the tables.

    Args:
        before, after: the items by table and keys.
        tables: the tables' properties in the template, by name.
        transaction: whether it was one: that doubles the units of the tables, not those of the indexes.
    """
    units: Counter[str] = Counter()
    for where in before.keys() | after.keys():
        old, new = before.get(where), after.get(where)
        # What a write leaves as it was is charged like any other, and cannot be seen here: nothing of ours does that.
        if old == new:
            continue
        units["table"] += max(map(_write_units, filter(None, (old, new)))) * (2 if transaction else 1)
        for index in tables[where[0]].get("GlobalSecondaryIndexes", []):
            units["index"] += _index_units(_projected(old, index), _projected(new, index), index)
    units["write"] = units["table"] + units["index"]
    return units


def read_units(answer: Mapping[str, Any], *, consistent: bool) -> float:
    """The read units of an answer: half of one at least, for what is not there too.

    Args:
        answer: of GetItem, BatchGetItem or Query.
        consistent: whether it was asked for, which doubles them.
    """
    if "Responses" in answer:
        each = [item for items in answer["Responses"].values() for item in items]
        halves = sum(_pages(size(item)) for item in each)
    elif "Items" in answer:
        halves = _pages(sum(map(size, answer["Items"])))
    else:
        halves = _pages(size(answer.get("Item", {})))
    return halves * (1.0 if consistent else 0.5)


def size(item: Item) -> int:
    """Bytes of an item as DynamoDB counts them: names and values, with one for each value of a list or map and three
    for the container itself.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    sizes: dict[str, Callable[[], int]] = {
        "S": lambda: len(content.encode()),
        "N": lambda: math.ceil(len(content.strip("-.")) / 2) + 1,
        "B": lambda: len(content),
        "L": lambda: 3 + sum(1 + _value_size(each) for each in content),
        "M": lambda: 3 + sum(1 + len(name.encode()) + _value_size(each) for name, each in content.items()),
        "SS": lambda: sum(len(each.encode()) for each in content),
        "BOOL": lambda: 1,
        "NULL": lambda: 1,
    }
    return sizes[kind]()


def _write_units(item: Item) -> int:
    return max(1, math.ceil(size(item) / _WRITE_UNIT))


def _pages(of_bytes: int) -> int:
    return max(1, math.ceil(of_bytes / _READ_UNIT))


def _keys(index: Any) -> list[str]:
    return [key["AttributeName"] for key in index["KeySchema"]]


def _projected(item: Item | None, index: Any) -> Item | None:
    """What an index holds of an item; None where it is not in it."""
    if item is None or not all(key in item for key in _keys(index)):
        return None
    if index["Projection"]["ProjectionType"] == "ALL":
        return item
    kept = {"pk", "sk", *_keys(index), *index["Projection"].get("NonKeyAttributes", [])}
    return {name: value for name, value in item.items() if name in kept}


def _index_units(old: Item | None, new: Item | None, index: Any) -> int:
    if old == new:
        return 0
    if old is None or new is None or all(old[key] == new[key] for key in _keys(index)):
        return max(map(_write_units, filter(None, (old, new))))
    return _write_units(old) + _write_units(new)  # taken out there, put in here


def _make(dynamodb: "DynamoDBClient", name: str, properties: Any) -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        **{
            given: properties[given]
            for given in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            if given in properties
        },
    )


def _everything(dynamodb: "DynamoDBClient", names: Sequence[str]) -> Items:
    return {
        (name, item["pk"]["S"], item.get("sk", {}).get("S", "")): item
        for name in names
        for item in dynamodb.scan(TableName=name)["Items"]
    }


def _watch(client: Any, meter: Meter, dynamodb: "DynamoDBClient", tables: Mapping[str, Any]) -> None:
    """Count a client's calls. The emulated DynamoDB is looked at through a client of its own, which is not watched."""
    service = client.meta.service_model.service_name
    kept: dict[str, Any] = {}
    alone = Lock()  # what a write changed cannot be told where another one is made meanwhile

    def before(params: Mapping[str, Any], model: Any, **_: object) -> None:
        alone.acquire()
        kept["asked"] = params
        meter.calls[f"{service}:{model.name}"] += 1
        if service == "sns":
            meter.messages += len(params.get("PublishBatchRequestEntries", [""]))
            meter.publishes += math.ceil(len(json.dumps(params, ensure_ascii=False).encode()) / _PUBLISH)
        if service == "dynamodb" and model.name in _WRITES:
            kept["items"] = _everything(dynamodb, tuple(tables))

    def after(parsed: Mapping[str, Any], model: Any, **_: object) -> None:
        if service == "dynamodb":
            weigh(parsed, model.name)
        alone.release()

    def weigh(parsed: Mapping[str, Any], name: str) -> None:
        if name in _WRITES:
            items = _everything(dynamodb, tuple(tables))
            meter.units += written(kept["items"], items, tables, transaction=name == "TransactWriteItems")
        else:
            # Counters count whole things: halves of a read unit are kept as such.
            asked = kept["asked"]
            strong = asked.get("ConsistentRead") or any(
                table.get("ConsistentRead") for table in asked.get("RequestItems", {}).values()
            )
            halves = round(2 * read_units(parsed, consistent=bool(strong)))
            meter.units["half reads"] += halves
            if "IndexName" in asked:
                meter.units[f"half reads of {asked['IndexName']}"] += halves

    client.meta.events.register("provide-client-params.*", before)
    client.meta.events.register("after-call.*", after)
