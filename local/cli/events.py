"""`events tail`: the events as they come, through a queue of one's own that is gone afterwards."""

import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from local.cli.session import session
from local.interrupts import INTERRUPTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cli.stacks import Stack
    from local.queues import Tail

HELP: Final = "The events of the stack, as they come."
_STYLES: Final[Mapping[str, str]] = {"delivered": "green", "undelivered": "red", "rejected": "red", "unknown": "yellow"}


def tail(
    context: typer.Context,
    *,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="PATTERN", help="Only these types: sms.message.*, …; may be repeated."),
    ] = None,
    since_start: Annotated[
        bool, typer.Option("--since-start", help="Leave out what happened before: a replay's events, late repeats.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="End after so many.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="End after this time.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Show the whole event below its line.")] = False,
) -> None:
    """Follow the events until Ctrl-C.

    They come through a queue of their own, so that no application misses one. With --json: a CloudEvent a line.
    """
    at = session(context)
    at.screen.lines = True
    began = datetime.now(UTC).replace(microsecond=0)  # the gateway's times have whole seconds
    end = None if seconds is None else time.monotonic() + seconds
    shown = 0
    with at.aws() as stack, _following(stack) as events:
        at.screen.note("Following the events; Ctrl-C ends it.")
        while limit is None or shown < limit:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            for event in events.next():
                if not _wanted(event, types or ["*"], began if since_start else None):
                    continue
                _show(at, event, full=full)
                shown += 1
                if shown == limit:
                    return


@contextmanager
def _following(stack: "Stack") -> "Iterator[Tail]":
    """The queue; whatever ends the command, it is deleted, also when that comes while it is made."""
    from local.queues import Tail

    topic = stack.output("EventsTopicArn")
    following: Tail | None = None
    try:
        with INTERRUPTS.shielded():
            following = Tail(stack.services, topic)
        yield following
    finally:
        INTERRUPTS.quiet()
        if following is not None:
            following.close()


def _wanted(event: Mapping[str, Any], patterns: list[str], since: datetime | None) -> bool:
    if not any(fnmatchcase(str(event.get("type", "")), pattern) for pattern in patterns):
        return False
    if since is not None:
        with suppress(ValueError, TypeError):
            return datetime.fromisoformat(str(event.get("time"))) >= since
    return True


def _show(at: Any, event: Mapping[str, Any], *, full: bool) -> None:
    from local.cli.screen import visible
    from local.tail import line

    def show() -> None:
        kind = str(event.get("type", "")).rpartition(".")[2]
        at.screen.say(visible(line(event)), _STYLES.get(kind, "cyan"))
        if full:
            import json

            at.screen.say(f"  {visible(json.dumps(event, ensure_ascii=False))}", "dim")

    at.screen.result(event, show)


COMMANDS: Final = {"tail": tail}
