"""WebhooksTable, what goes out: the endpoints, and what was delivered to them.

| pk | sk | what |
|---|---|---|
| `endpoints` | the endpoint's id | an endpoint, with its secrets |
| `endpoint#<id>` | the delivery's id | an event's delivery to it, for 30 days |
| `twilio` | an account's SID | what its status callbacks are signed with: `bridge.adapters.callbacks_table` |

Times are kept as text that sorts as they do.
"""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, standing_item, to_item
from bridge.domain.twilio import send_of
from bridge.domain.webhooks import (
    ATTEMPTS,
    KEPT,
    LEASE,
    Begun,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    Endpoint,
    EndpointStatus,
    Health,
    Pointer,
    Secrets,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ENDPOINTS: Final = "endpoints"
_ROUNDS: Final = 5  # a round that begins meets others that begin it
_NAMES: Final = {"#status": "status", "#round": "round", "#error": "error"}
_IS_DUE: Final = (
    "#round = :round AND #status = :pending AND attempts < :most AND next_at <= :now AND leased_until <= :now"
)
_BEGIN: Final = (
    "SET attempts = attempts + :one, leased_until = :until, attempted_at = :now, #status = :pending, #round = :round"
)
_NEVER: Final = ""  # sorts before any time


class WebhookEndpointsTable:
    """`bridge.ports.WebhookEndpoints` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def add(self, endpoint: Endpoint) -> None:
        """See `bridge.ports.WebhookEndpoints`."""
        self._client.put_item(
            TableName=self._table, Item=_endpoint_item(endpoint), ConditionExpression="attribute_not_exists(pk)"
        )

    def ensure(self, endpoint: Endpoint) -> None:
        """See `bridge.ports.WebhookEndpoints`."""
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            self.add(endpoint)

    def get(self, endpoint_id: str) -> Endpoint | None:
        """See `bridge.ports.WebhookEndpoints`."""
        answer = self._client.get_item(
            TableName=self._table, Key=to_item({"pk": _ENDPOINTS, "sk": endpoint_id}), ConsistentRead=True
        )
        return _endpoint(from_item(answer["Item"])) if "Item" in answer else None

    def all(self) -> Sequence[Endpoint]:
        """See `bridge.ports.WebhookEndpoints`."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _ENDPOINTS}),
            ConsistentRead=True,
        )
        return [_endpoint(from_item(item)) for page in pages for item in page["Items"]]

    def replace(self, endpoint: Endpoint) -> Endpoint | None:
        """See `bridge.ports.WebhookEndpoints`."""
        item = _endpoint_item(endpoint)
        item["version"] = {"N": str(endpoint.version + 1)}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="version = :version",
                ExpressionAttributeValues=to_item({":version": endpoint.version}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return _endpoint(from_item(item))

    def remove(self, endpoint_id: str) -> None:
        """See `bridge.ports.WebhookEndpoints`."""
        self._client.delete_item(TableName=self._table, Key=to_item({"pk": _ENDPOINTS, "sk": endpoint_id}))


class DeliveriesTable:
    """`bridge.ports.Deliveries` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def add(self, delivery: Delivery) -> bool:
        """See `bridge.ports.Deliveries`."""
        try:
            self._client.put_item(
                TableName=self._table, Item=_delivery_item(delivery), ConditionExpression="attribute_not_exists(pk)"
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def begin(self, pointer: Pointer, fresh: Delivery | None, *, now: datetime) -> Begun:
        """See `bridge.ports.Deliveries`."""
        if fresh is not None and not pointer.noted:
            first = _leased(fresh, now)
            if self.add(first):
                return Begun(delivery=first, yours=True)
        values = {":round": pointer.round, ":one": 1, ":most": ATTEMPTS, **_now(now)}
        found = self._begin(pointer, _BEGIN, _IS_DUE, values)
        for _ in range(_ROUNDS):
            if found.yours or found.delivery is None or found.delivery.round >= pointer.round:
                break
            values = {":round": pointer.round, ":one": 1, ":seen": found.delivery.round, **_now(now)}
            anew = _BEGIN.replace("attempts + :one", ":one") + " REMOVE http_status, #error"
            found = self._begin(pointer, anew, "#round = :seen", values)
        return found

    def _begin(self, pointer: Pointer, update: str, condition: str, values: Mapping[str, object]) -> Begun:
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(pointer.endpoint, pointer.delivery),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={name: real for name, real in _NAMES.items() if name in update + condition},
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            standing = standing_item(exc)
            return Begun(delivery=_delivery(standing) if standing else None, yours=False)
        return Begun(delivery=_delivery(from_item(answer["Attributes"])), yours=True)

    def end(self, begun: Delivery, after: Delivery) -> bool:
        """See `bridge.ports.Deliveries`."""
        # Nothing of the body is sent a second time.
        changed = {
            "#status": ("status", after.status),
            "#next": ("next_at", _text(after.next_at)),
            "#lease": ("leased_until", _NEVER),
            "#http": ("http_status", after.http_status),
            "#error": ("error", after.error),
        }
        kept = {name: value for name, (_, value) in changed.items() if value is not None}
        gone = [name for name, (_, value) in changed.items() if value is None]
        update = "SET " + ", ".join(f"{name} = :{name[1:]}" for name in kept)
        values = {f":{name[1:]}": value for name, value in kept.items()}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(begun.endpoint, begun.id),
                UpdateExpression=update + (" REMOVE " + ", ".join(gone) if gone else ""),
                ConditionExpression="#round = :round AND attempts = :attempts AND #status = :pending",
                ExpressionAttributeNames={"#round": "round", **{name: real for name, (real, _) in changed.items()}},
                ExpressionAttributeValues=to_item(
                    {
                        **values,
                        ":round": begun.round,
                        ":attempts": begun.attempts,
                        ":pending": DeliveryStatus.PENDING,
                    }
                ),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def write_off(self, pointer: Pointer, error: str) -> None:
        """See `bridge.ports.Deliveries`."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(pointer.endpoint, pointer.delivery),
                UpdateExpression="SET #status = :failed, #error = :error, #round = :round, leased_until = :never",
                ConditionExpression="(#round = :round AND #status = :pending) OR #round < :round",
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues=to_item(
                    {
                        ":failed": DeliveryStatus.FAILED,
                        ":pending": DeliveryStatus.PENDING,
                        ":error": error,
                        ":round": pointer.round,
                        ":never": _NEVER,
                    }
                ),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def find(self, endpoint_id: str, delivery_id: str) -> Delivery | None:
        """See `bridge.ports.Deliveries`."""
        answer = self._client.get_item(TableName=self._table, Key=_key(endpoint_id, delivery_id), ConsistentRead=True)
        return _delivery(from_item(answer["Item"])) if "Item" in answer else None

    def newest(
        self, endpoint_id: str, *, status: DeliveryStatus | None, first: str, end: str, limit: int
    ) -> Sequence[Delivery]:
        """See `bridge.ports.Deliveries`."""
        found: list[Delivery] = []
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :end",
            "ScanIndexForward": False,
            "ConsistentRead": True,
        }
        values: dict[str, object] = {":pk": f"endpoint#{endpoint_id}", ":first": first, ":end": end}
        if status is not None:
            query |= {"FilterExpression": "#status = :status", "ExpressionAttributeNames": {"#status": "status"}}
            values[":status"] = status
        query["ExpressionAttributeValues"] = to_item(values)
        for page in self._client.get_paginator("query").paginate(
            **query, PaginationConfig={"PageSize": max(limit + 1, 50)}
        ):
            found += [_delivery(from_item(item)) for item in page["Items"] if item["sk"]["S"] != end]
            if len(found) >= limit:
                break
        return found[:limit]


