"""What goes wrong on one machine, said to the person who can do something about it."""

from pathlib import Path

SHOWN_LINES = 15


class LocalError(Exception):
    """The whole message is one sentence, or one and the end of a log; no traceback belongs to it."""


class BadSettings(LocalError):
    """Variables that are missing or wrong, all of them."""


class PortTaken(LocalError):
    """Somebody else listens where we want to."""


class AlreadyRunning(LocalError):
    """Another run serves in this folder."""


class GatewayUnreachable(LocalError):
    """Nobody takes connections where EUMS_BASE_URL points."""


class CommandFailed(LocalError):
    """A command ended badly, or not in time."""


class TooLate(LocalError):
    """A deadline passed."""


def end_of(log: Path, lines: int = SHOWN_LINES) -> str:
    """The last lines of a log, indented, with the place to read on."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    shown = [f"  {line}" for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join([*shown, f"The whole log: {log}"])
