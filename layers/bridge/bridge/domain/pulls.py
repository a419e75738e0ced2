"""A pull: what was asked of which account, what came, and where the journal keeps it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from eums import Call


class Kind(StrEnum):
    """What a pull asks for: status reports (拉取状态报告) or inbound messages (拉取上行)."""

    REPORTS = "reports"
    INBOUND = "inbound"

    @property
    def call(self) -> Call:
        """The gateway's call for it."""
        return Call.REPORT if self is Kind.REPORTS else Call.MO


@dataclass(frozen=True, slots=True, kw_only=True)
class PullId:
    """Names one pull: it is in the journal's key, in the events of its records and in the log."""

    account: str
    kind: Kind
    id: str
    begun_at: datetime

    @property
    def journal_key(self) -> str:
        """`raw/{account}/{kind}/{date}/{pull id}`; the date is UTC's."""
        return f"raw/{self.account}/{self.kind}/{self.begun_at.astimezone(UTC):%Y-%m-%d}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """What the gateway answered to one pull, byte for byte.

    Attributes:
        status: the HTTP status.
        headers: the response's headers as they came.
        version: the account's protocol version then (1 or 17): how the body was meant.
        cut: the body broke off before its end.
    """

    pull: PullId
    received_at: datetime
    status: int
    headers: tuple[tuple[str, str], ...]
    version: int
    cut: bool
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A pull that was begun under a lease.

    Attributes:
        fence: rises by one with each pull of (account, kind); only the newest may complete.
        dangling: the pull before it, where nobody wrote down how it ended: its process died.
    """

    pull: PullId
    fence: int
    dangling: PullId | None


def pointer(key: str) -> str:
    """A journal key as the body of a message in PublishQueue."""
    return json.dumps({"journal_key": key})


def pointed_to(body: str) -> str:
    """The journal key in a pointer's body. Raises ValueError where it is none."""
    match json.loads(body):
        case {"journal_key": str(key)}:
            return key
    raise ValueError("not a pointer to a journal object")
