"""What the watchers remember of an account from one look to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from bridge.domain.pulls import Kind

BALANCES_FOR: Final = timedelta(hours=24)
_BALANCES_AT_MOST: Final = 100  # a reading each 15 minutes is 96 a day
_FEWEST_HOURS: Final = 1.0  # less than that says nothing of a rate


class Reason(StrEnum):
    """Why a kind of pull counts as stalled."""

    MISSED_TICKS = "missed_ticks"  # no pull was completed, though one is due every minute
    NO_REPORTS = "no_reports"  # pulls are completed, and bring no report of what was submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Pulls of a kind that are not completed, or bring no report of what was submitted.

    Attributes:
        since: when a pull was last completed, or the account first seen; for a gap, when the message was made whose
            report is overdue.
        message_id: that message; None where there is no gap.
        records_at: for a gap, when a pull last brought reports.
    """

    kind: Kind
    reason: Reason
    since: datetime
    message_id: str | None = None
    records_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullTrace:
    """What the lease of (account, kind) remembers of its pulls.

    Attributes:
        completed_at: when one was last completed, however it ended; None before the first.
        records_at: when one last brought records.
        suspended: the last one was refused with 202 (账户暂停).
    """

    completed_at: datetime | None = None
    records_at: datetime | None = None
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A balance at a moment, in messages."""

    at: datetime
    balance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """An account as the watchers know it.

    Attributes:
        known_since: when they first saw it.
        watched_since: since when they have looked without a longer pause; what happened in a pause is not judged.
        asked_at: when the balance was last asked for, with or without an answer.
        suspended: that question was answered with 202 (账户暂停).
        balances: the answers of the last 24 hours, oldest first.
        announced: what was said and has not recovered, with the time when it was noticed.
    """

    known_since: datetime
    watched_since: datetime
    asked_at: datetime | None = None
    suspended: bool = False
    balances: tuple[Reading, ...] = ()
    announced: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is kept of an account: its watch, once there is one, and its pulls."""

    watch: Watch | None = None
    pulls: Mapping[Kind, PullTrace] = field(default_factory=dict)


def with_reading(balances: tuple[Reading, ...], reading: Reading) -> tuple[Reading, ...]:
    """The history with one more reading, and without what is older than 24 hours."""
    recent = [kept for kept in balances if reading.at - kept.at <= BALANCES_FOR]
    return (*recent, reading)[-_BALANCES_AT_MOST:]


def hours_left(balances: tuple[Reading, ...]) -> float | None:
    """How long the last balance lasts at the rate of the history; None where that cannot be told.

    Only drops are counted, so that a top-up does not hide what was used before and after it.
    """
    if not balances:
        return None
    hours = (balances[-1].at - balances[0].at) / timedelta(hours=1)
    used = sum(max(earlier.balance - later.balance, 0) for earlier, later in pairwise(balances))
    if hours < _FEWEST_HOURS or used == 0:
        return None
    return round(max(balances[-1].balance, 0) * hours / used, 1)
