"""`hooks`: what a hook source would make of a body."""

import json
import sys
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import typer

from local.cli.failures import USAGE, Failure
from local.cli.session import session

HELP: Final = "Somebody else's webhooks that become messages."


def dry_run(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The hook source's name.")],
    *,
    body: Annotated[str, typer.Option(metavar="FILE", help="A sample of what is posted, as JSON; - for stdin.")],
    header: Annotated[
        list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="A header of the call; may be repeated.")
    ] = None,
) -> None:
    """Show what a hook source would send for a body; nothing is sent."""
    at = session(context)
    answer = at.api.post(
        f"hook-sources/{quote(source, safe='')}/dry-run",
        {"body": _read(body), "headers": dict(map(_header, header or []))},
    ).body

    def show() -> None:
        if not answer["messages"]:
            at.screen.note("This would send nothing.")
        else:
            at.screen.table(
                ["to", "account", ">parts", "~reference", "~text"],
                (
                    [
                        ", ".join(each["to"]),
                        each["account"],
                        each["estimated_segments"],
                        each["client_reference"],
                        each["text"],
                    ]
                    for each in answer["messages"]
                ),
            )
        if answer["dropped"]:
            at.screen.note(f"{answer['dropped']} more are beyond the source's limit and would be dropped.", "yellow")

    at.screen.result(answer, show)


def _read(name: str) -> object:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{name} cannot be read: {error}.", title="Usage", exit_code=USAGE) from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failure(f"The body is not JSON: {error}.", title="Usage", exit_code=USAGE) from error


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise Failure(f"{text!r} is no header: write 'Name: value'.", title="Usage", exit_code=USAGE)
    return name.strip(), value.strip()


COMMANDS: Final = {"dry-run": dry_run}
