"""Tracking: what the reports say is written to their messages, and statuses move forward only."""

from dataclasses import dataclass
from datetime import date

from bridge.domain.days import day_in
from bridge.domain.events import tracked_report
from bridge.domain.ids import ulid_time
from bridge.domain.messages import Applied, EarlyReport
from bridge.ports import Accounts, Clock, Counters, EarlyReports, Messages


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
        report = tracked_report(body)
        zone = self.accounts.get(report.account).tzinfo
        if isinstance(report, EarlyReport):
            return self._keep(report, day_in(report.time, zone))
        submitted_at = report.submitted_at or ulid_time(report.message_id)
        applied = self.messages.apply(report, day=day_in(submitted_at, zone))
        if applied is Applied.CONTRADICTION:
            self.counters.count("ReportsContradicting")
        elif applied is Applied.DUPLICATE:
            self.counters.count("ReportsDuplicate")
        return applied

    def _keep(self, report: EarlyReport, day: date) -> Applied:
        kept = self.early.keep(report, at=self.clock.now(), day=day)
        if not kept:
            return Applied.REPEATED
        self.counters.count("ReportsKept", account=report.account)
        return Applied.KEPT
