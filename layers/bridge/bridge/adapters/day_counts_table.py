"""Counts by day in MessagesTable: `day#<account>#<YYYY-MM-DD>`, over eight items so that writers seldom meet.

They stay when the messages of that day are gone: two numbers a day are no burden, and a total is worth comparing later.
"""

import zlib
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, to_item
from bridge.domain.days import DayCount

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SHARDS: Final = 8


class DayCountsTable:
    """`bridge.ports.DayCounts` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def of(self, account: str, day: date) -> DayCount:
        """See `bridge.ports.DayCounts`."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _pk(account, day)}),
            ConsistentRead=True,
        )
        shards = [from_item(item) for item in answer["Items"]]

        def total(name: str) -> int:
            return sum(int(shard.get(name, 0)) for shard in shards)

        return DayCount(
            delivered=total("delivered"),
            failed=total("failed"),
            foreign_delivered=total("foreign_delivered"),
            foreign_failed=total("foreign_failed"),
        )


def addition(  # noqa: PLR0913 - a counter is named by all of them
    table: str, *, account: str, day: date, name: str, by: int, seed: str, number: int
) -> dict[str, Any]:
    """Add to a day's count `name`, as part of a transaction.

    `seed` chooses the item, and `number`, that of the try, another one after a conflict.
    """
    shard = (zlib.crc32(seed.encode()) + number) % _SHARDS
    return {
        "Update": {
            "TableName": table,
            "Key": to_item({"pk": _pk(account, day), "sk": f"shard#{shard}"}),
            "UpdateExpression": "ADD #name :by",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": to_item({":by": by}),
        }
    }


def _pk(account: str, day: date) -> str:
    return f"day#{account}#{day.isoformat()}"
