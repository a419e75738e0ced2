"""`keys`: the applications that call the API, their keys, and what they may send."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from local.cli import limits as limit_options
from local.cli.limits import Burst, DailyMessages, DailySegments, Extensions, Rate
from local.cli.session import Session, session
from local.cli.times import duration, moment_or_ahead, short
from local.clients import Client, Clients, StoredClient
from local.errors import LocalError

if TYPE_CHECKING:
    from local.client_records import ClientRecord, ClientRecords
    from local.principals import Principals

HELP: Final = "Keys of the applications that call the API, and what these may send."


ClientName = Annotated[str, typer.Argument(metavar="CLIENT", help="The application's name; its messages have it.")]
Known = Annotated[str, typer.Argument(metavar="CLIENT", help="The application's name.")]
Accounts = Annotated[str, typer.Option(help="Gateway accounts that it may use, with commas; * for all.")]
DefaultAccount = Annotated[str | None, typer.Option(help="The first of the accounts, if not said.")]
FallbackAccounts = Annotated[
    str, typer.Option(help="Tried after the default one, in this order, with commas.", show_default=False)
]
Scopes = Annotated[str, typer.Option(help="Some of send,read,admin.")]
Again = Annotated[
    bool, typer.Option("--again", help="Also for one that was revoked: what it had set up then works again.")
]
Expires = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="When the key ends: +90d, or 2027-01-01.", show_default=False),
]
KeyStart = Annotated[str | None, typer.Option(metavar="START", help="Only the key that `keys list` shows like this.")]


def create(
    context: typer.Context,
    client: ClientName,
    *,
    accounts: Accounts = "default",
    default_account: DefaultAccount = None,
    fallback_accounts: FallbackAccounts = "",
    scopes: Scopes = "send,read",
    expires: Expires = None,
    extension: Extensions = None,
    rate: Rate = None,
    burst: Burst = None,
    daily_messages: DailyMessages = None,
    daily_segments: DailySegments = None,
    again: Again = False,
) -> None:
    """Make a key. It is shown this once; only its hash is kept.

    The limits are those of all keys of the client: here those of a new one, `keys limit` changes them.
    """
    at = session(context)
    wanted = described(client, accounts, default_account, fallback_accounts, scopes)
    expires_at = _end(expires)
    wanted_limits = limit_options.changed(
        None,
        extensions=extension,
        rate=rate,
        burst=burst,
        daily_messages=daily_messages,
        daily_segments=daily_segments,
    )
    with at.aws():
        record = welcome(at, client, again=again)
        limits = wanted_limits if wanted_limits.text else record.limits
        if limits != record.limits:
            if any(each.client.client == client for each in _clients(at)):
                raise LocalError(
                    f"{client} has keys already, which these limits would be for, too: eums-bridge keys limit {client}"
                )
            records(at).limit(client, limits)
        key = _clients(at).create(wanted, expires_at=expires_at)
    more = {"limits": limit_options.document(limits), "expires_at": _time(expires_at)}
    at.screen.result({**told(wanted), **more, "key": key}, lambda: at.screen.say(key))
    at.screen.note("This key is shown this once: store it where the application reads it.")


def described(client: str, accounts: str, default_account: str | None, fallback_accounts: str, scopes: str) -> Client:
    """The client that the options describe.

    Raises:
        LocalError: they contradict each other.
    """
    named = _names(accounts)
    return Client(
        client=client,
        accounts=named,
        default_account=default_account or next((each for each in named if each != "*"), "default"),
        scopes=_names(scopes),
        fallback_accounts=_names(fallback_accounts),
    )


def welcome(at: Session, client: str, *, again: bool) -> "ClientRecord":
    """What is written of a client that is to get a key; one that was revoked is restored where that is wanted.

    Raises:
        LocalError: it was revoked, and nobody says that what it had set up is to work again.
    """
    record = records(at).of(client)
    if record.revoked_at is not None:
        if not again:
            sources = _sources(records(at).hook_sources(client))
            raise LocalError(
                f"{client} was revoked on {record.revoked_at[:10]}. With --again it is a client once more, and what it "
                f"had set up works again: {sources or 'no hook sources'}, and its webhook endpoints"
            )
        records(at).restore(client)
    return record


def listed(context: typer.Context) -> None:
    """List the keys, by what is shown of them and when they end, and their clients' limits."""
    at = session(context)
    now = datetime.now(UTC)
    with at.aws():
        stored = sorted(_clients(at), key=lambda each: (each.client.client, each.created_at))
        known = {name: records(at).of(name) for name in {each.client.client for each in stored}}

    def ends(each: StoredClient) -> str:
        if known[each.client.client].revoked_at:
            return "revoked"
        if not each.is_live(now):
            return "expired"
        return short(_time(each.expires_at), "%Y-%m-%d %H:%M") if each.expires_at else ""

    def show() -> None:
        if not stored:
            at.screen.note("No clients.")
            return
        at.screen.table(
            ["client", "key", "~accounts", "?default", "?~then", "scopes", "since", "ends", "~limits"],
            (
                [
                    each.client.client,
                    each.key_hash[:12],
                    ",".join(each.client.accounts),
                    each.client.default_account,
                    ",".join(each.client.fallback_accounts),
                    ",".join(each.client.scopes),
                    each.created_at[:10],
                    ends(each),
                    limit_options.sentence(known[each.client.client].limits),
                ]
                for each in stored
            ),
        )

    items = [
        {
            **told(each.client),
            "key_hash": each.key_hash[:12],
            "created_at": each.created_at or None,
            "expires_at": _time(each.expires_at),
            "expired": not each.is_live(now),
            "revoked_at": known[each.client.client].revoked_at,
            "limits": limit_options.document(known[each.client.client].limits),
        }
        for each in stored
    ]
    at.screen.result({"items": items}, show)


