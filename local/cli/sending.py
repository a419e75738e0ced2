"""`send`, `get`, `list`, `estimate`, `cancel`."""

import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from local.cli.failures import DONE, FAILED, UNKNOWN, Failure, meaning
from local.cli.screen import visible
from local.cli.session import Session, session
from local.cli.times import moment, moment_or_ahead, short

FINAL: Final = frozenset({"delivered", "undelivered", "rejected", "cancelled", "unknown_expired"})
_BAD: Final = frozenset({"undelivered", "rejected", "cancelled"})
_PAGE: Final = 100  # the most that the API gives at once
_SHOWN_RECIPIENTS: Final = 20


class Category(StrEnum):
    """See `bridge.domain.messages.Category`."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


class OnAmbiguous(StrEnum):
    """See `bridge.domain.messages.OnAmbiguous`."""

    UNKNOWN = "unknown"
    RESEND = "resend"


class Status(StrEnum):
    """See `bridge.domain.messages.Status`."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNKNOWN_EXPIRED = "unknown_expired"


Text = Annotated[str, typer.Option("--text", "-t", help="The text, with its 【signature】; - reads it from stdin.")]
Account = Annotated[str | None, typer.Option("--account", help="Which gateway account; else the key's default.")]
Extension = Annotated[str | None, typer.Option("--extension", help="Digits put behind the account's port number.")]
MessageId = Annotated[str, typer.Argument(metavar="ID", help="The message's id.")]


