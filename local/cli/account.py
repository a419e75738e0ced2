"""`balance` and `statistics`."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from local.cli.chart import DELIVERED, FAILED, OPEN, Bar, bars
from local.cli.failures import USAGE, Failure
from local.cli.session import Session, session
from local.cli.times import day, short, today

if TYPE_CHECKING:
    from rich.text import Text

Account = Annotated[str | None, typer.Option("--account", help="Which gateway account; else the key's default.")]
_DAYS: Final = 7
_COLUMNS: Final = ("submitted", "delivered", "failed", "unknown")
_BESIDE: Final = 22  # columns that a bar's day and count take
_WIDTH: Final = 60


def balance(context: typer.Context, *, account: Account = None) -> None:
    """Say how many messages an account has left."""
    at = session(context)
    answer = at.api.get("balance", {"account": account})
    at.screen.result(
        answer,
        lambda: at.screen.say(
            f"{answer['balance']:,} messages left   account {answer['account']}   as of {short(answer['as_of'])}"
        ),
    )


def statistics(
    context: typer.Context,
    *,
    begin: Annotated[date | None, typer.Option("--from", parser=day, metavar="DAY", help="The first day.")] = None,
    end: Annotated[
        date | None, typer.Option("--to", parser=day, metavar="DAY", help="The last day; else today in China.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=366, help="So many days up to the last; 7 if not said.")
    ] = None,
    account: Account = None,
) -> None:
    """Show what was sent day by day, as the gateway counts it."""
    at = session(context)
    if begin and days:
        raise Failure("--from and --days exclude each other.", title="Usage", exit_code=USAGE)
    last = end or today()
    first = begin or last - timedelta(days=(days or _DAYS) - 1)
    answer = at.api.get(
        "statistics",
        {"start_date": first.isoformat(), "end_date": last.isoformat(), "account": account},
        patient=True,
    )
    at.screen.result(answer, lambda: _show(at, answer))


def _show(at: Session, answer: dict[str, Any]) -> None:
    items, totals = answer["items"], answer["totals"]
    at.screen.table(
        ["date", *(f">{name}" for name in _COLUMNS), ">delivered %"],
        ([item["date"], *(f"{item[name]:,}" for name in _COLUMNS), _share(item)] for item in items),
        ["total", *(f"{totals[name]:,}" for name in _COLUMNS), _share(totals)],
    )
    if not any(item["submitted"] for item in items):
        at.screen.note("Nothing was sent in this time.")
        return
    width = min(_WIDTH, max(10, at.screen.out.width - _BESIDE))
    at.screen.say()
    for bar in bars(items, width):
        at.screen.show(_drawn(bar))
    at.screen.say(f"  {DELIVERED} delivered  {FAILED} failed  {OPEN} neither yet", "dim")


def _share(row: dict[str, Any]) -> str:
    return f"{100 * row['delivered'] / row['submitted']:.1f}" if row["submitted"] else ""


def _drawn(bar: Bar) -> "Text":
    from rich.text import Text

    return Text.assemble(
        f"  {bar.label:<11} ",
        (DELIVERED * bar.delivered, "green"),
        (FAILED * bar.failed, "red"),
        (OPEN * bar.open, "dim"),
        f" {bar.submitted:,}" if bar.submitted else "0",
    )
