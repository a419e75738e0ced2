"""What the watchers know and compare."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from bridge.domain.watches import Watch, Watched


class Watches(Protocol):
    """What the watchers know of the accounts from one look to the next."""

    def read(self, accounts: Sequence[str]) -> Mapping[str, Watched]:
        """What is kept of each of them, and of its pulls."""

    def keep(self, account: str, watch: Watch) -> None:
        """Keep it for the next look."""


class SubmitTimes(Protocol):
    """Which messages were made when."""

    def between(self, after: datetime, until: datetime) -> Mapping[str, tuple[str, ...]]:
        """Some message ids of each account that made any then, oldest first: a sample, never all of a busy hour."""


class Reconciliations(Protocol):
    """Which accounts were compared with the gateway, and when."""

    def last(self, account: str) -> date | None:
        """The day of the last comparison; None before the first."""

    def done(self, account: str, today: date) -> None:
        """Write down that today's comparison was made."""
