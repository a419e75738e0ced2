"""Callers where IAM says who they are, and where it does not: of each event only what the stack goes by counts."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bridge import wiring
from bridge.domain.clients import Caller
from bridge.domain.principals import principal_key
from bridge.services.recognizing import Recognizing
from tests.fakes.clients import FakeClients
from tests.fakes.clock import FakeClock
from tests.fakes.world import SHOP, World

ROLE = "arn:aws-cn:iam::123456789012:role/webshop"
SESSION = "arn:aws-cn:sts::123456789012:assumed-role/webshop/i-0abc"
BODY = json.dumps({"to": "+8613812345678", "text": "【京东】您的验证码是123456"})
KEYED = {
    "client": "bank",
    "accounts": "default",
    "default_account": "default",
    "scopes": "read,send",
    "principalId": "bank",
}

Load = Callable[[str], ModuleType]
Rest = Callable[..., dict[str, Any]]
Ask = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(wiring, "sending", world.sending)
    clients = FakeClients({principal_key(ROLE): SHOP})
    recognizing = Recognizing(clients=clients, clock=FakeClock())
    monkeypatch.setattr(wiring, "recognizing", lambda: recognizing)
    return world


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_AUTHORIZATION", "AWS_IAM")


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_AUTHORIZATION", "KeyAuthorizer")


@pytest.fixture
def ask(world: World, load: Load, rest: Rest, context: object) -> Ask:  # noqa: ARG001 - wired before it is loaded
    function = load("messages")

    def ask(request_context: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        event = rest("POST", "/messages", "/messages", body=BODY)
        # Whatever a caller may send: nobody is known by a header.
        event["headers"] = {"X-Amzn-Iam-Arn": SESSION, "userArn": SESSION, "Authorization": "AWS4-HMAC-SHA256 x"}
        event["requestContext"] = {"requestId": "request-1", **request_context}
        answer = function.handler(event, context)
        return answer["statusCode"], json.loads(answer["body"])

    return ask


def senders(world: World) -> list[Caller | str]:
    return [message.client for message in world.messages.messages.values()]


@pytest.mark.usefixtures("signed")
def test_a_principals_message_is_its_clients(world: World, ask: Ask) -> None:
    status, _ = ask({"identity": {"userArn": SESSION, "caller": "AROAEXAMPLE:i-0abc", "accountId": "123456789012"}})

    assert status == 201
    assert senders(world) == ["shop"]


@pytest.mark.usefixtures("signed")
def test_a_principal_that_nobody_named_is_told_what_to_do(world: World, ask: Ask) -> None:
    status, problem = ask({"identity": {"userArn": SESSION.replace("webshop", "other")}})

    assert status == 403
    assert problem["type"] == "urn:eums-bridge:problem:not-allowed"
    assert problem["detail"] == (
        "nobody said for which client arn:aws-cn:iam::123456789012:role/other calls; the operator does so by "
        "'eums-bridge principals add'"
    )
    assert not senders(world)


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize(
    "request_context",
    [
        {"authorizer": KEYED},
        {"authorizer": {**KEYED, "userArn": SESSION}, "identity": {"userArn": None}},
        {"identity": {"user": SESSION, "caller": SESSION, "userArn": ""}, "authorizer": KEYED},
        {"identity": {}},
        {"identity": None},
        {},
    ],
)
def test_where_calls_are_signed_no_authorizers_word_counts(
    world: World, ask: Ask, request_context: dict[str, Any]
) -> None:
    status, _ = ask(request_context)

    assert status in {401, 403}
    assert not senders(world)


@pytest.mark.usefixtures("keyed")
@pytest.mark.parametrize(
    "request_context",
    [{"identity": {"userArn": SESSION}}, {"identity": {"userArn": SESSION}, "authorizer": {}}, {"authorizer": None}],
)
def test_where_keys_are_used_no_signature_counts(world: World, ask: Ask, request_context: dict[str, Any]) -> None:
    status, problem = ask(request_context)

    assert (status, problem["type"]) == (401, "urn:eums-bridge:problem:unauthorized")
    assert not senders(world)


@pytest.mark.usefixtures("keyed")
def test_where_keys_are_used_a_key_counts_whoever_signed(world: World, ask: Ask) -> None:
    status, _ = ask({"authorizer": KEYED, "identity": {"userArn": SESSION}})

    assert status == 201
    assert senders(world) == ["bank"]


def test_where_nothing_is_said_keys_are_used(world: World, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_AUTHORIZATION", raising=False)
    assert ask({"identity": {"userArn": SESSION}})[0] == 401
    assert not senders(world)


@pytest.mark.usefixtures("signed", "world")
def test_a_scope_that_a_principals_client_lacks_is_said_of_it(load: Load, rest: Rest, context: object) -> None:
    event = rest("DELETE", "/opt-outs/{number}", "/opt-outs/13812345678", pathParameters={"number": "13812345678"})
    event["requestContext"] = {"requestId": "r", "identity": {"userArn": SESSION}}

    answer = load("opt_outs").handler(event, context)

    assert answer["statusCode"] == 403
    assert json.loads(answer["body"])["detail"] == "the client of this principal lacks the scope 'admin'"


@pytest.mark.usefixtures("signed", "world")
def test_twilios_door_is_closed_where_calls_are_signed(load: Load, rest: Rest, context: object) -> None:
    path = f"/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
    event = rest("POST", path, path, body="To=%2B8613812345678&Body=x")
    event["requestContext"] = {"requestId": "r", "identity": {"userArn": SESSION}}

    answer = load("twilio").handler(event, context)

    assert answer["statusCode"] == 403
    said = json.loads(answer["body"])
    assert (said["code"], said["status"]) == (20003, 403)
    assert "this door is closed" in said["message"]
