"""`accounts`: the gateway accounts in the stack's secret. Passwords and keys are never arguments: `ps` shows those."""

import getpass
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from local.cli.failures import FAILED, USAGE, Failure
from local.cli.secret import POLICY, AccountsSecret, differences, forgotten, problems, rotated, shown
from local.cli.session import Session, session

if TYPE_CHECKING:
    from local.cli.diagnosis import Finding

HELP: Final = "The gateway accounts in the stack's secret."
_ENCRYPTED: Final = 17
_GIVEN: Final = ("text", "hex", "base64")
_POLICY_FIELDS: Final = ("rate", "signature", "signature_required")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The bridge's own name for the account.")]


def set_(
    context: typer.Context,
    name: Name,
    *,
    base_url: Annotated[str | None, typer.Option(help="The gateway's address.")] = None,
    gateway_name: Annotated[str | None, typer.Option("--name", help="The account's name at the gateway.")] = None,
    version: Annotated[int | None, typer.Option(help="1, or 17 with AES.")] = None,
    aes_key_format: Annotated[
        str | None, typer.Option(help="text, hex or base64; or password-md5-raw, -hex16, -hex32 without a key.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="POST or GET.")] = None,
    zone: Annotated[str | None, typer.Option(help="The time zone of the gateway's clock.")] = None,
    read_timeout: Annotated[float | None, typer.Option(help="Seconds to wait for an answer.")] = None,
    rate: Annotated[float | None, typer.Option(help="Recipients a second that leave the queue.")] = None,
    signature: Annotated[str | None, typer.Option(help="Put in front of texts without one; '' for none.")] = None,
    signature_required: Annotated[
        bool | None,
        typer.Option("--signature-required/--no-signature-required", help="Refuse texts without one."),
    ] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password, without echo.")] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin: a line.")
    ] = False,
    aes_key: Annotated[bool, typer.Option("--aes-key", help="Ask for a new AES key, without echo.")] = False,
    aes_key_stdin: Annotated[
        bool, typer.Option("--aes-key-stdin", help="Read the AES key from stdin: a line, behind the password's.")
    ] = False,
    no_aes_key: Annotated[bool, typer.Option("--no-aes-key", help="Forget the AES key.")] = False,
    forget_previous: Annotated[
        bool, typer.Option("--forget-previous", help="End a rotation: forget the passwords of before.")
    ] = False,
) -> None:
    """Add an account, or change what is said of one. The functions read it within five minutes.

    A password or key that is changed stays in the secret as the one of before: the bridge calls with either until the
    gateway is changed, too.
    """
    at = session(context)
    given: dict[str, Any] = {
        "base_url": base_url,
        "name": gateway_name,
        "version": version,
        "aes_key_format": aes_key_format,
        "method": method,
        "zone": zone,
        "read_timeout": read_timeout,
        "rate": rate,
        "signature": signature,
        "signature_required": signature_required,
    }
    given = {field: value for field, value in given.items() if value is not None}
    with at.aws() as stack:
        secret = AccountsSecret(stack.services.secrets, stack.output("AccountsSecretArn"))
        known = secret.read().accounts.get(name)
        known = known if isinstance(known, dict) else {}
        given |= _asked(
            name,
            {**known, **given},
            password=password,
            password_stdin=password_stdin,
            aes_key=aes_key,
            aes_key_stdin=aes_key_stdin,
            no_aes_key=no_aes_key,
        )

        def edit(accounts: dict[str, Any]) -> None:
            accounts[name] = rotated(accounts.get(name), merged(accounts.get(name), given))
            if wrong := problems(name, accounts[name]):
                raise Failure(
                    f"The bridge would not take the account {name}: {'; '.join(wrong)}.",
                    "Nothing was changed.",
                    title="Account",
                    members={"errors": [{"field": name, "message": each} for each in wrong]},
                )
            if forget_previous:
                accounts[name] = forgotten(accounts[name])

        before, after = secret.change(edit)
    changes = differences(before.get(name) or {}, after[name])
    document = {
        "account": name,
        "created": name not in before,
        "changes": [{"field": field, "before": old, "after": new} for field, old, new in changes],
    }
    at.screen.result(document, lambda: _show_changes(at, name, changes, created=name not in before))


def merged(known: object, given: Mapping[str, Any]) -> dict[str, Any]:
    """An account with what was given put into it; a field given as None goes."""
    fields = dict(known) if isinstance(known, Mapping) else {}
    policy = dict(fields.get(POLICY) or {})
    for field, value in given.items():
        (policy if field in _POLICY_FIELDS else fields)[field] = value
    if "password" in given:
        fields.pop("password_md5", None)
    if policy:
        fields[POLICY] = policy
    return {field: value for field, value in fields.items() if value is not None}


def _asked(
    name: str,
    fields: Mapping[str, Any],
    *,
    password: bool,
    password_stdin: bool,
    aes_key: bool,
    aes_key_stdin: bool,
    no_aes_key: bool,
) -> dict[str, Any]:
    """The secrets that are needed or wanted, from stdin or the terminal."""
    asked: dict[str, Any] = {}
    has_password = bool(fields.get("password") or fields.get("password_md5"))
    derived = fields.get("aes_key_format", "text") not in _GIVEN
    if no_aes_key or derived:
        asked["aes_key"] = None
        if no_aes_key and not derived:
            asked["aes_key_format"] = None
    if password_stdin:
        asked["password"] = _line("the password")
    elif password or not has_password:
        asked["password"] = _prompted(f"Password of {name} at the gateway: ", "--password-stdin")
    needs_key = fields.get("version") == _ENCRYPTED and not derived and not fields.get("aes_key")
    if aes_key_stdin:
        asked["aes_key"] = _line("the AES key")
    elif aes_key or (needs_key and not no_aes_key):
        asked["aes_key"] = _prompted(f"AES key of {name} ({fields.get('aes_key_format', 'text')}): ", "--aes-key-stdin")
    return asked


