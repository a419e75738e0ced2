"""The process is killed at every point between the lease and the mark, and started again, until all is quiet.

`make torture SEEDS=500` does it more often.
"""

import gc
import os
import signal
import time
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random

import pytest

from bridge.domain.pulls import Kind, in_parts
from bridge.services import pulling
from tests.crash.scenarios import Tally, scenario
from tests.crash.world import LEASE, Bridge, Died, Disk, State

SEEDS = int(os.environ.get("CRASH_SEEDS", "50"))
TRIES = 6  # scenarios for each seed: not every one comes by every point
PART_BYTES = 150  # so that small pages have several parts

WRITES = (
    "leases.begin", "gateway.pull", "journal.store", "pointers.send", "pointers.carry", "leases.complete",
    "leases.settle", "topic.publish", "journal.mark_published", "journal.quarantine", "journal.keep_part",
    "journal.forget_parts", "queue.delete", "sweeps.save",
)  # fmt: skip
# What changes nothing: dying after it is dying before the next.
READS = ("journal.has", "journal.read", "messages.owners", "sweeps.load", "journal.keys", "journal.is_published")
POINTS = [f"{name} {side}" for name in WRITES for side in ("before", "after")] + [f"{name} before" for name in READS]

# Comes by only where something went wrong before.
NEEDS_A_DEATH_BEFORE = ("journal.has", "leases.settle")
NEEDS_A_REFUSAL = {name: "journal.store" for name in ("pointers.carry", "journal.keep_part", "journal.forget_parts")}
BEFORE = ("leases.begin after", "gateway.pull after", "journal.store after", "pointers.send after")


def kill(disk: Disk, kind: Kind, rng: Random, point: str) -> bool:
    """Let a process live on this disk and die at the point; whether it did."""
    disk.passed.clear()
    disk.die_at = (point, rng.choice([1, 1, 1, 2, 3]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking while threads run: the child needs none
        child = os.fork()
    if child == 0:
        try:
            Bridge(disk, kind, rng).live()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    disk.load()
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def die_quickly(disk: Disk, kind: Kind, rng: Random) -> None:
    """An earlier death, whose traces the process that is killed finds."""

    def die() -> None:
        raise Died

    disk.die, kill_hard = die, disk.die
    disk.die_at = (rng.choice(BEFORE), 1)
    try:
        Bridge(disk, kind, rng).pull()
    except Died:
        pass
    finally:
        disk.die = kill_hard
        disk.load()
    Bridge(disk, kind, rng).clock.sleep(LEASE)


def run(path: Path, kind: Kind, point: str, seed: str, tally: Tally) -> bool:
    rng = Random(seed)
    name = point.rpartition(" ")[0]
    state = scenario(rng, kind, refuses=NEEDS_A_REFUSAL.get(name, ""), odd=name == "journal.quarantine")
    disk = Disk(path, state)
    if name in NEEDS_A_DEATH_BEFORE or rng.random() < 0.3:
        die_quickly(disk, kind, rng)
    killed = kill(disk, kind, rng, point)
    if killed:
        Bridge(disk, kind, rng).live_until_quiet()
        tally.judge(disk.state, kind, f"{kind}, {point}, seed {seed}")
    return killed


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "in_parts", partial(in_parts, size=PART_BYTES))


@pytest.mark.usefixtures("_small_parts")
def test_killed_at_every_point_nothing_is_lost_unnamed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gc.collect()
    gc.freeze()  # a child that never collects copies less
    began, tally, kills = time.monotonic(), Tally(), Counter[tuple[str, Kind]]()
    for point in POINTS:
        for kind in Kind:
            for number in range(SEEDS * TRIES):
                kills[point, kind] += run(tmp_path / "world", kind, point, f"{point} {kind} {number}", tally)
                if kills[point, kind] == SEEDS:
                    break
    gc.unfreeze()

    counted = tally.counted
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point
            f"\nkilled {kills.total()} times at {len(POINTS)} points × {len(Kind)} kinds × {SEEDS} seeds in "
            f"{time.monotonic() - began:.0f} s: {counted['pulls']} pulls handed out {counted['records']} records, "
            f"{counted['records kept']} kept; {counted['events']} events, {counted['repeats']} of them repeats; "
            f"lost after the journal had them: {counted['records lost after the journal had them']}; "
            f"lost before, and no event says so: {counted['losses before the journal that no event names']}"
        )
    assert tally.wrong == []
    assert set(kills.values()) == {SEEDS}, {where: times for where, times in kills.items() if times < SEEDS}


@pytest.mark.parametrize("loses", ["journal", "events", "names"])
def test_the_judge_sees_a_loss(tmp_path: Path, loses: str) -> None:
    """An oracle that finds nothing proves nothing."""
    tally = Tally()
    for number in range(20):
        disk = Disk(tmp_path / "world", scenario(Random(number), Kind.REPORTS))
        bridge = Bridge(disk, Kind.REPORTS, Random(number))
        bridge.live_until_quiet()
        if loses == "journal":
            disk.state.journal.entries.clear()
        elif loses == "events":
            disk.state.events.clear()
        else:
            disk.state.events = {
                name: events for name, events in disk.state.events.items() if not events[0].type.startswith("sms.pull")
            }
        tally.judge(disk.state, Kind.REPORTS, str(number))
    assert tally.wrong
