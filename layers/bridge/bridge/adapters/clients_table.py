"""ClientsTable: the hash of an API key → the client that it belongs to."""

from typing import TYPE_CHECKING

from bridge.adapters.aws import from_item, to_item
from bridge.domain.clients import Caller

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ClientsTable:
    """`bridge.ports.Clients` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, key_hash: str) -> Caller | None:
        """See `bridge.ports.Clients`."""
        item = self._client.get_item(TableName=self._table, Key=to_item({"pk": key_hash})).get("Item")
        if not item:
            return None
        client = from_item(item)
        return Caller(
            client=client["client"],
            accounts=frozenset(client["accounts"]),
            default_account=client["default_account"],
            scopes=frozenset(client["scopes"]),
            fallback_accounts=tuple(client.get("fallback_accounts", ())),  # not in what was stored before there were
            account_sid=client.get("account_sid"),
        )
