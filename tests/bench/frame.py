"""What all benches have in common: two processors, sides in turn, medians, and a JSON object that says it.

A bench is a module that prints such an object: `python -m tests.bench.NAME`. `python -m tests.bench` runs them all.
"""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

Sides = Mapping[str, Callable[[], object]]

CHECK: Final = "CHECK"


def machine() -> str:
    """What this was measured on."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = f"{model} ({names[0]})" if names else model
    return f"{model}, {os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}"


def processors() -> tuple[int | None, int | None]:
    """One for what is measured, another for what answers; the same where there is but one, None where none is told."""
    if not hasattr(os, "sched_setaffinity"):
        return None, None
    there = sorted(os.sched_getaffinity(0))
    return there[0], there[-1]


def pin(processor: int | None) -> None:
    """Stay on one processor from here on, where that can be had."""
    if processor is not None:
        os.sched_setaffinity(0, {processor})


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """By the clock, and of the processor: the second says the same on a machine that has others to serve."""
    began, worked = time.perf_counter(), time.thread_time()
    run()
    return time.perf_counter() - began, time.thread_time() - worked


def round_of(sides: Sides, times: int) -> tuple[dict[str, float], dict[str, float]]:
    """The medians of one round, all sides in turn so many times: by the clock, and of the processor."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(times):
        for name, run in sides.items():
            took[name].append(seconds(run))
    clock, processor = (
        {name: statistics.median(one[index] for one in each) for name, each in took.items()} for index in (0, 1)
    )
    return clock, processor


def missed(figures: Mapping[str, float], goals: Mapping[str, float], at_least: Collection[str] = ()) -> list[str]:
    """The figures that are beyond their goals: above, or below for those that are to be at least that."""
    return [
        name
        for name, goal in goals.items()
        if name in figures and (figures[name] < goal if name in at_least else figures[name] > goal)
    ]


def finish(
    figures: Mapping[str, float],
    goals: Mapping[str, float],
    *,
    at_least: Collection[str] = (),
    skipped: Mapping[str, str] | None = None,
) -> int:
    """Print what a bench found, and return what it exits with: not 0 where a goal is missed and CHECK=1."""
    said = {
        "machine": machine(),
        "figures": {name: round(value, 3) for name, value in figures.items()},
        "goals": dict(goals),
        "at_least": sorted(at_least),
        "skipped": dict(skipped or {}),
    }
    sys.stdout.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
    beyond = missed(figures, goals, at_least)
    if beyond and os.environ.get(CHECK) == "1":
        sys.stderr.write(f"missed: {', '.join(beyond)}\n")
        return 1
    return 0
