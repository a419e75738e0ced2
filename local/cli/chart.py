"""A bar chart of text: a line a day, as long as what was submitted, parted into what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DELIVERED, FAILED, OPEN = "█", "▒", "░"
"""Told apart without colours, too."""
MOST_ROWS: Final = 62
_WEEK: Final = 7


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One line. Its three lengths are columns."""

    label: str
    submitted: int
    delivered: int
    failed: int
    open: int


def bars(days: Sequence[Mapping[str, int | str]], width: int) -> list[Bar]:
    """Scale the days so that the largest is `width` columns; more than two months are drawn by weeks.

    Whatever there is of has a column at least, and no bar is longer than its day.
    """
    rows = list(days) if len(days) <= MOST_ROWS else _weeks(days)
    most = max((int(row["submitted"]) for row in rows), default=0)
    return [_bar(row, most, width) for row in rows]


def _weeks(days: Sequence[Mapping[str, int | str]]) -> list[dict[str, int | str]]:
    weeks = [days[start : start + _WEEK] for start in range(0, len(days), _WEEK)]
    return [
        {
            "date": f"{week[0]['date']}…",
            **{name: sum(int(day[name]) for day in week) for name in ("submitted", "delivered", "failed")},
        }
        for week in weeks
    ]


def _bar(row: Mapping[str, int | str], most: int, width: int) -> Bar:
    submitted, delivered, failed = (int(row[name]) for name in ("submitted", "delivered", "failed"))
    length = _columns(submitted, most, width)
    # Reports may be counted on another day than their submits: then there are more of them than fit.
    good = min(_columns(delivered, most, width), length)
    bad = min(_columns(failed, most, width), length)
    if good + bad > length:
        good = max(length - bad, 1 if delivered else 0) if bad < length else length - 1 if delivered else 0
        bad = length - good
    return Bar(label=str(row["date"]), submitted=submitted, delivered=good, failed=bad, open=length - good - bad)


def _columns(count: int, most: int, width: int) -> int:
    return 0 if count <= 0 or most <= 0 else max(1, min(width, round(count * width / most)))
