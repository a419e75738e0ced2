"""A discrete-event simulation in miniature: a clock, things that happen, and what they wait for.

Nothing here knows of SMS or AWS. A server or a waiting thing may stand for several, so that a hundred thousand a second
cost no more to simulate than a hundred: what is counted is always messages.
"""

import heapq
import itertools
import math
import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

NOTHING: Final = 1e-6
"""So few messages are none: what divisions leave over."""


class Simulation:
    """The clock, and what is to happen.

    Attributes:
        now: seconds since the beginning.
        random: where all chance comes from; the same seed gives the same run.
    """

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.random = random.Random(seed)  # noqa: S311 - a run that its seed repeats
        self._ahead: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()

    def after(self, delay: float, happen: Callable[[], None]) -> None:
        """Have something happen in some seconds. Of two things at the same time the earlier asked for comes first."""
        heapq.heappush(self._ahead, (self.now + delay, next(self._number), happen))

    def run(self, until: float) -> None:
        """Let things happen, up to a time."""
        while self._ahead and self._ahead[0][0] <= until:
            self.now, _, happen = heapq.heappop(self._ahead)
            happen()
        self.now = until

    def poisson(self, mean: float) -> int:
        """How many of the many that each come by chance do come."""
        if mean > 100:  # beyond, the difference from a normal one is below what a table shows
            return max(0, round(self.random.gauss(mean, math.sqrt(mean))))
        limit, product, count = math.exp(-mean), self.random.random(), 0
        while product > limit:
            product *= self.random.random()
            count += 1
        return count

    def varied(self, mean: float, spread: float) -> float:
        """A time with a tail: lognormal with this mean; `spread` is the standard deviation of its logarithm."""
        return mean * math.exp(self.random.gauss(0.0, spread) - spread * spread / 2) if mean else 0.0


@dataclass
class Capacity:
    """Something of which there is so much at once and no more, such as an account's concurrent Lambdas.

    Attributes:
        most_used: the most that was in use at once.
    """

    size: float
    used: float = 0.0
    most_used: float = 0.0
    _waiting: list[Callable[[], None]] = field(default_factory=list)

    def take(self, amount: float) -> bool:
        """Take some of it. False where there is not so much left: then nothing was taken."""
        if self.used + amount > self.size:
            return False
        self.used += amount
        self.most_used = max(self.most_used, self.used)
        return True

    def give_back(self, amount: float) -> None:
        """Give some of it back; whoever waits for it is told."""
        self.used -= amount
        for tell in self._waiting:
            tell()

    def tell(self, whom: Callable[[], None]) -> None:
        """Tell somebody each time that there is more."""
        self._waiting.append(whom)


