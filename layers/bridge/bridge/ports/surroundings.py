"""What every service needs around it: time, ids, metrics."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, so that tests can move it."""

    def now(self) -> datetime:
        """The time, aware."""

    def monotonic(self) -> float:
        """Seconds from some beginning; for durations."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class NewId(Protocol):
    """Makes ids that nobody else has and that sort by time."""

    def __call__(self) -> str:
        """A ULID of now."""


class Counters(Protocol):
    """CloudWatch metrics, or a test's tally."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a metric."""
