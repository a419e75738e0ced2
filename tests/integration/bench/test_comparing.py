"""Kannel and a plain script beside the bridge; not one of these tests looks at how long something takes."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.comparing import __main__ as comparing
from tests.bench.comparing import kannel, tables
from tests.bench.comparing.behaving import Behaviour, of_script
from tests.bench.comparing.callers import Figures, Handed, figures
from tests.bench.comparing.measuring import (
    DEPLOYED,
    GATEWAY,
    HANDLER,
    KANNEL,
    PROXIED_KANNEL,
    QUEUED,
    SCRIPT,
    SPOOLING,
    Load,
    Rows,
    measure,
    small_sides,
    worked,
)
from tests.bench.comparing.simulated import Simulator, simulated

LOAD = Load(callers=1, latency=0, messages=3)
BEHAVIOUR = Behaviour(copies=1, told="an exception", repeated=2, lost=3, twice=4, known=8)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulated(processor=None) as running:
        yield running


@pytest.fixture(scope="module")
def home() -> Path | str:
    """Where Kannel is, or why it is nowhere."""
    try:
        return kannel.bring()
    except kannel.NotToBeHad as exc:
        return str(exc)


@pytest.fixture(scope="module")
def measured(simulator: Simulator, home: Path | str) -> Rows:
    with small_sides(simulator, home if isinstance(home, Path) else None, ours=None, theirs=None) as sides:
        return measure(simulator, sides, (LOAD,), rounds=1, processor=None, warm=1)


def arrived(found: Figures) -> bool:
    return found.arrived is not None and found.arrived > 0


def test_the_bridge_and_the_script_are_measured_until_the_gateway_has_each_message(measured: Rows) -> None:
    for name in (SCRIPT, HANDLER):
        assert arrived(measured[name][LOAD]), name
    assert measured[GATEWAY][LOAD].accepted > 0
    assert not arrived(measured[GATEWAY][LOAD])  # its messages all have one name


def test_kannel_is_measured_until_the_gateway_has_each_message(measured: Rows, home: Path | str) -> None:
    if isinstance(home, str):
        pytest.skip(home)
    for name in (KANNEL, SPOOLING, PROXIED_KANNEL):
        assert arrived(measured[name][LOAD]), name


def test_the_script_sends_again_what_it_had_sent_when_it_was_killed(simulator: Simulator) -> None:
    assert of_script(simulator) == Behaviour(
        copies=1, told="an exception: ConnectionError", repeated=2, lost=0, twice=11
    )


def test_the_rate_is_of_all_callers_together_and_a_copy_counts_from_its_first() -> None:
    handed = [Handed(f"{number}", began=100 + number, took=0.5) for number in range(10)]
    arrivals = {f"{number}": [100 + number + 2.0, 999.0] for number in range(10)}

    found = figures(handed, arrivals)

    assert (found.accepted, found.accepted_p50) == (10 / 9.5, 500)
    assert (found.arrived, found.arrived_p50, found.arrived_p99) == (10 / 11, 2000, 2000)


def test_without_every_arrival_nothing_is_said_of_the_gateway() -> None:
    handed = [Handed("one", began=1, took=1), Handed("other", began=1, took=3)]

    found = figures(handed, {"one": [2.0]})

    assert (found.arrived, found.arrived_p50, found.accepted_p50) == (None, None, 2000)


def test_the_processor_s_time_is_that_of_the_processes_that_are_there() -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system has no /proc that tells it")
    assert worked([os.getpid()]) > 0
    assert worked([2**22 + 1]) == 0  # beyond the highest that Linux gives


@pytest.mark.parametrize(("programs", "reason"), [(("apt-get", "dpkg-deb"), "E: no network"), ((), "no apt-get")])
def test_where_kannel_cannot_be_brought_its_reason_is_said(
    programs: tuple[str, ...], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in programs:
        (tmp_path / program).write_text("#!/bin/sh\necho 'E: no network' >&2; exit 100\n", encoding="ascii")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(kannel, "_runs", lambda _: False)

    with pytest.raises(kannel.NotToBeHad, match=reason):
        kannel.bring(tmp_path / "tools" / "kannel")
    assert not (tmp_path / "tools" / "kannel").exists()


def test_a_comparison_without_kannel_says_so_and_leaves_the_page_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def none() -> Path:
        raise kannel.NotToBeHad("no network")

    page = tmp_path / "comparison.md"
    monkeypatch.setattr(kannel, "bring", none)
    monkeypatch.setattr(comparing, "compare", lambda *_, **__: ({SCRIPT: {LOAD: Figures(1, 2, 3)}}, {}))
    monkeypatch.setattr(comparing, "DOCS", page)

    assert comparing.main(["--write"]) == 1
    assert not page.exists()
    assert comparing.main([]) == 0
    assert '"Kannel": "no network"' in capsys.readouterr().out


def test_the_tables_stand_between_the_marks_of_the_page(tmp_path: Path) -> None:
    page = tmp_path / "comparison.md"
    page.write_text(
        "before\n<!-- made by: make compare speeds -->\nold\n<!-- end -->\nbetween\n"
        "<!-- made by: make compare behaviours -->\nold\n<!-- end -->\nafter\n",
        encoding="utf-8",
    )
    rows = {
        SCRIPT: {LOAD: Figures(1234.5, 2.345, 12.3, 1000, 3, 4, 5.67), Load(8, 0.02, 9): Figures(1, 2, 3)},
        GATEWAY: {LOAD: Figures(9, 8, 7)},
    }

    for _ in range(2):  # what was written can be written anew
        comparing.write(rows, {"the bridge": BEHAVIOUR}, page, "a machine")

    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert text.count("a machine") == 1
    assert f"| {SCRIPT} | 1,234 | 2.3 · 12 | 1,000 | 3 · 4 | 5.7 |\n| {GATEWAY} | 9 | 8 · 7 |  |  |  |\n" in text
    assert "8 callers, the gateway answers after 20 ms" in text
    assert re.search(r"\| … sent twice \| 4 \|\n.*\nafter", text, re.DOTALL)
    assert tables.flat(rows, {"the bridge": BEHAVIOUR})[f"{SCRIPT}; 1 callers, 0 ms: processor"] == 5.67


def test_the_page_has_what_is_compared() -> None:
    said = comparing.DOCS.read_text(encoding="utf-8")
    tables_of: dict[str, Any] = {found[2]: found[0] for found in comparing._MARKED.finditer(said)}

    for name in (GATEWAY, SCRIPT, HANDLER, KANNEL, SPOOLING, PROXIED_KANNEL, DEPLOYED, QUEUED):
        assert tables_of["speeds"].count(f"| {name} |") == 4, f"write it anew: make compare ({name})"
    for question in tables._QUESTIONS.values():
        assert f"| {question} |" in tables_of["behaviours"], "write it anew: make compare"


def test_the_script_is_one_of_an_afternoon() -> None:
    script = Path(sys.modules["tests.bench.comparing.plain_script"].__file__ or "")

    assert len(script.read_text(encoding="utf-8").splitlines()) <= 60
