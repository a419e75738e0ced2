"""ClientsTable: what is stored of keys, and of the clients that they belong to.

| pk | what |
|---|---|
| the hash of a key, or `twilio#` and that of SID and token | the client, what the key opens, and when it ends |
| `client#<name>` | what holds for all of a client: `limits`, as `bridge.domain.limits.Limits.text`; `revoked_at` |
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, to_item
from bridge.domain.clients import Caller, ClientStanding, Credential
from bridge.domain.limits import Limits

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REMEMBERED: Final = 30.0
"""Seconds: what an operator changes of a client holds within a minute, also where no authorizer is asked."""


class ClientsTable:
    """`bridge.ports.Clients` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, key_hash: str) -> Credential | None:
        """See `bridge.ports.Clients`."""
        item = self._read(key_hash)
        if item is None:
            return None
        return Credential(
            caller=Caller(
                client=item["client"],
                accounts=frozenset(item["accounts"]),
                default_account=item["default_account"],
                scopes=frozenset(item["scopes"]),
                fallback_accounts=tuple(item.get("fallback_accounts", ())),  # not in what was stored before there were
                account_sid=item.get("account_sid"),
            ),
            expires_at=datetime.fromtimestamp(int(item["expires_at"]), UTC) if "expires_at" in item else None,
        )

    def standing(self, client: str) -> ClientStanding:
        """See `bridge.ports.Clients`."""
        item = self._read(f"client#{client}") or {}
        return ClientStanding(limits=Limits.of_text(item.get("limits")), revoked="revoked_at" in item)

    def _read(self, key: str) -> dict[str, Any] | None:
        # API Gateway keeps what comes of it for a minute: what was revoked just now must not be read once more.
        answer = self._client.get_item(TableName=self._table, Key=to_item({"pk": key}), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None


class RememberedStandings:
    """`bridge.ports.Standings`: reads each client once in half a minute."""

    def __init__(self, clients: ClientsTable, *, monotonic: Callable[[], float]) -> None:
        self._clients = clients
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, ClientStanding]] = {}

    def standing(self, client: str) -> ClientStanding:
        """See `bridge.ports.Standings`."""
        now = self._monotonic()
        known = self._known.get(client)
        if known is None or now >= known[0]:
            known = self._known[client] = (now + REMEMBERED, self._clients.standing(client))
        return known[1]
