"""`make soak MINUTES=10 [SEED=…] [RATE=…] [PATIENT=1]`: steady load, faults on both sides, then the books.

What a killed function held returns to it as soon as it cannot run any more; with PATIENT=1 when the template says so,
which is five minutes later.

Exits with 1 where a line does not balance, or nothing went wrong on purpose. `.local/soak.json` has it all; neither it
nor what is printed holds a number or a text.
"""

import json
import os
import secrets
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from local.aws import forget
from local.console import Console
from local.errors import LocalError
from local.interrupts import follow_parent
from local.places import PROJECT, Places
from tests.soak.books import as_json, without
from tests.soak.soaking import QUICK, Plan, Result, soak
from tests.soak.weather import LONG

REPORT: Final = PROJECT / ".local" / "soak.json"
_SHOWN: Final = 20  # of what is wrong with a line
_SETTLE: Final = 20.0  # minutes: what waits for `attend` waits for ten, and then in a queue for six


def report(result: Result) -> dict[str, Any]:
    """All of it, as JSON."""
    return {
        "seed": result.plan.seed,
        "seconds": result.plan.seconds,
        "rate": result.plan.rate,
        "climate": asdict(result.plan.climate),
        "sound": result.sound,
        "settled_after_seconds": round(result.settled_after, 1),
        "counts": result.counts,
        "answers": dict(result.answers.most_common()),
        "faults": dict(sorted(result.faults.items())),
        "faults_that_never_struck": list(result.missing),
        "books": [as_json(line) for line in result.lines],
    }


def show(result: Result, console: Console) -> None:
    """The table, and the names of what is wrong."""
    console.say()
    console.say("What was done to it")
    for name, count in sorted(result.faults.items()):
        console.say(f"  {count:7}  {name}")
    console.say()
    console.say("What the applications were answered")
    for name, count in result.answers.most_common():
        console.say(f"  {count:7}  {name}")
    console.say()
    console.say("The books")
    console.say(f"  {'left':>7}  {'right':>7}  {'diff.':>6}")
    for line in result.lines:
        mark = console.paint("", "green") if line.balanced else console.paint("  WRONG", "red")
        parts = f"  ({line.parts})" if line.parts else ""
        console.say(f"  {line.left:7}  {line.right:7}  {line.left - line.right:6}  {line.what}{parts}{mark}")
    for line in without(result.lines):
        console.say()
        console.say(console.paint(line.what, "red"))
        for name in line.wrong[:_SHOWN]:
            console.say(f"  {name}")
        if len(line.wrong) > _SHOWN:
            console.say(f"  … and {len(line.wrong) - _SHOWN} more")
    for prefix in result.missing:
        console.say(console.paint(f"no fault of this kind struck: {prefix}", "red"))
    console.say()
    verdict = "The books balance" if result.sound else "The books do not balance"
    console.say(f"{verdict}: seed {result.plan.seed}, settled after {result.settled_after:.0f} s")


def plan_of(environ: dict[str, str]) -> Plan:
    """What the variables ask for.

    Raises:
        LocalError: one of them is no number, or none that makes sense.
    """
    values: dict[str, float] = {}
    defaults = {"MINUTES": 2.0, "SEED": float(secrets.randbelow(10**6)), "RATE": 3.0, "SETTLE": _SETTLE}
    for name, default in defaults.items():
        try:
            values[name] = float(environ.get(name) or default)
        except ValueError:
            raise LocalError(f"{name} is a number") from None
        if not 0 <= values[name] < float("inf"):
            raise LocalError(f"{name} is not negative")
    if not (values["MINUTES"] and values["RATE"]):
        raise LocalError("MINUTES and RATE are more than 0")
    return Plan(
        seconds=60 * values["MINUTES"],
        seed=int(values["SEED"]),
        rate=values["RATE"],
        settle=60 * values["SETTLE"],
        climate=LONG,
        visibility={} if environ.get("PATIENT", "") not in {"", "0"} else QUICK,
    )


def main() -> int:
    """Run it; the first Ctrl-C ends the load, and the books are closed all the same."""
    console = Console()
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        if stopped:
            raise KeyboardInterrupt
        stopped = True

    forget(os.environ)
    try:
        plan = plan_of(dict(os.environ))
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    follow_parent()
    console.say(f"{plan.seconds / 60:g} minutes at {plan.rate:g} requests a second, SEED={plan.seed}")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            result = soak(plan, Places(Path(folder)), console, lambda: stopped)
        except LocalError as error:
            console.end_line()
            sys.stderr.write(f"{error}\n")
            return 1
        except KeyboardInterrupt:
            console.end_line()
            sys.stderr.write("given up\n")
            return 1
    show(result, console)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report(result), indent=1) + "\n", encoding="utf-8")
    return 0 if result.sound else 1


if __name__ == "__main__":
    sys.exit(main())
