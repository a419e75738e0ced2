"""Metrics."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class FakeCounters:
    """A tally, without the dimensions."""

    counted: Counter[str] = field(default_factory=Counter)

    def count(self, name: str, value: float = 1, **_: str) -> None:
        self.counted[name] += int(value)
