"""The applications that call the API: each has a key, of which only the SHA-256 is stored.

On AWS, with the operator's own credentials:

    python -m local.clients create --stack eums-bridge --client shop --accounts default --scopes send,read
    python -m local.clients list --stack eums-bridge
    python -m local.clients revoke --stack eums-bridge --client shop
"""

import argparse
import hashlib
import re
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.console import Console
from local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

SCOPES: Final = ("send", "read", "admin")
KEY_PREFIX: Final = "eb_"
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
                "client": {"S": client.client},
                "accounts": {"L": [{"S": account} for account in client.accounts]},
                "default_account": {"S": client.default_account},
                "scopes": {"L": [{"S": scope} for scope in client.scopes]},
                "fallback_accounts": {"L": [{"S": account} for account in client.fallback_accounts]},
                "created_at": {"S": datetime.now(UTC).isoformat(timespec="seconds")},
            },
            ConditionExpression="attribute_not_exists(pk)",
        )
        return key

    def __iter__(self) -> Iterator[StoredClient]:
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            for item in page["Items"]:
                if "client" in item:
                    yield _stored(item)

    def revoke(self, name: str) -> int:
        """Delete every key of a client; return how many there were. The API may remember a key for some minutes.

        Raises:
            LocalError: there is no such client.
        """
        found = [stored for stored in self if stored.client.client == name]
        if not found:
            raise LocalError(f"no client {name}")
        for stored in found:
            self._dynamodb.delete_item(TableName=self._table, Key={"pk": {"S": stored.key_hash}})
        return len(found)


def _stored(item: "dict[str, AttributeValueTypeDef]") -> StoredClient:
    def texts(name: str) -> tuple[str, ...]:
        return tuple(value["S"] for value in item[name]["L"]) if name in item else ()

    accounts = texts("accounts")
    return StoredClient(
        key_hash=item["pk"]["S"],
        created_at=item["created_at"]["S"] if "created_at" in item else "",
        client=Client(
            client=item["client"]["S"],
            accounts=accounts,
            default_account=item["default_account"]["S"],
            scopes=texts("scopes"),
            fallback_accounts=texts("fallback_accounts"),
        ),
    )


def _table_of(stack: str) -> str:
    """Find the table of a deployed stack, on whatever AWS the environment names."""
    stacks = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    for output in stacks[0].get("Outputs", []):
        if output["OutputKey"] == "ClientsTableName":
            return output["OutputValue"]
    raise LocalError(f"the stack {stack} has no output ClientsTableName: is it eums-bridge?")


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.clients", description="The applications that call the API.")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="store a client, print its key once")
    listing = commands.add_parser("list", help="list the clients; keys cannot be shown")
    revoke = commands.add_parser("revoke", help="delete a client's keys")
    for command in (create, listing, revoke):
        command.add_argument("--stack", required=True, help="the stack's name")
    for command in (create, revoke):
        command.add_argument("--client", required=True, help="the client's name")
    create.add_argument("--accounts", required=True, help="gateway accounts, with commas; * for all")
    create.add_argument("--default-account", help="the first of the accounts, if not said otherwise")
    create.add_argument("--fallback-accounts", default="", help="tried after the default one, in order, with commas")
    create.add_argument("--scopes", default="send,read", help="some of send,read,admin (send,read)")
    return parser.parse_args(arguments)


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _default(accounts: tuple[str, ...], named: str | None) -> str:
    if named:
        return named
    return next((account for account in accounts if account != "*"), "default")


def main(arguments: Sequence[str]) -> int:
    """Do what an operator asks."""
    given, console = _arguments(arguments), Console()
    try:
        clients = Clients(boto3.client("dynamodb"), _table_of(given.stack))
        if given.command == "create":
            accounts = _names(given.accounts)
            client = Client(
                client=given.client,
                accounts=accounts,
                default_account=_default(accounts, given.default_account),
                scopes=_names(given.scopes),
                fallback_accounts=_names(given.fallback_accounts),
            )
            console.say(clients.create(client))
            sys.stderr.write("This key is shown this once: store it where the application reads it.\n")
        elif given.command == "list":
            for stored in sorted(clients, key=lambda stored: (stored.client.client, stored.created_at)):
                known = stored.client
                then = f", then {','.join(known.fallback_accounts)}" if known.fallback_accounts else ""
                console.say(
                    f"{known.client}  accounts {','.join(known.accounts)} (default {known.default_account}{then})  "
                    f"scopes {','.join(known.scopes)}  since {stored.created_at}  key {stored.key_hash[:12]}…"
                )
        else:
            count = clients.revoke(given.client)
            console.say(f"Revoked {count} {'key' if count == 1 else 'keys'} of {given.client}")
    except (LocalError, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
