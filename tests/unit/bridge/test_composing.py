from typing import Any

import pytest

from bridge.domain.batches import BatchEntry
from bridge.domain.errors import FieldProblem, InvalidRequest
from bridge.services.composing import MAX_PROBLEMS, BatchOrder, EntryOrder, Wording, compose

A, B, C = "13800000001", "13800000002", "13800000003"


def signed(text: str) -> Wording:
    """Whatever is longer than ten characters is refused; the others are signed."""
    if len(text) > 10:
        raise InvalidRequest((FieldProblem("text", "is too long"),))
    return Wording(text=f"【京东】{text}", signature="京东")


def problems(*entries: EntryOrder, **batch: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        compose(BatchOrder(entries=entries, **batch), signed)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_texts_and_templates_become_what_goes_out() -> None:
    order = BatchOrder(
        template="d {{x}}",
        entries=(
            EntryOrder(to=A, text="{{x}}", client_reference="r"),  # a text is no template
            EntryOrder(to=B, template="t {{x}}", params={"x": 1, "unused": "y"}),
            EntryOrder(to=C, params={"x": "2"}),
        ),
    )
    assert compose(order, signed) == (
        BatchEntry(to=A, text="【京东】{{x}}", signature="京东", client_reference="r"),
        BatchEntry(to=B, text="【京东】t 1", signature="京东"),
        BatchEntry(to=C, text="【京东】d 2", signature="京东"),
    )


def test_a_text_for_all() -> None:
    entries = compose(BatchOrder(text="hi", entries=(EntryOrder(to=A), EntryOrder(to=B, text="ho"))), signed)
    assert [entry.text for entry in entries] == ["【京东】hi", "【京东】ho"]


def test_every_problem_is_named_where_it_is() -> None:
    assert problems(
        EntryOrder(to=A, text="far too long"),
        EntryOrder(to=A, template="{{x}", params={"x": 1}),
        EntryOrder(to=A, template="{{x}} {{y}}", params={}),
        EntryOrder(to=A, template="{{x}}", params={"x": "far too long"}),
        EntryOrder(to=A, params={"x": "far too long"}),
        EntryOrder(to=A, text="good"),
        template="{{x}}",
    ) == {
        "messages[0].text": "is too long",
        "messages[1].template": "has a {{ that begins no placeholder such as {{name}}",
        "messages[2].params.x": "is missing; the template asks for it",
        "messages[2].params.y": "is missing; the template asks for it",
        "messages[3].template": "is too long",
        "messages[4].params": "is too long",
    }


def test_neither_text_nor_template() -> None:
    assert set(problems(EntryOrder(to=A))) == {"messages[0]"}


def test_a_problem_of_all_is_named_once() -> None:
    many = [EntryOrder(to=A, params={"x": 1})] * 300
    assert set(problems(*many, template="{{")) == {"template"}
    assert set(problems(*many, text="far too long")) == {"text"}


def test_a_hundred_problems_are_enough() -> None:
    found = problems(*[EntryOrder(to=A, text=f"far too long {number}") for number in range(300)])
    assert list(found) == [f"messages[{number}].text" for number in range(MAX_PROBLEMS)]


def test_each_different_text_is_checked_once() -> None:
    checked: list[str] = []

    def preflight(text: str) -> Wording:
        checked.append(text)
        return Wording(text=text)

    compose(BatchOrder(text="a", entries=(EntryOrder(to=A), EntryOrder(to=B), EntryOrder(to=C, text="b"))), preflight)
    assert checked == ["a", "b"]
