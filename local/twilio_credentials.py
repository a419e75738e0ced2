"""Credentials of the Twilio-shaped door: an account's SID and an auth token, for one client.

ClientsTable has a hash of both, as it has of API keys. A status callback is signed with the token itself, so that the
newest one is also kept as it is, in WebhooksTable, where the other signing secrets are.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from local.clients import OF_A_KEY, Client, client_item, ending
from local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

_HALF: Final = 16  # bytes of a SID's digits, and of a token: 32 hex digits each, as Twilio's are
_SIGNING: Final = "twilio"


@dataclass(frozen=True, kw_only=True)
class TwilioCredentials:
    """What an application is given: the names that Twilio's SDKs read from TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."""

    account_sid: str
    auth_token: str = field(repr=False)


class TwilioAccounts:
    """The credentials in the two tables. The API may remember one that was revoked for a minute."""

    def __init__(self, dynamodb: "DynamoDBClient", clients_table: str, webhooks_table: str) -> None:
        """Build it; nothing is read."""
        self._dynamodb = dynamodb
        self._clients = clients_table
        self._webhooks = webhooks_table

    def create(self, client: Client) -> TwilioCredentials:
        """Make an account for a client. The token is shown this once.

        Whoever has it may do what the client's scopes say, through this door, and may sign status callbacks.
        """
        made = TwilioCredentials(account_sid="AC" + secrets.token_hex(_HALF), auth_token=secrets.token_hex(_HALF))
        self._put(made, client_item(client))
        return made

    def rotate(self, account_sid: str, overlap: timedelta | None = None) -> TwilioCredentials:
        """Make another token, with which callbacks are signed from now on. The one before opens the door, too.

        The one before that does not any more; `retire` ends the one before as well, once nobody uses it.

        Args:
            account_sid: the account's.
            overlap: after which the one before ends by itself; None for when it is retired.

        Raises:
            LocalError: there is no such account.
        """
        found = self._items(account_sid)
        before = found[-1]
        made = TwilioCredentials(account_sid=account_sid, auth_token=secrets.token_hex(_HALF))
        rights = {name: value for name, value in before.items() if name not in OF_A_KEY}
        ends = [ending(self._clients, before["pk"], datetime.now(UTC) + overlap)] if overlap is not None else []
        self._put(made, rights, *ends)
        self._delete(found[:-1])
        return made

    def retire(self, account_sid: str) -> int:
        """End every token of an account but its newest; return how many there were. Raises LocalError as `rotate`."""
        found = self._items(account_sid)[:-1]
        self._delete(found)
        return len(found)

    def revoke(self, account_sid: str) -> int:
        """End an account: its tokens, and what signs its callbacks. Those that wait are then not made.

        Raises:
            LocalError: there is no such account.
        """
        found = self._items(account_sid)
        self._delete(found)
        self._dynamodb.delete_item(TableName=self._webhooks, Key={"pk": {"S": _SIGNING}, "sk": {"S": account_sid}})
        return len(found)

    def _put(
        self, made: TwilioCredentials, client: "dict[str, AttributeValueTypeDef]", *more: "TransactWriteItemTypeDef"
    ) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        secret = f"{made.account_sid}:{made.auth_token}"
        self._dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": self._clients,
                        "Item": {
                            **client,
                            "pk": {"S": "twilio#" + hashlib.sha256(secret.encode()).hexdigest()},
                            "account_sid": {"S": made.account_sid},
                            "created_at": {"S": now},
                        },
                        "ConditionExpression": "attribute_not_exists(pk)",
                    }
                },
                {
                    "Put": {
                        "TableName": self._webhooks,
                        "Item": {
                            "pk": {"S": _SIGNING},
                            "sk": {"S": made.account_sid},
                            "client": client["client"],
                            "token": {"S": made.auth_token},
                            "created_at": {"S": now},
                        },
                    }
                },
                *more,
            ]
        )

    def _items(self, account_sid: str) -> "list[dict[str, AttributeValueTypeDef]]":
        """The account's tokens in ClientsTable, oldest first. An operator's own scan: the table has no index."""
        found: list[dict[str, AttributeValueTypeDef]] = []
        for page in self._dynamodb.get_paginator("scan").paginate(
            TableName=self._clients,
            ConsistentRead=True,
            FilterExpression="account_sid = :sid",
            ExpressionAttributeValues={":sid": {"S": account_sid}},
        ):
            found += page["Items"]
        if not found:
            raise LocalError(f"no account {account_sid}")
        return sorted(found, key=lambda item: item["created_at"]["S"])

    def _delete(self, items: "list[dict[str, AttributeValueTypeDef]]") -> None:
        for item in items:
            self._dynamodb.delete_item(TableName=self._clients, Key={"pk": item["pk"]})
