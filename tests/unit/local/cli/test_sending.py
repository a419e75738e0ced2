import sys
from io import StringIO
from typing import Any

import httpx
import pytest

from bridge.domain import messages as domain
from local.cli import sending
from local.cli.session import Session
from tests.fakes.commands import Cli, StubApi, message, problem

TEXT = "【京东】您的验证码是123456"


def ok(body: Any, status: int = 201, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def test_everything_that_was_said_reaches_the_api(cli: Cli, api: StubApi) -> None:
    api.will(ok(message("scheduled"), 202))

    cli(
        *("send", "13812345678", "13800001234", "--text", TEXT, "--account", "b", "--extension", "77"),
        *("--client-reference", "order-42", "--send-at", "2026-11-24T09:00", "--category", "transactional"),
        *("--on-ambiguous", "resend", "--queued", "--idempotency-key", "k-1"),
    )

    [request] = api.requests
    assert (request.method, str(request.url)) == ("POST", "http://api.test/v1/messages")
    assert request.headers["authorization"] == "Bearer eb_secret"
    assert request.headers["idempotency-key"] == "k-1"
    assert request.headers["prefer"] == "respond-async"
    assert api.bodies == [
        {
            "to": ["13812345678", "13800001234"],
            "text": TEXT,
            "account": "b",
            "extension": "77",
            "client_reference": "order-42",
            "send_at": "2026-11-24T09:00:00+08:00",
            "category": "transactional",
            "on_ambiguous": "resend",
        }
    ]


def test_nothing_is_said_that_was_not_and_each_send_has_a_key_of_its_own(cli: Cli, api: StubApi) -> None:
    api.will(ok(message("submitted")))

    cli("send", "13812345678", "-t", "-", stdin=f"{TEXT}\n")
    cli("send", "13812345678", "-t", TEXT)

    assert api.bodies == [{"to": ["13812345678"], "text": TEXT}] * 2
    first, second = (request.headers["idempotency-key"] for request in api.requests)
    assert first != second
    assert "prefer" not in api.requests[0].headers


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        httpx.Response(502, json={"message": "Internal server error"}),
        httpx.Response(504, json={"message": "Endpoint request timed out"}),
        problem(503, "store-unavailable"),
        problem(503, "gateway-unreachable"),
    ],
)
def test_what_may_pass_is_repeated_with_the_same_key(cli: Cli, api: StubApi, failure: Any) -> None:
    api.will(failure, failure, failure, ok(message("submitted")))

    done = cli("send", "13812345678", "-t", TEXT, "--json")

    assert done.document["status"] == "submitted"
    assert len({request.headers["idempotency-key"] for request in api.requests}) == 1
    assert len(api.requests) == 4


def test_it_is_repeated_three_times_and_no_more(cli: Cli, api: StubApi) -> None:
    api.will(httpx.ReadTimeout("late"))

    done = cli("send", "13812345678", "-t", TEXT, "--json", expect=3)

    assert len(api.requests) == 4
    key = api.requests[0].headers["idempotency-key"]
    assert done.document["idempotency_key"] == key
    assert f"--idempotency-key {key}" in done.err


def test_where_nothing_was_reached_nothing_was_sent(cli: Cli, api: StubApi) -> None:
    api.will(httpx.ConnectError("refused"))

    done = cli("send", "13812345678", "-t", TEXT, expect=1)

    assert "Nothing was sent" in done.err


@pytest.mark.parametrize(
    "answer",
    [
        problem(503, "gateway-refused", gateway_code=301),
        problem(502, "gateway-refused", gateway_code=107),
        problem(502, "account-not-configured"),
        problem(409, "still-in-flight"),
        problem(422, "invalid-request"),
        problem(500, "internal"),
    ],
)
def test_a_refusal_that_stays_is_not_repeated(cli: Cli, api: StubApi, answer: httpx.Response) -> None:
    api.will(answer)

    cli("send", "13812345678", "-t", TEXT, expect=1)

    assert len(api.requests) == 1


def test_a_first_try_that_is_still_in_flight_is_waited_for(cli: Cli, api: StubApi) -> None:
    busy = problem(409, "still-in-flight")
    busy.headers["retry-after"] = "2"
    api.will(httpx.ReadError("cut"), busy, ok(message("submitted"), headers={"idempotent-replayed": "true"}))

    done = cli("send", "13812345678", "-t", TEXT)

    assert 2.0 in api.pauses
    assert "An earlier request" in done.err


def test_what_has_no_key_is_asked_once(cli: Cli, api: StubApi) -> None:
    api.will(httpx.ReadTimeout("late"))

    cli("estimate", "-t", TEXT, expect=3)
    cli("cancel", "01JDCKQ3V9T4M3W5Y8Z7N6P2QR", expect=3)

    assert len(api.requests) == 2


def test_a_question_is_asked_again(cli: Cli, api: StubApi) -> None:
    api.will(httpx.ReadTimeout("late"), ok(message("delivered"), 200))

    assert "delivered" in cli("get", "01JDCKQ3V9T4M3W5Y8Z7N6P2QR").out
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    ("statuses", "waited", "code"),
    [
        (("submitted",), False, 0),
        (("accepted",), False, 0),
        (("scheduled",), False, 0),
        (("unknown",), False, 3),
        (("rejected",), False, 1),
        (("submitted", "rejected"), False, 0),
        (("delivered",), True, 0),
        (("undelivered",), True, 1),
        (("delivered", "rejected"), True, 1),
        (("delivered", "unknown_expired"), True, 3),
        (("delivered", "submitted"), True, 3),
        (("unknown",), True, 3),
    ],
)
def test_the_exit_code_tells_the_outcome(statuses: tuple[str, ...], *, waited: bool, code: int) -> None:
    assert sending.exit_code(message(*statuses), waited=waited) == code


