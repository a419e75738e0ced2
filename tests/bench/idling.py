"""An idle minute: what the scheduled functions ask of AWS while nothing is sent and nothing comes."""

from collections import Counter
from datetime import timedelta
from functools import cache, partial
from typing import Final

from bridge import wiring
from bridge.domain.pulls import Kind
from tests.bench.emulated import Counted, emulated, handler_of

RUNS_A_MINUTE: Final = {
    "PullReportsFunction": 1.0,
    "PullInboundFunction": 1.0,
    "WatchFunction": 1.0,
    "AttendFunction": 1.0,
    "SweepFunction": 1 / 5,
    "ReconcileFunction": 1 / 60,
}
"""The functions with a schedule."""

_MINUTES: Final = 15  # that are looked at: after so many the watchers have asked everything once
_HOUR: Final = 60  # minutes
_SCHEDULED: Final = {"watch": 1, "attend": 1, "sweep": 5, "reconcile": _HOUR}  # minutes; the pulls are made here


def idle_minute(pull_seconds: int) -> Counted:
    """A minute on the average, with one account: calls and units, of which parts of one are left as they are.

    Of the pulls one a minute is made of each kind, and counted as often as there would be. How often the secret is read
    is left out: here all functions share what they remember of it.
    """
    calls: Counter[str] = Counter()
    writes = reads = logged = 0.0
    minutes = _quarter_of_an_hour()
    for pulled, others in minutes:
        for counted, times in ((pulled, 60 // pull_seconds), (others, 1)):
            calls.update({name: many * times for name, many in counted.calls.items() if "secret" not in name})
            writes += counted.write_units * times
            reads += counted.read_units * times
            logged += counted.logged  # of all pulls of a run there is one line
    many = len(minutes)
    return Counted(
        calls=Counter({name: count / many for name, count in calls.items()}),
        write_units=writes / many,
        read_units=reads / many,
        walk_units=0.0,
        publishes=0,
        messages=0,
        logged=round(logged / many),
    )


@cache
def _quarter_of_an_hour() -> list[tuple[Counted, Counted]]:
    """What each minute asked for: the pulls, and the other functions. The clock is put forward.

    No hour begins in it: what `functions/reconcile` and the walks through hours ask for then is some ten reads.
    """
    with emulated() as stack:
        handlers = {name: handler_of(name) for name in _SCHEDULED}

        def pull() -> None:
            for kind in Kind:
                wiring.pulling().pull("default", kind)
            wiring.counters().flush()

        def others(minute: int) -> None:
            for name, every in _SCHEDULED.items():
                if minute % every == 0:
                    handlers[name]({})

        asked = []
        begins = stack.amid_an_hour()
        for minute in range(_MINUTES + 1):
            with stack.clock.later(begins + timedelta(minutes=minute, seconds=5)):
                asked.append((stack.counted(pull), stack.counted(partial(others, minute))))
    return asked[1:]  # the first one does what is only done once: the places of the walks, what the watchers know
