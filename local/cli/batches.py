"""`batch`: many messages from a file."""

import csv
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from local.cli.failures import UNKNOWN, USAGE, Failure
from local.cli.sending import FINAL, Account, Category, OnAmbiguous, given, submitted
from local.cli.session import Session, session
from local.cli.times import short

HELP: Final = "Many messages from a file, each with its own number and text."
MOST: Final = 10_000
_KNOWN: Final = ("to", "text", "template", "client_reference")


def send(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="CSV with a heading (to, text or template, client_reference; any other column is a parameter of the "
            "template), or JSON lines of messages as the API takes them; - for JSON lines from stdin.",
        ),
    ],
    *,
    text: Annotated[str | None, typer.Option("--text", "-t", help="For lines without a text of their own.")] = None,
    template: Annotated[str | None, typer.Option(help="Likewise, with {{placeholders}}.")] = None,
    account: Account = None,
    extension: Annotated[str | None, typer.Option(help="Digits put behind the account's port number.")] = None,
    category: Annotated[Category | None, typer.Option(help="What it is.", show_default=False)] = None,
    on_ambiguous: Annotated[OnAmbiguous | None, typer.Option(help="As for send.", show_default=False)] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Makes repeating this command safe; else one is made up.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until every message has a final status.")] = False,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="How long --wait waits.", min=1)] = 600,
) -> None:
    """Send up to 10,000 messages; all are accepted, or none."""
    at = session(context)
    entries = read(file)
    if not 0 < len(entries) <= MOST:
        raise Failure(
            f"{file} has {len(entries):,} messages; a batch has 1 to {MOST:,}.", title="Usage", exit_code=USAGE
        )
    body = given(
        messages=entries,
        text=text,
        template=template,
        account=account,
        extension=extension,
        category=category,
        on_ambiguous=on_ambiguous,
    )
    batch = submitted(at, "batches", body, key=idempotency_key)
    at.screen.note(f"Accepted as {batch['id']}.")
    if wait:
        batch = _followed(at, batch, timeout)
        at.exit_code = 0 if _ended(batch) == batch["total"] else UNKNOWN
    at.screen.result(batch, lambda: _show(at, batch))


def get(
    context: typer.Context,
    batch_id: Annotated[str, typer.Argument(metavar="ID", help="The batch's id.")],
) -> None:
    """Show a batch, and how many of its messages have which status."""
    at = session(context)
    batch = at.api.get(f"batches/{batch_id}")
    at.screen.result(batch, lambda: _show(at, batch))


def _followed(at: Session, batch: dict[str, Any], timeout: float) -> dict[str, Any]:
    end, pause = time.monotonic() + timeout, 0.5
    with at.screen.progress("final", batch["total"]) as update:
        while (ended := _ended(batch)) < batch["total"] and time.monotonic() < end:
            counts = ", ".join(f"{count} {status}" for status, count in sorted(batch["counts"].items()))
            update(completed=ended, title=counts)
            time.sleep(pause)
            pause = min(pause * 1.3, 3.0)
            batch = at.api.get(f"batches/{batch['id']}")
    return batch


def _ended(batch: dict[str, Any]) -> int:
    return sum(count for status, count in batch["counts"].items() if status in FINAL)


def _show(at: Session, batch: dict[str, Any]) -> None:
    at.screen.say(batch["id"], "bold")
    at.screen.say(
        f"  {batch['status']}   account {batch['account']}   {batch['total']:,} messages"
        f"   created {short(batch['created_at'])}"
    )
    at.screen.table(["status", ">messages"], ([name, f"{count:,}"] for name, count in sorted(batch["counts"].items())))


def read(name: str) -> list[dict[str, object]]:
    """The messages of a file.

    Raises:
        Failure: it cannot be read; it names the line.
    """
    try:
        if name == "-":
            return list(_json_lines(sys.stdin, "stdin"))
        # utf-8-sig: a spreadsheet writes a mark in front.
        with Path(name).open(encoding="utf-8-sig", newline="") as lines:
            return list(_rows(lines) if name.lower().endswith(".csv") else _json_lines(lines, name))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"{name} cannot be read: {error}.", title="Usage", exit_code=USAGE) from error


def _rows(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    rows = csv.DictReader(lines)
    if "to" not in (rows.fieldnames or ()):
        raise Failure("The file's first line must name its columns, one of them `to`.", title="Usage", exit_code=USAGE)
    for row in rows:
        if None in row or None in row.values():
            raise Failure(
                f"Line {rows.line_num} has another number of columns than the heading.", title="Usage", exit_code=USAGE
            )
        entry: dict[str, object] = {column: row[column] for column in _KNOWN if row.get(column)}
        if params := {column: value for column, value in row.items() if column not in _KNOWN}:
            entry["params"] = params
        yield entry


def _json_lines(lines: Iterable[str], name: str) -> Iterator[dict[str, object]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            raise Failure(f"Line {number} of {name} is no JSON object.", title="Usage", exit_code=USAGE)
        yield entry


COMMANDS: Final = {"send": send, "get": get}
