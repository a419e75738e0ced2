"""The gateway's limit on statistics, and answers that are kept."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from eums import DayStatistics


@dataclass
class FakeSlots:
    """Three calls a minute."""

    taken: list[datetime] = field(default_factory=list)

    def take(self, account: str, now: datetime) -> float:  # noqa: ARG002 - the port's signature
        recent = [at for at in self.taken if now - at < timedelta(seconds=62)]
        if len(recent) >= 3:
            return 62 - (now - min(recent)).total_seconds()
        self.taken = [*recent, now]
        return 0.0

    def exhaust(self, account: str, now: datetime) -> None:  # noqa: ARG002 - likewise
        self.taken = [now] * 3


@dataclass
class FakeCache:
    """Statistics kept until they are stale."""

    kept: dict[tuple[str, date, date], tuple[tuple[DayStatistics, ...], datetime]] = field(default_factory=dict)

    def get(self, account: str, start: date, end: date, now: datetime) -> tuple[DayStatistics, ...] | None:
        days, expires_at = self.kept.get((account, start, end), (None, now))
        return days if expires_at > now else None

    def put(self, account: str, start: date, end: date, days: tuple[DayStatistics, ...], expires_at: datetime) -> None:
        self.kept[account, start, end] = (days, expires_at)
