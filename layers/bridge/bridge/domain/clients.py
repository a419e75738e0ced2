"""Who calls the API, and what they may do."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bridge.domain.limits import UNLIMITED, Limits

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
        limits: the client's, whatever it came with.
    """

    client: str
    accounts: frozenset[str]
    default_account: str
    scopes: frozenset[str]
    fallback_accounts: tuple[str, ...] = ()
    account_sid: str | None = None
    limits: Limits = UNLIMITED

    def may_use(self, account: str) -> bool:
        """Whether the client may use this gateway account."""
        return account in self.accounts or ANY_ACCOUNT in self.accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What is stored of a key, or of whatever else somebody may show.

    Attributes:
        caller: whose it is, and what it opens; without the client's limits.
        expires_at: from when on it opens nothing; None for never.
    """

    caller: Caller
    expires_at: datetime | None = None

    def opens(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStanding:
    """What holds for a client, whichever key it shows, and for what it set up: hook sources, webhook endpoints.

    Attributes:
        revoked: nothing of it opens, sends or hears anything.
    """

    limits: Limits = UNLIMITED
    revoked: bool = False


def hash_key(key: str) -> str:
    """What is stored of an API key: its SHA-256 in hex.

    The keys are 256 random bits, so that a slow password hash would protect nothing more.
    """
    return hashlib.sha256(key.encode()).hexdigest()
