"""Texts of messages as Jinja2 templates, of which only what cannot do harm is there.

A template may print, choose (`if`), repeat (`for`) and filter. It is read before it is compiled, and whatever else is
in it is refused: calls, assignments, arithmetic, macros, imports. A dot only ever looks into JSON, never at an
attribute of an object; loops and output end at a bound. All of this stands on Jinja2's own sandbox, which would have to
fail as well.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.runtime import ChainableUndefined, Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

from bridge.domain import segments

LONGEST: Final = 4000  # characters of a template
_LONGEST_OUTPUT: Final = 4000  # characters, before it is cut to a message
_MOST_ROUNDS: Final = 1000  # of all loops of one text
_ROUNDS_LEFT: Final = "_rounds_left"
_BOUNDED: Final = "_bounded"
NAMES: Final = frozenset({"body", "headers", "source", "item", "loop"})
_LOOP: Final = frozenset({"index", "index0", "first", "last", "length", "revindex"})
_TESTS: Final = ("defined", "undefined", "none")
_ELLIPSIS: Final = "…"
_NEAR: Final = 40  # UTF-16 units before the limit in which a text is rather cut between words


class MalformedText(ValueError):
    """It is no template, or has what no template may have here; says what."""


class FailedText(ValueError):
    """It cannot be rendered with this body; says why without quoting anything."""


class AsIs(str):
    """A text whose 【】 stay: it is the sender's to sign."""

    __slots__ = ()


class _Sandbox(ImmutableSandboxedEnvironment):
    """JSON, and nothing behind it."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, dict) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if isinstance(obj, list) and type(argument) is int and -len(obj) <= argument < len(obj):
            return obj[argument]
        if isinstance(obj, LoopContext) and argument in _LOOP:
            return getattr(obj, argument)
        return self.undefined(name="a value")

    def is_safe_attribute(self, *_: Any) -> bool:
        return False

    def is_safe_callable(self, _: Any) -> bool:
        return False

    def call_binop(self, *_: Any) -> Any:
        raise FailedText("calculates")


class Text:
    """A template, read and compiled once. Raises MalformedText."""

    __slots__ = ("_template",)

    def __init__(self, source: str) -> None:
        if not source.strip() or len(source) > LONGEST:
            raise MalformedText(f"must have 1 to {LONGEST} characters")
        try:
            tree = _ENVIRONMENT.parse(source)
            _look_at(tree)
            code = _ENVIRONMENT.compile(tree)
            self._template: Final = _ENVIRONMENT.template_class.from_code(_ENVIRONMENT, code, {})
        except MalformedText:
            raise
        except TemplateError as exc:
            line = getattr(exc, "lineno", None)
            raise MalformedText(f"is no Jinja2 template{f' (line {line})' if line else ''}") from exc
        except (SyntaxError, RecursionError, ValueError, OverflowError, MemoryError) as exc:
            raise MalformedText("is no Jinja2 template that could be compiled") from exc

    def render(self, data: Mapping[str, object]) -> str:
        """The text, without control characters and white space around it; at most a few thousand characters of it.

        Raises:
            FailedText: it cannot be rendered.
        """
        parts: list[str] = []
        size = 0
        try:
            for part in self._template.generate({**data, _ROUNDS_LEFT: [_MOST_ROUNDS]}):
                parts.append(part[: _LONGEST_OUTPUT - size])
                size += len(part)
                if size >= _LONGEST_OUTPUT:
                    break
        except FailedText:
            raise
        except TypeError as exc:
            raise FailedText("compares values that cannot be compared") from exc
        except (TemplateError, ArithmeticError, RecursionError, ValueError, LookupError) as exc:
            raise FailedText("cannot be rendered with this body") from exc
        return cleaned("".join(parts))


def cleaned(text: str) -> str:
    """A text as a handset can show it: no half surrogates, no control characters but line ends."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    lines = whole.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(each for each in lines if each == "\n" or each.isprintable() or each > "\x9f").strip()


def fitted(text: str, limit: int) -> str:
    """A text of at most `limit` UTF-16 units: a longer one is cut, between words where there are any, and ends in …."""
    if segments.length(text) <= limit:
        return text
    kept, units = 0, segments.length(_ELLIPSIS)
    for each in text:
        units += segments.length(each)
        if units > limit:
            break
        kept += 1
    cut = text[:kept]
    space = max(cut.rfind(" "), cut.rfind("\n"))
    if space > max(kept - _NEAR, 0):
        cut = cut[:space]
    return cut.rstrip() + _ELLIPSIS if limit >= 1 else ""