def send(
    context: typer.Context,
    to: Annotated[list[str], typer.Argument(metavar="TO...", help="Mainland mobile numbers, up to 1,000.")],
    *,
    text: Text,
    account: Account = None,
    extension: Extension = None,
    client_reference: Annotated[str | None, typer.Option(help="Your own reference; every event has it.")] = None,
    send_at: Annotated[
        datetime | None,
        typer.Option(
            parser=moment_or_ahead,
            metavar="TIME",
            help="When to send it: 2026-11-24T09:00 (China's time, if no offset is given) or +10m, +2h, +1d.",
        ),
    ] = None,
    queued: Annotated[
        bool, typer.Option("--queued", "--respond-async", help="Do not wait for the gateway: queue it.")
    ] = False,
    category: Annotated[
        Category | None, typer.Option(help="transactional: it is sent to who opted out, too.", show_default=False)
    ] = None,
    on_ambiguous: Annotated[
        OnAmbiguous | None, typer.Option(help="resend: rather twice than not at all.", show_default=False)
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Makes repeating this command safe; else one is made up.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until every recipient has a final status.")] = False,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="How long --wait waits.", min=1)] = 120,
) -> None:
    """Send a text to one or more numbers."""
    at = session(context)
    body = given(
        to=to,
        text=read_text(text),
        account=account,
        extension=extension,
        client_reference=client_reference,
        send_at=send_at.isoformat() if send_at else None,
        category=category,
        on_ambiguous=on_ambiguous,
    )
    message = submitted(at, "messages", body, key=idempotency_key, queued=queued)
    if wait:
        message = waited(at, message, timeout)
    at.screen.result(message, lambda: show_message(at, message))
    at.exit_code = exit_code(message, waited=wait)


def given(**values: object) -> dict[str, object]:
    """What was given of it, as the API takes it."""
    return {name: value for name, value in values.items() if value is not None}


def submitted(at: Session, path: str, body: object, *, key: str | None, queued: bool = False) -> Any:
    """Post with an Idempotency-Key, and say so where the outcome is not known.

    Raises:
        Failure: also where every repeat was lost; it then names the key.
    """
    from local.cli.api import Lost, Unreached

    used = key or f"cli-{uuid4()}"
    headers = {"Prefer": "respond-async"} if queued else {}
    try:
        answer = at.api.post(path, body, key=used, headers=headers)
    except Lost as lost:
        raise Failure(
            f"{lost.sentence} It may have been sent.",
            f"Run it again with --idempotency-key {used} within 24 hours: it is sent no second time.",
            title="Outcome not known",
            exit_code=UNKNOWN,
            members={"idempotency_key": used},
        ) from lost
    except Unreached as unreached:
        raise Failure(f"{unreached.sentence} Nothing was sent.", unreached.advice, title="Not sent") from unreached
    if answer.replayed:
        at.screen.note("An earlier request with this key was carried out already; this is its answer.")
    return answer.body


def waited(
    at: Session,
    message: dict[str, Any],
    timeout: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Follow a message until each recipient's status is final, or the time is up; return it as it is then."""
    end, pause = clock() + timeout, 0.25
    with at.screen.progress("waiting for reports", len(message["recipients"])) as update:
        while True:
            done = sum(recipient["status"] in FINAL for recipient in message["recipients"])
            update(completed=done)
            if message["recipients"] and done == len(message["recipients"]):
                return message
            if clock() >= end:
                at.screen.note(
                    f"No final status after {timeout:g} s. `eums-bridge get {message['id']}` shows it later."
                )
                return message
            sleep(min(pause, max(0.0, end - clock())))
            pause = min(pause * 1.5, 3.0)
            message = at.api.get(f"messages/{message['id']}")


def exit_code(message: Mapping[str, Any], *, waited: bool) -> int:
    """3 where nobody knows, 1 where it was refused or (waited for) not delivered, else 0."""
    statuses = {recipient["status"] for recipient in message["recipients"]}
    if message["status"] in _BAD or (waited and statuses & _BAD):
        return FAILED
    if message["status"] == "unknown" or (waited and statuses - {"delivered"}):
        return UNKNOWN
    return DONE


def get(context: typer.Context, message_id: MessageId) -> None:
    """Show a message and what became of it."""
    at = session(context)
    message = at.api.get(f"messages/{message_id}")
    at.screen.result(message, lambda: show_message(at, message))


def listed(
    context: typer.Context,
    *,
    to: Annotated[str | None, typer.Option(help="Sent to this number.")] = None,
    status: Annotated[Status | None, typer.Option(help="With this status now.", show_default=False)] = None,
    client_reference: Annotated[str | None, typer.Option(help="With this reference, exactly.")] = None,
    account: Annotated[str | None, typer.Option(help="From this gateway account.")] = None,
    batch: Annotated[str | None, typer.Option(metavar="ID", help="Of this batch.")] = None,
    after: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="Created then or later.")
    ] = None,
    before: Annotated[datetime | None, typer.Option(parser=moment, metavar="TIME", help="Created before.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
    everything: Annotated[bool, typer.Option("--all", help="All of them, whatever --limit says.")] = False,
) -> None:
    """List messages, the newest first."""
    at = session(context)
    params = {
        "to": to,
        "status": status.value if status else None,
        "client_reference": client_reference,
        "account": account,
        "batch_id": batch,
        "created_after": after.isoformat() if after else None,
        "created_before": before.isoformat() if before else None,
        "limit": _PAGE if everything else min(limit, _PAGE),
    }
    items: list[dict[str, Any]] = []
    more: str | None = None
    with at.screen.progress("messages", wanted=everything or limit > _PAGE) as update:
        for page in at.api.pages("messages", params):
            items += page["items"]
            more = page.get("next_cursor")
            update(completed=len(items))
            if not everything and len(items) >= limit:
                break
    if not everything:
        more = more if len(items) <= limit else "more"
        items = items[:limit]
    at.screen.result({"items": items, "more": bool(more)}, lambda: _show_list(at, items, more=bool(more)))


def _show_list(at: Session, items: list[dict[str, Any]], *, more: bool) -> None:
    if not items:
        at.screen.note("No messages.")
        return
    at.screen.table(
        ["id", "created", "status", "to", "?>parts", "?~reference", "~text"],
        (
            [
                item["id"],
                short(item["created_at"], "%m-%d %H:%M"),
                item["status"],
                _some(item["recipients"]),
                item["estimated_segments"],
                item["client_reference"],
                item["text"],
            ]
            for item in items
        ),
    )
    if more:
        at.screen.note("There are more: --limit or --all.")


def _some(recipients: list[dict[str, Any]]) -> str:
    first = recipients[0]["to"] if recipients else ""
    return f"{first} +{len(recipients) - 1}" if len(recipients) > 1 else first


def estimate(
    context: typer.Context,
    to: Annotated[list[str] | None, typer.Argument(metavar="[TO]...", help="Numbers; none for one.")] = None,
    *,
    text: Text,
    account: Account = None,
    extension: Extension = None,
) -> None:
    """Say what a text would cost and be refused for; nothing is sent."""
    at = session(context)
    body = given(text=read_text(text), to=to or None, account=account, extension=extension)
    answer = at.api.post("messages/estimate", body).body

    def show() -> None:
        at.screen.say(
            f"{answer['length']} characters, {_count(answer['estimated_segments'], 'segment')} × "
            f"{_count(answer['recipients'], 'recipient')} = {answer['estimated_total_segments']}"
            f"   account {answer['account']}",
        )
        at.screen.say(f"  {answer['text']}")
        for problem in answer["problems"]:
            code = f" (gateway code {problem['gateway_code']})" if problem.get("gateway_code") else ""
            at.screen.say(f"  {problem['field']}: {problem['message']}{code}", "red")

    at.screen.result(answer, show)
    at.exit_code = FAILED if answer["problems"] else DONE


def cancel(context: typer.Context, message_id: MessageId) -> None:
    """Cancel a message that is scheduled or queued, until its submit begins."""
    at = session(context)
    message = at.api.post(f"messages/{message_id}/cancel").body
    at.screen.result(message, lambda: show_message(at, message))


def read_text(text: str) -> str:
    """The text itself, or stdin's for `-`."""
    return sys.stdin.read().rstrip("\n") if text == "-" else text


def show_message(at: Session, message: Mapping[str, Any]) -> None:
    """A message for a person: its head, its text, its recipients."""
    screen = at.screen
    told = [
        message["status"],
        f"account {message['account']}",
        _count(message["estimated_segments"], "segment"),
        f"created {short(message['created_at'])}",
    ]
    for name, word in (("client_reference", "reference"), ("batch_id", "batch"), ("reason", "because")):
        if message.get(name):
            told.append(f"{word} {message[name]}")
    if message.get("send_at"):
        told.append(f"to be sent {short(message['send_at'])}")
    screen.say(message["id"], "bold")
    screen.say(f"  {visible('   '.join(told))}")
    screen.say(f"  {visible(message['text'])}", "dim")
    if message.get("gateway_code"):
        screen.say(f"  gateway code {message['gateway_code']}: {meaning(message['gateway_code'])}", "red")
    recipients = message["recipients"]
    shown = recipients if not screen.out.is_terminal else list(islice(recipients, _SHOWN_RECIPIENTS))
    screen.table(
        ["to", "status", "?>parts", "report", "~gateway", "?gateway id"],
        (
            [
                each["to"],
                each["status"],
                each.get("billed_segments"),
                short(each.get("reported_at")),
                " ".join(filter(None, (each.get("gateway_status"), each.get("error_class")))),
                each.get("gateway_message_id"),
            ]
            for each in shown
        ),
    )
    if len(recipients) > len(shown):
        screen.note(f"{len(recipients) - len(shown)} more: --json has them all.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "send": send,
    "get": get,
    "list": listed,
    "estimate": estimate,
    "cancel": cancel,
}
