"""Kannel and a plain `requests` script beside the bridge, on the same simulated gateway: `make compare`.

`python -m tests.bench.comparing` prints the figures as each bench does (`make bench BENCH=comparing`); with --write it
puts the tables into docs/comparison.md, too. It takes some minutes.

The gateway has one processor for itself, and each side has the other one for all that belongs to it, its callers too.
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from local.places import PROJECT
from tests.bench.comparing import kannel, tables
from tests.bench.comparing.behaving import Behaviour, of_kannel, of_script
from tests.bench.comparing.behaving_bridge import of_bridge
from tests.bench.comparing.measuring import (
    LOADS,
    LOADS_OF_THE_EMULATOR,
    Rows,
    deployed_sides,
    in_memory,
    measure,
    small_sides,
    spooling,
)
from tests.bench.comparing.simulated import simulated
from tests.bench.comparing.stacked import stacked
from tests.bench.frame import finish, machine, pin, processors

ROUNDS: Final = 3
DOCS: Final = PROJECT / "docs/comparison.md"
_MARKED: Final = re.compile(r"(<!-- made by: make compare (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def compare(home: Path | None, *, rounds: int = ROUNDS) -> tuple[Rows, dict[str, Behaviour]]:
    """Let all have their turn.

    Args:
        home: where Kannel is; None leaves it out.
        rounds: of the speeds.
    """
    ours, theirs = processors()
    pin(ours)
    found = {}
    with simulated(processor=theirs) as simulator:
        with small_sides(simulator, home, ours=ours, theirs=theirs) as sides:
            rows = measure(simulator, sides, LOADS, rounds=rounds, processor=ours)
        sys.stderr.write("what each does where sending goes wrong\n")
        found["the plain script"] = of_script(simulator)
        if home is not None:
            with tempfile.TemporaryDirectory() as folder:
                with in_memory(home, simulator.url, Path(folder) / "memory") as running:
                    found["Kannel"] = of_kannel(simulator, running)
                with spooling(home, simulator.url, Path(folder) / "disk") as running:
                    found["Kannel with a store"] = of_kannel(simulator, running)
        # By itself and last: it pulls all the time, and nothing else is to be measured beside that.
        with stacked(simulator.url) as deployed:
            rows |= measure(simulator, deployed_sides(deployed), LOADS_OF_THE_EMULATOR, rounds=rounds, processor=ours)
            found["the bridge"] = of_bridge(simulator, deployed)
    return rows, found


def write(rows: Rows, found: dict[str, Behaviour], docs: Path, where: str) -> None:
    """Put the tables where the page has its marks, and above them what they were measured on."""
    made = {"speeds": f"{where}\n\n{tables.speeds(rows)}", "behaviours": tables.behaviours(found)}
    text = docs.read_text(encoding="utf-8")
    docs.write_text(_MARKED.sub(lambda one: f"{one[1]}{made[one[2]]}{one[3]}", text), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Compare, and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.comparing", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/comparison.md")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the speeds (default: %(default)s)")
    options = parser.parse_args(arguments)
    home, skipped = None, {}
    try:
        home = kannel.bring()
    except kannel.NotToBeHad as exc:
        skipped["Kannel"] = str(exc)
        sys.stderr.write(f"without Kannel: {exc}\n")
    where = f"{machine()}; its load before this began: {os.getloadavg()[0]:.1f}."
    rows, found = compare(home, rounds=options.rounds)
    if options.write:
        if home is None:
            sys.stderr.write("docs/comparison.md stays as it is: without Kannel it would be half of one\n")
            return 1
        write(rows, found, DOCS, where)
        sys.stderr.write(f"\n{tables.speeds(rows)}\n{tables.behaviours(found)}")
    return finish(tables.flat(rows, found), {}, skipped=skipped)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
