"""How fast each side is: rounds in which all have their turn, on the same gateway, and the medians of these."""

import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.bench.comparing.account import NAME
from tests.bench.comparing.callers import Callers, Figures, callers_of, figures
from tests.bench.comparing.kannel import SIGNED, Kannel
from tests.bench.comparing.proxy import PROXIED, proxy
from tests.bench.comparing.sides import Deployed, Handler, Nothing, Script, Side
from tests.bench.comparing.sides import Kannel as KannelSide
from tests.bench.comparing.simulated import Simulator, until
from tests.bench.comparing.stacked import Stacked
from tests.fakes.endpoints import aws, elsewhere, gateway_account

GATEWAY: Final = "the simulated gateway, by a raw socket"
SCRIPT: Final = "the plain script"
HANDLER: Final = "the bridge: its function, AWS answers at once"
KANNEL: Final = "Kannel, its caller signs"
SPOOLING: Final = "Kannel with a store, its caller signs"
PROXIED_KANNEL: Final = "Kannel, a proxy signs"
DEPLOYED: Final = "the bridge: deployed on an emulated AWS"
QUEUED: Final = "the bridge: deployed, queued (202)"


@dataclass(frozen=True)
class Load:
    """How much is handed over in a round.

    Attributes:
        callers: how many at a time.
        latency: seconds that the gateway takes for its answer.
        messages: of all callers together.
    """

    callers: int
    latency: float
    messages: int


LOADS: Final = (Load(1, 0, 200), Load(8, 0, 240), Load(1, 0.02, 80), Load(8, 0.02, 160))
LOADS_OF_THE_EMULATOR: Final = (Load(1, 0, 20), Load(8, 0, 32), Load(1, 0.02, 20), Load(8, 0.02, 32))
"""Fewer: it takes its time, and tells nothing of AWS."""

Rows = dict[str, dict[Load, Figures]]


@dataclass(frozen=True)
class Compared:
    """A side that is ready to be called.

    Attributes:
        side: it.
        pids: the processes that are its own beside its callers; None where nobody knows them all.
    """

    side: Side
    pids: tuple[int, ...] | None = ()


@contextlib.contextmanager
def spooling(home: Path, gateway: str, folder: Path) -> Iterator[Kannel]:
    """A Kannel that writes to the disk what it accepts."""
    (folder / "spool").mkdir(parents=True)
    store = f"store-type = spool\nstore-location = {folder / 'spool'}"
    with Kannel(home, folder, _signed(gateway), store).running() as kannel:
        yield kannel


@contextlib.contextmanager
def in_memory(home: Path, gateway: str, folder: Path) -> Iterator[Kannel]:
    """A Kannel as it comes: what it accepts is in its memory."""
    with Kannel(home, folder, _signed(gateway)).running() as kannel:
        yield kannel


def _signed(gateway: str) -> str:
    return gateway + SIGNED.format(name=NAME)


@contextlib.contextmanager
def small_sides(
    simulator: Simulator, home: Path | None, *, ours: int | None, theirs: int | None
) -> Iterator[dict[str, Compared]]:
    """All sides that need no deployed stack, running as far as they have something to run.

    Args:
        simulator: the gateway.
        home: where Kannel is, if it is anywhere.
        ours, theirs: the processors; Kannel runs where this process does.
    """
    with ExitStack() as open_, tempfile.TemporaryDirectory() as folder:
        account = gateway_account(simulator.url)
        amazon = open_.enter_context(elsewhere(partial(_amazon, account), processor=theirs))
        sides = {
            GATEWAY: Compared(Nothing(simulator.url)),
            SCRIPT: Compared(Script(simulator.url)),
            HANDLER: Compared(Handler(amazon)),
        }
        if home is not None:
            signing = open_.enter_context(in_memory(home, simulator.url, Path(folder) / "memory"))
            stored = open_.enter_context(spooling(home, simulator.url, Path(folder) / "disk"))
            address, pid = open_.enter_context(proxy(simulator.url, processor=ours))
            proxied = Kannel(home, Path(folder) / "proxied", address + PROXIED)
            open_.enter_context(proxied.running())
            sides[KANNEL] = Compared(KannelSide(signing.sendsms, signing=True), signing.pids)
            sides[SPOOLING] = Compared(KannelSide(stored.sendsms, signing=True), stored.pids)
            sides[PROXIED_KANNEL] = Compared(KannelSide(proxied.sendsms, signing=False), (*proxied.pids, pid))
        yield sides


@contextlib.contextmanager
def _amazon(account: dict[str, Any]) -> Iterator[str]:
    with aws(account) as endpoint:
        yield endpoint.url


def deployed_sides(stack: Stacked) -> dict[str, Compared]:
    """The API of a deployed stack, in both ways."""
    return {
        name: Compared(Deployed(stack.api, stack.key, queued), pids=None)
        for name, queued in ((DEPLOYED, False), (QUEUED, True))
    }


def measure(
    simulator: Simulator,
    sides: Mapping[str, Compared],
    loads: tuple[Load, ...],
    *,
    rounds: int,
    processor: int | None,
    warm: int = 5,
) -> Rows:
    """The medians over all rounds, for each side and load; in each round all sides have their turn."""
    seen: dict[tuple[str, Load], list[Figures]] = {(name, load): [] for name in sides for load in loads}
    with ExitStack() as open_:
        simulator.begin()
        count = max(load.callers for load in loads)
        calling = {
            name: open_.enter_context(callers_of(one.side, count, processor=processor, warm=warm))
            for name, one in sides.items()
        }
        for number in range(rounds):
            for load in loads:
                for name, callers in calling.items():
                    sys.stderr.write(f"round {number + 1}: {name}; {load.callers} callers, {load.latency:g} s\n")
                    seen[name, load].append(_once(simulator, sides[name], callers, load))
    return {name: {load: _medians(seen[name, load]) for load in loads} for name in sides}


def _once(simulator: Simulator, compared: Compared, callers: Callers, load: Load) -> Figures:
    ready = callers.make_ready(load.callers)
    simulator.begin(latency=load.latency)
    counted = () if compared.pids is None else (*compared.pids, *ready)
    before = worked(counted)
    handed = callers.hand_over(load.messages)
    names = {one.reference for one in handed} - {""}
    until(lambda: names <= simulator.arrivals().keys())
    spent = (worked(counted) - before) / len(handed) * 1000
    return replace(figures(handed, simulator.arrivals()), processor=spent if counted else None)


def worked(pids: Iterable[int]) -> float:
    """Seconds of the processor that processes have had so far; 0 where the system does not tell it as Linux does."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            # The name of the program may have blanks and brackets; behind it, utime and stime are the 12th and 13th.
            after = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            ticks += int(after[11]) + int(after[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _medians(each: list[Figures]) -> Figures:
    values: dict[str, Any] = {
        field.name: None if None in seen else statistics.median(seen)
        for field in fields(Figures)
        for seen in [[getattr(one, field.name) for one in each]]
    }
    return Figures(**values)
