"""The query of `GET /messages`."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.api.message_lists import MessagesQuery
from bridge.api.requests import parse_query
from bridge.domain.errors import InvalidRequest
from bridge.domain.lists import Filters
from bridge.domain.messages import Status

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


def problems(query: dict[str, str]) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse_query(MessagesQuery, query)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_no_query_is_everything_twenty_at_a_time() -> None:
    query = parse_query(MessagesQuery, None)
    assert (query.filters(), query.cursor, query.limit) == (Filters(), None, 20)


def test_all_parameters() -> None:
    query = parse_query(
        MessagesQuery,
        {
            "client_reference": "order-42",
            "to": "13812345678",
            "status": "delivered",
            "account": "default",
            "batch_id": "01JDCKQ3V9T4M3W5Y8Z7N60000",
            "created_after": "2026-11-23T12:00:00+08:00",
            "created_before": "2026-11-23T04:00:00.001Z",
            "cursor": "x",
            "limit": "100",
        },
    )
    assert query.filters() == Filters(
        client_reference="order-42",
        to="+8613812345678",
        status=Status.DELIVERED,
        account="default",
        batch_id="01JDCKQ3V9T4M3W5Y8Z7N60000",
        created_after=NOON,
        created_before=NOON.replace(microsecond=1000),
    )
    assert (query.cursor, query.limit) == ("x", 100)


@pytest.mark.parametrize("written", ["13812345678", "8613812345678", "+8613812345678", "008613812345678"])
def test_a_number_in_all_its_forms(written: str) -> None:
    assert parse_query(MessagesQuery, {"to": written}).to == "+8613812345678"


def test_a_plus_that_was_not_encoded_is_meant() -> None:
    query = parse_query(MessagesQuery, {"to": " 8613812345678", "created_after": "2026-11-23T12:00:00 08:00"})
    assert (query.to, query.created_after) == ("+8613812345678", NOON)


@pytest.mark.parametrize("status", Status)
def test_every_status_may_be_asked_for(status: Status) -> None:
    assert parse_query(MessagesQuery, {"status": str(status)}).status is status


def test_every_problem_is_named_at_once() -> None:
    found = problems(
        {
            "client_reference": "x" * 129,
            "to": "13999999999x",
            "status": "SENT",
            "account": "?",
            "batch_id": "01JDCKQ3V9T4M3W5Y8Z7N60001",
            "created_after": "2026-11-23",
            "created_before": "yesterday",
            "cursor": "x" * 201,
            "limit": "0",
            "colour": "red",
        }
    )
    assert list(found) == [*MessagesQuery.model_fields, "colour"]
    assert found["colour"] == "is not known here"
    assert "13999999999" not in str(found)


@pytest.mark.parametrize("limit", ["", "-1", "0", "101", "1.5", "x", "1e2"])
def test_what_is_no_limit(limit: str) -> None:
    assert list(problems({"limit": limit})) == ["limit"]


@pytest.mark.parametrize(
    "time",
    [
        "",
        "2026-11-23T12:00:00",  # whose noon?
        "2026-11-23",
        "1763870400",
        "2026-11-31T12:00:00Z",
        "2026-11-23T25:00:00Z",
        "2026-W48-1T12:00:00Z",
        "2026-11-23T12:00:00+25:00",
        "２026-11-23T12:00:00Z",
        "2026-11-23T12:00:00Z\n",
    ],
)
def test_what_is_no_time(time: str) -> None:
    expected = "must be a time with its offset, such as 2026-11-23T13:09:00+08:00"
    assert problems({"created_after": time}) == {"created_after": expected}


@pytest.mark.parametrize(("name", "value"), [("client_reference", ""), ("to", ""), ("status", ""), ("batch_id", "")])
def test_an_empty_parameter_is_not_an_absent_one(name: str, value: str) -> None:
    assert list(problems({name: value})) == [name]


@given(st.dictionaries(st.sampled_from([*MessagesQuery.model_fields, "x"]), st.text()))
def test_any_query_at_all_is_filters_or_named_problems(query: dict[str, str]) -> None:
    named: set[str] = set()
    try:
        parse_query(MessagesQuery, query).filters().ids()
    except InvalidRequest as exc:
        named = {problem.field for problem in exc.problems}
    assert named <= set(query)
