"""Tracking: what the reports say is written to their messages, and statuses move forward only."""

from dataclasses import dataclass

from bridge.domain.events import tracked_report
from bridge.domain.messages import Applied
from bridge.ports import Counters, Messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Keeps the messages up to date with the events."""

    messages: Messages
    counters: Counters

    def track(self, body: str) -> Applied | None:
        """Apply one report event (its JSON form). None where it belongs to no message of ours.

        Raises ValueError where `body` is no report event.
        """
        report = tracked_report(body)
        if report is None:
            return None
        applied = self.messages.apply(report)
        if applied is Applied.CONTRADICTION:
            self.counters.count("ReportsContradicting")
        elif applied is Applied.DUPLICATE:
            self.counters.count("ReportsDuplicate")
        return applied
