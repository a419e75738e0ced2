"""Leases, the journal, its pointers, and how far it is swept."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bridge.domain.errors import NotFound
from bridge.domain.pulls import Intent, JournalEntry, Kind, Part, PullId
from bridge.domain.sweeps import Sweep


@dataclass
class FakeLeases:
    """Leases by (account, kind)."""

    standing: dict[tuple[str, Kind], tuple[PullId, int, datetime, bool]] = field(default_factory=dict)
    suspended: bool = False  # as the last completed pull said
    dangling: dict[tuple[str, Kind], tuple[PullId, ...]] = field(default_factory=dict)

    def begin(self, pull: PullId, *, expires_at: datetime) -> Intent | None:
        key = (pull.account, pull.kind)
        before = self.standing.get(key)
        if before and before[3]:
            if before[2] >= pull.begun_at:
                return None
            self.dangling[key] = (*self.dangling.get(key, ()), before[0])
        fence = before[1] + 1 if before else 1
        self.standing[key] = (pull, fence, expires_at, True)
        return Intent(pull=pull, expires_at=expires_at, fence=fence, dangling=self.dangling.get(key, ()))

    def settle(self, dangling: PullId) -> None:
        key = (dangling.account, dangling.kind)
        self.dangling[key] = tuple(pull for pull in self.dangling.get(key, ()) if pull != dangling)

    def complete(
        self,
        intent: Intent,
        *,
        at: datetime,  # noqa: ARG002 - the port's signature
        brought_records: bool,  # noqa: ARG002 - likewise
        suspended: bool = False,
    ) -> bool:
        self.suspended = suspended
        key = (intent.pull.account, intent.pull.kind)
        pull, fence, expires_at, _ = self.standing[key]
        if fence != intent.fence:
            return False
        self.standing[key] = (pull, fence, expires_at, False)
        return True


@dataclass
class FakeJournal:
    """The journal in a dictionary."""

    entries: dict[str, JournalEntry] = field(default_factory=dict)
    quarantined: dict[str, JournalEntry] = field(default_factory=dict)
    published: set[str] = field(default_factory=set)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def store(self, entry: JournalEntry) -> None:
        key = entry.pull.journal_key
        assert self.entries.get(key, entry).body == entry.body, "another body under the same key"
        self.entries[key] = entry

    def read(self, key: str) -> JournalEntry:
        found = self.entries.get(key) or self.quarantined.get(key)
        if found is None:
            raise NotFound(key)
        return found

    def has(self, key: str) -> bool:
        return key in self.entries

    def quarantine(self, entry: JournalEntry) -> str:
        key = entry.pull.journal_key.replace("raw/", "quarantine/", 1)
        self.quarantined[key] = entry
        return key

    def mark_published(self, key: str) -> None:
        self.published.add(key)

    def keys(self, account: str, kind: Kind, *, after: str, limit: int) -> Sequence[str]:
        prefix = f"raw/{account}/{kind}/"
        return sorted(key for key in self.entries if key.startswith(prefix) and key > after)[:limit]

    def is_published(self, key: str) -> bool:
        return key in self.published or key not in self.entries

    def keep_part(self, part: Part) -> JournalEntry | None:
        pieces = self.parts.setdefault(part.entry.pull.id, {})
        pieces[part.number] = part.entry.body
        if len(pieces) < part.of:
            return None
        return replace(part.entry, body=b"".join(pieces[number] for number in sorted(pieces)))

    def forget_parts(self, pull: PullId) -> None:
        self.parts.pop(pull.id, None)


@dataclass
class FakePointers:
    """A queue of journal keys, and of what the journal did not take."""

    keys: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def send(self, key: str) -> None:
        self.keys.append(key)

    def carry(self, part: Part) -> None:
        self.parts.append(part)


@dataclass
class FakeSweeps:
    """Sweeps in a dictionary."""

    kept: dict[tuple[str, Kind], Sweep] = field(default_factory=dict)

    def load(self, account: str, kind: Kind) -> Sweep:
        return self.kept.get((account, kind), Sweep())

    def save(self, account: str, kind: Kind, sweep: Sweep) -> bool:
        if self.load(account, kind).version != sweep.version:
            return False
        self.kept[account, kind] = replace(sweep, version=sweep.version + 1)
        return True
