"""What a page shows, with a number on every change: whoever was away asks for what came after the last one it saw.

Only the latest value of a thing is kept. So a reader who comes back gets nothing twice, misses nothing that is still
true, and a slow one costs no memory.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Changes:
    """What changed since a cursor.

    Attributes:
        reset: forget everything first; the cursor was none of this board's.
        items: `kind`, `key` and `value` of every changed thing, in the order of the changes.
        cursor: where to go on.
    """

    reset: bool
    items: list[dict[str, Any]]
    cursor: str

    def as_json(self) -> dict[str, Any]:
        """Write it for a page."""
        return {"reset": self.reset, "items": self.items, "cursor": self.cursor}


class Board:
    """Things by kind and key. Of each kind it keeps so many, and lets those go that have not changed for longest."""

    def __init__(self, capacities: Mapping[str, int]) -> None:
        self._capacities = dict(capacities)
        self._changed = threading.Condition()
        self._sequence = 0
        self._start_over()

    def _start_over(self) -> None:
        # A cursor names its epoch, as sequence numbers alone would fit the board of the process before this one too.
        self._epoch = secrets.token_hex(6)
        self._things: dict[str, OrderedDict[str, tuple[int, Any]]] = {kind: OrderedDict() for kind in self._capacities}

    def clear(self) -> None:
        """Forget everything; every reader starts over."""
        with self._changed:
            self._start_over()
            self._changed.notify_all()

    def put(self, kind: str, key: str, value: Any) -> None:
        """Set the value of a thing: what JSON can hold, and nobody changes any more."""
        with self._changed:
            self._sequence += 1
            things = self._things[kind]
            things[key] = (self._sequence, value)
            things.move_to_end(key)
            while len(things) > self._capacities[kind]:
                things.popitem(last=False)
            self._changed.notify_all()

    def get(self, kind: str, key: str) -> Any:
        """Look a value up; None where there is none."""
        with self._changed:
            found = self._things[kind].get(key)
            return found[1] if found else None

    def values(self, kind: str) -> list[Any]:
        """List the values of a kind, the last changed one last."""
        with self._changed:
            return [value for _, value in self._things[kind].values()]

    def changes(self, cursor: str | None = None) -> Changes:
        """Tell what changed after a cursor; everything, where it is none of ours."""
        with self._changed:
            after = self._position(cursor)
            items = []
            for kind, things in self._things.items():
                for key, (sequence, value) in reversed(things.items()):
                    if after is not None and sequence <= after:
                        break
                    items.append((sequence, {"kind": kind, "key": key, "value": value}))
            items.sort(key=lambda item: item[0])
            return Changes(after is None, [item for _, item in items], f"{self._epoch}-{self._sequence}")

    def wait(self, cursor: str | None, seconds: float) -> None:
        """Wait until something changed after a cursor, or that long."""
        with self._changed:
            self._changed.wait_for(lambda: self._position(cursor) != self._sequence, seconds)

    def _position(self, cursor: str | None) -> int | None:
        epoch, _, sequence = (cursor or "").partition("-")
        known = epoch == self._epoch and sequence.isascii() and sequence.isdigit() and len(sequence) <= _DIGITS
        return int(sequence) if known and int(sequence) <= self._sequence else None


_DIGITS = 18
