"""Counts by day in MessagesTable: `day#<account>#<YYYY-MM-DD>`.

| sk | what |
|---|---|
| `tally#<time>#<hash>` | the final reports of some recipients, as two lists of hashes of message and number |
| `shard#<0..7>` | how many reports of nobody's message there were: over eight items so that writers seldom meet |

A tally is written once and never changed, so that a report costs a part of a write, and no two writers meet. It may say
what another one says already, when its writer died or SQS delivered twice; the lists are sets. A recipient is always
listed under the time that its row remembers, ten minutes in which it was submitted: those who read one day need not
keep more than ten minutes of it in mind.
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from bridge.adapters.aws import from_item, to_item
from bridge.domain.days import DayCount
from bridge.domain.ids import stable_id
from bridge.domain.messages import Status, TrackedReport

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SHARDS: Final = 8
_HASH: Final = 10  # bytes: that two of ten million recipients of ten minutes share one has a chance of 1 to 20 billion
_NAMES: Final = {str(Status.DELIVERED): "delivered", str(Status.UNDELIVERED): "failed"}


class Counted(NamedTuple):
    """A recipient whose final report is to be listed.

    Attributes:
        where: day and ten minutes (UTC), for instance `2026-11-23#04:1`.
        name: `delivered` or `failed`.
        hash: of message and number.
        expires_at: seconds since 1970.
    """

    account: str
    where: str
    name: str
    hash: bytes
    expires_at: int

    @classmethod
    def at(cls, report: TrackedReport, day: date, submitted_at: datetime, *, expires_at: int) -> Self:
        """A final report that is about to be written into its row, on the day of its submit."""
        where = f"{day.isoformat()}#{submitted_at.astimezone(UTC):%H:%M}"[:-1]
        return cls(report.account, where, _NAMES[report.status], _hash(report), expires_at)

    @classmethod
    def of_row(cls, report: TrackedReport, row: Mapping[str, Any]) -> Self | None:
        """The final report that stands in this report's row; None where none does."""
        if "counted" not in row:
            return None
        return cls(report.account, row["counted"], _NAMES[row["status"]], _hash(report), int(row["expires_at"]))


class DayCountsTable:
    """`bridge.ports.DayCounts` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def of(self, account: str, day: date) -> DayCount:
        """See `bridge.ports.DayCounts`. The tallies of a million reports are about 20 MB."""
        total: Counter[str] = Counter()
        time = ""
        listed: dict[str, set[bytes]] = {}
        for item in self._items(account, day):
            kind, _, rest = item["sk"].partition("#")
            if kind == "shard":
                total.update({name: int(value) for name, value in item.items() if name not in {"pk", "sk"}})
                continue
            if rest.partition("#")[0] != time:
                time = rest.partition("#")[0]
                total.update({name: len(hashes) for name, hashes in listed.items()})
                listed = {}
            for name in _NAMES.values():
                together = bytes(item.get(name, b""))
                listed.setdefault(name, set()).update(
                    together[start : start + _HASH] for start in range(0, len(together), _HASH)
                )
        total.update({name: len(hashes) for name, hashes in listed.items()})
        return DayCount(
            delivered=total["delivered"],
            failed=total["failed"],
            foreign_delivered=total["foreign_delivered"],
            foreign_failed=total["foreign_failed"],
        )

    def _items(self, account: str, day: date) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _pk(account, day.isoformat())}),
            ConsistentRead=True,
        )
        return (from_item(item) for page in pages for item in page["Items"])


def put_tallies(client: "DynamoDBClient", table: str, counted: Mapping[int, Counted]) -> dict[int, Exception]:
    """List these recipients, in one item for each account and time; which of them could not be, and why.

    The same recipients give the same item, so that a try of boto3's own is no second one.
    """
    items: dict[tuple[str, str], list[int]] = {}
    for index, one in counted.items():
        items.setdefault((one.account, one.where), []).append(index)
    failed: dict[int, Exception] = {}
    for (account, where), indexes in items.items():
        some = sorted({counted[index] for index in indexes})
        day, _, time = where.partition("#")
        content = stable_id(*(f"{one.name} {one.hash.hex()}" for one in some))
        item = {
            "pk": _pk(account, day),
            "sk": f"tally#{time}#{content}",
            "expires_at": max(one.expires_at for one in some),
            **{name: b"".join(one.hash for one in some if one.name == name) or None for name in _NAMES.values()},
        }
        try:
            client.put_item(TableName=table, Item=to_item(item))
        except Exception as exc:  # noqa: BLE001 - whatever it is, the others are listed
            failed |= dict.fromkeys(indexes, exc)
    return failed


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
            "Key": to_item({"pk": _pk(account, day.isoformat()), "sk": f"shard#{shard}"}),
            "UpdateExpression": "ADD #name :by",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": to_item({":by": by}),
        }
    }


def _pk(account: str, day: str) -> str:
    return f"day#{account}#{day}"


def _hash(report: TrackedReport) -> bytes:
    return blake2b(f"{report.message_id} {report.to}".encode(), digest_size=_HASH).digest()
