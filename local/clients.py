"""The applications that call the API: each has a key, of which only the SHA-256 is stored."""

import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

SCOPES: Final = ("send", "read", "admin")
KEY_PREFIX: Final = "eb_"
PRINCIPAL: Final = "iam#"
"""How the table's keys of IAM principals begin, which are none of these; see `local.principals`."""
_KEY_BYTES = 32
_REMEMBERED: Final = timedelta(days=30)  # that a key is listed which opens nothing any more
_DOOR: Final = "twilio#"
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
    """A client's key as the table has it.

    Attributes:
        expires_at: from when on it opens nothing; None for never.
        replaced: whether another took its place, so that it is about to end.
    """

    key_hash: str
    created_at: str
    client: Client
    expires_at: datetime | None = None
    replaced: bool = False

    def is_live(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, kw_only=True)
class Rotated:
    """What a rotation made.

    Attributes:
        key: the new one.
        expires_at: when that one ends; None for never.
        old: the key whose place it takes, as it was.
        old_ends_at: when that one does.
    """

    key: str
    client: Client
    expires_at: datetime | None
    old: StoredClient
    old_ends_at: datetime


class Clients:
    """The table of the clients."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        """Build it; nothing is read."""
        self._dynamodb = dynamodb
        self._table = table

    def create(self, client: Client, *, expires_at: datetime | None = None) -> str:
        """Store a client and return its key, which nobody can look up later.

        Args:
            client: whose it is, and what it opens.
            expires_at: from when on it opens nothing; None for never. Keys that take its place last as long.
        """
        key, pk = _made()
        now = datetime.now(UTC)
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "pk": pk,
                **client_item(client),
                "created_at": {"S": now.isoformat(timespec="seconds")},
                **(_ends(expires_at, lifetime=expires_at - now) if expires_at else {}),
            },
            ConditionExpression="attribute_not_exists(pk)",
        )
        return key

    def rotate(
        self, name: str, key_hash: str | None = None, *, overlap: timedelta, expires_at: datetime | None = None
    ) -> Rotated:
        """Make another key that opens what an old one does, and let that one end a while later: both, or neither.

        Args:
            name: the client's.
            key_hash: how the hash of the old key begins; None where the client has one alone.
            overlap: how long the old key still opens what it did, where it does not expire before.
            expires_at: when the new one ends; None for as long a life as the old one was given.

        Raises:
            LocalError: there is no such key, or there are several, or it has just been revoked.
        """
        now = datetime.now(UTC)
        items = {
            item["pk"]["S"]: item
            for item in self._items()
            if item["client"]["S"] == name and not item["pk"]["S"].startswith(_DOOR)
        }
        live = [stored for stored in map(_stored, items.values()) if stored.is_live(now)]
        wanted = [each for each in live if (each.key_hash.startswith(key_hash) if key_hash else not each.replaced)]
        if len(wanted) != 1:
            which = (
                f" like {key_hash!r}" if key_hash else ": say which with --key" if wanted else " that could be rotated"
            )
            raise LocalError(f"{'several keys' if wanted else 'no key'} of {name}{which}")
        [old] = wanted
        before = items[old.key_hash]
        lifetime = timedelta(seconds=int(before["lifetime"]["N"])) if "lifetime" in before else None
        if expires_at is not None:
            lifetime = expires_at - now
        elif lifetime is not None:
            expires_at = now + lifetime
        key, pk = _made()
        ends_at = min(now + overlap, old.expires_at or datetime.max.replace(tzinfo=UTC))
        rights = {attribute: value for attribute, value in before.items() if attribute not in OF_A_KEY}
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": {
                                **rights,
                                "pk": pk,
                                "created_at": {"S": now.isoformat(timespec="seconds")},
                                **(_ends(expires_at, lifetime=lifetime) if expires_at else {}),
                            },
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                    ending(self._table, before["pk"], ends_at),
                ]
            )
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            raise LocalError(
                f"the key {old.key_hash[:12]} of {name} has just been revoked; nothing was made"
            ) from error
        return Rotated(key=key, client=old.client, expires_at=expires_at, old=old, old_ends_at=ends_at)

    def __iter__(self) -> Iterator[StoredClient]:
        yield from map(_stored, self._items())

    def _items(self) -> "Iterator[dict[str, AttributeValueTypeDef]]":
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            for item in page["Items"]:
                if "client" in item and not item["pk"]["S"].startswith(PRINCIPAL):
                    yield item

    def revoke(self, name: str, key_hash: str | None = None) -> int:
        """Delete every key of a client; return how many there were. The API may remember a key for a minute.

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


OF_A_KEY: Final = frozenset({"pk", "created_at", "expires_at", "forgotten_at", "lifetime", "replaced"})
"""What is said of one key, and not of those that take its place."""


def ending(table: str, pk: "AttributeValueTypeDef", at: datetime) -> "TransactWriteItemTypeDef":
    """Let a key, or a token of the Twilio-shaped door, open nothing from a time on, as part of a transaction.

    It is cancelled where the key is not there any more.
    """
    ends = _ends(at)
    return {
        "Update": {
            "TableName": table,
            "Key": {"pk": pk},
            "UpdateExpression": "SET replaced = :yes, " + ", ".join(f"{name} = :{name}" for name in ends),
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {
                ":yes": {"BOOL": True},
                **{f":{name}": value for name, value in ends.items()},
            },
        }
    }


def _ends(at: datetime, *, lifetime: timedelta | None = None) -> "dict[str, AttributeValueTypeDef]":
    seconds = {"expires_at": at.timestamp(), "forgotten_at": (at + _REMEMBERED).timestamp()}
    if lifetime is not None:
        seconds["lifetime"] = lifetime.total_seconds()
    return {name: {"N": str(int(value))} for name, value in seconds.items()}


def _made() -> "tuple[str, AttributeValueTypeDef]":
    key = KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    return key, {"S": hashlib.sha256(key.encode()).hexdigest()}


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
        expires_at=datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC) if "expires_at" in item else None,
        replaced="replaced" in item,
        client=client_of(item),
    )
