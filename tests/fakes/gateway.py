"""The gateway."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from bridge.domain.pulls import Kind
from eums import Accepted, DayStatistics, Reply, Submit, check_submit
from tests.fakes.accounts import FakeAccounts


@dataclass
class FakeGateway:
    """A gateway that answers what it was told to: a value, or an exception to raise."""

    accounts: FakeAccounts
    submits: list[tuple[str, Submit]] = field(default_factory=list)
    submit_answer: Callable[[Submit], tuple[Accepted, ...]] | Exception | None = None
    pulls: list[tuple[str, Kind]] = field(default_factory=list)
    pages: list[Reply | Exception] = field(default_factory=list)
    balance_answer: int | Exception = 100
    asked_for_statistics: list[tuple[date, date]] = field(default_factory=list)
    statistics_answer: Callable[[date, date], tuple[DayStatistics, ...]] | Exception | None = None

    def check(self, account: str, submit: Submit) -> None:
        check_submit(self.accounts.get(account), submit)

    def submit(self, account: str, submit: Submit) -> tuple[Accepted, ...]:
        self.submits.append((account, submit))
        if isinstance(self.submit_answer, Exception):
            raise self.submit_answer
        if self.submit_answer is not None:
            return self.submit_answer(submit)
        return tuple(Accepted(number, f"06030155224547{index:05}", 1) for index, number in enumerate(submit.dest))

    def pull(self, account: str, kind: Kind) -> Reply:
        self.pulls.append((account, kind))
        page = self.pages.pop(0) if self.pages else EMPTY_PAGE
        if isinstance(page, Exception):
            raise page
        return page

    def balance(self, account: str) -> int:  # noqa: ARG002 - the port's signature
        if isinstance(self.balance_answer, Exception):
            raise self.balance_answer
        return self.balance_answer

    def statistics(self, account: str, start: date, end: date) -> tuple[DayStatistics, ...]:  # noqa: ARG002 - likewise
        self.asked_for_statistics.append((start, end))
        if isinstance(self.statistics_answer, Exception):
            raise self.statistics_answer
        if self.statistics_answer is not None:
            return self.statistics_answer(start, end)
        days = (end - start).days + 1
        return tuple(DayStatistics(start + timedelta(days=day), 10, 7, 2, 1) for day in range(days))


def page(body: str | bytes, *, status: int = 200, cut: bool = False) -> Reply:
    """A reply of the gateway."""
    raw = body.encode() if isinstance(body, str) else body
    return Reply(status=status, headers=(("Content-Type", "text/plain"),), body=raw, cut=cut)


EMPTY_PAGE = page('{"code":0,"data":[]}')
