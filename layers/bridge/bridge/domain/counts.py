"""Final reports of a day: the gateway's figures beside ours."""

from dataclasses import dataclass

from eums import DayStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """Distinct final reports that the bridge recorded for the submits of a day.

    Attributes:
        foreign_delivered: of submits that were not the bridge's: another system uses the account, and the gateway
            counts its messages too. Their submits are not known, so they count for the day of the report.
        foreign_failed: likewise.
    """

    delivered: int
    failed: int
    foreign_delivered: int = 0
    foreign_failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A day at the gateway (查询账户下行统计) and here.

    Its `submit` and `unknown` are not compared: both hold what another system sent, and what has no report yet.

    Attributes:
        final: the day is not compared again: what is missing now did not come within three days.
    """

    gateway: DayStatistics
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
