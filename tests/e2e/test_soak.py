"""A short soak on a stack of its own: what `make soak` does for minutes or hours, in less than one."""

import time
from pathlib import Path

import pytest

from local.console import Console
from local.places import Places
from tests.soak.books import without
from tests.soak.soaking import HASTY, Plan, soak
from tests.soak.weather import BRIEF

ENOUGH = 15  # requests


@pytest.mark.long
def test_the_books_balance_after_a_short_storm(tmp_path: Path) -> None:
    """On a machine that stands still the storm lasts until enough was handed in, and everything has time to settle."""
    plan = Plan(seconds=10.0, seed=7, rate=3.0, settle=300.0, climate=BRIEF, visibility=HASTY, least=ENOUGH)
    began = time.monotonic()

    result = soak(plan, Places(tmp_path), Console(), lambda: False)

    assert not result.missing, result.faults
    assert [(line.what, line.left, line.right, line.wrong) for line in without(result.lines)] == []
    assert result.counts["requests"] >= ENOUGH
    print(f"{time.monotonic() - began:.0f} s, {sum(result.faults.values())} faults")  # noqa: T201 - shown with -s
