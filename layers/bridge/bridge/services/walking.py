"""Walking: what falls due with time is looked at hour by hour or minute by minute, and no hour is skipped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from bridge.domain.walks import Place
from bridge.ports import Progress

T = TypeVar("T")

TimeLeft = Callable[[], float]  # seconds until this run has to end
_RESERVE = 15.0  # seconds that one page may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk(Generic[T]):
    """One way through time, in steps, each of which has some partitions.

    Attributes:
        name: what its progress is kept under.
        lag: how long a step has to be over before it is looked at.
        page: of a step's partition what comes after a key, sorted; empty at the end.
        key: an entry's key.
        visit: what is done with a page; it may be done again.
    """

    name: str
    step: timedelta
    lag: timedelta
    shards: int
    page: Callable[[Place], Sequence[T]]
    key: Callable[[T], str]
    visit: Callable[[Sequence[T]], int]

    def go_on(self, progress: Progress, now: datetime, time_left: TimeLeft) -> int:
        """Visit all that became due since the last run, as far as time allows; the sum of what the visits returned.

        The place is remembered after each page: a run that dies has its last page done again by the next.
        """
        place = progress.reached(self.name)
        if place is None:
            # Nothing that is kept is older than the first run: the schedule comes with the stack.
            place = Place(at=self._beginning(now - self.lag - self.step))
            progress.remember(self.name, place)
        done = 0
        started = place
        while place.at + self.step + self.lag <= now and time_left() > _RESERVE:
            entries = self.page(place)
            if entries:
                done += self.visit(entries)
                place = Place(at=place.at, shard=place.shard, after=self.key(entries[-1]))
                progress.remember(self.name, place)
                started = place
            elif place.shard + 1 < self.shards:
                place = Place(at=place.at, shard=place.shard + 1)
            else:
                place = Place(at=place.at + self.step)
        if place != started:
            progress.remember(self.name, place)  # empty partitions are passed without a write for each
        return done

    def _beginning(self, time: datetime) -> datetime:
        seconds = self.step.total_seconds()
        return datetime.fromtimestamp(time.timestamp() // seconds * seconds, UTC)
