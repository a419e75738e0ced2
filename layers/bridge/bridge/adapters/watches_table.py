"""What the watchers keep and read: their own item of each account in StateTable beside its pulls' leases."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, to_item
from bridge.domain.pulls import Kind
from bridge.domain.watches import PullTrace, Reading, Watch, Watched

if TYPE_CHECKING:
    from decimal import Decimal

    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH_GET: Final = 100  # keys in one BatchGetItem: the service's limit
_BATCH_ROUNDS: Final = 5  # how often what it left unprocessed is asked for again


class WatchesTable:
    """`bridge.ports.Watches` on DynamoDB: one read for up to 33 accounts."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self, accounts: Sequence[str]) -> Mapping[str, Watched]:
        """See `bridge.ports.Watches`."""
        wanted = [key for account in accounts for key in (_watch_pk(account), *_lease_pks(account).values())]
        found = {item["pk"]: item for item in self._items(wanted)}
        return {
            account: Watched(
                watch=_watch(found[_watch_pk(account)]) if _watch_pk(account) in found else None,
                pulls={kind: _trace(found[pk]) for kind, pk in _lease_pks(account).items() if pk in found},
            )
            for account in accounts
        }

    def keep(self, account: str, watch: Watch) -> None:
        """See `bridge.ports.Watches`."""
        self._client.put_item(
            TableName=self._table,
            Item=to_item(
                {
                    "pk": _watch_pk(account),
                    "known_since": watch.known_since.isoformat(),
                    "watched_since": watch.watched_since.isoformat(),
                    "asked_at": watch.asked_at.isoformat() if watch.asked_at else None,
                    "suspended": watch.suspended,
                    "balances": [[reading.at.isoformat(), reading.balance] for reading in watch.balances],
                    "announced": {name: at.isoformat() for name, at in watch.announced.items()},
                }
            ),
        )

    def _items(self, wanted: Iterable[str]) -> Iterable[dict[str, Any]]:
        keys = iter([to_item({"pk": pk}) for pk in wanted])
        while batch := list(itertools.islice(keys, _BATCH_GET)):
            yield from self._get(batch)

    def _get(self, keys: list[Any]) -> Iterable[dict[str, Any]]:
        for _ in range(_BATCH_ROUNDS):
            # Consistent, or an announcement of a minute ago might be made again.
            answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
            yield from map(from_item, answer["Responses"].get(self._table, []))
            if self._table not in answer["UnprocessedKeys"]:
                return
            keys = list(answer["UnprocessedKeys"][self._table]["Keys"])
        raise TimeoutError(f"DynamoDB left {len(keys)} keys unprocessed after {_BATCH_ROUNDS} rounds")


def _watch_pk(account: str) -> str:
    return f"watch#{account}"


def _lease_pks(account: str) -> dict[Kind, str]:
    return {kind: f"pull#{account}#{kind}" for kind in Kind}


def _watch(item: Mapping[str, Any]) -> Watch:
    readings: list[tuple[str, Decimal]] = item["balances"]
    return Watch(
        known_since=datetime.fromisoformat(item["known_since"]),
        watched_since=datetime.fromisoformat(item["watched_since"]),
        asked_at=_time(item.get("asked_at")),
        suspended=item["suspended"],
        balances=tuple(Reading(at=datetime.fromisoformat(at), balance=int(balance)) for at, balance in readings),
        announced={name: datetime.fromisoformat(at) for name, at in item["announced"].items()},
    )


def _trace(item: Mapping[str, Any]) -> PullTrace:
    return PullTrace(
        completed_at=_time(item.get("completed_at")),
        records_at=_time(item.get("records_at")),
        suspended=item.get("suspended", False),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
