import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.templates import MalformedTemplate, MissingParameters, Template

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
plain = st.text().filter(lambda text: "{" not in text and "}" not in text)
space = st.sampled_from(["", " ", "  ", "\t", "\n"])
values = st.text() | st.integers(-(2**63), 2**63)
pieces = st.lists(st.tuples(plain, names, space, space))


@pytest.mark.parametrize(
    ("text", "params", "rendered"),
    [
        ("您的验证码是{{code}}", {"code": "012"}, "您的验证码是012"),
        ("{{ name }}您好，{{name}}", {"name": "王"}, "王您好，王"),
        ("{{a}}{{b}}", {"a": 1, "b": -2}, "1-2"),
        ("{{a}}", {"a": "{{b}}", "b": "x"}, "{{b}}"),  # a value is never looked into
        ("{{a}}}", {"a": "x"}, "x}"),
        ("no placeholder } }} {", {"unused": "x"}, "no placeholder } }} {"),
        ("{{a}}", {"a": "\\1\\g<0>"}, "\\1\\g<0>"),
        ("", {}, ""),
    ],
)
def test_values_go_in_as_they_are(text: str, params: dict[str, str | int], rendered: str) -> None:
    assert Template(text).render(params) == rendered


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "{{}}",
        "{{a}",
        "{{a b}}",
        "{{1}}",
        "{{a.b}}",
        "{{a[0]}}",
        "{{{a}}}",
        "{{é}}",
        "{{a}} {{",
        "{{a|b}}",
        "{{a!r}}",
    ],
)
def test_what_begins_no_placeholder_is_malformed(text: str) -> None:
    with pytest.raises(MalformedTemplate):
        Template(text)


def test_all_missing_parameters_are_named() -> None:
    with pytest.raises(MissingParameters) as caught:
        Template("{{b}}{{a}}{{c}}{{b}}").render({"a": "x"})
    assert caught.value.names == ("b", "c")


@given(pieces, plain, st.data())
def test_a_text_is_its_pieces_with_the_values_between(
    parts: list[tuple[str, str, str, str]], end: str, data: st.DataObject
) -> None:
    template = Template("".join(f"{before}{{{{{left}{name}{right}}}}}" for before, name, left, right in parts) + end)
    params = {name: data.draw(values) for _, name, _, _ in parts}

    assert template.render(params) == "".join(before + str(params[name]) for before, name, _, _ in parts) + end
    assert set(template.names) == set(params)


@given(st.text(st.sampled_from("{} a1_.\n")), st.dictionaries(names, values))
def test_any_text_is_rendered_or_says_why_not(text: str, params: dict[str, str | int]) -> None:
    try:
        rendered = Template(text).render(params)
    except (MalformedTemplate, MissingParameters):
        assert "{{" in text
    else:
        assert rendered == text or "{{" in text