def test_waiting_follows_the_message_to_its_end(cli: Cli, api: StubApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    api.will(
        ok(message("submitted", "submitted")),
        ok(message("submitted", "delivered"), 200),
        ok(message("undelivered", "delivered"), 200),
    )

    done = cli("send", "13812345678", "-t", TEXT, "--wait", "--json", expect=1)

    assert done.document["status"] == "undelivered"
    assert [request.method for request in api.requests] == ["POST", "GET", "GET"]


def test_waiting_ends(api: StubApi) -> None:
    api.will(ok(message("submitted"), 200))
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    message_then = sending.waited(Session(), message("submitted"), 10, clock=lambda: now[0], sleep=sleep)

    assert message_then["status"] == "submitted"
    assert now[0] == 10


def test_a_problem_is_shown_with_all_it_says(cli: Cli, api: StubApi) -> None:
    errors = [{"field": "to[0]", "message": "must be a number", "gateway_code": 104}]
    api.will(problem(422, "invalid-request", errors=errors, gateway_code=104, request_id="r-1", message_id="01JD"))

    done = cli("send", "1", "-t", TEXT, expect=1)

    assert done.out == ""
    for shown in (
        "Invalid-Request: Because.",
        "to[0]: must be a number (gateway code 104)",
        "dest",
        "缺少",
        "r-1",
        "01JD",
    ):
        assert shown in done.err
    document = cli("send", "1", "-t", TEXT, "--json", expect=1).document
    assert document["errors"] == errors
    assert document["exit_code"] == 1


@pytest.mark.parametrize(("status", "said"), [(403, "The key is not known"), (502, "The API failed")])
def test_an_answer_that_is_no_problem_document_is_put_into_words(
    cli: Cli, api: StubApi, status: int, said: str
) -> None:
    api.will(httpx.Response(status, text="<html>"))

    assert said in cli("get", "01JD", expect=1).err


def page(count: int, cursor: str | None) -> httpx.Response:
    return ok({"items": [message("delivered")] * count, "next_cursor": cursor}, 200)


def test_a_list_is_as_long_as_it_was_asked_for(cli: Cli, api: StubApi) -> None:
    api.will(page(20, "next"))
    short = cli("list", "--json", "--status", "delivered", "--to", "+8613812345678", "--batch", "b").document
    assert (len(short["items"]), short["more"]) == (20, True)
    query = dict(api.requests[0].url.params)
    assert query == {"status": "delivered", "to": "+8613812345678", "batch_id": "b", "limit": "20"}

    api.requests.clear()
    api.will(page(100, "next"), page(100, "more"))
    long = cli("list", "--json", "-n", "150", "--after", "2026-11-23").document
    assert (len(long["items"]), long["more"]) == (150, True)
    assert [request.url.params.get("cursor") for request in api.requests] == [None, "next"]
    assert api.requests[1].url.params["created_after"] == "2026-11-23T00:00:00+08:00"

    api.will(page(100, "a"), page(0, "b"), page(7, None))
    everything = cli("list", "--json", "--all").document
    assert (len(everything["items"]), everything["more"]) == (107, False)


def test_a_text_cannot_speak_to_the_terminal(cli: Cli, api: StubApi) -> None:
    evil = message("delivered", text="a\x1b]0;owned\x07\nb [red]c[/red]", client_reference="\x9b31m")
    api.will(ok({"items": [evil], "next_cursor": None}, 200))

    out = cli("list").out

    assert "\x1b" not in out
    assert "\x9b" not in out
    assert "b [red]c[/red]" in out
    assert len(out.splitlines()) == 2


def test_data_is_not_wrapped_where_nobody_looks(cli: Cli, api: StubApi) -> None:
    api.will(ok({"items": [message("delivered", text="长" * 400)], "next_cursor": None}, 200))

    assert "长" * 400 in cli("list").out


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_terminal_gets_lines_that_fit(cli: Cli, api: StubApi, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    api.will(ok({"items": [message("delivered", text="长" * 400)], "next_cursor": None}, 200))
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        cli("list")
    assert "\x1b[" in terminal.getvalue()

    plain = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", plain)
        patch.setenv("NO_COLOR", "1")
        cli("list")
    assert "\x1b" not in plain.getvalue()
    lines = plain.getvalue().splitlines()
    assert "01JDCKQ3V9T4M3W5Y8Z7N6P2QR" in plain.getvalue()
    assert max(len(line) + line.count("长") for line in lines) <= int(columns)


def test_a_pipe_gets_no_colours_whatever_the_environment_says(
    cli: Cli, api: StubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    api.will(ok(message("delivered"), 200))

    done = cli("get", "01JD")

    assert "\x1b" not in done.out + done.err
    assert "─" not in done.out  # nor a terminal's lines


def test_the_words_are_the_bridges_own() -> None:
    assert {each.value for each in sending.Category} == {each.value for each in domain.Category}
    assert {each.value for each in sending.OnAmbiguous} == {each.value for each in domain.OnAmbiguous}
    assert {each.value for each in sending.Status} == {each.value for each in domain.Status}
