"""All benches, each in a process of its own: one table, and the same as JSON in .local/bench.json. `make bench`.

With CHECK=1 a missed goal, or a bench that fails, makes it exit with 1.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from local.places import PROJECT
from tests.bench.frame import CHECK, machine, missed

BENCHES: Final = (
    "importing",
    "calling",
    "sending",
    "page",
    "publishing",
    "artifact",
    "memory",
    "delivering",
    "costing",
)
REPORT: Final = PROJECT / ".local" / "bench.json"
COLUMNS: Final = ("bench", "figure", "measured", "goal", "")

Line = tuple[str, str, str, str, str]


def run(name: str) -> dict[str, Any]:
    """What a bench says, or what went wrong with it."""
    environment = {key: value for key, value in os.environ.items() if key != CHECK}
    done = subprocess.run(  # noqa: S603 - this project's own modules
        [sys.executable, "-m", f"tests.bench.{name}"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"failed": (done.stderr.strip() or "without a word").splitlines()[-1]}
    said: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return said


def lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """The table's lines: those with a goal first in each bench."""
    for bench, said in found.items():
        if "failed" in said:
            yield bench, said["failed"], "", "", "FAILED"
            continue
        goals, at_least = said["goals"], said.get("at_least", ())
        beyond = missed(said["figures"], goals, at_least)
        for figure, measured in sorted(said["figures"].items(), key=lambda one: one[0] not in goals):
            goal = f"{'≥' if figure in at_least else '≤'} {goals[figure]:g}" if figure in goals else ""
            yield bench, figure, f"{measured:,.2f}", goal, "MISSED" if figure in beyond else "met" if goal else ""
        for what, reason in said.get("skipped", {}).items():
            yield bench, what, "", "", f"skipped: {reason}"


def table(rows: list[Line]) -> str:
    """The lines under each other, as Markdown has it."""
    widths = [max(len(row[column]) for row in [COLUMNS, *rows]) for column in range(len(COLUMNS))]
    ruler = tuple("-" * max(width, 3) for width in widths)
    return "".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |\n"
        for row in [COLUMNS, ruler, *rows]
    )


def main(names: list[str]) -> int:
    """Run those that are named, or all."""
    found = {}
    for name in names or BENCHES:
        sys.stderr.write(f"measuring: {name}\n")
        found[name] = run(name)
    rows = list(lines(found))
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(
        json.dumps({"machine": machine(), "benches": found}, indent=2, ensure_ascii=False) + "\n", "utf-8"
    )
    sys.stdout.write(f"{machine()}\n\n{table(rows)}")
    bad = sum(row[4] in {"MISSED", "FAILED"} for row in rows)
    return int(bad > 0 and os.environ.get(CHECK) == "1")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
