"""A pull: what was asked of which account, what came, and where the journal keeps it."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from bridge.domain.json_texts import json_value
from eums import Call

# SQS takes 1 MiB a message; as base64 and with its circumstances, a part of this size stays well below.
_PART_BYTES: Final = 700_000
# A page without records, and a refusal, is a few dozen bytes.
_MAX_SHORT: Final = 512
_MAX_HEADERS: Final = 1200  # characters; S3 takes 2 KB of metadata in all


class Kind(StrEnum):
    """What a pull asks for: status reports (拉取状态报告) or inbound messages (拉取上行)."""

    REPORTS = "reports"
    INBOUND = "inbound"

    @property
    def call(self) -> Call:
        """The gateway's call for it."""
        return Call.REPORT if self is Kind.REPORTS else Call.MO


def is_short(body: bytes) -> bool:
    """Whether an answer may be read before it is kept: anything longer goes to the journal unread."""
    return len(body) <= _MAX_SHORT


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

    def circumstances(self) -> dict[str, str]:
        """Everything but the body, as ASCII texts: S3's metadata takes nothing else unharmed."""
        headers = json.dumps(self.headers)
        return {
            "account": self.pull.account,
            "kind": str(self.pull.kind),
            "pull-id": self.pull.id,
            "begun-at": self.pull.begun_at.isoformat(),
            "received-at": self.received_at.isoformat(),
            "http-status": str(self.status),
            "http-headers": headers if len(headers) <= _MAX_HEADERS else "[]",
            "version": str(self.version),
            "cut": "true" if self.cut else "false",
        }

    @classmethod
    def under(cls, circumstances: Mapping[str, str], body: bytes) -> "JournalEntry":
        """A body with its circumstances, read back. Raises KeyError or ValueError where they are not complete."""
        return cls(
            pull=PullId(
                account=circumstances["account"],
                kind=Kind(circumstances["kind"]),
                id=circumstances["pull-id"],
                begun_at=datetime.fromisoformat(circumstances["begun-at"]),
            ),
            received_at=datetime.fromisoformat(circumstances["received-at"]),
            status=int(circumstances["http-status"]),
            headers=tuple((name, value) for name, value in json_value(circumstances["http-headers"])),
            version=int(circumstances["version"]),
            cut=circumstances["cut"] == "true",
            body=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of what a pull brought, on its way through the queue because the journal refused the whole.

    Attributes:
        entry: the pull with this piece as its body.
        number: which piece, from 0.
        of: how many there are.
    """

    entry: JournalEntry
    number: int
    of: int

    @property
    def key(self) -> str:
        """Where it waits for the others: `parts/{account}/{kind}/{date}/{pull id}/{number}`."""
        return f"{parts_prefix(self.entry.pull)}{self.number:04}"


def parts_prefix(pull: PullId) -> str:
    """What the keys of a pull's parts begin with."""
    return f"parts/{pull.journal_key.removeprefix('raw/')}/"


def in_parts(entry: JournalEntry, size: int = _PART_BYTES) -> tuple[Part, ...]:
    """An entry in pieces that a queue's message can carry; an empty body is one empty piece."""
    pieces = [entry.body[at : at + size] for at in range(0, len(entry.body), size)] or [b""]
    return tuple(
        Part(entry=replace(entry, body=piece), number=number, of=len(pieces)) for number, piece in enumerate(pieces)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A pull that was begun under a lease.

    Attributes:
        expires_at: when the lease ends: from then on another puller may take this pull for dead.
        fence: rises by one with each pull of (account, kind); only the newest may complete.
        dangling: earlier pulls, oldest first, of which nobody wrote down how they ended. The lease remembers them
            until each is settled, so that a process may die at this, too.
    """

    pull: PullId
    expires_at: datetime
    fence: int
    dangling: tuple[PullId, ...] = ()


def pointer(key: str) -> str:
    """A journal key as the body of a message in PublishQueue."""
    return json.dumps({"journal_key": key})


def carried(part: Part) -> str:
    """A part as the body of a message in PublishQueue."""
    body = base64.b64encode(part.entry.body).decode("ascii")
    return json.dumps(
        {"part": part.number, "of": part.of, "circumstances": part.entry.circumstances(), "body_base64": body}
    )


def to_publish(body: str) -> str | Part:
    """What a message of PublishQueue asks for: a journal key, or a part. Raises ValueError where it is neither."""
    match json_value(body):
        case {"journal_key": str(key)}:
            return key
        case {"part": int(number), "of": int(of), "circumstances": dict(circumstances), "body_base64": str(piece)}:
            try:
                entry = JournalEntry.under(circumstances, base64.b64decode(piece, validate=True))
            except (KeyError, TypeError, binascii.Error) as exc:
                raise ValueError("not a part of what a pull brought") from exc
            return Part(entry=entry, number=number, of=of)
    raise ValueError("neither a pointer to a journal object nor a part of one")