class Rate:
    """A limit of so many a second, without a burst: whoever comes too early has to wait. (GCRA, ITU-T I.371.)

    Attributes:
        refused: how many would have had to wait for longer than they can.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.refused = 0.0
        self.taken = 0.0
        self._free_at = 0.0

    def ahead(self, now: float) -> float:
        """Seconds that whoever comes now would have to wait."""
        return max(0.0, self._free_at - now)

    def wait(self, now: float, amount: float, *, patience: float = math.inf) -> float | None:
        """Seconds to wait for this amount. None where that is more than the patience: then nothing is taken."""
        wait = self.ahead(now)
        if wait > patience:
            self.refused += amount
            return None
        self._free_at = max(now, self._free_at) + amount / self.per_second
        self.taken += amount
        return wait

    def is_full(self, until: float, share: float = 0.95) -> bool:
        """Whether nearly all that it lets through was used, from the beginning until now."""
        return self.taken > share * self.per_second * until


@dataclass
class Bucket:
    """A token bucket: what there is no token for is turned away."""

    per_second: float
    burst: float
    tokens: float = field(init=False)
    refused: float = 0.0
    _at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def admit(self, now: float, amount: float) -> float:
        """How many of these go through."""
        self.tokens = min(self.burst, self.tokens + (now - self._at) * self.per_second)
        self._at = now
        admitted = math.floor(min(amount, self.tokens) + NOTHING)
        self.tokens -= admitted
        self.refused += amount - admitted
        return admitted


class Times:
    """How long things took, each of which may stand for several."""

    def __init__(self) -> None:
        self._took: list[tuple[float, float]] = []

    def add(self, seconds: float, amount: float = 1.0) -> None:
        """So many took so long."""
        self._took.append((seconds, amount))

    @property
    def count(self) -> float:
        """How many."""
        return sum(amount for _, amount in self._took)

    @property
    def mean(self) -> float:
        """Their mean, in seconds; NaN of none."""
        return sum(seconds * amount for seconds, amount in self._took) / self.count if self._took else math.nan

    def quantile(self, share: float) -> float:
        """The time within which this share of them was done; NaN of none."""
        if not self._took:
            return math.nan
        took = sorted(self._took)
        sums = list(itertools.accumulate(amount for _, amount in took))
        return took[min(bisect_left(sums, share * sums[-1]), len(took) - 1)][0]


@dataclass(frozen=True, slots=True)
class Lot:
    """Some of the same kind that came together.

    Attributes:
        count: how many.
        since: when what they wait for began; of reports, when the gateway had them.
        content: what is in them, of a page.
    """

    count: float
    since: float
    content: tuple["Lot", ...] = ()


class Queue:
    """First come, first served."""

    def __init__(self) -> None:
        self.length = 0.0
        self._lots: list[Lot] = []
        self._first = 0

    def __iter__(self) -> Iterator[Lot]:
        return iter(self._lots[self._first :])

    def put(self, lots: Iterable[Lot]) -> None:
        """At the end."""
        for lot in lots:
            self._lots.append(lot)
            self.length += lot.count

    def take(self, most: float) -> list[Lot]:
        """From the beginning, so many at the most."""
        taken: list[Lot] = []
        while most > NOTHING and self._first < len(self._lots):
            lot = self._lots[self._first]
            count = min(lot.count, most)
            taken.append(Lot(count, lot.since, lot.content))
            most -= count
            self.length -= count
            if count < lot.count:
                self._lots[self._first] = Lot(lot.count - count, lot.since, lot.content)
            else:
                self._first += 1
        if self._first > 10_000:
            del self._lots[: self._first]
            self._first = 0
        return taken


def amount(lots: Iterable[Lot]) -> float:
    """How many these are together."""
    return sum(lot.count for lot in lots)


Serve = Callable[[list[Lot], int], Iterator[float]]
"""What some workers beside each other do with what they took together: yields the seconds of each step."""


class Workers:
    """Those who take from a queue, some at once: an event source of SQS and the function behind it.

    Up to fifty of them are simulated each by itself; of more, each stands for several.

    Attributes:
        busy: how many work now.
        starved: how often one could not begin, because `of` had no more.
    """

    def __init__(
        self,
        simulation: Simulation,
        *,
        most: int,
        batch: float,
        serve: Serve,
        of: Capacity | None = None,
        begin_with: float = math.inf,
        more_each_second: float = 0.0,
        window: float = 0.0,
    ) -> None:
        """Say what they do.

        Args:
            simulation: the clock.
            most: how many work at once.
            batch: what each takes at once, at the most.
            serve: what they do.
            of: where they are taken from, too.
            begin_with: how many there are at first,
            more_each_second: and how many more are added.
            window: seconds that one waits for a batch that is not full.
        """
        self.queue = Queue()
        self.busy = 0
        self.starved = 0
        self._simulation = simulation
        self._most = most
        self._batch = batch
        self._serve = serve
        self._of = of
        self._begin_with = begin_with
        self._more = more_each_second
        self._window = window
        self._gathers_until: float | None = None
        self._grain = max(1, most // 50)
        if of is not None:
            of.tell(self._begin)

    def put(self, lots: Iterable[Lot]) -> None:
        """More to do."""
        self.queue.put(lots)
        self._begin()

    def _begin(self) -> None:
        while self.queue.length > NOTHING and self.busy + self._grain <= self._at_most() and self._has_gathered():
            if self._of is not None and not self._of.take(self._grain):
                self.starved += 1
                return
            self.busy += self._grain
            self._go_on(self._serve(self.queue.take(self._batch * self._grain), self._grain))

    def _has_gathered(self) -> bool:
        if self.queue.length < self._batch * self._grain and self._window:
            if self._gathers_until is None:
                self._gathers_until = self._simulation.now + self._window
                self._simulation.after(self._window, self._begin)
            if self._simulation.now < self._gathers_until:
                return False
        self._gathers_until = None
        return True

    def _at_most(self) -> float:
        return max(self._grain, min(self._most, self._begin_with + self._more * self._simulation.now))

    def _go_on(self, steps: Iterator[float]) -> None:
        seconds = next(steps, None)
        if seconds is not None:
            self._simulation.after(seconds, lambda: self._go_on(steps))
            return
        self.busy -= self._grain
        if self._of is not None:
            self._of.give_back(self._grain)
        self._begin()
