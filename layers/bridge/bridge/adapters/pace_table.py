"""Pace: the item `pace#<account>` of StateTable, whose `free_at` says from when on the account is free again."""

from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import standing_item, to_item
from bridge.domain.pace import MICROSECONDS, Stretch, Turn

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ROUNDS: Final = 5
_CROWDED: Final = 0.1  # seconds
_KEPT: Final = 3600  # seconds that the item outlives its use


class PaceTable:
    """`bridge.ports.Pace` on DynamoDB: one conditional write a reservation, where nobody else was there in between.

    The write holds only on the value that was seen last, and what stands there otherwise comes back with the refusal,
    so nothing is read. boto3 may try a write again whose answer was lost: then ours is taken for somebody else's, and
    its stretch is lost. That is slower than the rate, and never faster.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table
        self._seen: dict[str, int | None] = {}
        # Those of this process would only meet each other: each knows what the one before it wrote.
        self._one_by_one = Lock()

    def reserve(self, account: str, count: int, *, rate: float, now: datetime, within: float) -> Turn:
        """See `bridge.ports.Pace`."""
        with self._one_by_one:
            return self._reserve(account, count, rate=rate, now=now, within=within)

    def _reserve(self, account: str, count: int, *, rate: float, now: datetime, within: float) -> Turn:
        seen = self._seen.get(account)
        after = _CROWDED
        for _ in range(_ROUNDS):
            stretch = Stretch.behind(seen, count, rate=rate, now=now)
            # What was seen only grows: an account that was not free in time then is not now.
            if stretch.after > within:
                return Turn(after=stretch.after, reserved=False)
            try:
                self._write(account, seen, stretch.ends)
            except self._client.exceptions.ConditionalCheckFailedException as exc:
                standing = standing_item(exc)
                seen = self._seen[account] = int(standing["free_at"]) if standing else None
                after = max(after, stretch.after)
            else:
                self._seen[account] = stretch.ends
                return Turn(after=stretch.after, reserved=True)
        return Turn(after=after, reserved=False)

    def _write(self, account: str, seen: int | None, free_at: int) -> None:
        values: dict[str, Any] = {":free_at": free_at, ":expires_at": free_at // MICROSECONDS + _KEPT, ":seen": seen}
        self._client.update_item(
            TableName=self._table,
            Key=to_item({"pk": f"pace#{account}"}),
            UpdateExpression="SET free_at = :free_at, expires_at = :expires_at",
            ConditionExpression="attribute_not_exists(pk)" if seen is None else "free_at = :seen",
            ExpressionAttributeValues=to_item(values),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
