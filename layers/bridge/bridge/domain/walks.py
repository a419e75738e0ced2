"""Walking through what is due, in the order of time, from where the last run stopped."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

SHARDS: Final = 4  # an hour's messages are spread over so many partitions
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a walk got.

    Attributes:
        at: the beginning of the hour or minute that it is in, in UTC.
        shard: which of the partitions of that time.
        after: the last key there that is done with; empty at the beginning.
    """

    at: datetime
    shard: int = 0
    after: str = ""


class Entry(NamedTuple):
    """Something that is due.

    Attributes:
        key: what its partition is sorted by; no two are the same.
        kind: `message` or `batch`.
        id: whose.
    """

    key: str
    kind: str
    id: str


def shard_of(message_id: str) -> int:
    """Which partition of its hour a message is in: the end of a ULID is random."""
    return ord(message_id[-1]) % SHARDS
