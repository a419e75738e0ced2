import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.api.batches import BatchRequest
from bridge.api.requests import parse_body
from bridge.domain.errors import InvalidRequest
from bridge.domain.messages import Category, OnAmbiguous
from bridge.services.composing import MAX_PROBLEMS, BatchOrder, EntryOrder
from tests.fakes.world import SHOP, World

TEXT = "【京东】您的包裹已到"


def body(*messages: object, **more: object) -> str:
    return json.dumps({"messages": messages, **more})


def entry(**changes: object) -> dict[str, object]:
    return {"to": "+8613800000001", "text": TEXT, **changes}


def problems(raw: str) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse_body(BatchRequest, raw)
    assert caught.value.__cause__ is None
    return {problem.field: problem.message for problem in caught.value.problems}


def test_all_fields() -> None:
    raw = body(
        entry(client_reference="r"),
        {"to": "13800000002", "template": "{{a}}{{b}}", "params": {"a": "x", "b": -1}},
        {"to": "13800000003"},
        template="{{c}}",
        extension="12",
        category="transactional",
        on_ambiguous="resend",
        account="backup",
    )
    assert parse_body(BatchRequest, raw).order() == BatchOrder(
        entries=(
            EntryOrder(to="13800000001", text=TEXT, client_reference="r"),
            EntryOrder(to="13800000002", template="{{a}}{{b}}", params={"a": "x", "b": -1}),
            EntryOrder(to="13800000003"),
        ),
        template="{{c}}",
        extension="12",
        category=Category.TRANSACTIONAL,
        on_ambiguous=OnAmbiguous.RESEND,
        account="backup",
    )


def test_every_problem_is_named_where_it_is() -> None:
    found = problems(
        body(
            entry(to="12"),
            entry(text="字" * 501),
            entry(template="x"),
            entry(client_reference="x" * 129),
            entry(params={"a": 1.5, "b": True, "c": None, "d": ["x"], "e": 2**63, "f": "fine"}),
            entry(send_at="x"),
            "x",
            text="x",
            template="x",
        )
    )
    assert set(found) == {
        "messages[0].to",
        "messages[1].text",
        "messages[2]",
        "messages[3].client_reference",
        *(f"messages[4].params.{name}" for name in "abcde"),
        "messages[5].send_at",
        "messages[6]",
    }
    assert "whole number" in found["messages[4].params.a"]
    assert found["messages[5].send_at"] == "is not known here"


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        ("", ["body"]),
        ("[]", ["body"]),
        ("{}", ["messages"]),
        (body(), ["messages"]),
        (json.dumps({"messages": [entry()] * 10_001}), ["messages"]),
        (body({}), ["messages[0].to"]),
        (body(entry(), text="x", template="x"), ["body"]),
        (body(entry(), category="spam"), ["category"]),
        (body(entry(), on_ambiguous=1), ["on_ambiguous"]),
        (body(entry(), extension="x"), ["extension"]),
        (body(entry(params=[])), ["messages[0].params"]),
    ],
)
def test_bad_bodies(raw: str, fields: list[str]) -> None:
    assert list(problems(raw)) == fields


def test_no_more_problems_are_named_than_somebody_reads() -> None:
    found = problems(json.dumps({"messages": [entry(to="x")] * 300}))
    assert list(found) == [f"messages[{index}].to" for index in range(MAX_PROBLEMS)]


def test_no_problem_quotes_a_text_or_a_number() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_body(BatchRequest, body(entry(to="13999999999x", text="secret" * 100, params={"a": ["secret"]})))
    assert "13999999999" not in str(caught.value.problems)
    assert "secret" not in str(caught.value.problems)


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
messages = st.lists(
    st.dictionaries(st.sampled_from(["to", "text", "template", "params", "client_reference", "x"]), json_values)
)


@given(st.text() | json_values.map(json.dumps) | messages.map(lambda found: json.dumps({"messages": found})))
def test_any_body_at_all_is_an_order_or_named_problems(raw: str) -> None:
    with contextlib.suppress(InvalidRequest):  # anything else that is raised fails the test
        parse_body(BatchRequest, raw).order()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="texts"),
        pytest.param({"text": None, "template": "【京东】" + "您" * 400 + "{{code}}", "params": True}, id="templates"),
        pytest.param({"to": "x", "client_reference": "x" * 129}, id="problems"),
        pytest.param({"text": "字" * 500}, id="refused"),
    ],
)
def test_ten_thousand_messages_are_checked_while_somebody_waits(changes: dict[str, Any]) -> None:
    """Measured with 5 times the time that it takes: what grows with the square of the messages fails."""
    entries = []
    for index in range(10_000):
        made = {"to": f"138{index:08}", "text": f"【京东】{index:05}" + "字" * 400, **changes}
        if made.get("params"):
            made |= {"params": {"code": index}}
        entries.append({name: value for name, value in made.items() if value is not None})
    raw = json.dumps({"messages": entries}, ensure_ascii=False)
    world = World()

    began = time.process_time()
    with contextlib.suppress(InvalidRequest):
        world.batching().accept(SHOP, parse_body(BatchRequest, raw).order(), "key")
    took = time.process_time() - began

    print(f"{len(raw.encode()) / 1e6:.1f} MB in {took:.2f} s")  # noqa: T201 - shown with -s
    assert took < 5
