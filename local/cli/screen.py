"""What is shown: results on stdout, for a person or as JSON; everything else on stderr.

A stream that is no terminal gets no colours, no progress bar and no wrapped data.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, Final

from local.cli.failures import Failure, Refusal

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_PIPE_WIDTH: Final = 100_000  # columns: nothing is ever wrapped there
_GAP: Final = 2
_LEAST: Final = 8  # columns of what is cut
_STATUS_STYLES: Final[Mapping[str, str]] = {
    "delivered": "green",
    "finished": "green",
    "ok": "green",
    "undelivered": "red",
    "rejected": "red",
    "failed": "red",
    "disabled": "red",
    "unknown": "yellow",
    "unknown_expired": "yellow",
    "cancelled": "dim",
    "submitted": "cyan",
}


def visible(value: object) -> str:
    """A value in one line, with nothing in it that a terminal would obey: what handsets answer is anybody's text."""
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else " " if char in "\r\n\t" else "\ufffd" for char in text)


class Screen:
    """The two streams.

    Attributes:
        json: whether stdout gets JSON.
        lines: whether it gets a document a line instead of one alone.
    """

    def __init__(self) -> None:
        self.json = False
        self.lines = False

    @cached_property
    def out(self) -> "Console":
        """For results."""
        return _console(sys.stdout)

    @cached_property
    def err(self) -> "Console":
        """For notes, progress and errors."""
        return _console(sys.stderr)

    def result(self, document: object, show: Callable[[], object]) -> None:
        """The command's answer: the document, or what a person sees of it."""
        if self.json:
            sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=None if self.lines else 2) + "\n")
            sys.stdout.flush()
        else:
            show()

    def say(self, text: str = "", style: str = "") -> None:
        """A line on stdout; what is in it is never markup."""
        from rich.text import Text

        self.out.print(Text(text, style=style), soft_wrap=True)

    def note(self, text: str, style: str = "dim") -> None:
        """A line on stderr."""
        from rich.text import Text

        self.err.print(Text(text, style=style), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], footer: Sequence[object] = ()) -> None:
        """Rows below headings.

        Args:
            columns: the headings. What stands in front of one: `>` for numbers, `~` for what may be cut on a terminal
                that is too narrow, `?` for what is left out there altogether, the first ones first.
            rows: as many values as there are columns.
            footer: likewise, or nothing.
        """
        from rich import box
        from rich.table import Table

        told = [[visible(value) for value in row] for row in rows]
        names = [column.lstrip("?~>") for column in columns]
        lines = [names, *told, *([[visible(value) for value in footer]] if footer else [])]
        widths = [max(_width(line[index]) for line in lines) for index in range(len(columns))]
        if self.out.is_terminal:
            widths = _fitting(columns, widths, self.out.width)
        table = Table(
            box=box.SIMPLE_HEAD if self.out.is_terminal else None,
            padding=(0, _GAP - 1 if self.out.is_terminal else _GAP, 0, 0),  # a box has a column of its own between
            pad_edge=False,
            show_edge=False,
            show_footer=bool(footer),
        )
        kept = [index for index, width in enumerate(widths) if width]
        for index in kept:
            table.add_column(
                names[index],
                footer=visible(footer[index]) if footer else "",
                justify="right" if ">" in _marks(columns[index]) else "left",
                no_wrap=True,
                overflow="ellipsis",
                width=widths[index],
                header_style="bold",
                footer_style="bold",
            )
        for row in told:
            table.add_row(*(_cell(row[index]) for index in kept))
        self.out.print(table)

    def show(self, renderable: "RenderableType") -> None:
        """Anything else of rich."""
        self.out.print(renderable)

    @contextmanager
    def progress(self, title: str, total: float | None = None, *, wanted: bool = True) -> Iterator[Callable[..., None]]:
        """A bar on stderr while something takes long; `update(completed=…, total=…, title=…)` moves it.

        Where stderr is no terminal, or it is not wanted, nothing is shown.
        """
        if not (wanted and sys.stderr.isatty()):
            yield lambda **_: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        with Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.err,
            transient=True,
        ) as bars:
            task = bars.add_task(title, total=total)

            def update(**changes: Any) -> None:
                if "title" in changes:
                    changes["description"] = changes.pop("title")
                bars.update(task, **changes)

            yield update

    def fail(self, failure: Failure) -> None:
        """Say what went wrong: on stderr for a person, and on stdout as the one document where JSON was asked for."""
        if self.json and not self.lines:
            document = {**failure.document, "exit_code": failure.exit_code}
            sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
            sys.stdout.flush()
        title = str(failure.document.get("title") or "Failed")
        self.note(f"{title}: {visible(failure.sentence)}", "red")
        for line in failure.lines() if isinstance(failure, Refusal) else ():
            self.note(f"  {visible(line)}", "")
        if failure.advice:
            self.note(visible(failure.advice), "")


def _console(stream: IO[str]) -> "Console":
    from rich.console import Console

    terminal = stream.isatty()
    plain = not terminal or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Console(
        file=stream,
        force_terminal=terminal,  # FORCE_COLOR is for whoever reads a log, and would break what a script reads
        color_system=None if plain else "auto",
        width=None if terminal else _PIPE_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _cell(text: str) -> "Text":
    from rich.text import Text

    return Text(text, style=_STATUS_STYLES.get(text, ""))


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _marks(column: str) -> str:
    return column[: len(column) - len(column.lstrip("?~>"))]


def _fitting(columns: Sequence[str], widths: Sequence[int], room: int) -> list[int]:
    """How wide the columns are to be where there is so much room; 0 for one that is left out."""
    kept = list(range(len(columns)))
    cut = [index for index in kept if "~" in _marks(columns[index])]

    def spare(of_cut: Callable[[int], int]) -> int:
        taken = sum(of_cut(widths[index]) if index in cut else widths[index] for index in kept)
        return room - taken - _GAP * (len(kept) - 1)

    for index in [index for index in kept if "?" in _marks(columns[index])]:
        if spare(lambda width: min(width, _LEAST)) < 0:
            kept.remove(index)
    left = max(0, spare(lambda _: 0))
    given = {index: widths[index] for index in kept}
    sharing = sorted((index for index in cut if index in kept), key=lambda index: widths[index])
    for number, index in enumerate(sharing):  # who needs little leaves the rest to the others
        given[index] = max(1, min(widths[index], left // (len(sharing) - number)))
        left -= given[index]
    return [given.get(index, 0) for index in range(len(columns))]
