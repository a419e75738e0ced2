"""What the benches have in common; not one of these tests looks at how long something takes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import __main__ as runner
from tests.bench import frame

SAID: dict[str, Any] = {
    "figures": {"slow": 1.4, "beside": 3.0, "fast": 0.7},
    "goals": {"slow": 1.25, "fast": 0.8},
    "at_least": ["fast"],
    "skipped": {"kannel": "it is not installed"},
}


def test_a_goal_is_missed_from_above_or_from_below() -> None:
    goals = {"at most": 2.0, "at least": 2.0, "never measured": 1.0}
    assert frame.missed({"at most": 2.0, "at least": 2.0}, goals, ["at least"]) == []
    assert frame.missed({"at most": 2.1, "at least": 1.9}, goals, ["at least"]) == ["at most", "at least"]


@pytest.mark.parametrize(("check", "code"), [("1", 1), ("0", 0), (None, 0)])
def test_a_missed_goal_fails_only_where_that_is_asked_for(
    check: str | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHECK", raising=False)
    if check is not None:
        monkeypatch.setenv("CHECK", check)

    assert frame.finish({"slow": 1.4}, {"slow": 1.25}) == code
    assert frame.finish({"slow": 1.2}, {"slow": 1.25}) == 0

    said, _, _ = capsys.readouterr().out.partition("\n}\n")
    assert json.loads(said + "}")["figures"] == {"slow": 1.4}


def test_all_sides_have_their_turn_equally_often() -> None:
    turns: list[str] = []
    clock, processor = frame.round_of({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, 3)
    assert turns == ["a", "b"] * 3
    assert set(clock) == set(processor) == {"a", "b"}


def test_the_table_says_what_is_met_missed_skipped_and_failed() -> None:
    rows = list(runner.lines({"one": SAID, "other": {"failed": "ValueError: no"}}))

    assert rows == [
        ("one", "slow", "1.40", "≤ 1.25", "MISSED"),
        ("one", "fast", "0.70", "≥ 0.8", "MISSED"),
        ("one", "beside", "3.00", "", ""),
        ("one", "kannel", "", "", "skipped: it is not installed"),
        ("other", "ValueError: no", "", "", "FAILED"),
    ]
    assert len({len(line) for line in runner.table(rows).splitlines()}) == 1


@pytest.mark.parametrize(
    ("said", "check", "code"),
    [
        (SAID, "1", 1),
        (SAID, "0", 0),
        ({"failed": "no"}, "1", 1),
        ({"figures": {"slow": 1.0}, "goals": {"slow": 1.25}}, "1", 0),
    ],
)
def test_the_runner_fails_where_a_bench_missed_a_goal_or_failed(
    said: dict[str, Any],
    check: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHECK", check)
    monkeypatch.setattr(runner, "run", lambda _: said)
    monkeypatch.setattr(runner, "REPORT", tmp_path / "made" / "bench.json")

    assert runner.main(["one"]) == code
    assert json.loads(runner.REPORT.read_text(encoding="utf-8"))["benches"] == {"one": said}


def test_a_bench_that_breaks_is_said_to_have() -> None:
    assert "No module named tests.bench.nothing" in runner.run("nothing")["failed"]
