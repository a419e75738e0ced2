"""Ctrl-C, SIGTERM and a dead parent, at any moment: each ends the run once, and orderly."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.5
_SIGINT_BIT = 1 << (signal.SIGINT - 1)


class Interrupted(BaseException):
    """The run is to end. Like KeyboardInterrupt it is no error, and no `except Exception` may hold it up."""


class Interrupts:
    """Turns the first signal into `Interrupted` in the main thread; later ones do not disturb the clearing up."""

    def __init__(self) -> None:
        self._shields = 0
        self._received = False
        self._raised = False

    def install(self) -> None:
        """Take the signals over; even an ignored SIGINT, as background jobs of a script have it."""
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._received = True
        self._raise()

    def _raise(self) -> None:
        if self._received and not self._raised and not self._shields:
            self._raised = True
            raise Interrupted

    def quiet(self) -> None:
        """From here on nothing is raised: the clearing up has begun."""
        self._raised = True

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Put off a signal while something is half made."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        self._raise()


INTERRUPTS = Interrupts()
"""A process has one set of signal handlers."""


def follow_parent() -> None:
    """End this process with its parent, `make`, which passes on SIGTERM but neither SIGKILL nor a SIGINT of its own."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True, name="parent").start()


def _watch(parent: int) -> None:
    pause, stopping = threading.Event(), 0
    while os.getppid() == parent and stopping < 2:  # noqa: PLR2004 - twice, as make blocks signals briefly itself
        pause.wait(_LOOK_SECONDS)
        stopping = stopping + 1 if _waits_in_handler(parent) else 0
    os.kill(os.getpid(), signal.SIGTERM)


def _waits_in_handler(pid: int) -> bool:
    """Whether a process sits in its SIGINT handler: `make` waits there for its children. Linux tells, others do not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    blocked = next((line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:")), "0")
    return bool(int(blocked, 16) & _SIGINT_BIT)
