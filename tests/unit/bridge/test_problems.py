import pytest

from bridge.api.problems import problem_of, status_of_code
from bridge.domain.errors import (
    AccountNotConfigured,
    FieldProblem,
    GatewayRefused,
    GatewayUnreachable,
    GatewayUnreadable,
    InvalidRequest,
    NotAllowed,
    NotFound,
    NotPublished,
    TooManyRequests,
)
from eums import CODES, code_of

# The design's table, written out: which HTTP status a gateway code becomes.
STATUS = {
    422: {108, 109, 110, 111, 113, 114, 115, 127, 128, 129, 401},
    402: {205},
    429: {131},
    503: {202, 203, 204, *range(301, 310)},
    502: {101, 102, 103, 104, 105, 106, 107, 112, 116, *range(121, 127), 130, 201, 206, 999},
}


def test_every_code_of_the_specification_is_mapped_as_designed() -> None:
    assert {number: status for status, numbers in STATUS.items() for number in numbers} == {
        number: status_of_code(number) for number in CODES
    }


def test_a_code_that_nobody_knows_is_ours_to_look_at() -> None:
    assert status_of_code(777) == 502


@pytest.mark.parametrize("number", [107, 109, 131, 205, 305, 777])
def test_a_gateway_code_is_named(number: int) -> None:
    problem = problem_of(GatewayRefused(code_of(number), message_id="01JDCKQ3V9T4M3W5Y8Z7N6P2QR"))
    body = problem.body("request")

    assert body["status"] == problem.status == status_of_code(number)
    assert body["gateway_code"] == number
    assert body["message_id"] == "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"
    assert body["request_id"] == "request"
    assert str(number) in str(body["detail"])
    assert ("Retry-After" in problem.headers) is (problem.status in {429, 503})


def test_every_problem_of_a_request_is_in_the_answer() -> None:
    problem = problem_of(
        InvalidRequest((FieldProblem("to[0]", "must be a number"), FieldProblem("text", "is missing")))
    )

    assert problem.status == 422
    assert problem.body()["errors"] == [
        {"field": "to[0]", "message": "must be a number"},
        {"field": "text", "message": "is missing"},
    ]


def test_a_problem_that_the_gateway_has_a_code_for_names_it() -> None:
    known, longer = FieldProblem("text", "is blank", 105), FieldProblem("extension", "must be digits", 108)
    body = problem_of(InvalidRequest((FieldProblem("account", "is unknown"), known, longer))).body()

    assert body["gateway_code"] == 105
    assert body["errors"] == [
        {"field": "account", "message": "is unknown"},
        {"field": "text", "message": "is blank", "gateway_code": 105},
        {"field": "extension", "message": "must be digits", "gateway_code": 108},
    ]
    assert body["status"] == 422
    assert "gateway_code" not in problem_of(InvalidRequest((FieldProblem("account", "is unknown"),))).body()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotAllowed("x"), 403),
        (NotFound("x"), 404),
        (AccountNotConfigured("x"), 502),
        (GatewayUnreachable("x"), 503),
        (GatewayUnreadable("x"), 502),
        (NotPublished(1), 500),
        (RuntimeError("with a number in it: 13812345678"), 500),
    ],
)
def test_errors_by_whose_fault_they_are(error: Exception, status: int) -> None:
    body = problem_of(error).body()

    assert body["status"] == status
    assert str(body["type"]).startswith("urn:eums-bridge:problem:")
    assert "13812345678" not in str(body)


def test_waiting_is_said_in_seconds() -> None:
    assert problem_of(TooManyRequests("x", retry_after=42)).headers == {"Retry-After": "42"}