def _look_at(tree: nodes.Template) -> None:
    """Refuse whatever is not known to be harmless, and give every loop its bound."""
    targets = {name.name for loop in tree.find_all(nodes.For) for name in _names(loop)}
    for node in _below(tree):
        if type(node) not in _HARMLESS:
            raise MalformedText(f"may not have {_said(node)} (line {node.lineno})")
        if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in NAMES | targets:
            raise MalformedText(
                f"knows no {_shown(node.name)} (line {node.lineno}): there are body, headers, source and item"
            )
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            raise MalformedText(f"knows no filter {_shown(node.name)} (line {node.lineno})")
        if isinstance(node, nodes.Filter) and (node.kwargs or node.dyn_args or node.dyn_kwargs or node.node is None):
            raise MalformedText(f"gives a filter what it does not take (line {node.lineno})")
        if isinstance(node, nodes.Test) and node.name not in _TESTS:
            raise MalformedText(f"knows no test {_shown(node.name)} (line {node.lineno})")
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = nodes.Filter(loop.iter, _BOUNDED, [], [], None, None, lineno=loop.lineno)


def _names(loop: nodes.For) -> Iterator[nodes.Name]:
    if not isinstance(loop.target, nodes.Name) or loop.recursive or loop.target.name in NAMES:
        raise MalformedText(f"may only loop over one name of its own, and not recursively (line {loop.lineno})")
    yield loop.target


def _below(node: nodes.Node) -> Iterator[nodes.Node]:
    for child in node.iter_child_nodes():
        yield child
        yield from _below(child)


def _said(node: nodes.Node) -> str:
    return _WORDS.get(type(node), type(node).__name__.lower())


def _shown(name: str) -> str:
    return repr(name[:40])


_HARMLESS: Final = frozenset(
    {
        nodes.Output,
        nodes.TemplateData,
        nodes.If,
        nodes.For,
        nodes.Name,
        nodes.Const,
        nodes.Getattr,
        nodes.Getitem,
        nodes.Filter,
        nodes.Test,
        nodes.Compare,
        nodes.Operand,
        nodes.And,
        nodes.Or,
        nodes.Not,
        nodes.CondExpr,
    }
)
_WORDS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Call: "calls",
    nodes.Assign: "assignments",
    nodes.AssignBlock: "assignments",
    nodes.Concat: "concatenations",
    nodes.Slice: "slices",
    nodes.Macro: "macros",
    nodes.List: "lists",
    nodes.Dict: "objects",
    nodes.Tuple: "tuples",
    **dict.fromkeys(
        (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Pos),
        "arithmetic",
    ),
}


def _printed(value: Any) -> str:
    """A value as it stands in a text. Brackets of a 签名 that came from outside are no signature of ours."""
    if isinstance(value, AsIs):
        return value
    return _plain(value).replace("【", "[").replace("】", "]")


def _plain(value: Any) -> str:
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, str):
        return value[:_LONGEST_OUTPUT]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)[:_LONGEST_OUTPUT]
    raise FailedText("prints what is no JSON")


def _default(value: Any, instead: Any = "") -> Any:
    return instead if value is None or value == "" or isinstance(value, Undefined) else value


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


def _join(value: Any, between: Any = ", ") -> str:
    separator, texts, size = _plain(between), [], 0
    for each in value if isinstance(value, list | dict) else ():
        texts.append(_plain(each))
        size += len(texts[-1]) + len(separator)
        if size > _LONGEST_OUTPUT:
            break
    return separator.join(texts)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else None


def _where(value: Any, name: Any, wanted: Any) -> list[Any]:
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, dict) and isinstance(name, str) and each.get(name) == wanted]


def _cut(value: Any, limit: Any) -> str:
    if type(limit) is not int:
        raise FailedText("cuts to what is no number")
    return fitted(_plain(value), limit)


def _from_json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None


@pass_context
def _within_bounds(context: Context, value: Any) -> list[Any]:
    left = context.resolve(_ROUNDS_LEFT)
    rounds = list(value)[: left[0]] if isinstance(value, list | dict) else []
    left[0] -= len(rounds)
    return rounds


_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "as_is": lambda value: AsIs(_plain(value)),
    "cut": _cut,
    "default": _default,
    "first": _first,
    "from_json": _from_json,
    "join": _join,
    "last": _last,
    "length": _length,
    "lower": lambda value: _plain(value).lower(),
    "trim": lambda value: _plain(value).strip(),
    "upper": lambda value: _plain(value).upper(),
    "where": _where,
}


def _environment() -> _Sandbox:
    environment = _Sandbox(
        undefined=ChainableUndefined,
        finalize=_printed,
        optimized=False,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # a text message is no HTML
    )
    environment.globals.clear()
    environment.filters = {**_FILTERS, _BOUNDED: _within_bounds}
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


_ENVIRONMENT: Final = _environment()
