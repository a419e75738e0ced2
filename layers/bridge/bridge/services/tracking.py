"""Tracking: what the reports say is written to their messages, and statuses move forward only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from bridge.domain.days import day_in
from bridge.domain.events import tracked_report
from bridge.domain.ids import ulid_time
from bridge.domain.messages import Applied, EarlyReport, TrackedReport
from bridge.ports import Accounts, Clock, Counters, EarlyReports, Messages

_COUNTERS: Final = {"ReportsContradicting": Applied.CONTRADICTION, "ReportsDuplicate": Applied.DUPLICATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Keeps the messages up to date with the events."""

    accounts: Accounts
    messages: Messages
    early: EarlyReports
    clock: Clock
    counters: Counters

    def track(self, body: str) -> Applied:
        """Apply one report event (its JSON form); keep it where its message is not known.

        Raises:
            ValueError: `body` is no report event.
            AccountNotConfigured: its account is not in the secret, so that its day cannot be told.
        """
        [applied] = self.track_all([body])
        if isinstance(applied, Exception):
            raise applied
        return applied

    def track_all(self, bodies: Sequence[str]) -> list[Applied | Exception]:
        """The same of several events, in the order in which they came; of those that failed, why."""
        applied: dict[int, Applied | Exception] = {}
        tracked: dict[int, tuple[TrackedReport, date]] = {}
        for index, body in enumerate(bodies):
            try:
                report = tracked_report(body)
                zone = self.accounts.get(report.account).tzinfo
                if isinstance(report, EarlyReport):
                    applied[index] = self._keep(report, day_in(report.time, zone))
                else:
                    submitted_at = report.submitted_at or ulid_time(report.message_id)
                    tracked[index] = (report, day_in(submitted_at, zone))
            except Exception as exc:  # noqa: BLE001 - whatever it is, the others are tracked
                applied[index] = exc
        if tracked:
            applied |= dict(zip(tracked, self.messages.apply_all(list(tracked.values())), strict=True))
        for name, why in _COUNTERS.items():
            if many := list(applied.values()).count(why):
                self.counters.count(name, many)
        return [applied[index] for index in range(len(bodies))]

    def _keep(self, report: EarlyReport, day: date) -> Applied:
        kept = self.early.keep(report, at=self.clock.now(), day=day)
        if not kept:
            return Applied.REPEATED
        self.counters.count("ReportsKept", account=report.account)
        return Applied.KEPT
