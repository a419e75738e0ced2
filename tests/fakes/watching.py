"""What the watchers know and look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from bridge.domain.pulls import Kind
from bridge.domain.watches import PullTrace, Watch, Watched
from tests.fakes.messages import FakeMessages


@dataclass
class FakeWatches:
    """Watches in a dictionary, beside the pulls that a test says were made."""

    pulls: dict[tuple[str, Kind], PullTrace] = field(default_factory=dict)
    kept: dict[str, Watch] = field(default_factory=dict)
    writes: int = 0

    def read(self, accounts: Sequence[str]) -> Mapping[str, Watched]:
        return {
            account: Watched(
                watch=self.kept.get(account),
                pulls={kind: trace for (owner, kind), trace in self.pulls.items() if owner == account},
            )
            for account in accounts
        }

    def keep(self, account: str, watch: Watch) -> None:
        self.writes += 1
        self.kept[account] = watch


@dataclass
class FakeSubmitTimes:
    """The messages' own times."""

    messages: FakeMessages
    asked: int = 0

    def between(self, after: datetime, until: datetime) -> Mapping[str, tuple[str, ...]]:
        self.asked += 1
        made = sorted(
            (message for message in self.messages.messages.values() if after <= message.created_at <= until),
            key=lambda message: message.created_at,
        )
        accounts = {message.account for message in made}
        return {name: tuple(message.id for message in made if message.account == name) for name in accounts}


@dataclass
class FakeReconciliations:
    """The days of the last comparisons."""

    days: dict[str, date] = field(default_factory=dict)

    def last(self, account: str) -> date | None:
        return self.days.get(account)

    def done(self, account: str, today: date) -> None:
        self.days[account] = today
