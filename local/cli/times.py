"""Times as people write them, and as they read them."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import typer

ZONE: Final = ZoneInfo("Asia/Shanghai")
"""Of a time that names no offset: the gateway's, whatever this machine's zone is."""
_AHEAD: Final = re.compile(r"\+([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str) -> datetime:
    """Read a time; without an offset it is China's.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time: write 2026-11-23T00:00, or with an offset") from None
    return at if at.tzinfo else at.replace(tzinfo=ZONE)


def moment_or_ahead(text: str) -> datetime:
    """Read a time, or how far ahead it is: `+90s`, `+10m`, `+2h`, `+1d`.

    Raises:
        typer.BadParameter: it is neither.
    """
    if found := _AHEAD.fullmatch(text):
        return datetime.now(UTC) + timedelta(**{_UNITS[found[2]]: int(found[1])})
    return moment(text)


def duration(text: str) -> timedelta:
    """Read how long something lasts: `0`, `90s`, `10m`, `24h`, `7d`.

    Raises:
        typer.BadParameter: it is none.
    """
    found = _AHEAD.fullmatch(f"+{text}")
    if found is None and text != "0":
        raise typer.BadParameter(f"{text!r} is no time: write 90s, 10m, 24h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()


def day(text: str) -> date:
    """Read a day.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: write 2026-11-23") from None


def today() -> date:
    """The day that it is for the gateway."""
    return datetime.now(ZONE).date()


def short(text: object, form: str = "%m-%d %H:%M:%S") -> str:
    """A time of an answer as `11-23 13:09:04`, in the zone of whoever reads it; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(str(text)).astimezone().strftime(form)
    except ValueError:
        return "" if text is None else str(text)
