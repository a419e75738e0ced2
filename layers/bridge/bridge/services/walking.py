"""Walking: what falls due with time is looked at hour by hour or minute by minute, and no hour is skipped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

from bridge.domain.walks import Place
from bridge.ports import Progress

T = TypeVar("T")

TimeLeft = Callable[[], float]  # seconds until this run has to end
_RESERVE: Final = 15.0  # seconds that a page, or one visit, may take


@dataclass(frozen=True, kw_only=True)  # with slots, Python 3.11 makes no generic one
class Walk(Generic[T]):
    """One way through time, in steps, each of which has some partitions.

    Attributes:
        name: what its progress is kept under.
        lag: how long a step has to be over before it is looked at.
        page: of a step's partition what comes after a key, sorted; empty at the end.
        key: an entry's key.
        visit: what is done with some entries; it may be done again.
        at_once: how many entries `visit` gets, so that it surely ends within the time that is kept for it.
    """

    name: str
    step: timedelta
    lag: timedelta
    shards: int
    page: Callable[[Place], Sequence[T]]
    key: Callable[[T], str]
    visit: Callable[[Sequence[T]], int]
    at_once: int

    def go_on(self, progress: Progress, now: datetime, time_left: TimeLeft) -> int:
        """Visit all that became due since the last run, as far as time allows; the sum of what the visits returned.

        The place is remembered after each page, or where time ran out in it: what a run that dies did of its last
        page is done again by the next.
        """
        place = progress.reached(self.name)
        if place is None:
            # Nothing that is kept is older than the first run: the schedule comes with the stack.
            place = Place(at=self._beginning(now - self.lag - self.step))
            progress.remember(self.name, place)
        done = 0
        remembered = place
        while place.at + self.step + self.lag <= now and time_left() > _RESERVE:
            entries = self.page(place)
            if entries:
                for start in range(0, len(entries), self.at_once):
                    some = entries[start : start + self.at_once]
                    done += self.visit(some)
                    place = replace(place, after=self.key(some[-1]))
                    if time_left() <= _RESERVE:
                        break
                progress.remember(self.name, place)
                remembered = place
            elif place.shard + 1 < self.shards:
                place = Place(at=place.at, shard=place.shard + 1)
            else:
                place = Place(at=place.at + self.step)
        if place != remembered:
            progress.remember(self.name, place)  # empty partitions are passed without a write for each
        return done

    def _beginning(self, time: datetime) -> datetime:
        seconds = self.step.total_seconds()
        return datetime.fromtimestamp(time.timestamp() // seconds * seconds, UTC)