def _key(endpoint_id: str, delivery_id: str) -> Any:
    return to_item({"pk": f"endpoint#{endpoint_id}", "sk": delivery_id})


def _now(now: datetime) -> dict[str, object]:
    return {":now": _text(now), ":until": _text(now + LEASE), ":pending": DeliveryStatus.PENDING}


def _leased(fresh: Delivery, now: datetime) -> Delivery:
    return Delivery(
        endpoint=fresh.endpoint,
        id=fresh.id,
        event_id=fresh.event_id,
        event_type=fresh.event_type,
        account=fresh.account,
        body=fresh.body,
        created_at=fresh.created_at,
        callback=fresh.callback,
        attempts=1,
        attempted_at=now,
        leased_until=now + LEASE,
    )


def _delivery_item(delivery: Delivery) -> Any:
    return to_item(
        {
            "pk": f"endpoint#{delivery.endpoint}",
            "sk": delivery.id,
            "event_id": delivery.event_id,
            "event_type": delivery.event_type,
            "account": delivery.account,
            "body": delivery.body,
            "created_at": _text(delivery.created_at),
            "status": str(delivery.status),
            "attempts": delivery.attempts,
            "round": delivery.round,
            "next_at": _text(delivery.next_at) or _NEVER,
            "leased_until": _text(delivery.leased_until) or _NEVER,
            "attempted_at": _text(delivery.attempted_at),
            "http_status": delivery.http_status,
            "error": delivery.error,
            "callback": delivery.callback.record() if delivery.callback else None,
            "expires_at": int((delivery.created_at + KEPT).timestamp()),
        }
    )


