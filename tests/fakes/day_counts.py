"""How many final reports there were, by day."""

from dataclasses import dataclass, field, replace
from datetime import date

from bridge.domain.days import DayCount


@dataclass
class FakeDayCounts:
    """A tally a day."""

    days: dict[tuple[str, date], DayCount] = field(default_factory=dict)

    def of(self, account: str, day: date) -> DayCount:
        return self.days.get((account, day), DayCount())

    def add(self, account: str, day: date, name: str, by: int = 1) -> None:
        count = self.of(account, day)
        self.days[account, day] = replace(count, **{name: getattr(count, name) + by})
