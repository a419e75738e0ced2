"""Writes of DynamoDB that go through together or not at all."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TRIES: Final = 5
_FIRST_PAUSE: Final = 0.02  # seconds, doubled each time
_CONDITION_FAILED: Final = "ConditionalCheckFailed"


def write_together(
    client: "DynamoDBClient",
    items: Callable[[int], Sequence[Any]],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Write items in one transaction. False where a condition did not hold; then nothing is written.

    Another transaction at the same item, or a throttled one, cancels it too, and then it is tried again, a few times.
    Raises the cancellation after the last.

    Args:
        client: of DynamoDB. Its own retries are no second write: boto3 gives each call a token.
        items: what to write, given the number of the try.
        sleep: waits between tries.
    """
    pause = _FIRST_PAUSE
    for number in range(_TRIES):
        try:
            client.transact_write_items(TransactItems=items(number))
        except client.exceptions.TransactionCanceledException as exc:
            reasons: Any = exc.response.get("CancellationReasons", [])
            if any(reason.get("Code") == _CONDITION_FAILED for reason in reasons):
                return False
            if number + 1 == _TRIES:
                raise
            sleep(pause)
            pause *= 2
        else:
            return True
    return False  # never reached: the last try returns or raises