def _delivery(item: Mapping[str, Any]) -> Delivery:
    http_status = item.get("http_status")
    return Delivery(
        endpoint=item["pk"].removeprefix("endpoint#"),
        id=item["sk"],
        event_id=item["event_id"],
        event_type=item["event_type"],
        account=item["account"],
        body=item["body"],
        created_at=datetime.fromisoformat(item["created_at"]),
        status=DeliveryStatus(item["status"]),
        attempts=int(item["attempts"]),
        round=int(item["round"]),
        next_at=_time(item.get("next_at")),
        leased_until=_time(item.get("leased_until")),
        attempted_at=_time(item.get("attempted_at")),
        http_status=None if http_status is None else int(http_status),
        error=item.get("error"),
        callback=send_of(item.get("callback")),
    )


def _endpoint_item(endpoint: Endpoint) -> Any:
    health = endpoint.health
    return to_item(
        {
            "pk": _ENDPOINTS,
            "sk": endpoint.id,
            "client": endpoint.client,
            "url": endpoint.url,
            "event_types": list(endpoint.event_types),
            "accounts": list(endpoint.accounts),
            "may_use": sorted(endpoint.may_use),
            "description": endpoint.description,
            "secret": endpoint.secrets.current,
            "previous_secret": endpoint.secrets.previous,
            "previous_until": _text(endpoint.secrets.previous_until),
            "created_at": _text(endpoint.created_at),
            "updated_at": _text(endpoint.updated_at),
            "status": str(endpoint.status),
            "reason": str(endpoint.reason) if endpoint.reason else None,
            "disabled_at": _text(endpoint.disabled_at),
            "told": endpoint.told,
            "failures": health.failures,
            "failing_since": _text(health.failing_since),
            "open_until": _text(health.open_until),
            "version": endpoint.version,
            "account_sid": endpoint.account_sid,
        }
    )


def _endpoint(item: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        id=item["sk"],
        client=item["client"],
        url=item["url"],
        event_types=tuple(item["event_types"]),
        accounts=tuple(item["accounts"]),
        may_use=frozenset(item["may_use"]),
        description=item.get("description"),
        secrets=Secrets(
            current=item["secret"],
            previous=item.get("previous_secret"),
            previous_until=_time(item.get("previous_until")),
        ),
        created_at=datetime.fromisoformat(item["created_at"]),
        updated_at=datetime.fromisoformat(item["updated_at"]),
        status=EndpointStatus(item["status"]),
        reason=DisabledReason(item["reason"]) if item.get("reason") else None,
        disabled_at=_time(item.get("disabled_at")),
        told=item["told"],
        health=Health(
            failures=int(item["failures"]),
            failing_since=_time(item.get("failing_since")),
            open_until=_time(item.get("open_until")),
        ),
        version=int(item["version"]),
        account_sid=item.get("account_sid"),
    )


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="microseconds") if at else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
