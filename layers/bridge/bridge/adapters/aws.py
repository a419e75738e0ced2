"""boto3 clients, one of each a process: how long they wait and how often they try."""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

# Below the time that an API call has: two tries of a store that does not answer must not outlast a send.
_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    max_pool_connections=20,
    # botocore's own is put together anew, twice, for each call: a tenth of the time of a small one.
    user_agent=f"Boto3/{boto3.__version__} eums-bridge",
)

# Every item and expression is made by our adapters, whose contract tests run with the checks on; here they would take
# another tenth, and what they find DynamoDB refuses just as well. Not so S3: it has other answers for an empty key.
_UNCHECKED: Final = _CONFIG.merge(Config(parameter_validation=False))

_WHOLE: Final = 10**38  # DynamoDB keeps 38 digits
_SERIALIZER: Final = TypeSerializer()
_DESERIALIZER: Final = TypeDeserializer()


@cache
def dynamodb() -> "DynamoDBClient":
    """The client of DynamoDB."""
    return boto3.client("dynamodb", config=_UNCHECKED)


@cache
def s3() -> "S3Client":
    """The client of S3."""
    return boto3.client("s3", config=_CONFIG)


@cache
def sns() -> "SNSClient":
    """The client of SNS."""
    return boto3.client("sns", config=_CONFIG)


@cache
def sqs() -> "SQSClient":
    """The client of SQS."""
    return boto3.client("sqs", config=_CONFIG)


@cache
def scheduler() -> "EventBridgeSchedulerClient":
    """The client of EventBridge Scheduler."""
    return boto3.client("scheduler", config=_CONFIG)


@cache
def secretsmanager() -> "SecretsManagerClient":
    """The client of Secrets Manager."""
    return boto3.client("secretsmanager", config=_CONFIG)


def to_item(values: "Mapping[str, object]") -> "dict[str, AttributeValueTypeDef]":
    """Python values in DynamoDB's notation; None is left out."""
    return {name: _attribute(value) for name, value in values.items() if value is not None}


def _attribute(value: Any) -> "AttributeValueTypeDef":
    """As boto3's serialiser, which tries one type after the other; what is in most items is found at once here."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is list:
        return {"L": [_attribute(each) for each in value]}
    if kind is dict:
        return {"M": {name: _attribute(each) for name, each in value.items()}}
    if kind is bool:
        return {"BOOL": value}
    if kind is int and -_WHOLE < value < _WHOLE:
        return {"N": str(value)}
    return _SERIALIZER.serialize(value)


def from_item(item: "Mapping[str, Any]") -> dict[str, Any]:
    """Values in DynamoDB's notation as Python's; numbers are Decimals."""
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}


def standing_item(exc: "ClientError") -> dict[str, Any]:
    """What stood where a condition failed: asked for with `ReturnValuesOnConditionCheckFailure`."""
    response: Mapping[str, Any] = exc.response
    return from_item(response.get("Item", {}))
