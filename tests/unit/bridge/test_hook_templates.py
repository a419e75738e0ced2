"""The sandbox of texts: what a template may say, everything that it may not, and that all of it ends."""

import json
import time
from typing import Any

import pytest

from bridge.domain import segments
from bridge.domain.hook_expressions import Expression, FailedExpression, MalformedExpression
from bridge.domain.hook_templates import FailedText, MalformedText, Text, cleaned, fitted

BODY: dict[str, Any] = {
    "status": "firing",
    "count": 3,
    "share": 0.5,
    "ok": True,
    "nothing": None,
    "items": [{"name": "a", "state": "up"}, {"name": "b", "state": "down"}],
    "nested": '{"name": "inside"}',
    "signed": "【银行】send money",
}


def rendered(source: str, body: Any = BODY) -> str:
    return Text(source).render({"body": body, "headers": {"x-event": "push"}, "source": "alerts"})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{ body.status }} {{ body['count'] }} {{ body.share }} {{ body.ok }}", "firing 3 0.5 true"),
        ('{{ headers["x-event"] }} {{ source }}', "push alerts"),
        ("{{ body.missing.deeper }}|{{ body.nothing }}|", "||"),
        ("{{ body.items[1].name }}{{ (body.items | last).name }}{{ body.items[7].name }}", "bb"),
        (
            "{% for each in body.items %}{{ loop.index }}/{{ loop.length }} {{ each.name }}; {% endfor %}",
            "1/2 a; 2/2 b;",
        ),
        ("{% for each in body.nothing %}x{% else %}none{% endfor %}", "none"),
        ("{% for name in body.items[0] %}{{ name }} {% endfor %}", "name state"),
        ("{{ body.items }}", json.dumps(BODY["items"])),
        ("{{ body.status | upper }} {{ body.items | length }}", "FIRING 2"),
        ('{{ body.missing | default("none") }}', "none"),
        ('{{ body.items | where("state", "up") | length }}', "1"),
        ("{{ (body.nested | from_json).name }}", "inside"),
        ("{{ body.status | from_json }}", ""),
        ("{{ body.status | cut(4) }}", "fir…"),
        ('{{ body.items[0] | join("+") }}', "name+state"),
        ("{{ body.items | first }}", '{"name": "a", "state": "up"}'),
        ('{{ "yes" if body.count == 3 and not body.nothing else "no" }}', "yes"),
        ("{% if body.missing is defined %}x{% else %}y{% endif %}", "y"),
        ("{{ body.signed }}", "[银行]send money"),
        ("{{ body.signed | as_is }}", "【银行】send money"),
        ("【京东】{{ body.status }}", "【京东】firing"),
        ("{# a comment #}x", "x"),
    ],
)
def test_what_a_template_may_say(source: str, text: str) -> None:
    assert rendered(source) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ body() }}",
        "{{ body.items() }}",
        "{{ body.status.format() }}",
        "{{ body.status.upper() }}",
        "{{ range(10) }}",
        "{{ self.x }}",
        "{{ self }}",
        "{{ lipsum }}",
        "{{ cycler }}",
        "{{ config }}",
        "{{ request }}",
        "{{ namespace(x=1) }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ body|attr('__class__') }}",
        "{{ body|map(attribute='x') }}",
        "{{ body|selectattr('x') }}",
        "{{ body|sum }}",
        "{{ body|format(1) }}",
        "{{ body|center(1000000) }}",
        "{{ body|indent(1000000) }}",
        "{{ body|replace('a', 'b') }}",
        "{{ body|xmlattr }}",
        "{{ body|pprint }}",
        "{{ body|_bounded }}",
        "{{ _rounds_left }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10 ** 1000000000 }}",
        "{{ 1 + 1 }}",
        "{{ 1 - 1 }}",
        "{{ -1 }}",
        "{{ 1 // 0 }}",
        "{{ 5 % 0 }}",
        "{{ 'a' ~ 'b' }}",
        "{{ [1, 2] }}",
        "{{ (1, 2) }}",
        "{{ {'a': 1} }}",
        "{{ body.status[0:2] }}",
        "{% set x = 1 %}",
        "{% set x %}a{% endset %}",
        "{% macro x() %}a{% endmacro %}",
        "{% call x() %}{% endcall %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% filter upper %}a{% endfilter %}",
        "{% with x = 1 %}{% endwith %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% for x in body recursive %}{% endfor %}",
        "{% for x, y in body %}{% endfor %}",
        "{% for body in body %}{% endfor %}",
        "{% for x in body %}{{ loop.cycle('a', 'b') }}{% endfor %}",
        "{% for x in body %}{{ loop(x) }}{% endfor %}",
        "{% if body is callable %}{% endif %}",
        "{% if body is sameas body %}{% endif %}",
        "{{ body|default(value='x') }}",
        "{{ body|default(*body) }}",
        "{{ unknown }}",
        "{{ body",
        "{% for %}",
        "{% do body %}",
        "{% debug %}",
        "",
        "   ",
        "x" * 4001,
        "{{ " + "(" * 1900 + "body" + ")" * 1900 + " }}",
        "{% if body %}" * 200 + "{% endif %}" * 200,
        "{% for x in body %}" * 60 + "{% endfor %}" * 60,
    ],
)
def test_what_no_template_may_say(source: str) -> None:
    with pytest.raises(MalformedText):
        Text(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ body.__class__ }}",
        "{{ body['__class__'] }}",
        "{{ body.status.__class__.__mro__ }}",
        "{{ body.items.append }}",
        "{{ body.keys }}{{ body.get }}",
        "{{ body.status.encode }}",
        "{{ headers.__init__.__globals__ }}",
        "{% for x in body.items %}{{ loop.__class__ }}{{ loop.changed }}{{ loop._iterator }}{% endfor %}",
        "{{ body.missing.__class__.__init__ }}",
        "{{ (body.status | upper).__class__ }}",
        "{{ body.count.real }}{{ body.share.hex }}",
    ],
)
def test_a_dot_looks_into_json_and_at_nothing_else(source: str) -> None:
    assert rendered(source) == ""


