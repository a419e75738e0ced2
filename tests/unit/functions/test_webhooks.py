import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bridge import handling, wiring
from bridge.domain.events import suspended
from bridge.domain.webhooks import Answer, DeliveryStatus, Pointer, delivery_of, happened
from bridge.services.calling_back import CallingBack
from bridge.services.delivering import Delivering
from bridge.services.fanning_out import FanningOut
from bridge.services.replaying import Replaying
from bridge.services.subscribing import Subscribing
from tests.fakes.callbacks import FakeAuthTokens, FakeCallbacks
from tests.fakes.webhooks import (
    SECRET,
    FakeDeliveries,
    FakeDeliverQueue,
    FakeWebhookClient,
    FakeWebhookEndpoints,
    endpoint,
)
from tests.fakes.world import NOON, World

EVENTS = Path(__file__).parents[3] / "events"
ROOT = "/webhook-endpoints"
URL = "https://shop.example.com/hook"
ADMIN = "read,send,admin"

Load = Callable[[str], ModuleType]
Rest = Callable[..., dict[str, Any]]
Ask = Callable[..., tuple[int, Any]]


class Out:
    """What goes out, over fakes."""

    def __init__(self) -> None:
        world = World()
        self.endpoints, self.deliveries = FakeWebhookEndpoints(), FakeDeliveries()
        self.queue = FakeDeliverQueue(world.clock.monotonic)
        self.client = FakeWebhookClient(world.clock.now)
        self.subscribing = Subscribing(
            accounts=world.accounts,
            endpoints=self.endpoints,
            client=self.client,
            clock=world.clock,
            new_id=world.new_id,
            randomness=lambda count: bytes(range(count)),
            allow_loopback=False,
        )
        self.replaying = Replaying(subscribing=self.subscribing, deliveries=self.deliveries, queue=self.queue)
        self.callbacks = FakeCallbacks()
        calling_back = CallingBack(callbacks=self.callbacks, endpoints=self.endpoints, clock=world.clock)
        self.fanning_out = FanningOut(
            endpoints=self.endpoints,
            queue=self.queue,
            calling_back=calling_back,
            clients=world.clients,
            counters=world.counters,
        )
        self.delivering = Delivering(
            endpoints=self.endpoints,
            deliveries=self.deliveries,
            queue=self.queue,
            client=self.client,
            tokens=FakeAuthTokens(),
            topic=world.topic,
            clock=world.clock,
            counters=world.counters,
            chance=lambda: 0.5,
        )


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> Out:
    out = Out()
    for name in ("subscribing", "replaying", "fanning_out", "delivering"):
        monkeypatch.setattr(wiring, name, lambda name=name: getattr(out, name))
    return out


@pytest.fixture
def ask(out: Out, load: Load, rest: Rest, context: object) -> Ask:  # noqa: ARG001 - wired before it is loaded
    app = load("webhook_endpoints")

    def ask(method: str, path: str = ROOT, body: object = None, scopes: str = ADMIN, **more: Any) -> tuple[int, Any]:
        event = rest(method, ROOT, path, body=body if isinstance(body, str) else json.dumps(body), **more)
        event["requestContext"]["authorizer"]["scopes"] = scopes
        answer = app.handler(event, context)
        assert isinstance(answer["body"], str)
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    return ask


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(handling.logger.registered_handler, "stream", stream)
    return stream


def made(ask: Ask) -> dict[str, Any]:
    status, answer = ask("POST", body={"url": URL, "event_types": ["sms.*"]})
    assert status == 201
    assert isinstance(answer, dict)
    return answer


def test_the_secret_is_shown_once(ask: Ask, logged: io.StringIO) -> None:
    one = made(ask)
    path = f"{ROOT}/{one['id']}"
    answers = [
        ask("GET"),
        ask("GET", path),
        ask("PATCH", path, {"description": "x"}),
        ask("POST", f"{path}/test"),
        ask("GET", f"{path}/deliveries"),
    ]

    assert one["secret"] == SECRET
    assert [status for status, _ in answers] == [200] * 5
    assert SECRET not in json.dumps(answers)
    assert ask("POST", f"{path}/rotate-secret")[1]["secret"] == SECRET
    assert SECRET not in logged.getvalue()
    assert URL not in logged.getvalue()


