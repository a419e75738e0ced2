"""Each port has one suite, run on the fake that the unit tests use and on the real adapter over an emulated AWS."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import boto3
import pytest
from moto import mock_aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.literals import KeyTypeType
    from mypy_boto3_dynamodb.type_defs import KeySchemaElementTypeDef

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


def make_table(client: "DynamoDBClient", name: str, *, sort_key: bool, by_hour: bool = False) -> str:
    """A table with the keys that template.yaml gives it."""
    keys = ["pk", "sk"] if sort_key else ["pk"]
    if by_hour:
        client.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in (*keys, "hour", "made")],
            KeySchema=_key_schema(keys),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "ByHour",
                    "KeySchema": _key_schema(["hour", "made"]),
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["account"]},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        return name
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=_key_schema(keys),
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def _key_schema(keys: list[str]) -> "list[KeySchemaElementTypeDef]":
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, _KEY_TYPES[: len(keys)], strict=True)]