def test_a_key_of_the_json_is_no_attribute_whatever_its_name() -> None:
    assert rendered("{{ body.__class__ }}{{ body.items }}", {"__class__": "a", "items": "b"}) == "ab"


def test_loops_and_output_end() -> None:
    many = {"many": list(range(50_000)), "long": "x" * 200_000}
    began = time.monotonic()

    nested = (
        "{% for a in body.many %}{% for b in body.many %}{% for c in body.many %}{% endfor %}{% endfor %}{% endfor %}"
    )
    assert rendered(nested, many) == ""
    assert len(rendered("{% for a in body.many %}{{ body.long }}{% endfor %}", many)) <= 4000
    assert len(rendered("{{ body.many | join(body.long) }}", many)) <= 4000
    assert len(rendered("{{ body }}", many)) <= 4000
    assert time.monotonic() - began < 20, "bounded, however slow this machine is"


def test_what_cannot_be_rendered_is_said_without_quoting_it() -> None:
    for source in ("{% if body.status < body.count %}x{% endif %}", "{{ body.status | cut(body.status) }}"):
        with pytest.raises(FailedText) as caught:
            rendered(source)
        assert "firing" not in str(caught.value)


def test_a_text_can_be_shown() -> None:
    assert cleaned(" a\r\nb\tc\x00\x07\x85d\ud800\u200be ") == "a\nb cd�\u200be"
    assert cleaned("好🙂") == "好🙂"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 5, "short"),
        ("a few words more than fit", 18, "a few words more…"),
        ("abcdefghij", 5, "abcd…"),
        ("🙂🙂🙂🙂", 6, "🙂🙂…"),
        ("🙂🙂🙂🙂", 5, "🙂🙂…"),
        ("一二三四五六", 4, "一二三…"),
    ],
)
def test_a_long_text_is_cut_at_a_sensible_place(text: str, limit: int, expected: str) -> None:
    assert fitted(text, limit) == expected
    assert segments.length(expected) <= limit


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("body.items[?state == 'up'].name | [0]", "a"),
        ("from_json(body.nested).name", "inside"),
        ("from_json(body.status)", None),
        ("from_json(body.nothing)", None),
        ("join('+', body.items[].name)", "a+b"),
        ("body.missing.deeper", None),
    ],
)
def test_an_expression(expression: str, value: Any) -> None:
    assert Expression(expression)({"body": BODY}) == value


@pytest.mark.parametrize(
    "expression", ["", " ", "[", "a.", "nothing(@)", "a[?nothing(@)]", "x" * 1001, "`{`", "(" * 900 + "a" + ")" * 900]
)
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(MalformedExpression):
        Expression(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "|".join(["[@, @][]"] * 60),
        "join(body.long, body.many)",
        "body.many[].[" + ",".join(["@"] * 20) + "][]",
    ],
)
def test_an_expression_that_grows_ends(expression: str) -> None:
    body = {"long": "x" * 100_000, "many": ["x"] * 20_000}
    with pytest.raises(FailedExpression):
        Expression(expression)({"body": body})
