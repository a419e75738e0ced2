"""`twilio`: credentials of the Twilio-shaped door, for applications that use Twilio's own SDK."""

from typing import Annotated, Final

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
from local.cli.times import duration
from local.twilio_credentials import TwilioAccounts, TwilioCredentials

HELP: Final = "Credentials for applications that use Twilio's own SDK."

Sid = Annotated[str, typer.Argument(metavar="SID", help="The account's SID, AC…")]


def create(
    context: typer.Context,
    client: ClientName,
    *,
    accounts: Accounts = "default",
    default_account: DefaultAccount = None,
    fallback_accounts: FallbackAccounts = "",
    scopes: Scopes = "send,read",
    again: Again = False,
) -> None:
    """Make an account SID and an auth token. The token is shown this once. `keys limit` limits its client."""
    at = session(context)
    wanted = described(client, accounts, default_account, fallback_accounts, scopes)
    with at.aws():
        welcome(at, client, again=again)
        made = _accounts(at).create(wanted)
    _show(at, made, told(wanted))


def rotate(
    context: typer.Context,
    sid: Sid,
    *,
    overlap: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="After which the one before ends by itself: 24h, 0.", show_default=False),
    ] = None,
) -> None:
    """Make another token, which signs from now on.

    The one before opens the door, too, for the overlap or until `retire`.
    """
    at = session(context)
    lasting = duration(overlap) if overlap is not None else None
    with at.aws():
        made = _accounts(at).rotate(sid, lasting)
    _show(at, made, {})


def retire(context: typer.Context, sid: Sid) -> None:
    """End every token of an account but its newest."""
    at = session(context)
    with at.aws():
        count = _accounts(at).retire(sid)
    _say(at, "retired", sid, count)


def revoke(context: typer.Context, sid: Sid) -> None:
    """End an account, and the status callbacks that wait. API Gateway may know its tokens for a minute more."""
    at = session(context)
    with at.aws():
        count = _accounts(at).revoke(sid)
    _say(at, "revoked", sid, count)


def _accounts(at: Session) -> TwilioAccounts:
    stack = at.stack
    return TwilioAccounts(stack.services.dynamodb, stack.output("ClientsTableName"), stack.output("WebhooksTableName"))


def _show(at: Session, made: TwilioCredentials, more: dict[str, object]) -> None:
    def show() -> None:
        at.screen.say(f"TWILIO_ACCOUNT_SID={made.account_sid}")
        at.screen.say(f"TWILIO_AUTH_TOKEN={made.auth_token}")

    at.screen.result({**more, "account_sid": made.account_sid, "auth_token": made.auth_token}, show)
    at.screen.note("The token is shown this once, and is worth as much as a key.")


def _say(at: Session, done: str, sid: str, count: int) -> None:
    at.screen.result(
        {"account_sid": sid, done: count},
        lambda: at.screen.say(f"{done.capitalize()} {count} {'token' if count == 1 else 'tokens'} of {sid}"),
    )


COMMANDS: Final = {"create": create, "rotate": rotate, "retire": retire, "revoke": revoke}
