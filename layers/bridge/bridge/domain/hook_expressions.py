"""JMESPath over what came, bounded: an expression that grows without end gives an error, not a Lambda that is stuck.

Beside JMESPath's own functions (https://jmespath.org/specification.html) there is `from_json(text)`: the value of JSON
that stands in a text, as CloudWatch's alarms do in what SNS sends; null where it is none.
"""

import json
import warnings
from collections.abc import Iterator
from typing import Any, Final

from jmespath import exceptions
from jmespath.functions import Functions, signature
from jmespath.parser import Parser
from jmespath.visitor import Options, TreeInterpreter

LONGEST: Final = 1000  # characters of an expression
_MOST_VISITS: Final = 200_000
_LONGEST_TEXT: Final = 262_144


class MalformedExpression(ValueError):
    """It is no JMESPath, or calls what is not there."""


class FailedExpression(ValueError):
    """It cannot be evaluated on this body; says why without quoting anything."""


class _Bridge(Functions):
    @signature({"types": ["string", "null"]})
    def _func_from_json(self, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None

    @signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, texts: list[str]) -> str:
        if len(separator) * len(texts) + sum(map(len, texts)) > _LONGEST_TEXT:
            raise FailedExpression("joins more text than a message could have")
        return separator.join(texts)


class _Bounded(TreeInterpreter):
    def __init__(self) -> None:
        super().__init__(Options(custom_functions=_Bridge()))
        self._left = _MOST_VISITS

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise FailedExpression("takes too many steps")
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        # A list may be twice as long each time: what is in it counts.
        flat = super().visit_flatten(node, value)
        self._left -= len(flat or ())
        return flat


class Expression:
    """A JMESPath expression, read once. Raises MalformedExpression."""

    __slots__ = ("_parsed",)

    def __init__(self, text: str) -> None:
        if not text.strip() or len(text) > LONGEST:
            raise MalformedExpression(f"must have 1 to {LONGEST} characters")
        try:
            with warnings.catch_warnings(category=PendingDeprecationWarning, action="error"):
                # JMESPath took what is no JSON between backticks for a text once: a slip now, and refused.
                self._parsed: Final = Parser().parse(text).parsed
        except (exceptions.LexerError, exceptions.ParseError) as exc:
            place = getattr(exc, "lex_position", None)
            where = f" (at character {place + 1})" if isinstance(place, int) and place >= 0 else ""
            raise MalformedExpression(f"is no JMESPath expression{where}") from exc
        except (exceptions.JMESPathError, PendingDeprecationWarning, RecursionError, ValueError) as exc:
            raise MalformedExpression("is no JMESPath expression") from exc
        for name in _functions(self._parsed):
            if name not in _Bridge.FUNCTION_TABLE:
                raise MalformedExpression("calls a function that JMESPath does not have")

    def __call__(self, data: object) -> Any:
        """Its value, of JSON's types; null where there is none. Raises FailedExpression."""
        try:
            return _Bounded().visit(self._parsed, data)
        except FailedExpression:
            raise
        except exceptions.ArityError as exc:
            raise FailedExpression(f"calls {exc.function_name} with the wrong number of arguments") from exc
        except exceptions.JMESPathTypeError as exc:
            # Its own words quote the value.
            raise FailedExpression(f"gives {exc.function_name} a value of the wrong type") from exc
        except (exceptions.JMESPathError, ArithmeticError, RecursionError, TypeError, ValueError) as exc:
            raise FailedExpression("cannot be evaluated on this body") from exc


def _functions(node: Any) -> Iterator[str]:
    if node["type"] == "function_expression":
        yield node["value"]
    for child in node.get("children", ()):
        yield from _functions(child)
