import io
import re
from typing import Any

import pytest

from local.console import Console
from local.errors import LocalError
from local.invoke import choose
from local.tail import line, show

FUNCTIONS = {"MessagesFunction": "stack-messages", "PullReportsFunction": "stack-pull-reports"}
DELIVERED: dict[str, Any] = {
    "type": "sms.message.delivered",
    "time": "2021-01-02T13:45:56+08:00",
    "data": {
        "to": "+8613812345678",
        "status": "delivered",
        "gateway_status": "DELIVRD",
        "client_reference": "order-42",
    },
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_steps_carry_their_times() -> None:
    stream = io.StringIO()
    with Console(stream, {}).step("Deploying"):
        pass

    assert re.fullmatch(r"  Deploying … \d+\.\d s\n", stream.getvalue())


def test_a_step_tells_what_it_found() -> None:
    stream = io.StringIO()
    with Console(stream, {}).step("Building") as notes:
        notes.append("nothing changed")

    assert "… nothing changed, 0.0 s" in stream.getvalue()


def test_a_failed_step_leaves_the_next_line_to_the_error() -> None:
    stream = io.StringIO()
    console = Console(stream, {})
    with pytest.raises(LocalError), console.step("Deploying"):
        raise LocalError("no")
    console.say("error: no")

    assert stream.getvalue() == "  Deploying … \nerror: no\n"


@pytest.mark.parametrize(
    ("stream", "environ"),
    [(io.StringIO(), {}), (Terminal(), {"NO_COLOR": "1"}), (Terminal(), {"TERM": "dumb"})],
)
def test_no_control_codes_where_they_are_not_wanted(stream: io.StringIO, environ: dict[str, str]) -> None:
    console = Console(stream, environ)
    show(console, DELIVERED)
    with console.step("Deploying"):
        pass

    assert "\x1b" not in stream.getvalue()


def test_a_terminal_gets_colours() -> None:
    stream = Terminal()
    show(Console(stream, {}), DELIVERED)

    assert "\x1b[" in stream.getvalue()


def test_an_event_in_a_line() -> None:
    told = line(DELIVERED).split("  ")

    assert re.fullmatch(r"\d\d:\d\d:\d\d", told[0])
    assert told[1:] == [
        "sms.message.delivered",
        "to=+8613812345678",
        "status=delivered",
        "gateway_status=DELIVRD",
        "client_reference=order-42",
    ]


@pytest.mark.parametrize("event", [{}, {"time": 3, "data": None}, {"data": {"text": ["a"]}}])
def test_an_event_of_another_shape_is_shown_too(event: dict[str, Any]) -> None:
    assert line(event).startswith("--:--:--  ?")


@pytest.mark.parametrize("wanted", ["pull-reports", "pull_reports", "PullReports", "PullReportsFunction"])
def test_a_function_is_found_as_people_write_it(wanted: str) -> None:
    assert choose(wanted, FUNCTIONS) == "stack-pull-reports"


def test_an_unknown_function_is_answered_with_those_there_are() -> None:
    with pytest.raises(LocalError, match="messages, pull-reports"):
        choose("pull", FUNCTIONS)
