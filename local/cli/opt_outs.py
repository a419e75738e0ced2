"""`opt-outs`: the numbers that want no more messages from an account."""

from typing import Annotated, Any, Final

import typer

from local.cli.session import Session, session
from local.cli.times import short

HELP: Final = "Numbers that want no more messages from an account."
_PAGE: Final = 1000
Account = Annotated[str | None, typer.Option("--account", help="Which gateway account; else the key's default.")]


def listed(context: typer.Context, *, account: Account = None) -> None:
    """List them all."""
    at = session(context)
    items: list[dict[str, Any]] = []
    with at.screen.progress("opt-outs") as update:
        for page in at.api.pages("opt-outs", {"account": account, "limit": _PAGE}):
            items += page["items"]
            update(completed=len(items))
    _show(at, items)


def add(
    context: typer.Context,
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER...", help="Mainland mobile numbers, up to 1,000.")],
    *,
    account: Account = None,
) -> None:
    """Opt numbers out."""
    at = session(context)
    body: dict[str, object] = {"numbers": numbers, **({"account": account} if account else {})}
    _show(at, at.api.post("opt-outs", body).body["items"])


def remove(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="A mainland mobile number.")],
    *,
    account: Account = None,
) -> None:
    """Send to a number again; the key needs the scope admin."""
    at = session(context)
    at.api.delete(f"opt-outs/{number.removeprefix('+')}", {"account": account})
    at.screen.result({"removed": number}, lambda: at.screen.say(f"{number} gets messages again."))


def _show(at: Session, items: list[dict[str, Any]]) -> None:
    def show() -> None:
        if not items:
            at.screen.note("No opt-outs.")
            return
        at.screen.table(
            ["number", "account", "since", "source", "~keyword"],
            (
                [each["number"], each["account"], short(each["since"]), each["source"], each.get("keyword")]
                for each in items
            ),
        )

    at.screen.result({"items": items}, show)


COMMANDS: Final = {"list": listed, "add": add, "remove": remove}
