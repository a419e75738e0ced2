"""Reconciling: the gateway's own figures of the last three days against the final reports that the bridge recorded.

Inbound messages have no such figures: the gateway counts none, so a lost one is only known from the pull that lost it.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from bridge.domain.days import Comparison
from bridge.domain.errors import AccountNotConfigured, BridgeError
from bridge.domain.events import discrepancy
from bridge.ports import Accounts, Clock, Counters, DayCounts, Reconciliations, Topic, Watches
from bridge.services.statistics import Statistics
from eums import DayStatistics

# A report may come for 72 h after its submit, so a day still grows and a difference may be on its way. The third
# morning has the last word: what little comes after it grows both sides alike.
_DAYS: Final = 3
# Little is sent at night, so that few reports of yesterday are between the gateway's count and ours by then.
_MORNING: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """Compares each account with the gateway once a day, in the account's own morning."""

    accounts: Accounts
    statistics: Statistics
    counts: DayCounts
    watches: Watches
    reconciliations: Reconciliations
    topic: Topic
    clock: Clock
    counters: Counters

    def reconcile(self) -> dict[str, int | None]:
        """The days that differ of each account compared; None where the gateway did not say: the next run asks again.

        To be called every hour: an account whose day was done, or has not begun, costs next to nothing. Raises
        NotPublished; the next run says it again, with the same ids.
        """
        found: dict[str, int | None] = {}
        for account in self.accounts.names():
            try:
                now = self.clock.now().astimezone(self.accounts.get(account).tzinfo)
            except AccountNotConfigured:
                continue  # the watchers say so, since nothing of it is pulled
            if now.hour < _MORNING or self.reconciliations.last(account) == now.date():
                continue
            found[account] = self._reconcile(account, now)
        return found

    def _reconcile(self, account: str, now: datetime) -> int | None:
        today = now.date()
        first, last = today - timedelta(days=_DAYS), today - timedelta(days=1)
        try:
            answer = {day.date: day for day in self.statistics.of(account, first, last)}
        except BridgeError:
            self.counters.count("ReconciliationsPutOff", account=account)
            return None
        # Asked first and counted then: what arrives between the two makes ours the larger figure for a moment, and
        # never reports as missing what is there.
        since = self._counted_since(account, now)
        compared = [
            Comparison(
                gateway=answer.get(day, DayStatistics(day, 0, 0, 0, 0)),
                recorded=self.counts.of(account, day),
                final=day == first,
            )
            for day in (first + timedelta(days=number) for number in range(_DAYS))
            if since is not None and day > since
        ]
        different = [comparison for comparison in compared if not comparison.equal]
        if different:
            self.topic.publish([discrepancy(account, comparison, now) for comparison in different])
        self.reconciliations.done(account, today)
        self._count(account, compared)
        return len(different)

    def _counted_since(self, account: str, now: datetime) -> date | None:
        """The day on which the bridge first saw the account: of that day and those before, it knows a part at most."""
        watch = self.watches.read([account])[account].watch
        return watch.known_since.astimezone(now.tzinfo).date() if watch else None

    def _count(self, account: str, compared: list[Comparison]) -> None:
        missing = [figure for day in compared for figure in (day.missing_delivered, day.missing_failed)]
        self.counters.count("ReportsMissing", sum(max(figure, 0) for figure in missing), account=account)
        self.counters.count("ReportsSurplus", sum(max(-figure, 0) for figure in missing), account=account)
        # Only the final word: what is missing of yesterday may still be on its way.
        self.counters.count("Discrepancies", sum(1 for day in compared if day.final and not day.equal), account=account)
