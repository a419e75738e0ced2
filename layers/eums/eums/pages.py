"""Reading JSON that may be broken, without losing what is whole.

A pull hands each record out once, so a page is never lost to a comma. `parse` is strict and fast; where it fails,
or a record of the page is no good, `walk` goes through the text record by record: what reads is kept, what does
not is kept apart as text, and it says whether the text ends before its end.

Numbers are read as the digits that stand there: ids are numbers to some gateways, and longer than a float can hold.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

__all__ = ["UNREADABLE", "Walk", "parse", "walk"]


class _Unreadable:
    """The value of a text that is no JSON."""


UNREADABLE = _Unreadable()

# strict=False: a line end or tab inside a string is no reason to lose a page. NaN and Infinity are no values.
_DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=lambda _: None)

# What needs mending, found without mistaking the inside of a string for its outside: strings are matched whole
# (an unfinished one up to the end, which also keeps the search linear).
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_FAULT = re.compile(
    rf"""(?P<string>{_STRING})
       | ,(?P<trailing>(?=\s*[\]}}]))
       | (?<![\w.+-])(?P<zeros>-?0[0-9]+)(?![\w.])""",
    re.DOTALL | re.VERBOSE,
)
_BAD_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|(?=(.|\Z)))', re.DOTALL)

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

_BLANK = re.compile(r"[\s,]*")
_KEY = re.compile(r'"([^"\\]{0,64})"\s*:\s*')
_SCALAR = re.compile(r"[^\s,\[\]{}\"]+")
# Where a record ends and another begins. Inside a string neither could stand: its quotes would be escaped.
_BORDER = re.compile(r'(?<=\})[\s,]*+(?=\{\s*"[^"\\]{1,64}"\s*:)')
_BRACKET = re.compile(rf"(?P<string>{_STRING})|[\[{{]|(?P<close>[\]}}])", re.DOTALL)
_OPENING = {"]": ord("["), "}": ord("{")}

# How many characters may be looked at beyond the next border, in lengths of the text: enough for a page of records
# that hold records, and a bound on the work that a hostile page can cause.
_PATIENCE = 16

# Records that a walk looks at; what follows is kept as one text. No page comes near, and each takes memory.
_MOST_RECORDS = 200_000


def parse(text: str) -> object:
    """Read a whole JSON text, or return UNREADABLE. Never raises.

    Halves of surrogate pairs, which no UTF-8 can carry on, become U+FFFD.
    """
    if "\\" in text and _ESCAPED_SURROGATE.search(text):
        text = _ESCAPE.sub(lambda escape: "\\ufffd" if escape["lone"] else escape[0], text)
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return UNREADABLE


def parse_mended(text: str) -> object:
    """Read a JSON text after mending trailing commas, leading zeros and lone backslashes. Never raises."""
    value = parse(text)
    return value if value is not UNREADABLE else parse(_FAULT.sub(_mend, text))


def _mend(fault: re.Match[str]) -> str:
    if fault["string"]:
        return _BAD_ESCAPE.sub(lambda escape: escape[0] if escape[1] else r"\\", fault[0])
    return f'"{fault["zeros"]}"' if fault["zeros"] else ""


@dataclass(slots=True)
class Walk:
    """What a walk found.

    Attributes:
        fields: the fields of the outer object, without `data` where that is an array or an object.
        records: each element of `data`: its text, and its value or UNREADABLE.
        loose: texts that belong to no record.
        cut: whether the text ends before the outer object does.
    """

    fields: dict[str, object] = field(default_factory=dict)
    records: list[tuple[str, object]] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    cut: bool = False


def walk(text: str) -> Walk:
    """Go through a page record by record. Never raises; a text that is no page gives no fields and no records."""
    return _Walker(text).walk()


class _Walker:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._patience = _PATIENCE * len(text)
        self._border: re.Match[str] | None = None
        self._borders_end = False
        self._found = Walk()

    def walk(self) -> Walk:
        text = self._text
        self._skip_blank()
        if text.startswith("[", self._at):
            self._array()
        elif text.startswith("{", self._at):
            self._at += 1
            self._object()
        else:
            return self._found
        if rest := text[self._at :].strip("]};, \t\r\n\0\ufeff"):
            self._found.loose.append(rest)
        return self._found

    def _skip_blank(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at

    def _object(self) -> None:
        while True:
            self._skip_blank()
            if self._text.startswith("}", self._at):
                self._at += 1
                return
            key = _KEY.match(self._text, self._at)
            if key is None:
                # An end in the middle of a key, or something else altogether, which `loose` keeps.
                rest = self._text[self._at :]
                self._found.cut = not rest or rest.startswith('"')
                self._at = len(self._text) if self._found.cut else self._at
                return
            self._at = key.end()
            if key[1] == "data" and self._text.startswith("[", self._at):
                self._array()
            elif key[1] == "data" and self._text.startswith("{", self._at):
                self._record()
            else:
                self._field(key[1])
            if self._found.cut:
                return

    def _field(self, name: str) -> None:
        begin = self._at
        value = self._value()
        if self._at >= len(self._text) and not self._text.endswith(('"', "}", "]")):
            # A number at the very end may have lost digits.
            return
        if value is UNREADABLE:
            self._found.loose.append(self._text[begin : self._at])
        else:
            self._found.fields[name] = value

    def _array(self) -> None:
        self._at += 1
        while not self._found.cut:
            self._skip_blank()
            if self._text.startswith("]", self._at):
                self._at += 1
                return
            if self._at >= len(self._text) or len(self._found.records) >= _MOST_RECORDS:
                self._found.cut = True
            elif self._text.startswith("{", self._at):
                self._record()
            else:
                begin = self._at
                value = self._value()
                self._found.cut = self._at >= len(self._text)
                self._found.records.append((self._text[begin : self._at], UNREADABLE if self._found.cut else value))

    def _value(self) -> object:
        """Read a value that is no record, and move behind it, always by one character at least."""
        text, begin = self._text, self._at
        if scalar := _SCALAR.match(text, begin):
            self._at = scalar.end()
            return parse_mended(scalar[0])
        self._at = self._end_of_brackets(len(text)) or len(text)
        return parse_mended(text[begin : self._at])

    def _record(self) -> None:
        text, begin = self._text, self._at
        border = self._next_border()
        end = self._end_of_brackets(border.start() if border else len(text))
        if end is not None:
            value = parse_mended(text[begin:end])
        elif border:
            end, value = self._beyond(border)
        else:
            # Cut short; or the last record has a stray quote, which looks the same, and to be warned is the safer.
            self._found.cut = True
            end, value = len(text), UNREADABLE
        self._found.records.append((text[begin:end], value))
        self._at = end

    def _next_border(self) -> re.Match[str] | None:
        """The first border behind here. One that is still ahead is not looked for again, nor is one where none is."""
        # From the next character on: where no comma stands between records, this one begins at a border itself.
        if not self._borders_end and (self._border is None or self._border.start() <= self._at):
            self._border = _BORDER.search(self._text, self._at + 1)
            self._borders_end = self._border is None
        return self._border

    def _beyond(self, border: re.Match[str]) -> tuple[int, object]:
        """Read a record to which the border does not belong: it holds records itself, or has no end."""
        limit = min(len(self._text), border.start() + self._patience)
        far = self._end_of_brackets(limit)
        self._patience -= (far or limit) - border.start()
        if far is not None:
            value = parse_mended(self._text[self._at : far])
            # A border outside of every string is one of records within this record, good or bad.
            if value is not UNREADABLE or not self._in_string(border.start()):
                return far, value
        return border.start(), UNREADABLE

    def _end_of_brackets(self, limit: int) -> int | None:
        """Return where the string or the brackets that begin here end, or None if they do not before the limit."""
        still_open = bytearray()  # a page may be nothing but brackets
        for token in _BRACKET.finditer(self._text, self._at, limit):
            if token["string"]:
                if token.end() == limit and not _is_closed(token[0]):
                    return None
            elif token["close"]:
                if not still_open or still_open.pop() != _OPENING[token[0]]:
                    return None
            else:
                still_open.append(ord(token[0]))
            if not still_open:
                return token.end()
        return None

    def _in_string(self, place: int) -> bool:
        for token in _BRACKET.finditer(self._text, self._at):
            if token.end() > place:
                return token["string"] is not None and token.start() < place
        return False


def _is_closed(string: str) -> bool:
    body = string[1:]
    return body.endswith('"') and (len(body) - len(body[:-1].rstrip("\\"))) % 2 == 1
