"""Clients of AWS, one of each a process: how long they wait and how often they try; and DynamoDB's notation.

They are botocore's, which boto3's are too. boto3 itself would bring its transfer manager, its resources and
multiprocessing into every cold start, for nothing that is used here.
"""

from collections.abc import Callable, Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

import botocore
from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

if TYPE_CHECKING:
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
    user_agent=f"Botocore/{botocore.__version__} eums-bridge",
)

# Every item and expression is made by our adapters, whose contract tests run with the checks on; here they would take
# another tenth, and what they find DynamoDB refuses just as well. Not so S3: it has other answers for an empty key.
_UNCHECKED: Final = _CONFIG.merge(Config(parameter_validation=False))

_SERVICES: Final = ("dynamodb", "s3", "scheduler", "secretsmanager", "sns", "sqs")

# DynamoDB keeps 38 digits, and rounding one away would be a loss that nobody hears of.
_WHOLE: Final = 10**38
_NUMBERS: Final = Context(Emin=-128, Emax=126, prec=38, traps=[Clamped, Overflow, Inexact, Rounded, Underflow])


class _Models(Loader):
    """What botocore knows of the services. Its own goes through the folders of all four hundred, twice, to find one."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - all of ours have every type
        """Those that have a client here."""
        return list(_SERVICES)


@cache
def _session() -> Session:
    """What the clients share: credentials, and what was read of the services and their addresses."""
    session = Session()
    session.register_component("data_loader", _Models())
    return session


@cache
def dynamodb() -> "DynamoDBClient":
    """The client of DynamoDB."""
    return cast("DynamoDBClient", _session().create_client("dynamodb", config=_UNCHECKED))


@cache
def s3() -> "S3Client":
    """The client of S3."""
    return cast("S3Client", _session().create_client("s3", config=_CONFIG))


@cache
def sns() -> "SNSClient":
    """The client of SNS."""
    return cast("SNSClient", _session().create_client("sns", config=_CONFIG))


@cache
def sqs() -> "SQSClient":
    """The client of SQS."""
    return cast("SQSClient", _session().create_client("sqs", config=_CONFIG))


@cache
def scheduler() -> "EventBridgeSchedulerClient":
    """The client of EventBridge Scheduler."""
    return cast("EventBridgeSchedulerClient", _session().create_client("scheduler", config=_CONFIG))


@cache
def secretsmanager() -> "SecretsManagerClient":
    """The client of Secrets Manager."""
    return cast("SecretsManagerClient", _session().create_client("secretsmanager", config=_CONFIG))


def to_item(values: Mapping[str, object]) -> "dict[str, AttributeValueTypeDef]":
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
    for name, fits, write in _WRITERS:
        if fits(value):
            return cast("AttributeValueTypeDef", {name: write(value)})
    raise TypeError(f"DynamoDB has no type for a {kind.__name__}")


def _number(value: int | Decimal) -> str:
    number = str(_NUMBERS.create_decimal(value))
    if number in {"Infinity", "NaN"}:
        raise TypeError(f"DynamoDB has no {number}")
    return number


def _same(value: Any) -> Any:
    return value


def _of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _set_of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, set | frozenset) and all(isinstance(each, kinds) for each in value)


_WRITERS: Final[tuple[tuple[str, Callable[[Any], bool], Callable[[Any], object]], ...]] = (
    ("NULL", lambda value: value is None, lambda _: True),
    ("N", _of(int, Decimal), _number),
    ("S", _of(str), _same),
    ("B", _of(bytes, bytearray), _same),
    ("NS", _set_of(int, Decimal), lambda value: [_number(each) for each in value]),
    ("SS", _set_of(str), list),
    ("BS", _set_of(bytes, bytearray), list),
    ("M", _of(Mapping), lambda value: {name: _attribute(each) for name, each in value.items()}),
    ("L", _of(list, tuple), lambda value: [_attribute(each) for each in value]),
)


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Values in DynamoDB's notation as Python's; numbers are Decimals."""
    return {name: _read(value) for name, value in item.items()}


def _read(value: Mapping[str, Any]) -> Any:
    ((name, content),) = value.items()
    return _READERS[name](content)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "NULL": lambda _: None,
    "BOOL": _same,
    "N": _NUMBERS.create_decimal,
    "S": _same,
    "B": _same,
    "NS": lambda content: set(map(_NUMBERS.create_decimal, content)),
    "SS": set,
    "BS": set,
    "M": from_item,
    "L": lambda content: [_read(each) for each in content],
}


def standing_item(exc: "ClientError") -> dict[str, Any]:
    """What stood where a condition failed: asked for with `ReturnValuesOnConditionCheckFailure`."""
    response: Mapping[str, Any] = exc.response
    return from_item(response.get("Item", {}))
