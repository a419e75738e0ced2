"""Mappings at work: a call's JSON made into messages, or the reason why not, in plain words and without quoting it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from bridge.domain.errors import FieldProblem, InvalidRequest
from bridge.domain.hook_expressions import Expression, FailedExpression, MalformedExpression
from bridge.domain.hook_sources import HookMapping
from bridge.domain.hook_templates import FailedText, MalformedText, Text
from bridge.domain.numbers import e164, national

LARGEST: Final = 262_144  # bytes of a body
DEEPEST: Final = 64
_MOST_NUMBERS: Final = 100  # of one message
_LONGEST_REFERENCE: Final = 128
_EXPRESSIONS: Final = ("each", "when", "to", "client_reference", "account", "dedup")
# Of no use to a mapping, and not to be printed by one. The header that authenticates a source is left out besides.
_SECRET_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-amz-security-token", "webhook-signature"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that a mapping asks for.

    Attributes:
        to: E.164, none twice; () where the mapping says nothing.
        account: None where the mapping says nothing.
    """

    to: tuple[str, ...]
    text: str
    client_reference: str | None
    account: str | None


def parsed(body: bytes) -> Any:
    """A body's JSON. Raises InvalidRequest where it is none, or nested too deep."""
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise _refused("body", "must be JSON, in UTF-8") from None
    if not _is_shallow(value):
        raise _refused("body", f"must not be nested deeper than {DEEPEST}")
    return value


def hook_data(source: str, body: Any, headers: Mapping[str, tuple[str, ...]], hidden: frozenset[str]) -> dict[str, Any]:
    """What expressions and templates see: the body, the headers but for the secret ones, and the source's name."""
    shown = {
        name: ", ".join(values)
        for name, values in headers.items()
        if name not in _SECRET_HEADERS | hidden and "signature" not in name
    }
    return {"body": body, "headers": shown, "source": source}


def body_hash(body: bytes) -> str:
    """What two calls of the same bytes have in common."""
    return hashlib.sha256(body).hexdigest()


class Reader:
    """A whole mapping, read once.

    Raises:
        InvalidRequest: names everything that is wrong with it.
    """

    def __init__(self, mapping: HookMapping) -> None:
        problems: list[FieldProblem] = []
        self._expressions: dict[str, Expression] = {}
        for name in _EXPRESSIONS:
            text = getattr(mapping, name)
            if text is not None:
                try:
                    self._expressions[name] = Expression(text)
                except MalformedExpression as exc:
                    problems.append(FieldProblem(f"mapping.{name}", str(exc)))
        self._text: Text | None = None
        try:
            self._text = Text(mapping.text or "")
        except MalformedText as exc:
            missing = "is missing; without a preset there must be one"
            problems.append(FieldProblem("mapping.text", missing if mapping.text is None else str(exc)))
        if problems:
            raise InvalidRequest(tuple(problems))

    def drafts(self, data: Mapping[str, Any], most: int) -> tuple[list[Draft], int]:
        """The first messages that the data asks for, at most so many, and how many there would be more.

        Raises:
            InvalidRequest: says which part of the mapping cannot make a message of it, and why.
        """
        drafts: list[Draft] = []
        more = 0
        for place, seen in self._items(data):
            if "when" in self._expressions and not _is_true(self._value("when", seen, place)):
                continue
            if len(drafts) == most:
                more += 1
            else:
                drafts.append(self._draft(seen, place))
        return drafts, more

    def dedup(self, data: Mapping[str, Any]) -> str | None:
        """What this call has in common with every repeat of it; None where the mapping does not say."""
        if "dedup" not in self._expressions:
            return None
        value = self._value("dedup", data, "")
        return None if value is None else json.dumps(value, sort_keys=True)

    def _items(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if "each" not in self._expressions:
            yield "", data
            return
        items = self._value("each", data, "")
        if items is not None and not isinstance(items, list):
            raise _refused("mapping.each", "gave no list")
        for index, item in enumerate(items or ()):
            yield f" for item {index}", {**data, "item": item}

    def _draft(self, seen: Mapping[str, Any], place: str) -> Draft:
        return Draft(
            to=self._numbers(seen, place),
            text=self._rendered(seen, place),
            client_reference=self._scalar("client_reference", seen, place, _LONGEST_REFERENCE),
            account=self._scalar("account", seen, place, _LONGEST_REFERENCE),
        )

    def _numbers(self, seen: Mapping[str, Any], place: str) -> tuple[str, ...]:
        if "to" not in self._expressions:
            return ()
        value = self._value("to", seen, place)
        listed = value if isinstance(value, list) else [] if value is None else [value]
        if len(listed) > _MOST_NUMBERS:
            raise _refused("mapping.to", f"gave more than {_MOST_NUMBERS} numbers{place}")
        texts = [str(each) if type(each) is int else each for each in listed]
        if not all(isinstance(each, str) and national(each.strip()) for each in texts):
            raise _refused("mapping.to", f"gave what is no mainland mobile number{place}")
        return tuple(dict.fromkeys(e164(each.strip()) for each in texts))

    def _rendered(self, seen: Mapping[str, Any], place: str) -> str:
        if self._text is None:  # __init__ has refused that
            raise _refused("mapping.text", "is missing")
        try:
            text = self._text.render(seen)
        except FailedText as exc:
            raise _refused("mapping.text", f"{exc}{place}") from exc
        if not text:
            raise _refused("mapping.text", f"gave no text{place}")
        return text

    def _scalar(self, name: str, seen: Mapping[str, Any], place: str, longest: int) -> str | None:
        if name not in self._expressions:
            return None
        value = self._value(name, seen, place)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise _refused(f"mapping.{name}", f"gave neither text nor a whole number{place}")
        return str(value)[:longest]

    def _value(self, name: str, seen: Mapping[str, Any], place: str) -> Any:
        try:
            return self._expressions[name](seen)
        except FailedExpression as exc:
            raise _refused(f"mapping.{name}", f"{exc}{place}") from exc


def _refused(field: str, reason: str) -> InvalidRequest:
    return InvalidRequest((FieldProblem(field, reason),))


def _is_true(value: object) -> bool:
    # As JMESPath has it: zero is true, and equal to False in Python.
    return value is not None and value is not False and (isinstance(value, int | float) or bool(value))


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
        if not level:
            return True
    return False


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError("a number that nobody can hold")
    return value


def _no_constant(_: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")
