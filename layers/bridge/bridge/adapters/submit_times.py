"""SubmitTimes: the index ByHour of MessagesTable, which knows when messages were made and whose account they are."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from bridge.adapters.aws import from_item, to_item
from bridge.adapters.message_items import entry_of
from bridge.domain.ids import ulid

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from bridge.domain.walks import Entry

_SHARDS: Final = range(4)
_LIMIT: Final = 50  # of a shard: a busy quarter of an hour holds thousands, and a sample is enough
_OF_AN_ACCOUNT: Final = 10
_FIRST: Final = bytes(10)
_LAST: Final = b"\xff" * 10


class SubmitTimes:
    """`bridge.ports.SubmitTimes` on DynamoDB: four small queries an hour of the window."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def between(self, after: datetime, until: datetime) -> Mapping[str, tuple[str, ...]]:
        """See `bridge.ports.SubmitTimes`."""
        found: dict[str, list[Entry]] = defaultdict(list)
        for hour in _hours(after, until):
            for shard in _SHARDS:
                answer = self._client.query(
                    TableName=self._table,
                    IndexName="ByHour",
                    KeyConditionExpression="#hour = :hour AND made BETWEEN :after AND :until",
                    ExpressionAttributeNames={"#hour": "hour"},  # a reserved word
                    ExpressionAttributeValues=to_item(
                        {":hour": f"{hour}#{shard}", ":after": ulid(after, _FIRST), ":until": ulid(until, _LAST)}
                    ),
                    Limit=_LIMIT,
                )
                for item in map(from_item, answer["Items"]):
                    found[item["account"]].append(entry_of(item))
        return {
            account: tuple(entry.id for entry in sorted(entries)[:_OF_AN_ACCOUNT]) for account, entries in found.items()
        }


def _hours(after: datetime, until: datetime) -> Iterator[str]:
    hour = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour <= until:
        yield f"{hour:%Y-%m-%dT%H}"
        hour += timedelta(hours=1)
