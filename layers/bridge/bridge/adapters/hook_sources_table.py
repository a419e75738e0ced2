"""The hook sources in WebhooksTable, and what was used of them.

| pk | sk | what |
|---|---|---|
| `source#<name>` | `source` | a hook source, with its secret |
| `sources#<client>` | the name | for the list, without it |
| `seen#<source>#<hash>` | `seen` | a signed request that was carried out; or when a call first came; TTL |
| `used#<source>#<minute or day>` | `count` | calls of a minute, messages of a day; TTL |
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, standing_item, to_item
from bridge.adapters.hook_items import listed_of, listed_values, source_of, source_values, time_text
from bridge.adapters.transactions import write_together
from bridge.domain.hook_sources import HookSource, ListedSource

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SOURCE: Final = "source"


class HookSourcesTable:
    """`bridge.ports.HookSources` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def find(self, name: str) -> HookSource | None:
        """See `bridge.ports.HookSources`."""
        answer = self._client.get_item(TableName=self._table, Key=to_item(_key(name)), ConsistentRead=True)
        return source_of(name, from_item(answer["Item"])) if "Item" in answer else None

    def put(self, source: HookSource, *, instead_of: HookSource | None) -> bool:
        """See `bridge.ports.HookSources`."""
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": to_item({**_key(source.name), **source_values(source)}),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if instead_of is not None:
            put |= _unchanged(instead_of)
        listed = {"TableName": self._table, "Item": to_item({**_listed_key(source), **listed_values(source)})}
        return self._write([{"Put": put}, {"Put": listed}])

    def remove(self, source: HookSource) -> bool:
        """See `bridge.ports.HookSources`."""
        delete = {
            "TableName": self._table,
            "Key": to_item(_key(source.name)),
            "ConditionExpression": "client = :client",
            "ExpressionAttributeValues": to_item({":client": source.owner.client}),
        }
        listed = {"TableName": self._table, "Key": to_item(_listed_key(source))}
        return self._write([{"Delete": delete}, {"Delete": listed}])

    def list(self, client: str, after: str, limit: int) -> Sequence[ListedSource]:
        """See `bridge.ports.HookSources`."""
        values = {":pk": f"sources#{client}"} | ({":after": after} if after else {})
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk > :after" if after else "pk = :pk",
            ExpressionAttributeValues=to_item(values),
            ConsistentRead=True,
            PaginationConfig={"MaxItems": limit},
        )
        items = [from_item(item) for page in pages for item in page["Items"]]
        return [listed_of(item["sk"], item) for item in items]

    def _write(self, items: Sequence[Any]) -> bool:
        return write_together(self._client, lambda _: items, sleep=self._sleep)


class HookUsesTable:
    """`bridge.ports.HookUses` on DynamoDB: conditional writes, so that all Lambdas count as one."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def was_seen(self, source: str, once: str) -> bool:
        """See `bridge.ports.HookUses`."""
        key = to_item(_seen_key(source, "once", once))
        return "Item" in self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)

    def mark_seen(self, source: str, once: str, *, until: datetime) -> None:
        """See `bridge.ports.HookUses`."""
        values = {**_seen_key(source, "once", once), "expires_at": _seconds(until)}
        self._client.put_item(TableName=self._table, Item=to_item(values))

    def first(self, source: str, dedup: str, *, now: datetime, window: int) -> datetime:
        """See `bridge.ports.HookUses`."""
        span = timedelta(seconds=window)
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item(_seen_key(source, "dedup", dedup)),
                UpdateExpression="SET began = :now, expires_at = :until",
                ConditionExpression="attribute_not_exists(pk) OR began <= :oldest",
                ExpressionAttributeValues=to_item(
                    {":now": time_text(now), ":until": _seconds(now + span), ":oldest": time_text(now - span)}
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            return datetime.fromisoformat(standing_item(exc)["began"])
        return datetime.fromisoformat(time_text(now))

    def take(self, source: str, span: str, count: int, *, limit: int, until: datetime) -> bool:
        """See `bridge.ports.HookUses`."""
        if count > limit:
            return False
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item(_used_key(source, span)),
                UpdateExpression="SET expires_at = :until ADD used :count",
                ConditionExpression="attribute_not_exists(used) OR used <= :most",
                ExpressionAttributeValues=to_item({":count": count, ":most": limit - count, ":until": _seconds(until)}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def give_back(self, source: str, span: str, count: int) -> None:
        """See `bridge.ports.HookUses`."""
        self._client.update_item(
            TableName=self._table,
            Key=to_item(_used_key(source, span)),
            UpdateExpression="ADD used :count",
            ExpressionAttributeValues=to_item({":count": -count}),
        )


def _key(name: str) -> dict[str, str]:
    return {"pk": f"source#{name}", "sk": _SOURCE}


def _listed_key(source: HookSource) -> dict[str, str]:
    return {"pk": f"sources#{source.owner.client}", "sk": source.name}


def _seen_key(source: str, what: str, value: str) -> dict[str, str]:
    digest = hashlib.sha256(f"{what}#{value}".encode()).hexdigest()
    return {"pk": f"seen#{source}#{digest}", "sk": "seen"}


def _used_key(source: str, span: str) -> dict[str, str]:
    return {"pk": f"used#{source}#{span}", "sk": "count"}


def _unchanged(standing: HookSource) -> dict[str, Any]:
    return {
        "ConditionExpression": "client = :client AND updated_at = :before",
        "ExpressionAttributeValues": to_item(
            {":client": standing.owner.client, ":before": time_text(standing.updated_at)}
        ),
    }


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
