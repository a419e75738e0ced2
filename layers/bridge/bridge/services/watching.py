"""Watching: what each account's pulls and balance say, once a minute; each thing is said once, until it recovered.

A look costs one read for all accounts. Balances are asked every 15 minutes and unreported submits every 5, since
both are the dearer questions; a write is made only where something changed.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bridge.domain.errors import AccountNotConfigured, BridgeError, GatewayRefused
from bridge.domain.events import Event, balance_low, stalled, suspended
from bridge.domain.messages import Message, Status
from bridge.domain.pulls import Kind
from bridge.domain.watches import PullTrace, Reading, Reason, Stall, Watch, Watched, hours_left, with_reading
from bridge.ports import Accounts, Clock, Counters, Messages, SubmitTimes, Topic, Watches
from bridge.services.balancing import Balance, Balancing

# A pull is due every minute: more than two missed ones, with half a minute for one that is under way.
MISSED_TICKS: Final = timedelta(seconds=150)
# The functions keep the accounts for five minutes, each for itself: this one may know a new one that much earlier.
_NEW_FOR: Final = MISSED_TICKS + timedelta(minutes=5)
_BALANCE_EVERY: Final = timedelta(minutes=15)
_REPORTS_EVERY: Final = 5  # minutes of the clock, so that nothing has to be remembered of it
# Each submit is looked at three times before it is too old: a look that failed or was skipped loses none.
_SUBMITS_FOR: Final = timedelta(minutes=15)
# A schedule's ticks come a few seconds early or late.
_JITTER: Final = timedelta(seconds=30)
# A balance is asked for, and so something is kept, every 15 minutes: a longer pause was none of the account's doing.
_PAUSED_AFTER: Final = 2 * _BALANCE_EVERY
_SUSPENDED: Final = 202  # 账户暂停


def _name(reason: Reason, kind: Kind) -> str:
    return f"{reason}#{kind}"


# What can be wrong with an account, by the names under which it is remembered.
_LOW: Final = "balance_low"
_IS_SUSPENDED: Final = "suspended"
_GAP: Final = _name(Reason.NO_REPORTS, Kind.REPORTS)
_NO_PULLS: Final = _name(Reason.MISSED_TICKS, Kind.REPORTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """How the gateway answered the question for the balance; None where it did not say."""

    balance: Balance | None = None
    suspended: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look at an account: `open` is what is wrong now, with the event that says it, if this look saw it."""

    account: str
    now: datetime
    watch: Watch
    pulls: Mapping[Kind, PullTrace]
    open: dict[str, Event | None] = field(default_factory=dict)

    def trace(self, kind: Kind) -> PullTrace:
        return self.pulls.get(kind, PullTrace())

    def reports_since(self, time: datetime) -> bool:
        records_at = self.trace(Kind.REPORTS).records_at
        return records_at is not None and records_at >= time

    def news(self) -> list[Event]:
        return [event for name, event in self.open.items() if event and name not in self.watch.announced]

    def after(self) -> Watch:
        announced = {name: self.watch.announced.get(name, self.now) for name in sorted(self.open)}
        return replace(self.watch, announced=announced)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Looks at all accounts: metrics each time, an event when something goes wrong."""

    accounts: Accounts
    balancing: Balancing
    watches: Watches
    submits: SubmitTimes
    messages: Messages
    topic: Topic
    clock: Clock
    counters: Counters
    threshold: int  # messages
    low_hours: float  # 0: not judged by hours
    report_gap: timedelta  # zero: not looked for

    def watch(self) -> dict[str, list[str]]:
        """What is wrong with each account. Raises NotPublished; the next look says it again."""
        names = self.accounts.names()
        # A metric of its own: an alarm that misses it knows that nobody watches, accounts or not.
        self.counters.count("AccountsWatched", len(names))
        if not names:
            return {}
        standing = self.watches.read(names)
        looks = [self._begin(name, standing.get(name, Watched())) for name in names]
        for look in looks:
            self._judge_pulls(look)
        self._judge_reports(looks)
        looks = self._judge_balances(looks)
        news = [event for look in looks for event in look.news()]
        if news:
            self.topic.publish(news)
        for look in looks:
            self._count(look)
            # After the events: a crash between the two says them twice rather than never.
            if look.after() != standing.get(look.account, Watched()).watch:
                self.watches.keep(look.account, look.after())
        return {look.account: sorted(look.open) for look in looks}

    def _begin(self, account: str, standing: Watched) -> _Look:
        now = self._local_now(account)
        watch = standing.watch or Watch(known_since=now, watched_since=now)
        if watch.asked_at is not None and now - watch.asked_at > _PAUSED_AFTER:
            watch = replace(watch, watched_since=now)
        return _Look(account=account, now=now, watch=watch, pulls=standing.pulls)

    # --- pulls

    def _judge_pulls(self, look: _Look) -> None:
        for kind in Kind:
            since, patience = _last_sign(look, kind)
            age = look.now - since
            stale = age > patience
            if stale or patience == MISSED_TICKS:
                self.counters.count("PullAge", age.total_seconds(), account=look.account, kind=kind)
            if stale:
                stall = Stall(kind=kind, reason=Reason.MISSED_TICKS, since=since)
                look.open[_name(Reason.MISSED_TICKS, kind)] = stalled(look.account, stall, look.now)

    def _judge_reports(self, looks: list[_Look]) -> None:
        """Submits whose reports are overdue, though the pulls go well."""
        if not self.report_gap:
            return
        for look in looks:
            noticed = look.watch.announced.get(_GAP)
            if noticed is not None and not look.reports_since(noticed):
                look.open[_GAP] = None
        until = self.clock.now() - self.report_gap
        in_doubt = [
            look
            for look in looks
            if _GAP not in look.watch.announced and not look.reports_since(until) and _NO_PULLS not in look.open
        ]
        if not in_doubt or self.clock.now().minute % _REPORTS_EVERY:
            return
        submitted = self.submits.between(until - _SUBMITS_FOR, until)
        for look in in_doubt:
            message = self._awaiting(look, submitted.get(look.account, ()))
            if message is not None:
                stall = Stall(
                    kind=Kind.REPORTS,
                    reason=Reason.NO_REPORTS,
                    since=message.created_at,
                    message_id=message.id,
                    records_at=look.trace(Kind.REPORTS).records_at,
                )
                look.open[_GAP] = stalled(look.account, stall, look.now)

    def _awaiting(self, look: _Look, message_ids: Iterable[str]) -> Message | None:
        """The first that the gateway took and nothing was reported of: one that it refused has no report to come."""
        for message_id in message_ids:
            message = self.messages.find(message_id)
            if (
                message is not None
                and not look.reports_since(message.created_at)
                and any(recipient.status is Status.SUBMITTED for recipient in message.recipients)
            ):
                return message
        return None

    # --- balances

    def _judge_balances(self, looks: list[_Look]) -> list[_Look]:
        due = [look.account for look in looks if _due(look)]
        # Beside each other: one gateway that hangs holds up no other.
        answers: dict[str, _Asked] = {}
        if due:
            with ThreadPoolExecutor(max_workers=len(due), thread_name_prefix="balance") as pool:
                answers = dict(zip(due, pool.map(self._ask, due), strict=True))
        return [self._judge_balance(look, answers.get(look.account)) for look in looks]

    def _ask(self, account: str) -> _Asked:
        try:
            return _Asked(balance=self.balancing.of(account), suspended=False)
        except GatewayRefused as exc:
            self.counters.count("BalanceUnknown", account=account)
            return _Asked(suspended=exc.code.number == _SUSPENDED)
        except BridgeError:
            self.counters.count("BalanceUnknown", account=account)
            return _Asked()

    def _judge_balance(self, look: _Look, asked: _Asked | None) -> _Look:
        watch = look.watch
        if asked is not None:
            said = watch.suspended if asked.suspended is None else asked.suspended
            watch = replace(watch, asked_at=look.now, suspended=said)
        if asked is None or asked.balance is None:
            if _LOW in watch.announced:  # nobody knows better
                look.open[_LOW] = None
        else:
            balance = asked.balance.balance
            self.counters.count("Balance", balance, account=look.account)
            watch = replace(watch, balances=with_reading(watch.balances, Reading(at=look.now, balance=balance)))
            left = hours_left(watch.balances)
            if balance < self.threshold or (left is not None and left < self.low_hours):
                look.open[_LOW] = balance_low(look.account, balance, self.threshold, left, asked.balance.as_of)
        if watch.suspended or any(trace.suspended for trace in look.pulls.values()):
            look.open[_IS_SUSPENDED] = suspended(look.account, look.now)
        return replace(look, watch=watch)

    def _count(self, look: _Look) -> None:
        """What an alarm looks at: 0 or 1 every minute, so that it recovers as soon as the account does."""
        self.counters.count("BalanceLow", int(_LOW in look.open), account=look.account)
        self.counters.count("AccountSuspended", int(_IS_SUSPENDED in look.open), account=look.account)
        self.counters.count("ReportGap", int(_GAP in look.open), account=look.account)

    def _local_now(self, account: str) -> datetime:
        try:
            return self.clock.now().astimezone(self.accounts.get(account).tzinfo)
        except AccountNotConfigured:  # it is watched all the same: nothing of it is pulled
            return self.clock.now().astimezone(UTC)


def _last_sign(look: _Look, kind: Kind) -> tuple[datetime, timedelta]:
    """When a pull of this kind was last completed, and how long that may be ago."""
    completed_at = look.trace(kind).completed_at
    if completed_at is None or completed_at < look.watch.watched_since:
        # Just deployed, just added, or watched again after a pause: its first pull is still to come.
        return look.watch.watched_since, _NEW_FOR
    return completed_at, MISSED_TICKS


def _due(look: _Look) -> bool:
    return look.watch.asked_at is None or look.now - look.watch.asked_at >= _BALANCE_EVERY - _JITTER
