"""Things that become due and are then handed out once: reports and MO messages. And a limit on how often."""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(order=True)
class _Scheduled(Generic[Item]):
    due: datetime
    ordinal: int
    item: Item = field(compare=False)


class Outbox(Generic[Item]):
    """A queue ordered by due time, and by arrival among equals. At most `capacity` due items wait; older ones go.

    Args:
        capacity: how many due items wait at most.
        revise: what becomes of an item at the moment when it is due: itself, another one, or None, which drops it.
    """

    def __init__(self, capacity: int, revise: Callable[[Item], Item | None] = lambda item: item) -> None:
        self._revise = revise
        self._scheduled: list[_Scheduled[Item]] = []
        self._waiting: deque[tuple[Item, datetime]] = deque()
        self._capacity = capacity
        self._ordinal = 0
        self.discarded = 0

    def schedule(self, item: Item, due: datetime) -> None:
        """Add an item that becomes due at `due`."""
        self._ordinal += 1
        heapq.heappush(self._scheduled, _Scheduled(due, self._ordinal, item))

    def advance(self, now: datetime) -> list[tuple[Item, datetime]]:
        """Move what is due by `now` to the waiting items; return it with its due times."""
        moved = []
        while self._scheduled and self._scheduled[0].due <= now:
            entry = heapq.heappop(self._scheduled)
            moved.append((entry.item, entry.due))
        return self._wait(moved)

    def make_due(self, now: datetime) -> list[tuple[Item, datetime]]:
        """Move everything to the waiting items, in its order, due at `now` at the latest; return it."""
        moved = [(entry.item, min(entry.due, now)) for entry in sorted(self._scheduled)]
        self._scheduled.clear()
        return self._wait(moved)

    def take(self, limit: int) -> list[tuple[Item, datetime]]:
        """Hand out up to `limit` waiting items, oldest first. They are gone from here."""
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    @property
    def scheduled(self) -> int:
        """How many items are not due yet."""
        return len(self._scheduled)

    @property
    def waiting(self) -> int:
        """How many items wait to be handed out."""
        return len(self._waiting)

    def _wait(self, moved: list[tuple[Item, datetime]]) -> list[tuple[Item, datetime]]:
        revised = ((self._revise(item), due) for item, due in moved)
        moved = [(item, due) for item, due in revised if item is not None]
        self._waiting.extend(moved)
        while len(self._waiting) > self._capacity:
            self._waiting.popleft()
            self.discarded += 1
        return moved


class Window:
    """At most so many calls in a sliding window. A refused call does not count, so waiting always helps."""

    def __init__(self) -> None:
        self._calls: deque[datetime] = deque()

    def admits(self, now: datetime, calls: int, width: timedelta) -> bool:
        """Count a call at `now`, unless `calls` were counted in the last `width` already."""
        while self._calls and now - self._calls[0] >= width:
            self._calls.popleft()
        if len(self._calls) >= calls:
            return False
        self._calls.append(now)
        return True
