import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest

from bridge import wiring
from bridge.domain.opt_outs import OptOut, Source
from bridge.domain.policies import DEFAULT_KEYWORDS
from bridge.services.opting_out import OptingOut
from tests.fakes.opt_outs import FakeOptOuts
from tests.fakes.world import NOON, World

EVENTS = Path(__file__).parents[3] / "events"
NUMBER = "+8613812345678"
HEARD = OptOut(account="default", number=NUMBER, since=NOON, source=Source.INBOUND, keyword="TD", message="x/0")

Load = Callable[[str], ModuleType]
Rest = Callable[..., dict[str, Any]]
Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def opt_outs() -> FakeOptOuts:
    return FakeOptOuts({("default", NUMBER): HEARD})


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def wired(monkeypatch: pytest.MonkeyPatch, world: World, opt_outs: FakeOptOuts) -> None:
    opting_out = OptingOut(
        accounts=world.accounts,
        keywords=lambda _account: DEFAULT_KEYWORDS,
        opt_outs=opt_outs,
        clock=world.clock,
        counters=world.counters,
    )
    monkeypatch.setattr(wiring, "opting_out", lambda: opting_out)


@pytest.fixture
def ask(wired: None, load: Load, rest: Rest, context: object) -> Ask:  # noqa: ARG001 - wired before it is loaded
    app = load("opt_outs")

    def ask(method: str, path: str = "/opt-outs", scopes: str = "read,send,admin", **more: Any) -> tuple[int, Any]:
        event = rest(method, "/opt-outs", path, **more)
        event["requestContext"]["authorizer"]["scopes"] = scopes
        answer = app.handler(event, context)
        assert isinstance(answer["body"], str)  # null is no body to every emulator
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    return ask


def fields(problem: Any) -> set[str]:
    return {error["field"] for error in problem["errors"]}


def test_the_list(ask: Ask) -> None:
    assert ask("GET", scopes="read") == (
        200,
        {
            "items": [
                {
                    "number": NUMBER,
                    "account": "default",
                    "since": "2026-11-23T12:00:00+08:00",
                    "source": "inbound",
                    "keyword": "TD",
                }
            ],
            "next_cursor": None,
        },
    )


def test_pages_by_their_cursor(ask: Ask) -> None:
    numbers = [f"+861380000000{digit}" for digit in range(5)]
    ask("POST", body=json.dumps({"numbers": numbers}))

    found, cursor = [], None
    for _ in range(3):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        _, page = ask("GET", queryStringParameters=query)
        found.append([item["number"] for item in page["items"]])
        cursor = page["next_cursor"]
        assert cursor is None or (cursor.isascii() and quote(cursor) == cursor)
        assert not any(number.removeprefix("+86") in str(cursor) for number in numbers)

    assert found == [numbers[:2], numbers[2:4], [numbers[4], NUMBER]]
    assert cursor is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "MTM4MTIzNDU2Nzg"}, "cursor"),  # a number, but not as the cursors have it
        ({"cursor": "键"}, "cursor"),
        ({"cursor": "_" * 65}, "cursor"),
        ({"account": "a b"}, "account"),
        ({"page": "1"}, "page"),
    ],
)
def test_a_query_that_cannot_be_answered(ask: Ask, query: dict[str, str], field: str) -> None:
    status, problem = ask("GET", queryStringParameters=query)

    assert (status, fields(problem)) == (422, {field})


def test_numbers_are_added_once(ask: Ask, opt_outs: FakeOptOuts) -> None:
    body = json.dumps({"numbers": ["13800000001", "008613812345678", "+8613800000001"], "account": "default"})

    status, added = ask("POST", body=body, scopes="send")

    assert status == 200
    assert [(item["number"], item["source"], item["keyword"]) for item in added["items"]] == [
        ("+8613800000001", "api", None),
        (NUMBER, "inbound", "TD"),
    ]
    assert added["next_cursor"] is None
    assert opt_outs.among("default", [NUMBER, "+8613800000001"]) == {NUMBER, "+8613800000001"}


