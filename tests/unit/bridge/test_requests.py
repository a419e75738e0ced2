import contextlib
import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.api.requests import BalanceQuery, SendRequest, StatisticsQuery, parse_body, parse_query
from bridge.domain.errors import InvalidRequest
from bridge.services.sending import Order

GOOD = {"to": "+8613812345678", "text": "【京东】您的验证码是123456"}


def body(**changes: object) -> str:
    return json.dumps({**GOOD, **changes})


def problems(raw: str | None) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse_body(SendRequest, raw)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_one_recipient_or_many() -> None:
    assert parse_body(SendRequest, body()).order() == Order(to=("13812345678",), text=GOOD["text"])
    many = parse_body(SendRequest, body(to=["8613812345678", "008613800001234"])).order()
    assert many.to == ("13812345678", "13800001234")


def test_all_fields() -> None:
    order = parse_body(SendRequest, body(extension="12", client_reference="a;b,c", account="backup")).order()
    assert (order.extension, order.client_reference, order.account) == ("12", "a;b,c", "backup")


def test_every_problem_is_named_at_once() -> None:
    found = problems(
        body(to=["13812345678", "12", "x"], text=" ", extension="a", client_reference="x" * 129, account="?", send_a=1)
    )
    assert set(found) == {"to[1]", "to[2]", "text", "extension", "client_reference", "account", "send_a"}
    assert "13812345678" in found["to[1]"]  # an example of what is right
    assert found["send_a"] == "is not known here"


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (None, ["body"]),
        ("", ["body"]),
        ("{", ["body"]),
        ("[]", ["body"]),
        ("null", ["body"]),
        ('"x"', ["body"]),
        ("{}", ["to", "text"]),
        (body(to=[]), ["to"]),
        (body(to=13812345678), ["to"]),
        (body(to=["13812345678", "+8613812345678"]), ["to"]),
        (body(to=[f"138{index:08}" for index in range(1001)]), ["to"]),
        (body(text=""), ["text"]),
        (body(text="字" * 501), ["text"]),
        (body(text="😀" * 251), ["text"]),
        (body(text=7), ["text"]),
        (body(extension="1" * 21), ["extension"]),
        (body(extension="12\n"), ["extension"]),
        ('{"to": "13812345678", "text": "\\ud800"}', ["body"]),
    ],
)
def test_bad_bodies(raw: str | None, fields: list[str]) -> None:
    assert list(problems(raw)) == fields


@pytest.mark.parametrize(
    ("raw", "codes"),
    [
        ("{}", {"to": 104, "text": 105}),
        (body(to=["13812345678", "1", "2" * 21]), {"to[1]": 104, "to[2]": 104}),
        (body(to=[]), {"to": 104}),
        (body(text=" "), {"text": 105}),
        (body(text="😀" * 251), {"text": 109}),
        (body(extension="a"), {"extension": 108}),
        (body(text=7, extension=7, account="?", txt="x"), dict.fromkeys(["text", "extension", "account", "txt"])),
        ("{", {"body": None}),
    ],
)
def test_a_problem_names_the_code_of_the_gateway_where_it_has_one(raw: str, codes: dict[str, int | None]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_body(SendRequest, raw)

    assert {problem.field: problem.gateway_code for problem in caught.value.problems} == codes


def test_no_problem_quotes_the_text_or_a_number() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_body(SendRequest, body(to=["13999999999x"], text="secret" * 100))
    assert "13999999999" not in str(caught.value.problems)
    assert "secret" not in str(caught.value.problems)
    assert caught.value.__cause__ is None


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_body_at_all_is_an_order_or_named_problems(raw: str) -> None:
    with contextlib.suppress(InvalidRequest):  # anything else that is raised fails the test
        parse_body(SendRequest, raw).order()


def test_days() -> None:
    query = parse_query(StatisticsQuery, {"start_date": "2021-02-03", "end_date": "2021-02-28"})
    assert (query.start_date, query.end_date, query.account) == (date(2021, 2, 3), date(2021, 2, 28), None)


@pytest.mark.parametrize("day", ["", "20210203", "2021-02-30", "1612310400", "2021-02-03T00:00", "２０２１-02-03", "x"])
def test_what_is_no_day(day: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_query(StatisticsQuery, {"start_date": day})
    assert [(problem.field, problem.message) for problem in caught.value.problems] == [
        ("start_date", "must be a date such as 2021-02-03"),
        ("end_date", "is missing"),
    ]


def test_no_query_at_all_is_the_default_account() -> None:
    assert parse_query(BalanceQuery, None).account is None


def test_a_misspelt_parameter_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_query(BalanceQuery, {"acount": "x"})
    assert [problem.field for problem in caught.value.problems] == ["acount"]
