"""Reports that wait for their message."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from bridge.domain.messages import EarlyReport, Owner, Status
from tests.fakes.day_counts import FakeDayCounts


@dataclass
class FakeEarlyReports:
    """Early reports by event id, with the minute in which each was kept, until they wait no more."""

    days: FakeDayCounts
    reports: dict[str, EarlyReport] = field(default_factory=dict)
    waiting: dict[str, datetime] = field(default_factory=dict)

    def keep(self, report: EarlyReport, *, at: datetime, day: date) -> bool:
        if report.event_id in self.reports:
            return False
        self.reports[report.event_id] = report
        self.waiting[report.event_id] = at.replace(second=0, microsecond=0)
        self._count(report, day, 1)
        return True

    def kept_in(self, minute: datetime, *, after: str) -> Sequence[EarlyReport]:
        due = sorted(name for name, at in self.waiting.items() if at == minute and name > after)
        return [self.reports[name] for name in due[:2]]

    def attach(self, report: EarlyReport, owner: Owner, *, day: date) -> None:  # noqa: ARG002 - the port's signature
        if self.waiting.pop(report.event_id, None):
            self._count(report, day, -1)

    def _count(self, report: EarlyReport, day: date, by: int) -> None:
        name = {Status.DELIVERED: "foreign_delivered", Status.UNDELIVERED: "foreign_failed"}.get(report.status)
        if name:
            self.days.add(report.account, day, name, by)
