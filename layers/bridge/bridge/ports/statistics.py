"""What makes questions about days affordable."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from eums import DayStatistics


class Slots(Protocol):
    """The gateway's limit on statistics, kept across Lambdas."""

    def take(self, account: str, now: datetime) -> float:
        """Take one of the slots: 0.0 when taken, else the seconds until the next is free."""

    def exhaust(self, account: str, now: datetime) -> None:
        """The gateway says that none is left: so it is, for a minute."""


class StatisticsCache(Protocol):
    """Answers to questions about days, for a while."""

    def get(self, account: str, start: date, end: date, now: datetime) -> "tuple[DayStatistics, ...] | None":
        """The answer, if one is fresh enough."""

    def put(
        self, account: str, start: date, end: date, days: "tuple[DayStatistics, ...]", expires_at: datetime
    ) -> None:
        """Keep an answer."""
