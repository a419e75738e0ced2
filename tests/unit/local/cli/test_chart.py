import datetime as dt
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cli.chart import MOST_ROWS, bars
from tests.fakes.commands import Cli, StubApi, problem

COUNT = st.integers(min_value=0, max_value=10**7)
DAY: st.SearchStrategy[Any] = st.fixed_dictionaries({"submitted": COUNT, "delivered": COUNT, "failed": COUNT})


@given(st.lists(DAY, max_size=MOST_ROWS), st.integers(min_value=10, max_value=60))
def test_bars_fit_and_hide_nothing(days: list[dict[str, Any]], width: int) -> None:
    named: list[dict[str, Any]] = [{"date": "2021-02-03"} | dict(day) for day in days]
    most = max((day["submitted"] for day in days), default=0)

    for day, bar in zip(days, bars(named, width), strict=True):
        length = bar.delivered + bar.failed + bar.open
        assert min(bar.delivered, bar.failed, bar.open) >= 0
        assert length == 0 if day["submitted"] == 0 else 1 <= length <= width
        if day["submitted"] == most > 0:
            assert length == width
        if length > 1 and day["failed"]:
            assert bar.failed
        if length > 1 and day["delivered"]:
            assert bar.delivered


def test_a_third_is_a_third() -> None:
    [bar] = bars([{"date": "d", "submitted": 300, "delivered": 100, "failed": 50}], 30)

    assert (bar.delivered, bar.failed, bar.open) == (10, 5, 15)


def test_many_days_are_weeks() -> None:
    days: list[dict[str, int | str]] = [
        {"date": f"d{number}", "submitted": 1, "delivered": 1, "failed": 0} for number in range(70)
    ]

    drawn = bars(days, 10)

    assert len(drawn) == 10
    assert (drawn[1].label, drawn[1].submitted) == ("d7…", 7)


def answer(*rows: tuple[int, int, int, int]) -> httpx.Response:
    names = ("submitted", "delivered", "failed", "unknown")
    items: list[dict[str, Any]] = [
        {"date": f"2021-02-{number:02d}", **dict(zip(names, row, strict=True))} for number, row in enumerate(rows, 1)
    ]
    totals = {name: sum(item[name] for item in items) for name in names}
    return httpx.Response(200, json={"account": "default", "items": items, "totals": totals})


def test_statistics_are_a_table_with_totals_and_a_chart(cli: Cli, api: StubApi) -> None:
    api.will(answer((1200, 600, 300, 300), (600, 600, 0, 0), (0, 0, 0, 0)))

    lines = cli("statistics", "--from", "2021-02-01", "--to", "2021-02-03").out.splitlines()

    assert lines[1].split() == ["2021-02-01", "1,200", "600", "300", "300", "50.0"]
    assert next(line for line in lines if line.startswith("total")).split()[1:] == [
        "1,800",
        "1,200",
        "300",
        "300",
        "66.7",
    ]
    first, second, third, legend = lines[-4:]
    assert (first.count("█"), first.count("▒"), first.count("░")) == (30, 15, 15)
    assert (second.count("█"), second.count("▒")) == (30, 0)
    assert third.split() == ["2021-02-03", "0"]
    assert "neither yet" in legend


def test_the_days_that_are_asked_for(cli: Cli, api: StubApi) -> None:
    api.will(answer())

    cli("statistics", "--to", "2021-02-10", "--days", "3", "--account", "b")
    cli("statistics")

    first, second = (dict(request.url.params) for request in api.requests)
    assert first == {"start_date": "2021-02-08", "end_date": "2021-02-10", "account": "b"}
    begin, end = (dt.date.fromisoformat(second[name]) for name in ("start_date", "end_date"))
    assert (end - begin).days == 6
    assert "exclude" in cli("statistics", "--from", "2021-02-01", "--days", "3", expect=2).err
    assert "no day" in cli("statistics", "--from", "yesterday", expect=2).err


@pytest.mark.parametrize(("after", "asked", "code"), [("20", 2, 0), ("3600", 1, 1)])
def test_the_gateways_limit_by_the_minute_is_waited_for(
    cli: Cli, api: StubApi, after: str, asked: int, code: int
) -> None:
    limited = problem(429, "too-many-requests")
    limited.headers["retry-after"] = after
    api.will(limited, answer((1, 1, 0, 0)))

    done = cli("statistics", expect=code)

    assert len(api.requests) == asked
    assert ("Waiting for 20 s" in done.err) == (code == 0)
    api.will(limited)
    cli("balance", expect=1)  # which has no such limit
    assert len(api.requests) == asked + 1


def test_a_balance_is_said(cli: Cli, api: StubApi) -> None:
    api.will(httpx.Response(200, json={"account": "b", "balance": 12345, "as_of": "2026-11-23T13:09:00+08:00"}))

    assert "12,345 messages left   account b" in cli("balance", "--account", "b").out
    assert cli("balance", "--json").document["balance"] == 12345
