"""A batch: up to 10,000 messages that are accepted in one request, and the submits that they are sent in.

A batch's messages are found by counting: its id is a ULID that ends with `0000`, and theirs are the same with the
ordinal of their submit in that place, from 1. Planning it again gives the same submits with the same ids, so that
whatever is done with them can be done again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from bridge.domain.ids import CROCKFORD, is_ulid
from bridge.domain.messages import Category, Message, OnAmbiguous, Recipient, Status
from bridge.domain.numbers import e164
from bridge.domain.submits import waiting

MAX_ENTRIES: Final = 10_000

# DynamoDB's items end at 400 KB. A recipient takes about 130 bytes in its message beside its reference, and a number
# and a reference are in it once more, in the index of its own.
_MOST_BYTES: Final = 250_000
_RECIPIENT_BYTES: Final = 160

_ORDINAL_LENGTH: Final = 4
_NO_ORDINAL: Final = "0" * _ORDINAL_LENGTH


class BatchStatus(StrEnum):
    """How far the bridge has got with a batch."""

    ACCEPTED = "accepted"  # kept; its submits are not planned yet
    SENDING = "sending"  # they are
    FINISHED = "finished"  # each of them was begun once; `counts` says how that went


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEntry:
    """One message of a batch, as its sender counts them.

    Attributes:
        to: eleven digits.
        text: as it goes out: rendered, and signed.
        signature: the 签名 that the bridge put in front; empty where the text had its own.
    """

    to: str
    text: str
    client_reference: str | None = None
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as the bridge keeps it; its entries are kept elsewhere, until it is planned.

    Attributes:
        id: a ULID that ends with 0000.
        client: who sent it.
        size: entries.
        most: recipients that one submit may have. It is fixed when the batch is accepted: planned again under other
            settings of the account, it must come out the same.
        submits: how many there are; None until it is planned.
        walked: submits that were begun, in order, from the first on.
        progress_at: when the last of these three was written down.
    """

    id: str
    client: str
    account: str
    size: int
    most: int
    created_at: datetime
    extension: str = ""
    category: Category = Category.MARKETING
    on_ambiguous: OnAmbiguous = OnAmbiguous.UNKNOWN
    fallback_accounts: tuple[str, ...] = ()
    status: BatchStatus = BatchStatus.ACCEPTED
    submits: int | None = None
    walked: int = 0
    progress_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStanding:
    """What an earlier request with the same key left: its batch, as it is now."""

    batch: Batch
    request_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Entries that go out in one submit: they have the same text, and no number twice.

    Attributes:
        ordinal: which of the batch's submits it is, from 1.
        entries: in their order in the batch.
    """

    ordinal: int
    entries: tuple[BatchEntry, ...]


def batch_id(ulid: str) -> str:
    """The id of a new batch, made from a ULID. 60 random bits of it stay."""
    return ulid[:-_ORDINAL_LENGTH] + _NO_ORDINAL


def is_batch_id(text: str) -> bool:
    """Whether a batch could have this id."""
    return is_ulid(text) and text.endswith(_NO_ORDINAL)


def message_id_of(batch: str, ordinal: int) -> str:
    """The id of the message that is a batch's submit of this number, from 1."""
    if not 0 < ordinal < len(CROCKFORD) ** _ORDINAL_LENGTH:
        raise ValueError("no submit of a batch has this number")
    digits = "".join(CROCKFORD[ordinal >> shift & 31] for shift in range(5 * (_ORDINAL_LENGTH - 1), -1, -5))
    return batch[:-_ORDINAL_LENGTH] + digits


def batch_of(message_id: str) -> str:
    """The batch that a message belongs to, if it is known to belong to one."""
    return message_id[:-_ORDINAL_LENGTH] + _NO_ORDINAL


def ordinal_of(message_id: str) -> int:
    """Which of its batch's submits a message is."""
    number = 0
    for character in message_id[-_ORDINAL_LENGTH:]:
        number = number << 5 | CROCKFORD.index(character)
    return number


@dataclass(slots=True)
class _Open:
    """A group that still takes entries."""

    size: int = 0
    entries: list[BatchEntry] = field(default_factory=list)


def plan(entries: Iterable[BatchEntry], *, most: int) -> tuple[Group, ...]:
    """Share entries out among submits, in the order of each submit's first entry. The same comes out each time.

    Args:
        entries: of one batch, in order.
        most: recipients that one submit may have.
    """
    groups: list[_Open] = []
    filling: dict[tuple[str, int], _Open] = {}
    times: dict[tuple[str, str], int] = {}
    for entry in entries:
        # The first message of a text to each number, the second, and so on: none of these has a number twice.
        time = times[entry.text, entry.to] = times.get((entry.text, entry.to), 0) + 1
        size = _RECIPIENT_BYTES + len((entry.client_reference or "").encode())
        group = filling.get((entry.text, time))
        if group is None or len(group.entries) == most or group.size + size > _MOST_BYTES:
            group = filling[entry.text, time] = _Open()
            groups.append(group)
        group.entries.append(entry)
        group.size += size
    return tuple(Group(ordinal=number, entries=tuple(group.entries)) for number, group in enumerate(groups, 1))


def message_of(batch: Batch, group: Group) -> Message:
    """The message that a group is sent as; it waits.

    Of one entry the reference is the message's, of several each recipient has its own.
    """
    first, *others = group.entries
    message = Message(
        id=message_id_of(batch.id, group.ordinal),
        client=batch.client,
        account=batch.account,
        text=first.text,
        signature=first.signature,
        extension=batch.extension,
        client_reference=None if others else first.client_reference,
        recipients=tuple(
            Recipient(
                to=e164(entry.to),
                status=Status.ACCEPTED,
                client_reference=entry.client_reference if others else None,
            )
            for entry in group.entries
        ),
        created_at=batch.created_at,
        deadline=batch.created_at,
        category=batch.category,
        on_ambiguous=batch.on_ambiguous,
        fallback_accounts=batch.fallback_accounts,
        batch_id=batch.id,
    )
    return waiting(message)


def in_full(counts: Mapping[Status, int], size: int) -> dict[Status, int]:
    """Counts of a whole batch: what has no message yet was accepted, too."""
    missing = size - sum(counts.values())
    full = {**counts, Status.ACCEPTED: counts.get(Status.ACCEPTED, 0) + missing}
    return {status: full[status] for status in Status if full.get(status)}
