"""A client's limits, from the authorizer to each function that sends, and as their callers are told of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest

from bridge import wiring
from bridge.domain.clients import ClientStanding, hash_key
from bridge.domain.limits import Limits
from bridge.domain.twilio import credential_hash
from bridge.services.twilio_sending import TwilioSending
from tests.fakes.clients import FakeClients
from tests.fakes.world import NOON, SHOP, World

KEY = "eb_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
SID, TOKEN = "AC" + "0a" * 16, "0b" * 16
ARN = "arn:aws-cn:execute-api:cn-north-1:123456789012:abc123/v1/POST/messages"
LIMITS = Limits(extensions=("01*", "none"), rate=100.0, daily_messages=3, daily_segments=50)
TEXT = "【京东】您的验证码是123456"
PATH = f"/2010-04-01/Accounts/{SID}/Messages.json"

Load = Callable[[str], ModuleType]
Answer = tuple[int, Any, dict[str, list[str]]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    clients = FakeClients(
        {hash_key(KEY): SHOP, credential_hash(SID, TOKEN): SHOP}, {}, {"shop": ClientStanding(limits=LIMITS)}
    )
    world = World(clients=clients)
    door = TwilioSending(
        sending=world.sending(), opt_outs=world.opt_outs, counters=world.counters, allow_loopback=False
    )
    for name in ("sending", "batching", "estimating", "allowing", "authorizing"):
        monkeypatch.setattr(wiring, name, getattr(world, name))
    monkeypatch.setattr(wiring, "twilio_sending", lambda: door)
    return world


@pytest.fixture
def call(world: World, load: Load, rest: Any, context: object) -> Callable[..., Answer]:  # noqa: ARG001 - wired before
    """Call a function with the context that the authorizer makes of the key at this moment."""

    def call(function: str, method: str, path: str, body: Any = None, **authorizer: str) -> Answer:
        said = load("authorizer").handler({"methodArn": ARN, "headers": {"Authorization": f"Bearer {KEY}"}}, context)
        event = rest(method, path, path, body=body if isinstance(body, str) else json.dumps(body))
        event["requestContext"]["authorizer"] = {**said["context"], **authorizer}
        answer = load(function).handler(event, context)
        return answer["statusCode"], json.loads(answer["body"]), answer["multiValueHeaders"]

    return call


def numbers(count: int) -> list[str]:
    return [f"138123456{number:02}" for number in range(count)]


def test_what_the_authorizer_says_is_strings(world: World, load: Load, context: object) -> None:
    event = {"methodArn": ARN, "headers": {"Authorization": f"Bearer {KEY}"}}
    said = load("authorizer").handler(event, context)
    assert Limits.of_text(said["context"]["limits"]) == LIMITS
    assert all(isinstance(value, str) for value in said["context"].values())

    world.clients.standings["shop"] = ClientStanding()
    assert "limits" not in load("authorizer").handler(event, context)["context"]


@pytest.mark.parametrize("why", ["expired", "revoked"])
def test_a_key_that_has_ended_is_denied_as_an_unknown_one_is(
    world: World, load: Load, context: object, why: str
) -> None:
    authorize = load("authorizer").handler
    unknown = authorize({"methodArn": ARN, "headers": {"Authorization": f"Bearer {KEY}x"}}, context)
    if why == "expired":
        world.clients.ends[hash_key(KEY)] = NOON
    else:
        world.clients.standings["shop"] = ClientStanding(revoked=True)

    assert authorize({"methodArn": ARN, "headers": {"Authorization": f"Bearer {KEY}"}}, context) == unknown
    assert unknown["policyDocument"]["Statement"][0]["Effect"] == "Deny"


def test_messages_and_batches_share_the_cap_and_the_last_is_told_to_come_tomorrow(
    world: World, call: Callable[..., Answer]
) -> None:
    entries = [{"to": to} for to in numbers(2)]
    assert call("batches", "POST", "/batches", {"text": TEXT, "messages": entries})[0] == 202
    assert call("messages", "POST", "/messages", {"to": numbers(1), "text": TEXT})[0] == 201

    for function, path, body in (
        ("messages", "/messages", {"to": numbers(1), "text": TEXT}),
        ("batches", "/batches", {"text": TEXT, "messages": entries}),
    ):
        status, problem, headers = call(function, "POST", path, body)
        assert (status, problem["type"]) == (429, "urn:eums-bridge:problem:daily-cap-reached")
        assert headers["Retry-After"] == [str(12 * 3600)]
        assert headers["Content-Type"] == ["application/problem+json"]
    assert len(world.gateway.submits) == 1


def test_an_extension_of_somebody_elses_is_403_and_an_estimate_says_so(call: Callable[..., Answer]) -> None:
    body = {"to": numbers(1), "text": TEXT, "extension": "02"}
    status, problem, _ = call("messages", "POST", "/messages", body)
    assert (status, problem["type"]) == (403, "urn:eums-bridge:problem:not-allowed")
    assert "01*, none" in problem["detail"]

    status, estimate, _ = call("messages", "POST", "/messages/estimate", body)
    assert (status, [problem["field"] for problem in estimate["problems"]]) == (200, ["extension"])


def test_twilios_door_refuses_in_its_own_words(world: World, call: Callable[..., Answer]) -> None:
    def send(**form: str) -> tuple[int, int | None]:
        body = urlencode({"To": "+8613812345678", "Body": TEXT, **form})
        status, answer, _ = call("twilio", "POST", PATH, body, account_sid=SID)
        return status, answer.get("code")

    assert send(From="02") == (403, 20003)
    assert [send(From="0123")[0] for _ in range(3)] == [201] * 3
    assert send() == (429, 20429)
    world.uses.failing = ConnectionError("away")
    assert send() == (503, 20503)


def test_a_client_sees_what_it_may_send_and_has_used(world: World, call: Callable[..., Answer]) -> None:
    call("messages", "POST", "/messages", {"to": numbers(2), "text": TEXT})

    assert call("account", "GET", "/limits")[:2] == (
        200,
        {
            "client": "shop",
            "extensions": ["01*", "none"],
            "rate": 100.0,
            "burst": 100,
            "daily_messages": {"limit": 3, "used": 2},
            "daily_segments": {"limit": 50, "used": 2},
            "day_ends_at": "2026-11-24T00:00:00+08:00",
        },
    )
    world.clients.standings.clear()
    assert call("account", "GET", "/limits")[1] == {
        "client": "shop",
        **dict.fromkeys(("extensions", "rate", "burst", "daily_messages", "daily_segments")),
        "day_ends_at": "2026-11-24T00:00:00+08:00",
    }


def test_a_change_of_the_limits_holds_with_the_authorizers_next_answer(
    world: World, call: Callable[..., Answer]
) -> None:
    send = {"to": numbers(3), "text": TEXT}
    assert call("messages", "POST", "/messages", send)[0] == 201
    assert call("messages", "POST", "/messages", send)[0] == 429
    world.clients.standings["shop"] = ClientStanding(limits=replace(LIMITS, daily_messages=6))
    assert call("messages", "POST", "/messages", send)[0] == 201
    world.clock.advance(timedelta(hours=12).total_seconds())
    assert call("messages", "POST", "/messages", send)[0] == 201
