"""Kills the bridge at every point, for one kind of pull: `python -m tests.crash.matrix reports 50` prints what became.

A process of its own, so that what is forked is small and has no threads.
"""

import gc
import json
import logging
import os
import signal
import sys
from collections import Counter
from functools import partial
from random import Random

from bridge.domain.pulls import Kind, in_parts
from bridge.services import pulling
from tests.crash.scenarios import Tally, scenario
from tests.crash.world import LEASE, READS, Bridge, Died, Disk

TRIES = 6  # scenarios for each seed: not every one comes by every point
PART_BYTES = 150  # so that small pages have several parts

WRITES = (
    "leases.begin", "gateway.pull", "journal.store", "pointers.send", "pointers.carry", "leases.complete",
    "leases.settle", "topic.publish", "journal.mark_published", "journal.quarantine", "journal.keep_part",
    "journal.forget_parts", "queue.delete", "sweeps.save",
)  # fmt: skip
POINTS = [f"{name} {side}" for name in WRITES for side in ("before", "after")] + [f"{name} before" for name in READS]

# Comes by only where something went wrong before.
NEEDS_A_DEATH_BEFORE = ("journal.has", "leases.settle")
NEEDS_A_REFUSAL = dict.fromkeys(("pointers.carry", "journal.keep_part", "journal.forget_parts"), "journal.store")
BEFORE = ("leases.begin after", "gateway.pull after", "journal.store after", "pointers.send after")


def kill(disk: Disk, kind: Kind, rng: Random, point: str) -> bool:
    """Let a process live on this disk and die at the point; whether it did."""
    disk.passed.clear()
    disk.die_at = (point, rng.choice([1, 1, 1, 2, 3]))
    child = os.fork()
    if child == 0:
        try:
            Bridge(disk, kind, rng).live()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if killed:
        disk.load()
    return killed


def die_quickly(disk: Disk, kind: Kind, rng: Random) -> None:
    """An earlier death, whose traces the process that is killed finds."""

    def die() -> None:
        raise Died

    disk.die, kill_hard = die, disk.die
    disk.die_at = (rng.choice(BEFORE), 1)
    try:
        Bridge(disk, kind, rng).pull()
    except Died:
        disk.load()
    finally:
        disk.die = kill_hard
        disk.die_at = ("", 0)
    Bridge(disk, kind, rng).clock.sleep(LEASE)


def run(disk: Disk, kind: Kind, point: str, seed: str, tally: Tally) -> bool:
    rng = Random(seed)
    name = point.rpartition(" ")[0]
    state = scenario(rng, kind, refuses=NEEDS_A_REFUSAL.get(name, ""), odd=name == "journal.quarantine")
    disk.begin(state)
    if name in NEEDS_A_DEATH_BEFORE or rng.random() < 0.3:
        die_quickly(disk, kind, rng)
    killed = kill(disk, kind, rng, point)
    if killed:
        Bridge(disk, kind, rng).live_until_quiet()
        tally.judge(disk.state, kind, f"{kind}, {point}, seed {seed}")
    return killed


def main(kind: Kind, seeds: int) -> None:
    """Print the tally and the number of kills of each point as JSON."""
    logging.disable(logging.CRITICAL)
    pulling.in_parts = partial(in_parts, size=PART_BYTES)  # type: ignore[attr-defined]
    gc.collect()
    gc.freeze()  # a child that never collects copies less
    disk, tally, kills = Disk(), Tally(), Counter[str]()
    for point in POINTS:
        for number in range(seeds * TRIES):
            kills[point] += run(disk, kind, point, f"{point} {kind} {number}", tally)
            if kills[point] == seeds:
                break
    print(json.dumps({"kills": kills, "counted": tally.counted, "wrong": tally.wrong}))  # noqa: T201 - to whoever asked


if __name__ == "__main__":
    main(Kind(sys.argv[1]), int(sys.argv[2]))
