"""The pulls, the journal of what they returned, and the way from there to the topic."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bridge.domain.events import Event
from bridge.domain.pulls import Intent, JournalEntry, Kind, Part, PullId
from bridge.domain.sweeps import Sweep


class Leases(Protocol):
    """At most one pull in flight for (account, kind), and a memory of it that survives its process."""

    def begin(self, pull: PullId, *, expires_at: datetime) -> Intent | None:
        """Take the lease and record the pull, in one conditional write. None where somebody else holds it.

        A pull before it that nobody completed is moved among the dangling ones by the same write.
        """

    def settle(self, dangling: PullId) -> None:
        """Forget a dangling pull: its journal object is pointed to, or its loss is announced. Repeatable."""

    def complete(self, intent: Intent, *, at: datetime, brought_records: bool, suspended: bool = False) -> bool:
        """Write down that the pull's outcome is safe, and give the lease back. False where it was taken over.

        With `suspended`, that the gateway refused it with 202 (账户暂停): the watchers say so.
        """


class Journal(Protocol):
    """What the pulls returned, byte for byte."""

    def store(self, entry: JournalEntry) -> None:
        """Keep it, under its pull's key. Storing the same again is no error; another body under the key is."""

    def read(self, key: str) -> JournalEntry:
        """What is kept. Raises NotFound."""

    def has(self, key: str) -> bool:
        """Whether something is kept under this key."""

    def quarantine(self, entry: JournalEntry) -> str:
        """Keep a copy that no lifecycle expires of what could not be read, or not wholly; returns its key."""

    def mark_published(self, key: str) -> None:
        """Its events are out: the lifecycle may expire it."""

    def keys(self, account: str, kind: Kind, *, after: str, limit: int) -> Sequence[str]:
        """The keys behind this one, in order, which is that of time; at most so many, at most 1000."""

    def is_published(self, key: str) -> bool:
        """Whether it was marked, or is not there any more, which only happens to what was."""

    def keep_part(self, part: Part) -> JournalEntry | None:
        """Keep one part under its own key; the whole entry once all of them are there. Repeatable, in any order."""

    def forget_parts(self, pull: PullId) -> None:
        """Remove the parts: the journal has the whole."""


class Pointers(Protocol):
    """The queue of journal keys that are to be published."""

    def send(self, key: str) -> None:
        """Ask for this journal object to be published."""

    def carry(self, part: Part) -> None:
        """Keep a part in the queue itself, and ask for it to be put into the journal and published."""


class Sweeps(Protocol):
    """How far the journals are known to be published."""

    def load(self, account: str, kind: Kind) -> Sweep:
        """What is known; an empty Sweep where nothing is."""

    def save(self, account: str, kind: Kind, sweep: Sweep) -> bool:
        """Write it down, with the next version. False, and nothing is written, where somebody else was faster."""


class Topic(Protocol):
    """Where events go."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish all of them, in batches; raises NotPublished where some were not taken after retries."""
