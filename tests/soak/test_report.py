"""A soak is sound where its books balance and something went wrong on purpose; what it prints tells nobody's number."""

import io
import json
from collections import Counter
from dataclasses import replace

import pytest

from local.console import Console
from tests.soak.__main__ import plan_of, report, show
from tests.soak.books import Line
from tests.soak.soaking import Result, missing

FAULTS = Counter(
    {f"{name} something": 1 for name in ("gateway: send", "gateway: report", "gateway: mo", "aws:", "killed:")}
)
GOOD = Line("handed in = taken", 3, 3, parts="2 + 1")
BAD = Line("pages handed out = kept", 2, 1, ("page of default, reports: nowhere",))


def result(*lines: Line, faults: Counter[str] = FAULTS) -> Result:
    return Result(
        plan=plan_of({"SEED": "7"}),
        lines=list(lines),
        faults=faults,
        counts={"requests": 3},
        answers=Counter({"201": 3}),
        missing=missing(faults),
        settled_after=1.0,
    )


def shown(of: Result) -> str:
    console = Console(io.StringIO(), {})
    show(of, console)
    assert isinstance(console.stream, io.StringIO)
    return console.stream.getvalue()


def test_it_is_sound_where_all_balances_and_every_kind_of_fault_struck() -> None:
    assert result(GOOD).sound
    assert "The books balance: seed 7" in shown(result(GOOD))


@pytest.mark.parametrize("never", sorted(FAULTS))
def test_a_soak_in_which_a_kind_of_fault_never_struck_is_none(never: str) -> None:
    calm = Counter({name: count for name, count in FAULTS.items() if name != never})

    assert not result(GOOD, faults=calm).sound
    assert "no fault of this kind struck" in shown(result(GOOD, faults=calm))


def test_a_difference_is_shown_with_both_sides_and_names() -> None:
    text = shown(result(GOOD, BAD))

    assert not result(GOOD, BAD).sound
    assert "      2        1       1  pages handed out = kept  WRONG" in text
    assert "page of default, reports: nowhere" in text
    assert "The books do not balance: seed 7" in text


def test_many_names_are_cut_short_on_the_screen_and_not_in_the_report() -> None:
    many = replace(BAD, wrong=tuple(f"page {number}" for number in range(50)))

    assert "… and 30 more" in shown(result(many))
    written = json.loads(json.dumps(report(result(many))))
    assert len(written["books"][0]["wrong"]) == 50
    assert (written["seed"], written["sound"], written["books"][0]["difference"]) == (7, False, 1)
