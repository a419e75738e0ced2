"""OptOutsTable: the numbers that want no more messages, an item each.

| pk | sk | what |
|---|---|---|
| `optout#<account>#<last digit of the number>` | the number, E.164 | since when and why; `removed_at` in a tombstone |

Ten partitions for an account, since every send reads it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, to_item
from bridge.adapters.transactions import write_together
from bridge.domain.opt_outs import OptOut, Source

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH_GET: Final = 100  # keys in one BatchGetItem: the service's limit
_TRANSACTION: Final = 100  # items in one transaction: likewise
_PAUSES: Final = (0.02, 0.04, 0.08, 0.16)  # seconds before what it left unprocessed is asked for again
_DIGITS: Final = "0123456789"
_STANDS: Final = "sk, removed_at"
_IS_NEWS: Final = {
    # Who was removed is added again by what was received later: later than the removal, and than the opt-out that was
    # removed, for the gateway's clock may be ahead of ours.
    Source.INBOUND: "attribute_not_exists(pk) OR (removed_at < :at AND opted_out_at < :at)",
    Source.API: "attribute_not_exists(pk) OR attribute_exists(removed_at)",
}


class OptOutsTable:
    """`bridge.ports.OptOuts` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def among(self, account: str, numbers: Iterable[str]) -> frozenset[str]:
        """See `bridge.ports.OptOuts`. Nearly every send asks it: no more is read and decoded than has to be."""
        items = self._items(account, numbers, {"ProjectionExpression": _STANDS})
        return frozenset(item["sk"]["S"] for item in items if "removed_at" not in item)

    def find(self, account: str, numbers: Iterable[str]) -> Mapping[str, OptOut]:
        """See `bridge.ports.OptOuts`."""
        found = (_opt_out(account, item) for item in self._items(account, numbers, {}) if "removed_at" not in item)
        return {opt_out.number: opt_out for opt_out in found}

    def add(self, opt_out: OptOut) -> bool:
        """See `bridge.ports.OptOuts`."""
        return self._write([self._put(opt_out)])

    def add_all(self, opt_outs: Sequence[OptOut]) -> None:
        """See `bridge.ports.OptOuts`: a transaction for a hundred, and where one of them stands, each by itself."""
        for first in range(0, len(opt_outs), _TRANSACTION):
            puts = [self._put(opt_out) for opt_out in opt_outs[first : first + _TRANSACTION]]
            if not self._write(puts):
                for put in puts:
                    self._write([put])

    def remove(self, account: str, number: str, at: datetime) -> bool:
        """See `bridge.ports.OptOuts`."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(account, number),
                UpdateExpression="SET removed_at = :at",
                ConditionExpression="attribute_exists(pk) AND attribute_not_exists(removed_at)",
                ExpressionAttributeValues=to_item({":at": _text(at)}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def list(self, account: str, after: str, limit: int) -> Sequence[OptOut]:
        """See `bridge.ports.OptOuts`."""
        found: list[OptOut] = []
        for digit in _DIGITS[_DIGITS.index(after[-1]) if after else 0 :]:
            behind = after if after.endswith(digit) else ""
            items = self._partition(account, digit, behind, limit - len(found))
            found += [_opt_out(account, item) for item in islice(items, limit - len(found))]
            if len(found) == limit:
                break
        return found

    def _write(self, puts: Sequence[Any]) -> bool:
        return write_together(self._client, lambda _: puts, sleep=self._sleep)

    def _put(self, opt_out: OptOut) -> Any:
        at = _text(opt_out.since)
        values = {
            "opted_out_at": at,
            "source": opt_out.source,
            "keyword": opt_out.keyword,
            "message": opt_out.message,
        }
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": {**_key(opt_out.account, opt_out.number), **to_item(values)},
            "ConditionExpression": _IS_NEWS[opt_out.source],
        }
        if opt_out.source is Source.INBOUND:
            put["ExpressionAttributeValues"] = to_item({":at": at})
        return {"Put": put}

    def _partition(self, account: str, digit: str, after: str, wanted: int) -> Iterator[Any]:
        values = {":pk": _pk(account, digit)} | ({":after": after} if after else {})
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk > :after" if after else "pk = :pk",
            FilterExpression="attribute_not_exists(removed_at)",
            ExpressionAttributeValues=to_item(values),
            ConsistentRead=True,
            PaginationConfig={"PageSize": wanted},
        )
        for page in pages:
            yield from page["Items"]

    def _items(self, account: str, numbers: Iterable[str], how: dict[str, Any]) -> Iterable[Any]:
        # A number twice in a BatchGetItem is an error.
        keys = [_key(account, number) for number in dict.fromkeys(numbers)]
        if len(keys) == 1:
            answer = self._client.get_item(TableName=self._table, Key=keys[0], ConsistentRead=True, **how)
            return [answer["Item"]] if "Item" in answer else []
        return [
            item
            for first in range(0, len(keys), _BATCH_GET)
            for item in self._batch(keys[first : first + _BATCH_GET], how)
        ]

    def _batch(self, keys: Any, how: dict[str, Any]) -> Iterator[Any]:
        for pause in (*_PAUSES, None):
            wanted: Any = {self._table: {"Keys": keys, "ConsistentRead": True, **how}}
            answer: Any = self._client.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(self._table, [])
            keys = answer["UnprocessedKeys"].get(self._table, {}).get("Keys")
            if not keys:
                return
            if pause is not None:
                self._sleep(pause)
        raise TimeoutError(f"DynamoDB left {len(keys)} keys unprocessed after {len(_PAUSES) + 1} rounds")


def _pk(account: str, digit: str) -> str:
    return f"optout#{account}#{digit}"


def _key(account: str, number: str) -> Any:
    # Written out: this is on the way of every send.
    return {"pk": {"S": _pk(account, number[-1])}, "sk": {"S": number}}


def _opt_out(account: str, item: Mapping[str, Any]) -> OptOut:
    values = from_item(item)
    return OptOut(
        account=account,
        number=values["sk"],
        since=datetime.fromisoformat(values["opted_out_at"]),
        source=Source(values["source"]),
        keyword=values.get("keyword"),
        message=values.get("message"),
    )


def _text(at: datetime) -> str:
    """A time as text that sorts like the time itself."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
