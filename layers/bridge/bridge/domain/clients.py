"""Who calls the API, and what they may do."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ANY_ACCOUNT: Final = "*"


class Scope(StrEnum):
    """What a key may be used for."""

    SEND = "send"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The client behind a request.

    Attributes:
        client: its name; it is in every message and event of its own.
        accounts: the gateway accounts that it may use, or `*`.
        default_account: the one that is used when a request names none.
        fallback_accounts: those that are tried after it, in this order, where a request names none.
        account_sid: of the Twilio-shaped credentials that it came with; None where it came with a key.
    """

    client: str
    accounts: frozenset[str]
    default_account: str
    scopes: frozenset[str]
    fallback_accounts: tuple[str, ...] = ()
    account_sid: str | None = None

    def may_use(self, account: str) -> bool:
        """Whether the client may use this gateway account."""
        return account in self.accounts or ANY_ACCOUNT in self.accounts


def hash_key(key: str) -> str:
    """What is stored of an API key: its SHA-256 in hex.

    The keys are 256 random bits, so that a slow password hash would protect nothing more.
    """
    return hashlib.sha256(key.encode()).hexdigest()
