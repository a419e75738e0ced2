"""How much of its memory each built function takes: when it is ready, and with the largest that it may get at once.

What it takes when ready is a fresh process's, as in `importing`; what comes on top is the peak of Python's own count
while the function's handler works over the ports in memory. See `largest` for what each gets.
"""

import contextlib
import os
import sys
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any, Final

from local.artifacts import Build, sdk_only
from local.places import Places
from tests.bench import importing, largest
from tests.bench.frame import finish
from tests.bench.metered import template

GOAL: Final = 2 / 3  # of the setting: a third to spare


def settings() -> dict[str, int]:
    """The MB that the template gives each function."""
    document: Any = template()
    usual = int(document["Globals"]["Function"]["MemorySize"])
    return {
        name: int(each["Properties"].get("MemorySize", usual))
        for name, each in document["Resources"].items()
        if each["Type"] == "AWS::Serverless::Function"
    }


def peaks() -> dict[tuple[str, str], float]:
    """The MB that the largest of each kind adds to a function, by its name and what that is."""
    added: dict[tuple[str, str], float] = {}
    for name, what, run in largest.runs():
        tracemalloc.start()
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            run()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        added[name, what] = most / 2**20
    return added


def main() -> int:
    places = Places.default()
    python = places.tool("ministack", "python")
    with tempfile.TemporaryDirectory() as scratch:
        arguments = dict(importing.sides(Build.read(places.build), sdk_only(python, Path(scratch))))
        ready = {name: importing.took(python, argument)[1] for name, argument in arguments.items()}
    added, given = peaks(), settings()
    with_the_largest = {
        f"{name} of {given[name]} MB, with {what}": (ready[name] + most) / given[name]
        for (name, what), most in added.items()
    }
    # The others get one small request or schedule at a time.
    with_little = {
        f"{name} of {given[name]} MB, ready": most / given[name]
        for name, most in ready.items()
        if name in given and not any(name == loaded for loaded, _ in added)
    }
    shares = with_the_largest | with_little
    sizes = {f"MB that {name} takes for {what}": most for (name, what), most in added.items()}
    return finish(shares | sizes, dict.fromkeys(shares, round(GOAL, 3)))


if __name__ == "__main__":
    sys.exit(main())
