"""`principals`: the IAM roles and users that call the API, where IAM says who calls."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from local.cli.keys import (
    Accounts,
    Again,
    ClientName,
    DefaultAccount,
    FallbackAccounts,
    Scopes,
    described,
    told,
    welcome,
)
from local.cli.session import Session, session

if TYPE_CHECKING:
    from local.principals import Principals

HELP: Final = "IAM roles and users that call the API, in a stack with ApiAuthorization=AWS_IAM."
_NOT_SIGNED: Final = (
    "This stack's API goes by keys (ApiAuthorization=KeyAuthorizer): nobody is known to it by IAM, until that changes."
)

Arn = Annotated[str, typer.Argument(metavar="ARN", help="The role or user; a path in it does not count.")]


def add(
    context: typer.Context,
    arn: Arn,
    client: ClientName,
    *,
    accounts: Accounts = "default",
    default_account: DefaultAccount = None,
    fallback_accounts: FallbackAccounts = "",
    scopes: Scopes = "send,read",
    again: Again = False,
) -> None:
    """Say for which client a principal calls. Its own policy must allow execute-api:Invoke as well.

    `keys limit` limits the client, and `keys revoke` ends it.
    """
    at = session(context)
    wanted = described(client, accounts, default_account, fallback_accounts, scopes)
    with at.aws():
        welcome(at, client, again=again)
        principal = _principals(at).add(arn, wanted)
    at.screen.result(
        {"principal": principal, **told(wanted)}, lambda: at.screen.say(f"{principal} calls for {wanted.client}")
    )
    _note_keys(at)


def listed(context: typer.Context) -> None:
    """List the principals and their clients."""
    at = session(context)
    with at.aws():
        stored = sorted(_principals(at), key=lambda each: (each.client.client, each.principal))

    def show() -> None:
        if not stored:
            at.screen.note("No principals.")
            return
        at.screen.table(
            ["client", "principal", "~accounts", "?default", "?~then", "scopes", "since"],
            (
                [
                    each.client.client,
                    each.principal,
                    ",".join(each.client.accounts),
                    each.client.default_account,
                    ",".join(each.client.fallback_accounts),
                    ",".join(each.client.scopes),
                    each.created_at[:10],
                ]
                for each in stored
            ),
        )

    items = [
        {"principal": each.principal, **told(each.client), "created_at": each.created_at or None} for each in stored
    ]
    at.screen.result({"items": items}, show)
    _note_keys(at)


def remove(context: typer.Context, arn: Arn) -> None:
    """Let a principal call for nobody. The API may know it for a minute more."""
    at = session(context)
    with at.aws():
        principal = _principals(at).remove(arn)
    at.screen.result({"principal": principal, "removed": 1}, lambda: at.screen.say(f"Removed {principal}"))


def _principals(at: Session) -> "Principals":
    from local.principals import Principals

    return Principals(at.stack.services.dynamodb, at.stack.output("ClientsTableName"))


def _note_keys(at: Session) -> None:
    if not at.stack.signs:
        at.screen.note(_NOT_SIGNED)


COMMANDS: Final = {"add": add, "list": listed, "remove": remove}
