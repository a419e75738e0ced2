"""DayCounts: the counters of final reports in MessagesTable, a few items a day so that no single one is hot.

| pk | sk | what |
|---|---|---|
| `day#<account>#<YYYY-MM-DD>` | `shard#<0..7>` | `delivered`, `failed`, `foreign_delivered`, `foreign_failed` |
"""

from datetime import date
from typing import TYPE_CHECKING, Final

from bridge.adapters.aws import from_item, to_item
from bridge.domain.counts import DayCount

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_COUNTERS: Final = ("delivered", "failed", "foreign_delivered", "foreign_failed")


class DayCounts:
    """`bridge.ports.DayCounts` on DynamoDB: one query, summed."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def of(self, account: str, day: date) -> DayCount:
        """See `bridge.ports.DayCounts`."""
        # Eight small items: never more than one page of an answer.
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": f"day#{account}#{day.isoformat()}"}),
            ConsistentRead=True,
        )
        shards = [from_item(item) for item in answer["Items"]]
        delivered, failed, foreign_delivered, foreign_failed = (
            sum(int(shard.get(counter, 0)) for shard in shards) for counter in _COUNTERS
        )
        return DayCount(
            delivered=delivered,
            failed=failed,
            foreign_delivered=foreign_delivered,
            foreign_failed=foreign_failed,
        )
