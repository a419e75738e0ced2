"""Child processes that are gone when we are, whatever happens to us: each is on a leash."""

import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from local import leash
from local.errors import CommandFailed, end_of
from local.interrupts import INTERRUPTS

GRACE = 3.0
"""Seconds between asking and killing."""
_MARGIN = 10.0
"""Seconds for the leash itself to end."""


class Process:
    """A child on its leash, with all output in a log."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        log: Path,
        folder: Path,
        grace: float = GRACE,
    ) -> None:
        """Start it."""
        self.log = log
        self._grace = grace
        leashed = [sys.executable, "-I", "-S", leash.__file__, str(grace), *map(str, command)]
        log.parent.mkdir(parents=True, exist_ok=True)
        with INTERRUPTS.shielded(), log.open("ab") as output:
            self._leash = subprocess.Popen(
                leashed,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,  # a terminal's Ctrl-C is for us alone; we stop the children in order
            )

    def status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._leash.poll()

    def wait(self, timeout: float) -> int | None:
        """The exit status, or None if it still runs after that many seconds."""
        try:
            return self._leash.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Stop it and all that it started; return when they are gone."""
        if self._leash.stdin is not None:
            self._leash.stdin.close()
        self._leash.wait(self._grace + _MARGIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def run(  # noqa: PLR0913 - each by its name
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path,
    folder: Path,
    timeout: float,
    heard: bool = False,
) -> None:
    """Run a command to its end. Its output goes to a log that begins anew, and when `heard`, to standard output, too.

    Raises:
        CommandFailed: with the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    name = " ".join([Path(command[0]).name, *map(str, command[1:2])])
    done = threading.Event()
    reader = threading.Thread(target=_copy, args=(log, sys.stdout, done), daemon=True)
    with Process(command, environment=environment, log=log, folder=folder) as process:
        if heard:
            reader.start()
        try:
            status = process.wait(timeout)
        finally:
            done.set()
            if heard:
                reader.join()
    if status is None:
        raise CommandFailed(f"`{name}` took more than {timeout:g} s:\n{end_of(log)}")
    if status != 0:
        raise CommandFailed(f"`{name}` failed with status {status}:\n{end_of(log)}")


def _copy(log: Path, target: IO[str], done: threading.Event) -> None:
    with log.open(encoding="utf-8", errors="replace") as source:
        while True:
            last = done.is_set()
            text = source.read()
            target.write(text)
            target.flush()
            if last:
                return
            if not text:
                time.sleep(0.1)
