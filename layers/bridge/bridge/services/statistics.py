"""Statistics: days of any range, from a gateway that answers 31 of them at a time, three times a minute."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from bridge.domain.clients import Caller
from bridge.domain.errors import FieldProblem, GatewayRefused, InvalidRequest, TooManyRequests
from bridge.ports import Accounts, Clock, Counters, Gateway, Slots, StatisticsCache
from bridge.services.asking import asking
from bridge.services.choosing import choose
from eums import DayStatistics

MAX_DAYS: Final = 366
_DAYS_A_CALL: Final = 31  # 查询账户下行统计: 起始时间与结束时间不能大于 31 天
_TOO_OFTEN: Final = 131
_MINUTE: Final = 60

# A report may come for 72 h, so the newest days still change; older ones hardly do, and a long range takes
# several minutes of the gateway's limit, through which its first answers must last.
_SETTLED_AFTER: Final = timedelta(days=3)
_KEEP_SETTLED: Final = timedelta(hours=1)
_KEEP_RECENT: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Answers what an account sent, day by day."""

    accounts: Accounts
    gateway: Gateway
    slots: Slots
    cache: StatisticsCache
    clock: Clock
    counters: Counters

    def asked(
        self, caller: Caller, wanted: str | None, start: date, end: date
    ) -> tuple[str, tuple[DayStatistics, ...]]:
        """The account that the caller means and its days, as `of` gives them. Raises NotAllowed besides."""
        account = choose(caller, wanted, self.accounts)
        return account, self.of(account, start, end)

    def of(self, account: str, start: date, end: date) -> tuple[DayStatistics, ...]:
        """The days from `start` to `end`, both included, oldest first; days without traffic may be missing.

        Raises:
            InvalidRequest: the range is backwards, too long or in the future.
            TooManyRequests: the limit is used up. What was learned until then is kept, so that the same question
                asked again goes on from there.
            GatewayRefused, GatewayUnreachable, GatewayUnreadable
        """
        now = self.clock.now()
        today = now.astimezone(self.accounts.get(account).tzinfo).date()
        _check(start, end, today)
        days: dict[date, DayStatistics] = {}
        for first, last in _calls(start, end):
            for day in self._part(account, first, last, now, today):
                days[day.date] = day
        return tuple(days[day] for day in sorted(days))

    def _part(self, account: str, first: date, last: date, now: datetime, today: date) -> tuple[DayStatistics, ...]:
        kept = self.cache.get(account, first, last, now)
        if kept is not None:
            return kept
        wait = self.slots.take(account, now)
        if wait > 0:
            self.counters.count("StatisticsLimited", account=account)
            raise _too_often(int(wait) + 1)
        try:
            with asking():
                days = self.gateway.statistics(account, first, last)
        except GatewayRefused as exc:
            if exc.code.number != _TOO_OFTEN:
                raise
            self.slots.exhaust(account, now)  # somebody else uses the account too
            raise _too_often(_MINUTE) from exc
        keep = _KEEP_SETTLED if last < today - _SETTLED_AFTER else _KEEP_RECENT
        self.cache.put(account, first, last, days, now + keep)
        return days


def _check(start: date, end: date, today: date) -> None:
    problems = []
    if end < start:
        problems.append(FieldProblem("end_date", "must not be before start_date"))
    elif (end - start).days >= MAX_DAYS:
        problems.append(FieldProblem("end_date", f"must be within {MAX_DAYS} days of start_date"))
    if start > today:
        problems.append(FieldProblem("start_date", "must not be in the future"))
    if problems:
        raise InvalidRequest(tuple(problems))


def _calls(start: date, end: date) -> Iterator[tuple[date, date]]:
    while start <= end:
        last = min(end, start + timedelta(days=_DAYS_A_CALL - 1))
        yield start, last
        start = last + timedelta(days=1)


def _too_often(retry_after: int) -> TooManyRequests:
    return TooManyRequests(
        "the gateway answers statistics three times a minute for an account; ask again later: "
        "what was answered until now is kept",
        retry_after=retry_after,
    )
