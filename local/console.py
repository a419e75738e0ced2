"""What a person sees: steps with their times. Plain text unless it is a terminal."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


class Console:
    """Prints to a stream; colours it on a terminal, unless NO_COLOR is set."""

    def __init__(self, stream: IO[str] | None = None, environ: Mapping[str, str] | None = None) -> None:
        self.stream = stream or sys.stdout
        environ = os.environ if environ is None else environ
        self.coloured = self.stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._open_line = False

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, where there are colours."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.coloured else text

    def say(self, text: str = "") -> None:
        """Print a line."""
        self.end_line()
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def end_line(self) -> None:
        """Finish a step's line that something interrupted."""
        if self._open_line:
            self._open_line = False
            self.stream.write("\n")
            self.stream.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[list[str]]:
        """Print a step when it begins, and its time when it ends; what is put into the list is printed after it."""
        self.end_line()
        self.stream.write(f"  {title} … ")
        self.stream.flush()
        self._open_line = True
        began, notes = time.monotonic(), list[str]()
        yield notes
        taken = self.paint(f"{time.monotonic() - began:.1f} s", "dim")
        said = f"{', '.join(notes)}, " if notes else ""
        if not self._open_line:  # somebody else wrote meanwhile
            self.stream.write(f"  {title}: ")
        self._open_line = False
        self.stream.write(f"{said}{taken}\n")
        self.stream.flush()
