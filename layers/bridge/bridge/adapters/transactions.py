"""Writes of DynamoDB that go through together or not at all."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient

_PAUSES: Final = (0.02, 0.04, 0.08, 0.16)  # seconds between the tries


def write_together(
    client: "DynamoDBClient",
    items: Callable[[int], Sequence[Any]],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Write items in one transaction, or a single one by itself. False where a condition did not hold.

    Another transaction at the same item, or too many writes at once, cancel it too: then it is tried again, a few
    times, and after the last that error is raised.

    Args:
        client: of DynamoDB. Its own retries are no second write: boto3 gives each transaction a token.
        items: what to write, given the number of the try.
        sleep: waits between the tries.
    """
    number = 0
    while True:
        try:
            _write(client, items(number))
        except client.exceptions.ConditionalCheckFailedException:
            return False
        except (
            client.exceptions.TransactionCanceledException,
            client.exceptions.TransactionConflictException,
        ) as exc:
            if _condition_failed(exc):
                return False
            if number == len(_PAUSES):
                raise
            sleep(_PAUSES[number])
            number += 1
        else:
            return True


def _write(client: "DynamoDBClient", items: Sequence[Any]) -> None:
    match items:
        case [{"Update": update}]:
            client.update_item(**update)
        case [{"Put": put}]:
            client.put_item(**put)
        case _:
            client.transact_write_items(TransactItems=items)  # twice the price of its items by themselves


def _condition_failed(exc: "ClientError") -> bool:
    response: Any = exc.response
    return any(reason.get("Code") == "ConditionalCheckFailed" for reason in response.get("CancellationReasons", []))