def _line(what: str) -> str:
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Failure(f"{what.capitalize()} was to come from stdin, and nothing came.", title="Usage", exit_code=USAGE)
    return line


def _prompted(prompt: str, option: str) -> str:
    if not _at_terminal():
        raise Failure(f"There is no terminal to ask at: give {option}.", title="Usage", exit_code=USAGE)
    return getpass.getpass(prompt)


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _show_changes(at: Session, name: str, changes: list[tuple[str, str, str]], *, created: bool) -> None:
    if not changes:
        at.screen.say(f"{name}: nothing changed")
        return
    at.screen.say(f"{name}: {'added' if created else 'changed'}", "green")
    at.screen.table(["field", "~before", "~after"], changes)
    at.screen.note(f"The functions read it within five minutes. `eums-bridge accounts test {name}` tries it from here.")


def listed(context: typer.Context) -> None:
    """List the accounts; passwords and keys are not shown."""
    at = session(context)
    with at.aws() as stack:
        accounts = AccountsSecret(stack.services.secrets, stack.output("AccountsSecretArn")).read().accounts
    items: list[dict[str, Any]] = [
        {"account": name, "usable": not problems(name, fields), "problems": problems(name, fields)}
        | {"fields": shown(fields) if isinstance(fields, dict) else {}}
        for name, fields in sorted(accounts.items())
    ]

    def show() -> None:
        if not items:
            at.screen.note("No accounts: `eums-bridge accounts set NAME --base-url … --name …` adds one.")
            return
        at.screen.table(
            ["account", "name", "?version", "~base_url", "~problems"],
            (
                [
                    item["account"],
                    item["fields"].get("name"),
                    item["fields"].get("version", "1"),
                    item["fields"].get("base_url"),
                    "; ".join(item["problems"]),
                ]
                for item in items
            ),
        )

    at.screen.result({"items": items}, show)


def remove(context: typer.Context, name: Name) -> None:
    """Take an account out of the secret. The gateway knows nothing of it."""
    at = session(context)

    def edit(accounts: dict[str, Any]) -> None:
        if name not in accounts:
            raise Failure(f"There is no account {name}.", title="Account")
        del accounts[name]

    with at.aws() as stack:
        AccountsSecret(stack.services.secrets, stack.output("AccountsSecretArn")).change(edit)
    at.screen.result({"removed": name}, lambda: at.screen.say(f"{name}: removed"))


def try_(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One account; else all of them.")] = None,
    *,
    through_bridge: Annotated[
        bool, typer.Option("--through-bridge", help="Ask through the API: from the address that the gateway allows.")
    ] = False,
) -> None:
    """Ask the gateway for the balance, and say in plain words what is wrong. Nothing is sent."""
    at = session(context)
    findings: list[Finding]
    if through_bridge:
        from local.cli.diagnosis import through

        findings = [through(at.api, name)]
    else:
        findings = list(_from_here(at, name))
    document = {"items": [finding.document() for finding in findings]}

    def show() -> None:
        for finding in findings:
            _show_finding(at, finding)

    at.screen.result(document, show)
    if not all(finding.ok for finding in findings):
        at.exit_code = FAILED


def _from_here(at: Session, name: str | None) -> "list[Finding]":
    from local.cli.diagnosis import directly

    with at.aws() as stack:
        accounts = AccountsSecret(stack.services.secrets, stack.output("AccountsSecretArn")).read().accounts
    if name is not None and name not in accounts:
        there = ", ".join(sorted(accounts)) or "none"
        raise Failure(
            f"The accounts secret has no account {name}; there are: {there}.",
            f"Add it: eums-bridge accounts set {name} --base-url … --name …",
            title="Account",
        )
    if not accounts:
        raise Failure("The accounts secret has no account.", "Add one: eums-bridge accounts set", title="Account")
    wanted = [name] if name is not None else sorted(accounts)
    findings = []
    with at.screen.progress("asking", len(wanted)) as update:
        for each in wanted:
            update(title=each)
            findings.append(directly(each, accounts[each]))
            update(completed=len(findings))
    return findings


def _show_finding(at: Session, finding: "Finding") -> None:
    where = f"  {finding.address}" if finding.address else ""
    if finding.ok:
        told = f"{finding.balance:,} messages left" if finding.balance is not None else "answers"
        time = f", {finding.milliseconds:.0f} ms" if finding.milliseconds is not None else ""
        at.screen.say(f"{finding.account}: ok, {told}{time}{where}", "green")
    else:
        at.screen.say(f"{finding.account}: {finding.sentence}{where}", "red")
        at.screen.say(f"  {finding.advice}")
    if finding.clock_note:
        at.screen.say(f"  {finding.clock_note}", "yellow")


COMMANDS: Final = {"set": set_, "list": listed, "test": try_, "remove": remove}
