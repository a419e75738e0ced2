"""How far a journal is known to be published, and what behind that mark still waits.

Pull ids sort by time, and so do the journal's keys: one mark says "all before this is out, or is listed here".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge.domain.ids import ulid_time

FIRST_WAIT: Final = timedelta(minutes=5)
TRIES: Final = 6  # after 5, 10, 20, 40, 80 and 160 minutes: longer than the queue tries


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A journal object whose pointer was sent again.

    Attributes:
        tries: how often.
        again_at: when it is looked at next.
    """

    key: str
    tries: int
    again_at: datetime

    @classmethod
    def first(cls, key: str, now: datetime) -> "Waiting":
        """Sent again for the first time."""
        return cls(key=key, tries=1, again_at=now + FIRST_WAIT)

    def again(self, now: datetime) -> "Waiting":
        """Sent once more; each wait is twice the one before."""
        return Waiting(key=self.key, tries=self.tries + 1, again_at=now + FIRST_WAIT * 2**self.tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What is known of one (account, kind).

    Attributes:
        until: the journal key up to which every object is published, waits or was given up; empty before the first.
        version: rises by one with each write, so that of two sweepers only one writes.
    """

    until: str = ""
    waiting: tuple[Waiting, ...] = ()
    version: int = 0


def begun_at(key: str) -> datetime | None:
    """When the pull of a journal key was begun; None where the key is of nothing that a pull wrote."""
    try:
        return ulid_time(key.rpartition("/")[2])
    except ValueError:
        return None
