"""What was compared, as tables for a page and as figures for a program."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Final

from tests.bench.comparing.behaving import MESSAGES, Behaviour
from tests.bench.comparing.callers import Figures
from tests.bench.comparing.measuring import Rows

_COLUMNS: Final = (
    "",
    "accepted/s",
    "p50 · p99 ms",
    "at the gateway/s",
    "p50 · p99 ms",
    "ms of the processor",
)
_QUESTIONS: Final = {
    "copies": "copies at the gateway of a message whose answer is lost",
    "told": "what the caller hears of that",
    "repeated": "copies of a message that is handed over twice",
    "lost": f"killed (SIGKILL) with {MESSAGES} messages handed over, and started again: never sent",
    "known": "… of these, the side says that it does not know",
    "twice": "… sent twice",
    "reports": "reports fetched",
    "replies": "replies fetched",
    "logged": "lines of the log with the number in clear",
}


def speeds(rows: Rows) -> str:
    """A table for each load that all sides had, in Markdown; sides whose loads differ in size are in the same one."""
    kinds = dict.fromkeys((load.callers, load.latency) for loads in rows.values() for load in loads)
    parts = []
    for callers, latency in kinds:
        answered = f"after {latency * 1000:.0f} ms" if latency else "at once"
        title = f"{callers} caller{'s' * (callers > 1)}, the gateway answers {answered}"
        lines = [_line((title, *_COLUMNS[1:])), _line(("---", *["---:"] * (len(_COLUMNS) - 1)))]
        lines += [
            _line((name, *_cells(figures)))
            for name, loads in rows.items()
            for load, figures in loads.items()
            if (load.callers, load.latency) == (callers, latency)
        ]
        parts.append("".join(lines))
    return "\n".join(parts)


def _cells(figures: Figures) -> tuple[str, ...]:
    return (
        _number(figures.accepted),
        f"{_number(figures.accepted_p50)} · {_number(figures.accepted_p99)}",
        _number(figures.arrived),
        "" if figures.arrived is None else f"{_number(figures.arrived_p50)} · {_number(figures.arrived_p99)}",
        _number(figures.processor),
    )


def _number(value: float | None) -> str:
    """Three digits are more than two runs have in common."""
    if value is None:
        return ""
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def behaviours(found: Mapping[str, Behaviour]) -> str:
    """A line for each question and a column for each side, in Markdown."""
    lines = [_line(("", *found)), _line(("---", *["---"] * len(found)))]
    lines += [
        _line((question, *(str(asdict(one)[name]) for one in found.values()))) for name, question in _QUESTIONS.items()
    ]
    return "".join(lines)


def flat(rows: Rows, found: Mapping[str, Behaviour]) -> dict[str, float]:
    """All that is a number, each with its name."""
    return dict(_flat(rows, found))


def _flat(rows: Rows, found: Mapping[str, Behaviour]) -> Iterator[tuple[str, float]]:
    for name, loads in rows.items():
        for load, figures in loads.items():
            where = f"{name}; {load.callers} callers, {load.latency * 1000:.0f} ms"
            for what, value in asdict(figures).items():
                if value is not None:
                    yield f"{where}: {what}", value
    for name, behaviour in found.items():
        for what, question in _QUESTIONS.items():
            value = asdict(behaviour)[what]
            if isinstance(value, int):
                yield f"{name}: {question}", value


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"
