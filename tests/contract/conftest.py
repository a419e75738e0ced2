"""Each port has one suite, run on the fake that the unit tests use and on the real adapter over an emulated AWS."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from moto import mock_aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.literals import KeyTypeType

REGION: Final = "cn-north-1"
_KEY_TYPES: "Final[tuple[KeyTypeType, KeyTypeType]]" = ("HASH", "RANGE")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS in this process; nothing leaves it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def dynamodb(aws: None) -> "DynamoDBClient":  # noqa: ARG001 - the client is made inside it
    return boto3.client("dynamodb")


BY_HOUR: Final = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["account", "event"]}


KEYS_ONLY: Final = {"ProjectionType": "KEYS_ONLY"}
INDEXES: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {  # → (partition, order, projection)
    "ByNumber": ("number_key", "made", KEYS_ONLY),
    "ByHour": ("hour", "made", BY_HOUR),
    "ByClient": ("client_key", "created", KEYS_ONLY),
    "ByReference": ("reference_key", "created", KEYS_ONLY),
}


def index(name: str, key: str, order: str, projection: dict[str, Any]) -> dict[str, Any]:
    """A global secondary index."""
    keys = [{"AttributeName": key, "KeyType": "HASH"}, {"AttributeName": order, "KeyType": "RANGE"}]
    return {"IndexName": name, "KeySchema": keys, "Projection": projection}


def make_table(client: "DynamoDBClient", name: str, *, sort_key: bool) -> str:
    """A table with the keys and indexes that template.yaml gives it."""
    keys = ["pk", "sk"] if sort_key else ["pk"]
    indexed = sorted({key for keys in INDEXES.values() for key in keys[:2]}) if sort_key else []
    indexes: Any = [index(name, key, order, projection) for name, (key, order, projection) in INDEXES.items()]
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in [*keys, *indexed]],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH" if key == "pk" else "RANGE"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexes} if sort_key else {}),
    )
    return name
