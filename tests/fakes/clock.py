"""Time that tests move, and ids that count."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bridge.domain.ids import ulid

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


@dataclass
class FakeClock:
    """Stands still until it is told to go on, or slept by."""

    time: datetime = NOON
    elapsed: float = 0.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.elapsed += seconds


@dataclass
class FakeIds:
    """ULIDs that count."""

    made: int = 0

    def __call__(self) -> str:
        self.made += 1
        return ulid(NOON, self.made.to_bytes(10, "big"))
