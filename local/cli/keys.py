"""`keys`: the applications that call the API, and their keys."""

from dataclasses import asdict
from typing import Annotated, Final

import typer

from local.cli.session import Session, session
from local.clients import Client, Clients

HELP: Final = "Keys of the applications that call the API."


def create(
    context: typer.Context,
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="The application's name; its messages have it.")],
    *,
    accounts: Annotated[
        str, typer.Option(help="Gateway accounts that it may use, with commas; * for all.")
    ] = "default",
    default_account: Annotated[str | None, typer.Option(help="The first of the accounts, if not said.")] = None,
    fallback_accounts: Annotated[
        str, typer.Option(help="Tried after the default one, in this order, with commas.", show_default=False)
    ] = "",
    scopes: Annotated[str, typer.Option(help="Some of send,read,admin.")] = "send,read",
) -> None:
    """Make a key. It is shown this once; only its hash is kept."""
    at = session(context)
    named = _names(accounts)
    wanted = Client(
        client=client,
        accounts=named,
        default_account=default_account or next((each for each in named if each != "*"), "default"),
        scopes=_names(scopes),
        fallback_accounts=_names(fallback_accounts),
    )
    with at.aws():
        key = _clients(at).create(wanted)
    at.screen.result({**_told(wanted), "key": key}, lambda: at.screen.say(key))
    at.screen.note("This key is shown this once: store it where the application reads it.")


def listed(context: typer.Context) -> None:
    """List the clients; keys cannot be shown."""
    at = session(context)
    with at.aws():
        stored = sorted(_clients(at), key=lambda each: (each.client.client, each.created_at))

    def show() -> None:
        if not stored:
            at.screen.note("No clients.")
            return
        at.screen.table(
            ["client", "key", "~accounts", "?default", "?~then", "scopes", "since"],
            (
                [
                    each.client.client,
                    each.key_hash[:12],
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
        {**_told(each.client), "key_hash": each.key_hash[:12], "created_at": each.created_at or None} for each in stored
    ]
    at.screen.result({"items": items}, show)


def revoke(
    context: typer.Context,
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="The application's name.")],
    *,
    key: Annotated[
        str | None, typer.Option(metavar="START", help="Only the key that `keys list` shows like this.")
    ] = None,
) -> None:
    """Delete a client's keys, or one of them. API Gateway may know a key for a minute more."""
    at = session(context)
    with at.aws():
        count = _clients(at).revoke(client, key)
    at.screen.result(
        {"client": client, "revoked": count},
        lambda: at.screen.say(f"Revoked {count} {'key' if count == 1 else 'keys'} of {client}"),
    )


def _clients(at: Session) -> Clients:
    return Clients(at.stack.services.dynamodb, at.stack.output("ClientsTableName"))


def _told(client: Client) -> dict[str, object]:
    return asdict(client)


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


COMMANDS: Final = {"create": create, "list": listed, "revoke": revoke}
