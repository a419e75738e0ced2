"""Sends that wait, through the function: Prefer, send_at, cancelling, and the problems of each."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bridge import wiring
from bridge.domain.opt_outs import OptOut, Source
from bridge.domain.submits import begun
from bridge.domain.work import MessageWork
from tests.fakes.world import NOON, World

Load = Callable[[str], ModuleType]
Rest = Callable[..., dict[str, Any]]

BODY = {"to": ["+8613812345678"], "text": "【京东】您的验证码是123456", "client_reference": "order-42"}
AT = "2026-11-23T14:00:00+08:00"  # two hours after noon in Shanghai


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    for name in ("sending", "finding"):
        monkeypatch.setattr(wiring, name, getattr(world, name))
    return world


@pytest.fixture
def post(world: World, load: Load, rest: Rest, context: object) -> Callable[..., dict[str, Any]]:  # noqa: ARG001
    messages = load("messages")

    def post(body: dict[str, Any] | None = None, path: str = "/messages", **headers: str) -> dict[str, Any]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        text = json.dumps(body) if body is not None else None
        answer: dict[str, Any] = messages.handler(rest("POST", path, path, body=text, headers=names), context)
        return answer

    return post


def headers(answer: dict[str, Any]) -> dict[str, str]:
    return {name: values[0] for name, values in answer["multiValueHeaders"].items()}


@pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async; wait=10", "wait=5, respond-async"])
def test_who_prefers_not_to_wait_is_answered_at_once(world: World, post: Any, prefer: str) -> None:
    answer = post(BODY, Prefer=prefer)

    message = json.loads(answer["body"])
    assert (answer["statusCode"], message["status"]) == (202, "accepted")
    assert headers(answer)["Preference-Applied"] == "respond-async"
    assert headers(answer)["Location"] == f"messages/{message['id']}"
    assert world.queue.sent == [(MessageWork(message_id=message["id"]), 0)]
    assert world.gateway.submits == []


def test_another_preference_changes_nothing(post: Any) -> None:
    answer = post(BODY, Prefer="return=minimal")

    assert answer["statusCode"] == 201
    assert "Preference-Applied" not in headers(answer)


def test_what_has_its_time_is_scheduled(world: World, post: Any) -> None:
    answer = post({**BODY, "send_at": "2026-11-23T06:00:00Z"})

    message = json.loads(answer["body"])
    assert (answer["statusCode"], message["status"], message["send_at"]) == (202, "scheduled", AT)
    assert "Preference-Applied" not in headers(answer)
    assert list(world.schedules.due) == [message["id"]]


@pytest.mark.parametrize(
    "at", ["2026-11-23T11:59:59+08:00", "2027-01-01T00:00:00+08:00", "2026-11-24T09:00:00", "tomorrow", 1, ""]
)
def test_a_time_that_cannot_be_is_named(world: World, post: Any, at: object) -> None:
    answer = post({**BODY, "send_at": at})

    assert answer["statusCode"] == 422
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == ["send_at"]
    assert world.messages.messages == {}


@pytest.mark.parametrize("more", [{"Prefer": "respond-async"}, {}])
def test_a_repeat_is_answered_byte_for_byte(world: World, post: Any, more: dict[str, str]) -> None:
    body = BODY if more else {**BODY, "send_at": AT}
    first = post(body, Idempotency_Key="a-key", **more)
    world.clock.advance(7300)
    [message_id] = world.messages.messages
    world.queueing().take(MessageWork(message_id=message_id).body(), last=False, time_left=lambda: 60.0)
    assert len(world.gateway.submits) == 1

    again = post(body, Idempotency_Key="a-key", **more)

    assert (again["statusCode"], again["body"]) == (first["statusCode"], first["body"])
    assert headers(again).pop("Idempotent-Replayed") == "true"
    assert {**headers(first), "Idempotent-Replayed": "true"} == headers(again)
    assert len(world.gateway.submits) == 1


def test_what_waits_is_cancelled(world: World, post: Any, rest: Rest, load: Load, context: object) -> None:
    message = json.loads(post({**BODY, "send_at": AT})["body"])
    path = f"/messages/{message['id']}/cancel"

    first, second = post(path=path), post(path=path)

    assert (first["statusCode"], json.loads(first["body"])["status"]) == (200, "cancelled")
    assert second["body"] == first["body"]
    assert world.schedules.due == {}
    found = load("messages").handler(rest("GET", "/messages/{id}", f"/messages/{message['id']}"), context)
    assert json.loads(found["body"]) == json.loads(first["body"])


def test_what_is_being_sent_is_a_conflict(world: World, post: Any) -> None:
    message_id = json.loads(post(BODY, Prefer="respond-async")["body"])["id"]
    message = world.messages.messages[message_id]
    world.messages.move(message, begun(message, claim="C", now=NOON))

    answer = post(path=f"/messages/{message_id}/cancel")

    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["type"]) == (409, "urn:eums-bridge:problem:not-cancellable")


@pytest.mark.parametrize("message_id", ["01JDCKQ3V9T4M3W5Y8Z7N6P2QR", "x"])
def test_what_is_not_there_cannot_be_cancelled(post: Any, message_id: str) -> None:
    assert post(path=f"/messages/{message_id}/cancel")["statusCode"] == 404


def test_a_repeat_in_flight_is_a_conflict(world: World, post: Any) -> None:
    def die(_: object) -> tuple[()]:
        raise KeyboardInterrupt

    world.gateway.submit_answer = die
    with pytest.raises(KeyboardInterrupt):
        post(BODY, Idempotency_Key="a-key")

    answer = post(BODY, Idempotency_Key="a-key")

    assert (answer["statusCode"], headers(answer)["Retry-After"]) == (409, "2")


def test_who_opted_out_is_named_as_the_reason(world: World, post: Any) -> None:
    world.opt_outs.add(OptOut(account="default", number="+8613812345678", since=NOON, source=Source.API))

    answer = post(BODY)

    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["reason"]) == (422, "opted_out")
    assert problem["message_id"] in world.messages.messages
    assert "138" not in answer["body"].replace(problem["message_id"], "")
    assert post({**BODY, "category": "transactional"})["statusCode"] == 201


def test_a_store_that_is_away_is_a_503_that_may_be_tried_again(
    world: World, post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(world.messages, "add", fail)

    for more in ({}, {"Prefer": "respond-async"}):
        answer = post(BODY, **more)
        assert (answer["statusCode"], headers(answer)["Retry-After"]) == (503, "5")
        assert json.loads(answer["body"])["type"] == "urn:eums-bridge:problem:store-unavailable"
    assert world.gateway.submits == []