def test_one_number_needs_no_list(ask: Ask) -> None:
    status, added = ask("POST", body='{"numbers": "8613800000001"}')

    assert (status, [item["number"] for item in added["items"]]) == (200, ["+8613800000001"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("{", "body"),
        ("{}", "numbers"),
        ('{"numbers": []}', "numbers"),
        ('{"numbers": ["13812345678", "12"]}', "numbers[1]"),
        ('{"numbers": 13812345678}', "numbers"),
        ('{"numbers": "13812345678", "keyword": "T"}', "keyword"),
        (json.dumps({"numbers": [f"1380000{index:04}" for index in range(1001)]}), "numbers"),
    ],
)
def test_a_body_that_cannot_be_carried_out(ask: Ask, opt_outs: FakeOptOuts, body: str, field: str) -> None:
    status, problem = ask("POST", body=body)

    assert (status, fields(problem)) == (422, {field})
    assert list(opt_outs.standing) == [("default", NUMBER)]


@pytest.mark.parametrize(
    "written",
    ["13812345678", "8613812345678", "008613812345678", "+8613812345678", "%2B8613812345678", "%2b8613812345678"],
)
def test_a_removal_by_every_form_of_the_number(ask: Ask, opt_outs: FakeOptOuts, written: str) -> None:
    query = {"account": "default"}

    assert ask("DELETE", f"/opt-outs/{written}", queryStringParameters=query) == (204, None)
    assert opt_outs.standing == {}
    assert ask("DELETE", f"/opt-outs/{written}")[0] == 404


@pytest.mark.parametrize("written", ["12", "x", "%E9%80%80", "+86138123456789", "10086", "a b"])
def test_what_is_no_number_is_named(ask: Ask, written: str) -> None:
    status, problem = ask("DELETE", f"/opt-outs/{written}")

    assert (status, fields(problem)) == (422, {"number"})


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/opt-outs", "send,admin"),
        ("POST", "/opt-outs", "read,admin"),
        ("DELETE", f"/opt-outs/{NUMBER}", "read,send"),
    ],
)
def test_a_key_without_the_scope_is_refused(
    ask: Ask, opt_outs: FakeOptOuts, method: str, path: str, scopes: str
) -> None:
    status, _ = ask(method, path, scopes, body='{"numbers": "13800000001"}')

    assert status == 403
    assert list(opt_outs.standing) == [("default", NUMBER)]


def test_another_account_is_not_to_be_had(ask: Ask) -> None:
    query = {"account": "other"}

    assert ask("GET", queryStringParameters=query)[0] == 403
    assert ask("DELETE", f"/opt-outs/{NUMBER}", queryStringParameters=query)[0] == 403
    assert ask("POST", body='{"numbers": "13800000001", "account": "other"}')[0] == 403


@pytest.mark.usefixtures("wired")
def test_the_tracker_hears_inbound_events_and_tracks_the_others(
    monkeypatch: pytest.MonkeyPatch, load: Load, context: object, opt_outs: FakeOptOuts
) -> None:
    opt_outs.standing.clear()
    tracked: list[str] = []

    class Tracking:
        def track_all(self, bodies: list[str]) -> list[object]:
            tracked.extend(bodies)
            return [None if "type" in json.loads(body) else ValueError() for body in bodies]

    monkeypatch.setattr(wiring, "tracking", Tracking)
    event = json.loads((EVENTS / "track.json").read_text())
    once = {"attributes": {"ApproximateReceiveCount": "1"}}
    event["Records"].insert(0, {"messageId": "unreadable"})
    event["Records"].insert(1, {"messageId": "poison", "body": '{"type": "sms.inbound.received"}', **once})
    event["Records"].append({"messageId": "unknown", "body": "{}", **once})

    answer = load("track").handler(event, context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": name} for name in ("unreadable", "poison", "unknown")]}
    assert [json.loads(body).get("type") for body in tracked] == ["sms.message.delivered", None]
    assert list(opt_outs.standing) == [("default", "+8613800004321")]


@pytest.mark.usefixtures("wired")
def test_the_sample_request_is_answered(load: Load, context: object) -> None:
    event = json.loads((EVENTS / "opt_outs.json").read_text())

    assert load("opt_outs").handler(event, context)["statusCode"] == 200
