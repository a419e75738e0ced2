"""What holds for a client, whichever key it shows: `client#<name>` in ClientsTable.

Every Lambda reads a change within a minute. What a client set up outlives its keys, and ends with this.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.domain.limits import UNLIMITED, Limits

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, kw_only=True)
class ClientRecord:
    """One client.

    Attributes:
        revoked_at: when it was, in RFC 3339; None where it was not.
    """

    limits: Limits = UNLIMITED
    revoked_at: str | None = None


class ClientRecords:
    """All of them. A client of whom nothing is written has no limits."""

    def __init__(self, dynamodb: "DynamoDBClient", clients_table: str, webhooks_table: str) -> None:
        """Build it; nothing is read."""
        self._dynamodb = dynamodb
        self._table = clients_table
        self._webhooks = webhooks_table

    def find(self, client: str) -> ClientRecord | None:
        """What is written of a client."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(client), ConsistentRead=True)
        if "Item" not in answer:
            return None
        texts = {name: value["S"] for name, value in answer["Item"].items() if "S" in value}
        return ClientRecord(limits=Limits.of_text(texts.get("limits")), revoked_at=texts.get("revoked_at"))

    def of(self, client: str) -> ClientRecord:
        """What holds for a client, whether anything is written or not."""
        return self.find(client) or ClientRecord()

    def limit(self, client: str, limits: Limits) -> None:
        """Give a client these limits instead of those that it had."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(client),
            UpdateExpression="SET limits = :limits",
            ExpressionAttributeValues={":limits": {"S": limits.text}},
        )

    def revoke(self, client: str) -> None:
        """End a client, and all that it set up. What was accepted of it before is still sent."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(client),
            UpdateExpression="SET revoked_at = :now",
            ExpressionAttributeValues={":now": {"S": datetime.now(UTC).isoformat(timespec="seconds")}},
        )

    def restore(self, client: str) -> None:
        """Make a client of one that was revoked, with the limits that it had."""
        self._dynamodb.update_item(TableName=self._table, Key=_key(client), UpdateExpression="REMOVE revoked_at")

    def hook_sources(self, client: str) -> tuple[str, ...]:
        """The names of those that a client set up: they send in its name without its key."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._webhooks,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"sources#{client}"}},
            ProjectionExpression="sk",
            ConsistentRead=True,
        )
        return tuple(item["sk"]["S"] for page in pages for item in page["Items"])


def _key(client: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"client#{client}"}}