def test_an_endpoint_as_it_is_shown(ask: Ask) -> None:
    one = made(ask)
    assert one == {
        "id": one["id"],
        "url": URL,
        "event_types": ["sms.*"],
        "accounts": [],
        "description": None,
        "status": "enabled",
        "disabled_reason": None,
        "disabled_at": None,
        "failing_since": None,
        "previous_secret_until": None,
        "created_at": one["created_at"],
        "updated_at": one["updated_at"],
        "secret": SECRET,
    }
    del one["secret"]
    assert ask("GET")[1] == {"items": [one], "next_cursor": None}
    assert ask("DELETE", f"{ROOT}/{one['id']}") == (204, None)
    assert ask("GET", f"{ROOT}/{one['id']}")[0] == 404
    assert ask("DELETE", f"{ROOT}/{one['id']}")[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{", "body"),
        ({"event_types": ["sms.*"]}, "url"),
        ({"url": URL}, "event_types"),
        ({"url": URL, "event_types": []}, "event_types"),
        ({"url": URL, "event_types": ["sms"]}, "event_types[0]"),
        ({"url": "https://127.0.0.1/", "event_types": ["sms.*"]}, "url"),
        ({"url": URL, "event_types": ["sms.*"], "secret": "x"}, "secret"),
        ({"url": URL, "event_types": ["sms.*"], "accounts": ["a b"]}, "accounts[0]"),
        ({"url": URL, "event_types": ["sms.*"], "description": "x" * 257}, "description"),
    ],
)
def test_what_cannot_be_carried_out(ask: Ask, out: Out, body: object, field: str) -> None:
    status, problem = ask("POST", body=body)

    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])
    assert out.endpoints.all() == []


@pytest.mark.parametrize("scopes", ["read", "send", "read,send"])
def test_only_an_admin_may(ask: Ask, out: Out, scopes: str) -> None:
    out.endpoints.add(endpoint())
    path = f"{ROOT}/{endpoint().id}"
    for method, asked in [
        ("GET", ROOT),
        ("POST", ROOT),
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/rotate-secret"),
        ("POST", f"{path}/test"),
        ("GET", f"{path}/deliveries"),
        ("POST", f"{path}/replay"),
        ("POST", f"{path}/deliveries/x/replay"),
    ]:
        assert ask(method, asked, {"failed": True}, scopes)[0] == 403
    assert out.endpoints.all() == [endpoint()]
    assert out.client.posts == []


def test_an_account_of_others_is_not_to_be_had(ask: Ask) -> None:
    assert ask("POST", body={"url": URL, "event_types": ["sms.*"], "accounts": ["other"]})[0] == 403


def test_deliveries_by_pages(ask: Ask, out: Out) -> None:
    path = f"{ROOT}/{made(ask)['id']}"
    name = path.rsplit("/", 1)[1]
    for hour in range(5):
        event = happened(suspended("default", NOON + timedelta(hours=hour)).body())
        out.deliveries.add(replace(delivery_of(name, event, NOON), status=DeliveryStatus.FAILED))

    found, cursor = [], None
    for _ in range(3):
        query = {"limit": "2", "status": "failed"} | ({"cursor": cursor} if cursor else {})
        _, page = ask("GET", f"{path}/deliveries", queryStringParameters=query)
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert found == sorted(found, reverse=True)
    assert len(found) == 5
    assert ask("GET", f"{path}/deliveries", queryStringParameters={"cursor": "x"})[0] == 422
    assert ask("GET", f"{path}/deliveries", queryStringParameters={"status": "x"})[0] == 422
    assert ask("POST", f"{path}/deliveries/{found[0]}/replay") == (202, {"replayed": 1, "next_cursor": None})
    assert ask("POST", f"{path}/replay", {"failed": True}) == (202, {"replayed": 5, "next_cursor": None})
    day = {"from": "2026-11-23T13:00:00+08:00", "to": "2026-11-23T15:00:00+08:00"}
    assert ask("POST", f"{path}/replay", day) == (202, {"replayed": 2, "next_cursor": None})
    for bad in ({}, {"failed": False}, {"from": day["from"]}, {"from": "x", "to": "y"}, {"failed": 1}):
        assert ask("POST", f"{path}/replay", bad)[0] == 422
    assert len(out.queue.sent) == 8


