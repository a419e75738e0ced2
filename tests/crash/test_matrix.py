"""The process is killed at every point between the lease and the mark, and started again, until all is quiet.

`make torture SEEDS=500` does it more often.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bridge.domain.pulls import Kind
from tests.crash.matrix import POINTS
from tests.crash.scenarios import Tally, scenario
from tests.crash.world import Bridge, Disk

PROJECT = Path(__file__).parents[2]
SEEDS = int(os.environ.get("CRASH_SEEDS", "50"))


def begin(kind: Kind) -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(str(PROJECT / folder) for folder in ("layers/eums", "layers/bridge", "."))
    return subprocess.Popen(  # noqa: S603 - this project's own
        [sys.executable, "-m", "tests.crash.matrix", kind, str(SEEDS)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
    )


def test_killed_at_every_point_nothing_is_lost_unnamed(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    results = []
    for process in [begin(kind) for kind in Kind]:
        said, _ = process.communicate()
        assert process.returncode == 0
        results.append(json.loads(said))

    counted = sum((Counter(result["counted"]) for result in results), Counter[str]())
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point
            f"\nkilled {sum(sum(result['kills'].values()) for result in results)} times, at {len(POINTS)} points × "
            f"{len(Kind)} kinds × {SEEDS} seeds, in {time.monotonic() - began:.0f} s: {counted['pulls']} pulls handed "
            f"out {counted['records']} records, {counted['records kept']} could be kept; {counted['events']} events, "
            f"{counted['repeats']} of them repeats; lost after the journal had them: "
            f"{counted['records lost after the journal had them']}; lost before, and no event says so: "
            f"{counted['losses before the journal that no event names']}"
        )
    for result in results:
        assert result["wrong"] == []
        assert result["kills"] == dict.fromkeys(POINTS, SEEDS)


@pytest.mark.parametrize("loses", ["journal", "events", "names"])
def test_the_judge_sees_a_loss(loses: str) -> None:
    """An oracle that finds nothing proves nothing."""
    tally = Tally()
    for number in range(20):
        disk = Disk()
        disk.begin(scenario(Random(number), Kind.REPORTS))
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
