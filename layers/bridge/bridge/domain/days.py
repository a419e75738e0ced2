"""What became of a day's messages: the bridge's own count, to be held against the gateway's (查询账户下行统计)."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eums import DayStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """Recipients with a final report, by the day of their submit in the account's zone.

    Attributes:
        foreign_delivered: final reports of no message of ours, by the day of the report.
        foreign_failed: likewise.
    """

    delivered: int = 0
    failed: int = 0
    foreign_delivered: int = 0
    foreign_failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A day at the gateway (查询账户下行统计) and here.

    Its `submit` and `unknown` are not compared: both hold what another system sent, and what has no report yet.

    Attributes:
        final: the day is not compared again: what is missing now did not come within three days.
    """

    gateway: "DayStatistics"
    recorded: DayCount
    final: bool

    @property
    def missing_delivered(self) -> int:
        """How many good reports the gateway counts that we do not have; negative where we have more."""
        return self.gateway.delivrd - self.recorded.delivered - self.recorded.foreign_delivered

    @property
    def missing_failed(self) -> int:
        """How many bad reports the gateway counts that we do not have; negative where we have more."""
        return self.gateway.undeliv - self.recorded.failed - self.recorded.foreign_failed

    @property
    def equal(self) -> bool:
        """Whether both say the same."""
        return self.missing_delivered == self.missing_failed == 0


def day_in(time: datetime, zone: tzinfo) -> date:
    """The day of an aware time in a zone."""
    return time.astimezone(zone).date()