def test_a_test_that_fails_is_an_answer(ask: Ask, out: Out) -> None:
    out.client.answers = lambda _: Answer(error="timeout")

    assert ask("POST", f"{ROOT}/{made(ask)['id']}/test") == (
        200,
        {"delivered": False, "http_status": None, "error": "timeout"},
    )


def sample(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.mark.usefixtures("out")
def test_the_sample_request_is_answered(load: Load, context: object) -> None:
    assert load("webhook_endpoints").handler(sample("webhook_endpoints"), context)["statusCode"] == 200


def test_the_sample_events_are_fanned_out_and_what_is_none_returns(out: Out, load: Load, context: object) -> None:
    out.endpoints.add(endpoint(1))
    out.endpoints.add(endpoint(2, client="bank"))
    event = sample("fan_out")
    event["Records"].append({**event["Records"][0], "messageId": "poison", "body": "{}"})

    answer = load("fan_out").handler(event, context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "poison"}]}
    # The second is nobody's, and both may use the account.
    assert [pointer.endpoint for pointer, _ in out.queue.sent] == [endpoint(number).id for number in (1, 1, 2)]


def test_the_client_of_an_inbound_message_is_its_attribute(out: Out, load: Load, context: object) -> None:
    out.endpoints.add(endpoint(1))
    out.endpoints.add(endpoint(2, client="bank"))
    event = sample("fan_out")
    event["Records"] = event["Records"][1:]
    event["Records"][0]["messageAttributes"] = {"client": {"stringValue": "bank", "dataType": "String"}}

    assert load("fan_out").handler(event, context) == {"batchItemFailures": []}

    assert [pointer.endpoint for pointer, _ in out.queue.sent] == [endpoint(2).id]


def test_the_sample_pointer_is_delivered(out: Out, load: Load, context: object) -> None:
    out.endpoints.add(endpoint(id="01JDCKQ3V9T4M3W5Y8Z7N6P2QR"))

    assert load("deliver").handler(sample("deliver"), context) == {"batchItemFailures": []}

    assert len(out.client.posts) == 1
    assert out.deliveries.only().status is DeliveryStatus.DELIVERED


def test_what_failed_returns_and_nothing_of_it_is_logged(
    out: Out, load: Load, context: object, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    out.endpoints.add(endpoint(id="01JDCKQ3V9T4M3W5Y8Z7N6P2QR"))
    secret = "+8613812345678 " + SECRET

    def failing(*_: object, **__: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr(out.deliveries, "begin", failing)
    answer = load("deliver").handler(sample("deliver"), context)

    assert [failed["itemIdentifier"] for failed in answer["batchItemFailures"]] == [
        sample("deliver")["Records"][0]["messageId"]
    ]
    assert "RuntimeError" in logged.getvalue()
    assert "13812345678" not in logged.getvalue()
    assert SECRET not in logged.getvalue()


def test_what_waits_for_hours_stays_in_the_queue(out: Out, load: Load, context: object) -> None:
    one = endpoint(id="01JDCKQ3V9T4M3W5Y8Z7N6P2QR")
    out.endpoints.add(one)
    event = sample("deliver")
    body = event["Records"][0]["body"]
    waiting = delivery_of(one.id, happened(body.split("\n")[1]), NOON)
    pointer = Pointer(endpoint=one.id, delivery=waiting.id, noted=True)
    out.deliveries.add(replace(waiting, attempts=3, next_at=NOON + timedelta(hours=2)))
    event["Records"][0]["body"] = pointer.body()

    answer = load("deliver").handler(event, context)

    assert len(answer["batchItemFailures"]) == 1
    assert out.queue.held == [7200.0]
    assert out.client.posts == []
