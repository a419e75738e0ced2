import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bridge import wiring
from bridge.domain.work import PlanWork
from tests.fakes.world import World

Load = Callable[[str], ModuleType]
Rest = Callable[..., dict[str, Any]]

BODY = json.dumps(
    {
        "template": "【京东】{{code}}",
        "messages": [{"to": "+8613800000001", "params": {"code": 1}}, {"to": "13800000002", "text": "【京东】hi"}],
    }
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(wiring, "batching", world.batching)
    return world


@pytest.fixture
def batches(world: World, load: Load) -> ModuleType:  # noqa: ARG001 - wired before it is loaded
    return load("batches")


def header(answer: dict[str, Any], name: str) -> str:
    return str(answer["multiValueHeaders"][name][0])


def test_a_batch_is_accepted_and_found(world: World, batches: ModuleType, rest: Rest, context: object) -> None:
    answer = batches.handler(rest("POST", "/batches", "/batches", body=BODY), context)

    batch = json.loads(answer["body"])
    assert answer["statusCode"] == 202
    assert header(answer, "Location") == f"batches/{batch['id']}"
    assert batch == {
        "id": batch["id"],
        "status": "accepted",
        "account": "default",
        "created_at": "2026-11-23T12:00:00+08:00",
        "total": 2,
        "counts": {"accepted": 2},
    }

    world.unfolding().plan(batch["id"])
    world.unfolding().walk(batch["id"], 1, time_left=lambda: 60)
    event = rest("GET", "/batches/{id}", f"/batches/{batch['id']}", pathParameters={"id": batch["id"]})
    found = batches.handler(event, context)

    assert found["statusCode"] == 200
    assert json.loads(found["body"]) == {**batch, "status": "finished", "counts": {"submitted": 2}}


def test_a_repeat_with_the_same_key_is_answered_byte_for_byte(
    world: World, batches: ModuleType, rest: Rest, context: object
) -> None:
    event = rest("POST", "/batches", "/batches", body=BODY, headers={"Idempotency-Key": "a-key"})
    first = batches.handler(event, context)
    (plan,) = world.queue.take()
    assert isinstance(plan, PlanWork)
    world.unfolding().plan(plan.batch_id)

    again = batches.handler(event, context)

    assert "Idempotent-Replayed" not in first["multiValueHeaders"]
    assert header(again, "Idempotent-Replayed") == "true"
    assert header(again, "Location") == header(first, "Location")
    assert (again["statusCode"], again["body"]) == (first["statusCode"], first["body"])
    assert batches.handler({**event, "body": BODY.replace("hi", "ho")}, context)["statusCode"] == 422


def test_problems_are_named(batches: ModuleType, rest: Rest, context: object) -> None:
    body = json.dumps({"template": "{{code}}", "messages": [{"to": "13800000001"}] * 2})
    answer = batches.handler(rest("POST", "/batches", "/batches", body=body), context)

    assert answer["statusCode"] == 422
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == [
        "messages[0].params.code",
        "messages[1].params.code",
    ]


@pytest.mark.parametrize(
    ("method", "path", "scopes"), [("POST", "/batches", "read"), ("GET", "/batches/01JDCKQ3V9T4M3W5Y8Z7N60000", "send")]
)
def test_each_call_has_its_scope(  # noqa: PLR0917 - fixtures are parameters
    batches: ModuleType, rest: Rest, context: object, method: str, path: str, scopes: str
) -> None:
    event = rest(method, path, path, body=BODY)
    event["requestContext"]["authorizer"]["scopes"] = scopes
    assert batches.handler(event, context)["statusCode"] == 403


def test_what_is_not_the_callers_is_not_there(batches: ModuleType, rest: Rest, context: object) -> None:
    answer = batches.handler(rest("GET", "/batches/x", "/batches/x"), context)
    assert answer["statusCode"] == 404
