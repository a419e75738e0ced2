"""The applications that call the API: each has a key, of which only the SHA-256 is stored."""

import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

SCOPES: Final = ("send", "read", "admin")
KEY_PREFIX: Final = "eb_"
PRINCIPAL: Final = "iam#"
"""How the table's keys of IAM principals begin, which are none of these; see `local.principals`."""
_KEY_BYTES = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Client:
    """An application.

    Attributes:
        client: its name; it is in every message and event of its own.
        accounts: the gateway accounts that it may use, `*` for all.
        default_account: used where a request names none.
        scopes: some of send, read, admin.
        fallback_accounts: tried after the default one, in this order, where that or its channel refuses.
    """

    client: str
    accounts: tuple[str, ...]
    default_account: str
    scopes: tuple[str, ...]
    fallback_accounts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.client):
            raise LocalError(f"{self.client!r} is no name for a client: a to z, 0 to 9, _ and -, at most 64")
        if not self.accounts:
            raise LocalError("a client needs an account at least")
        if unknown := sorted(set(self.scopes) - set(SCOPES)):
            raise LocalError(f"no such scope: {', '.join(unknown)}; there are {', '.join(SCOPES)}")
        if not self.scopes:
            raise LocalError("a client needs a scope at least")
        if "*" not in self.accounts and self.default_account not in self.accounts:
            raise LocalError(f"the default account {self.default_account} is not one of the client's accounts")
        self._check_fallbacks()

    def _check_fallbacks(self) -> None:
        for account in self.fallback_accounts:
            if account == "*":
                raise LocalError("there is no account * to fall back to: name them")
            if "*" not in self.accounts and account not in self.accounts:
                raise LocalError(f"the fallback account {account} is not one of the client's accounts")
        named = (self.default_account, *self.fallback_accounts)
        if len(set(named)) < len(named):
            raise LocalError("no account is tried twice: neither the default one nor a fallback may be repeated")


@dataclass(frozen=True, kw_only=True)
class StoredClient:
    """A client as the table has it."""

    key_hash: str
    created_at: str
    client: Client


class Clients:
    """The table of the clients."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        """Build it; nothing is read."""
        self._dynamodb = dynamodb
        self._table = table

    def create(self, client: Client) -> str:
        """Store a client and return its key, which nobody can look up later."""
        key = KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": hashlib.sha256(key.encode()).hexdigest()},
                **client_item(client),
                "created_at": {"S": datetime.now(UTC).isoformat(timespec="seconds")},
            },
            ConditionExpression="attribute_not_exists(pk)",
        )
        return key

    def __iter__(self) -> Iterator[StoredClient]:
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            for item in page["Items"]:
                if "client" in item and not item["pk"]["S"].startswith(PRINCIPAL):
                    yield _stored(item)

    def revoke(self, name: str, key_hash: str | None = None) -> int:
        """Delete every key of a client; return how many there were. The API may remember a key for some minutes.

        Args:
            name: the client's.
            key_hash: how the hash of the key begins that alone is meant.

        Raises:
            LocalError: there is no such client or key.
        """
        found = [stored for stored in self if stored.client.client == name]
        if not found:
            raise LocalError(f"no client {name}")
        if key_hash is not None:
            found = [stored for stored in found if key_hash and stored.key_hash.startswith(key_hash)]
            if len(found) != 1:
                raise LocalError(f"{'several keys' if found else 'no key'} of {name} like {key_hash!r}")
        for stored in found:
            self._dynamodb.delete_item(TableName=self._table, Key={"pk": {"S": stored.key_hash}})
        return len(found)


def client_item(client: Client) -> "dict[str, AttributeValueTypeDef]":
    """What the table has of a client, beside whatever it is known by."""
    return {
        "client": {"S": client.client},
        "accounts": {"L": [{"S": account} for account in client.accounts]},
        "default_account": {"S": client.default_account},
        "scopes": {"L": [{"S": scope} for scope in client.scopes]},
        "fallback_accounts": {"L": [{"S": account} for account in client.fallback_accounts]},
    }


def client_of(item: "dict[str, AttributeValueTypeDef]") -> Client:
    """The client in an item of the table."""

    def texts(name: str) -> tuple[str, ...]:
        return tuple(value["S"] for value in item[name]["L"]) if name in item else ()

    return Client(
        client=item["client"]["S"],
        accounts=texts("accounts"),
        default_account=item["default_account"]["S"],
        scopes=texts("scopes"),
        fallback_accounts=texts("fallback_accounts"),
    )


def _stored(item: "dict[str, AttributeValueTypeDef]") -> StoredClient:
    return StoredClient(
        key_hash=item["pk"]["S"],
        created_at=item["created_at"]["S"] if "created_at" in item else "",
        client=client_of(item),
    )