def rotate(
    context: typer.Context,
    client: Known,
    *,
    key: KeyStart = None,
    overlap: Annotated[str, typer.Option(metavar="TIME", help="How long the old one still works: 24h, 7d, 0.")] = "24h",
    expires: Expires = None,
) -> None:
    """Make a key that opens what another does, and let that one end. The new one is shown this once.

    It lasts as long as the other was made for, unless --expires says otherwise.
    """
    at = session(context)
    lasting, expires_at = duration(overlap), _end(expires)
    with at.aws():
        done = _clients(at).rotate(client, key, overlap=lasting, expires_at=expires_at)
    old = {"key_hash": done.old.key_hash[:12], "expires_at": _time(done.old_ends_at)}
    document = {**told(done.client), "expires_at": _time(done.expires_at), "key": done.key, "replaces": old}
    at.screen.result(document, lambda: at.screen.say(done.key))
    at.screen.note("This key is shown this once: store it where the application reads it.")
    at.screen.note(f"The one before, {old['key_hash']}, ends at {short(old['expires_at'])}.")


def limit(
    context: typer.Context,
    client: Known,
    *,
    extension: Extensions = None,
    rate: Rate = None,
    burst: Burst = None,
    daily_messages: DailyMessages = None,
    daily_segments: DailySegments = None,
) -> None:
    """Change what a client may send with all of its keys and hook sources, within a minute; or show it.

    What is not named stays as it is; off takes a limit away.
    """
    at = session(context)
    options: dict[str, Any] = {
        "extensions": extension,
        "rate": rate,
        "burst": burst,
        "daily_messages": daily_messages,
        "daily_segments": daily_segments,
    }
    with at.aws():
        known = (each.client.client for each in (*_clients(at), *_principals(at)))
        if records(at).find(client) is None and client not in known:
            raise LocalError(f"no client {client}")
        record = records(at).of(client)
        limits = limit_options.changed(record.limits, **options)
        if limits != record.limits:
            records(at).limit(client, limits)
    document = {"client": client, "limits": limit_options.document(limits), "revoked_at": record.revoked_at}
    at.screen.result(document, lambda: at.screen.say(limit_options.sentence(limits) or "no limits"))
    if record.revoked_at:
        at.screen.note(f"{client} was revoked on {record.revoked_at[:10]}.")
    elif limits != record.limits:
        at.screen.note("This holds within a minute.")


def revoke(context: typer.Context, client: Known, *, key: KeyStart = None) -> None:
    """End a client with all of its keys and credentials, hook sources and webhook endpoints; or one key alone.

    API Gateway may know a key for a minute more. What was accepted before is still sent.
    """
    at = session(context)
    with at.aws():
        written, keys = records(at), [each for each in _clients(at) if each.client.client == client]
        sources = written.hook_sources(client)
        principals = [each.principal for each in _principals(at) if each.client.client == client]
        if key is None:
            record = written.find(client)
            if not keys and record is not None and record.revoked_at:
                raise LocalError(f"no client {client}: it was revoked on {record.revoked_at[:10]}")
            if not (keys or record or sources or principals):
                raise LocalError(f"no client {client}")
            written.revoke(client)  # first, since nothing of it works from here on, whatever becomes of the rest
        count = _clients(at).revoke(client, key) if keys or key is not None else 0
    at.screen.result(
        {"client": client, "revoked": count, "hook_sources": list(sources), "principals": principals},
        lambda: at.screen.say(f"Revoked {count} {'key' if count == 1 else 'keys'} of {client}"),
    )
    if principals and key is None:
        at.screen.note(f"For it nobody calls any more: {', '.join(principals)}.")
    if sources and key is None:
        at.screen.note(f"Nobody may call its {_sources(sources)} any more.")
    elif sources and count == len(keys):
        at.screen.note(f"Its {_sources(sources)} may still be called: eums-bridge keys revoke {client}")


def _sources(names: Sequence[str]) -> str:
    return f"hook {'source' if len(names) == 1 else 'sources'} {', '.join(names)}" if names else ""


def _clients(at: Session) -> Clients:
    return Clients(at.stack.services.dynamodb, at.stack.output("ClientsTableName"))


def _principals(at: Session) -> "Principals":
    # Named only now, as below.
    from local.principals import Principals

    return Principals(at.stack.services.dynamodb, at.stack.output("ClientsTableName"))


def records(at: Session) -> "ClientRecords":
    """What holds for clients."""
    # Named only now: it knows the bridge's own limits, and `--help` is to load nothing of that.
    from local.client_records import ClientRecords

    stack = at.stack
    return ClientRecords(stack.services.dynamodb, stack.output("ClientsTableName"), stack.output("WebhooksTableName"))


def told(client: Client) -> dict[str, object]:
    """A client as JSON."""
    return asdict(client)


def _end(text: str | None) -> datetime | None:
    at = moment_or_ahead(text) if text else None
    if at is not None and at <= datetime.now(UTC):
        raise typer.BadParameter("a key that has ended before it is made opens nothing", param_hint="--expires")
    return at


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


COMMANDS: Final = {"create": create, "list": listed, "rotate": rotate, "limit": limit, "revoke": revoke}
