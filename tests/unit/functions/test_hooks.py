"""The functions of hooks: what API Gateway hands over, what it gets back, and that nothing is logged of it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bridge import wiring
from bridge.services.configuring import Configuring
from bridge.services.drafting import Drafting
from bridge.services.receiving import Receiving
from tests.fakes.hooks import FakeHookSources, FakeHookUses, FakeSnsSignatures, github
from tests.fakes.world import World

EVENTS = Path(__file__).parents[3] / "events"
SECRET = "choose-one-of-your-own"
TEXT = "您的包裹已到"
BODY = json.dumps({"to": "13812345678", "text": TEXT}, ensure_ascii=False)
SOURCE: dict[str, Any] = {"preset": "plain", "auth": {"kind": "bearer", "secret": SECRET}}

Load = Callable[[str], ModuleType]
Rest = Callable[..., dict[str, Any]]
Answer = tuple[int, Any, dict[str, str]]
Ask = Callable[..., Answer]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def sources() -> FakeHookSources:
    return FakeHookSources()


@pytest.fixture(autouse=True)
def _wired(monkeypatch: pytest.MonkeyPatch, world: World, sources: FakeHookSources) -> None:
    drafting = Drafting(accounts=world.accounts, gateway=world.gateway)
    receiving = Receiving(
        sources=sources,
        uses=FakeHookUses(),
        clients=world.clients,
        signatures=FakeSnsSignatures(),
        drafting=drafting,
        sending=world.sending(),
        clock=world.clock,
        counters=world.counters,
    )
    configuring = Configuring(sources=sources, accounts=world.accounts, drafting=drafting, clock=world.clock)
    monkeypatch.setattr(wiring, "receiving", lambda: receiving)
    monkeypatch.setattr(wiring, "configuring", lambda: configuring)


@pytest.fixture
def admin(load: Load, rest: Rest, context: object) -> Ask:
    app = load("hook_sources")

    def ask(method: str, path: str, body: Any = None, scopes: str = "admin", **more: Any) -> Answer:
        event = rest(method, path, path, body=None if body is None else json.dumps(body), **more)
        event["requestContext"]["authorizer"]["scopes"] = scopes
        return answered(app.handler(event, context))

    return ask


@pytest.fixture
def post(load: Load, rest: Rest, context: object) -> Ask:
    app = load("hooks")

    def post(source: str, body: str | bytes, headers: dict[str, Any]) -> Answer:
        encoded = isinstance(body, bytes)
        event = rest(
            "POST",
            "/hooks/{source}",
            f"/hooks/{source}",
            body=base64.b64encode(body).decode() if isinstance(body, bytes) else body,
            isBase64Encoded=encoded,
            headers={name: value if isinstance(value, str) else value[-1] for name, value in headers.items()},
            multiValueHeaders={name: [value] if isinstance(value, str) else value for name, value in headers.items()},
        )
        del event["requestContext"]["authorizer"]
        return answered(app.handler(event, context))

    return post


def answered(answer: dict[str, Any]) -> Answer:
    headers = {name: ", ".join(values) for name, values in answer["multiValueHeaders"].items()}
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None, headers


def test_a_source_is_made_shown_changed_listed_and_forgotten(admin: Ask) -> None:
    status, made, _ = admin(
        "PUT", "/hook-sources/alerts", {**SOURCE, "to": "13812345678", "limits": {"calls_per_minute": 5}}
    )
    assert status == 201
    assert made == {
        "name": "alerts",
        "preset": "plain",
        "auth": {
            "kind": "bearer",
            "username": "",
            "header": "",
            "algorithm": "sha256",
            "encoding": "hex",
            "prefix": "",
            "layout": "plain",
            "timestamp_header": "",
            "tolerance": None,
            "topic_arns": [],
            "secret_set": True,
        },
        "mapping": dict.fromkeys(
            ("each", "when", "to", "text", "client_reference", "account", "dedup", "dedup_seconds")
        ),
        "to": ["+8613812345678"],
        "account": None,
        "category": "marketing",
        "limits": {"messages_per_call": 20, "calls_per_minute": 5, "messages_per_day": 1000},
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
    }
    assert admin("GET", "/hook-sources/alerts")[:2] == (200, made)
    assert (
        admin("PUT", "/hook-sources/alerts", {"preset": "apprise", "auth": {"kind": "bearer"}, "to": "13812345678"})[0]
        == 200
    )
    listed = admin("GET", "/hook-sources", queryStringParameters={"limit": "1"})[1]
    assert [(each["name"], each["kind"], each["preset"]) for each in listed["items"]] == [
        ("alerts", "bearer", "apprise")
    ]
    assert SECRET not in json.dumps(listed)
    assert admin("DELETE", "/hook-sources/alerts")[:2] == (204, None)
    assert admin("GET", "/hook-sources/alerts")[0] == 404


def test_every_problem_of_a_source_is_named(admin: Ask) -> None:
    wrong = {
        "auth": {"kind": "magic", "secret": 7, "colour": "red", "tolerance": 0},
        "to": ["12"],
        "limits": {"messages_per_call": 0},
        "mapping": {"each": 7},
        "size": 1,
    }
    status, problem, _ = admin("PUT", "/hook-sources/alerts", wrong)

    assert status == 422
    assert {error["field"] for error in problem["errors"]} == {
        "auth.kind",
        "auth.secret",
        "auth.colour",
        "auth.tolerance",
        "to[0]",
        "limits.messages_per_call",
        "mapping.each",
        "size",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/hook-sources"),
        ("GET", "/hook-sources/alerts"),
        ("PUT", "/hook-sources/alerts"),
        ("DELETE", "/hook-sources/alerts"),
        ("POST", "/hook-sources/alerts/dry-run"),
    ],
)
def test_all_of_it_wants_the_scope_admin(admin: Ask, method: str, path: str) -> None:
    assert admin(method, path, SOURCE, scopes="send,read")[0] == 403


def test_a_dry_run(admin: Ask, world: World) -> None:
    admin("PUT", "/hook-sources/alerts", SOURCE)

    status, tried, _ = admin("POST", "/hook-sources/alerts/dry-run", {"body": json.loads(BODY)})

    assert (status, tried) == (
        200,
        {
            "messages": [
                {
                    "to": ["+8613812345678"],
                    "text": TEXT,
                    "account": "default",
                    "client_reference": None,
                    "estimated_segments": 1,
                }
            ],
            "dropped": 0,
        },
    )
    assert world.messages.messages == {}
    status, problem, _ = admin("POST", "/hook-sources/alerts/dry-run", {"body": {"to": "x"}})
    assert (status, [error["field"] for error in problem["errors"]]) == (422, ["mapping.to"])


def test_a_call_is_accepted_by_its_bytes_however_they_come(admin: Ask, post: Ask, world: World) -> None:
    auth = {"kind": "hmac", "secret": SECRET, "header": "X-Hub-Signature-256", "prefix": "sha256="}
    admin("PUT", "/hook-sources/alerts", {"preset": "plain", "auth": auth})
    headers = github(SECRET, BODY.encode(), "push")

    status, accepted, _ = post("alerts", BODY, headers)
    again = post("alerts", BODY.encode(), headers)

    (message,) = world.messages.messages.values()
    assert (status, accepted) == (202, {"messages": [message.id], "dropped": 0})
    assert again[:2] == (status, accepted)


def test_every_refusal_of_a_sender_is_the_same_and_says_nothing(
    admin: Ask, post: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    admin("PUT", "/hook-sources/alerts", SOURCE)
    right = {"Authorization": f"Bearer {SECRET}"}

    answers = [
        post("alerts", BODY, {}),
        post("alerts", BODY, {"Authorization": ""}),
        post("alerts", BODY, {"Authorization": "Bearer wrong"}),
        post("alerts", BODY, {"Authorization": [f"Bearer {SECRET}", f"Bearer {SECRET}"]}),
        post("alerts", BODY, {**right, "authorization": f"Bearer {SECRET}"}),
        post("alerts", "{", {"Authorization": "Bearer wrong"}),
        post("nobody", BODY, right),
        post("NOBODY", BODY, right),
    ]

    assert answers == [answers[0]] * len(answers)
    status, problem, _ = answers[0]
    assert (status, problem["type"]) == (401, "urn:eums-bridge:problem:unauthorized")
    logged = capsys.readouterr()
    for secret in ("13812345678", TEXT, SECRET, "wrong"):
        assert secret not in logged.out + logged.err


def test_what_the_mapping_refuses_is_said_and_not_logged(
    admin: Ask, post: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    admin("PUT", "/hook-sources/alerts", SOURCE)
    status, problem, _ = post(
        "alerts", '{"to": "1381234567x", "text": "secret words"}', {"Authorization": f"Bearer {SECRET}"}
    )

    assert (status, problem["errors"]) == (
        422,
        [{"field": "mapping.to", "message": "gave what is no mainland mobile number"}],
    )
    logged = capsys.readouterr()
    for secret in ("1381234567x", "secret words"):
        assert secret not in logged.out + logged.err + json.dumps(problem)


def test_who_must_wait_is_told_how_long_and_too_much_is_too_much(admin: Ask, post: Ask) -> None:
    admin("PUT", "/hook-sources/alerts", {**SOURCE, "limits": {"calls_per_minute": 1}})
    right = {"Authorization": f"Bearer {SECRET}"}

    assert post("alerts", BODY, right)[0] == 202
    status, _, headers = post("alerts", BODY, right)
    assert (status, headers["Retry-After"]) == (429, "61")
    assert post("alerts", b"x" * 300_000, right)[0] == 413


def test_the_sample_requests_are_answered(load: Load, context: object, world: World) -> None:
    made = json.loads((EVENTS / "hook_sources.json").read_text())
    called = json.loads((EVENTS / "hooks.json").read_text())
    assert load("hook_sources").handler(made, context)["statusCode"] == 201
    made["body"] = json.dumps({**json.loads(made["body"]), "preset": "plain"})
    assert load("hook_sources").handler(made, context)["statusCode"] == 200

    assert load("hooks").handler(called, context)["statusCode"] == 202
    assert len(world.messages.messages) == 1
