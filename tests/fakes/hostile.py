"""What nobody sends who means well: values, bodies and parameters, as the wire has them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

DEEP: Final = 100_000

TEXTS: Final = (
    "",
    " ",
    "\0",
    "a\0b",
    "\x1b[31mred",
    "a\r\nb\tc",
    "\x7f\x80\x9f",
    "\u202eabc",  # an override of the direction of writing
    "\u2066abc",
    "\ufeffabc",
    "\ufffe\uffff",
    "\u2028\u2029",
    "👩\u200d👩\u200d👧\u200d👦",
    "🇨🇳" * 200,
    "𠮷" * 251,  # 502 UTF-16 code units
    "好" * 500,
    "é" * 501,
    "{{x}}",
    "{{",
    "】【",
    "%00%ff",
    "../../x",
    "' OR 1=1 --",
    "x" * 20_000,
    "13812345678",
    "+8613812345678",
    "１３８１２３４５６７８",  # digits, but not of ASCII
)
"""Texts that an encoder can write."""

# JSON that json.dumps would not write: by its text.
TOKENS: Final = (
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0",
    "1e999",
    "-1e-999",
    "1.0000000000000000001",
    "NaN",
    "Infinity",
    "-Infinity",
    "00",
    "1_000",
    "0x10",
    "9223372036854775808",
    "9" * 400,
    "9" * 5001,
    "-" + "9" * 5001,
    "1e400000",
    r'"\ud800"',
    r'"\udc00\ud83d"',
    r'"a\ud83d"',
    r'"\u0000"',
    r'"\u00"',
    r'"\x41"',
    '"\\',
    '"unended',
    '"\x00"',
    "[]",
    "{}",
    "[[]]",
    "[null]",
    '{"":{}}',
    '{"a":1,"a":2}',
    "'x'",
    "//",
    "",
    *(json.dumps(text, ensure_ascii=False) for text in TEXTS),
    *(json.dumps(text) for text in TEXTS),
)

_MARK: Final = "@here@"

tokens: Final = st.sampled_from(TOKENS)
texts: Final = st.sampled_from(TEXTS) | st.text(max_size=40)


def places(value: Any) -> list[tuple[Any, ...]]:
    """The ways to everything in a JSON value, itself the first: `("to", 0)`."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((key, *way) for key, each in inside for way in places(each))]


def put(value: Any, way: Sequence[Any], other: Any) -> Any:
    """A JSON value with another in one place."""
    if not way:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = put(value[way[0]], way[1:], other)
    return copy


def spoiled(value: Any, way: Sequence[Any], token: str) -> str:
    """The JSON of a value that has, in one place, what may be no JSON."""
    return json.dumps(put(value, way, _MARK), ensure_ascii=False).replace(f'"{_MARK}"', token)


@st.composite
def json_texts(draw: st.DrawFn, good: Mapping[str, Any]) -> str:
    """A good body with something in it that is not: another value, a field twice, one too many, an end too early."""
    way = draw(st.sampled_from(places(good)))
    text = spoiled(good, way, draw(tokens))
    kind = draw(st.sampled_from(["as it is", "as it is", "as it is", "twice", "more", "cut", "behind"]))
    name = draw(st.sampled_from([*good, "x", "__proto__", ""]))
    if kind in {"twice", "more"} and text.startswith("{"):
        quoted = json.dumps(name if kind == "twice" else draw(texts), ensure_ascii=False)
        text = f"{{{quoted}:{draw(tokens)},{text[1:]}"
    elif kind == "cut":
        text = text[: draw(st.integers(0, len(text)))]
    elif kind == "behind":
        text += draw(st.sampled_from(["\0", "}", ",", "\ufeff", text]))
    return text


@st.composite
def bodies(draw: st.DrawFn, good: Mapping[str, Any]) -> bytes:
    """A body: of `json_texts`, perhaps in another coding, or anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=100))
    text = draw(json_texts(good))
    coding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7"]))
    return text.encode(coding, "replace")
