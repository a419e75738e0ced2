"""The options that say what a client may send, and how its limits are shown."""

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from local.errors import LocalError

if TYPE_CHECKING:
    from bridge.domain.limits import Limits

OFF: Final = "off"

Extensions = Annotated[
    list[str] | None,
    typer.Option(
        "--extension",
        metavar="EXT",
        help="One that it may use: 01, 01* for all that begin so, none for messages without one. May be repeated.",
        show_default=False,
    ),
]
Rate = Annotated[str | None, typer.Option(metavar="N", help="Messages a second, in the long run.", show_default=False)]
Burst = Annotated[
    str | None,
    typer.Option(metavar="N", help="Messages at once; else what the rate allows in a second.", show_default=False),
]
DailyMessages = Annotated[str | None, typer.Option(metavar="N", help="Messages a day (+08:00).", show_default=False)]
DailySegments = Annotated[str | None, typer.Option(metavar="N", help="Segments a day (+08:00).", show_default=False)]


def changed(
    limits: "Limits | None",
    *,
    extensions: list[str] | None,
    rate: str | None,
    burst: str | None,
    daily_messages: str | None,
    daily_segments: str | None,
) -> "Limits":
    """Limits, or none at all, with what the options say; `off` takes one away, and with the rate its burst.

    Raises:
        LocalError: names everything that is wrong.
    """
    # Named only now: `--help` is to load nothing of the bridge.
    from bridge.domain.limits import UNLIMITED, LimitsError

    changes: dict[str, Any] = {}
    if extensions:
        named = tuple(dict.fromkeys(name.strip() for text in extensions for name in text.split(",") if name.strip()))
        changes["extensions"] = () if named == (OFF,) else named
    if rate is not None:
        changes["rate"] = _number("rate", rate, float)
        if changes["rate"] is None and burst is None:
            changes["burst"] = None
    whole = {"burst": burst, "daily_messages": daily_messages, "daily_segments": daily_segments}
    changes |= {name: _number(name, text, int) for name, text in whole.items() if text is not None}
    try:
        return replace(limits or UNLIMITED, **changes)
    except LimitsError as error:
        raise LocalError(str(error)) from None


def document(limits: "Limits") -> dict[str, object]:
    """Limits as JSON; null where there is none."""
    values = {each.name: getattr(limits, each.name) for each in fields(limits)}
    return values | {"extensions": list(limits.extensions) or None, "burst": limits.at_once if limits.rate else None}


def sentence(limits: "Limits") -> str:
    """Limits in a line; "" where there are none."""
    said = [
        f"{limits.rate:g}/s, {limits.at_once:,} at once" if limits.rate else "",
        f"{limits.daily_messages:,} messages a day" if limits.daily_messages else "",
        f"{limits.daily_segments:,} segments a day" if limits.daily_segments else "",
        f"extension {' '.join(limits.extensions)}" if limits.extensions else "",
    ]
    return "; ".join(filter(None, said))


def _number(name: str, text: str, kind: type[int] | type[float]) -> int | float | None:
    if text == OFF:
        return None
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise LocalError(f"--{name.replace('_', '-')} must be {wanted}, or {OFF}") from None
