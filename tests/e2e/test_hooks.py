"""Somebody's webhook on the deployed stack: who is let in, what arrives at the gateway, and that nothing does twice."""

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.gateway import Gateway
from tests.e2e.deployed import Deployed, until
from tests.fakes.hooks import github, payload, standard_webhooks, stripe

SECRET = "a-secret-of-this-test"
WHSEC = "whsec_" + base64.b64encode(bytes(range(24))).decode()
NUMBER = "13812345701"
TOPIC = "arn:aws-cn:sns:cn-north-1:123456789012:nights"

Headers = dict[str, str]
Sign = Callable[[bytes], Headers]

AUTHS: dict[str, tuple[dict[str, Any], Sign]] = {
    "bearer": ({"kind": "bearer", "secret": SECRET}, lambda _: {"Authorization": f"Bearer {SECRET}"}),
    "token": (
        {"kind": "token", "secret": SECRET, "header": "X-Gitlab-Token"},
        lambda _: {"X-Gitlab-Token": SECRET},
    ),
    "basic": (
        {"kind": "basic", "username": "apprise", "secret": SECRET},
        lambda _: {"Authorization": f"Basic {base64.b64encode(f'apprise:{SECRET}'.encode()).decode()}"},
    ),
    "hmac": (
        {"kind": "hmac", "secret": SECRET, "header": "X-Hub-Signature-256", "prefix": "sha256="},
        lambda body: github(SECRET, body, "issues"),
    ),
    "stripe": (
        {"kind": "hmac", "secret": SECRET, "header": "Stripe-Signature", "layout": "stripe"},
        lambda body: stripe(SECRET, body, int(time.time())),
    ),
    "standard_webhooks": (
        {"kind": "standard_webhooks", "secret": WHSEC},
        lambda body: standard_webhooks(WHSEC, body, f"msg_{time.time_ns()}", int(time.time())),
    ),
}


@pytest.fixture
def make(shop: httpx.Client) -> Iterator[Callable[..., str]]:
    """Makes hook sources of this test's own."""
    made: list[str] = []

    def make(name: str, **source: Any) -> str:
        answer = shop.put(f"hook-sources/{name}", json=source)
        assert answer.status_code == 201, answer.text
        assert SECRET not in answer.text
        assert WHSEC not in answer.text
        made.append(name)
        return f"hooks/{name}"

    yield make
    for name in made:
        assert shop.delete(f"hook-sources/{name}").status_code == 204


def texts(gateway: Gateway, number: str) -> list[str]:
    """What the gateway took for a number."""
    return [submit.content for submit in gateway.submits(dest=number)]


@pytest.mark.parametrize("kind", AUTHS)
def test_each_kind_lets_its_sender_in_and_nobody_else(
    gateway: Gateway, nobody: httpx.Client, make: Callable[..., str], kind: str
) -> None:
    auth, sign = AUTHS[kind]
    number = f"138123457{10 + list(AUTHS).index(kind)}"
    hook = make(f"e2e-{kind}", preset="plain", auth=auth)
    body = json.dumps({"to": number, "text": f"您好，{kind} 🙂"}, ensure_ascii=False).encode()
    headers = {**sign(body), "Content-Type": "application/json"}

    refusals = [
        nobody.post(hook, content=body, headers={"Content-Type": "application/json"}),
        nobody.post("hooks/e2e-nobody", content=body, headers=headers),
        nobody.post(
            hook,
            content=body,
            headers={name: value[::-1] for name, value in headers.items() if "Ty" not in name},
        ),
        nobody.post(hook, content=body, headers=[*headers.items(), *headers.items()]),
    ]
    if kind not in {"bearer", "token", "basic"}:
        refusals.append(nobody.post(hook, content=body.replace(b"138", b"139"), headers=headers))
    for refused in refusals:
        assert refused.status_code == 401, refused.text
    assert len({json.dumps({**each.json(), "request_id": ""}) for each in refusals}) == 1
    assert texts(gateway, number) == []

    taken = nobody.post(hook, content=body, headers=headers)
    assert taken.status_code == 202, taken.text
    assert len(taken.json()["messages"]) == 1
    until(lambda: texts(gateway, number), "the message at the gateway")
    assert texts(gateway, number) == [f"您好，{kind} 🙂"]


def test_sns_without_its_signature_is_refused_like_the_others(nobody: httpx.Client, make: Callable[..., str]) -> None:
    hook = make("e2e-sns", preset="sns", auth={"kind": "sns", "topic_arns": [TOPIC]}, to=NUMBER)

    refused = nobody.post(hook, content=payload("sns-cloudwatch-alarm"), headers={"Content-Type": "text/plain"})

    assert refused.status_code == 401, refused.text


def test_alerts_arrive_as_a_text_and_a_retry_sends_no_second_one(
    gateway: Gateway, nobody: httpx.Client, shop: httpx.Client, make: Callable[..., str]
) -> None:
    number = "13812345702"
    auth, sign = AUTHS["bearer"]
    hook = make("e2e-alerts", preset="alertmanager", auth=auth, to=number)
    body = payload("alertmanager")

    first = nobody.post(hook, content=body, headers=sign(body))
    assert first.status_code == 202, first.text
    again = nobody.post(hook, content=body, headers=sign(body))
    assert (again.status_code, again.json()) == (202, first.json())

    until(lambda: texts(gateway, number), "the alert at the gateway")
    resolved = nobody.post(hook, content=payload("alertmanager-resolved"), headers=sign(body))
    assert resolved.status_code == 202, resolved.text
    until(lambda: len(texts(gateway, number)) > 1, "the end of the alert")
    assert texts(gateway, number) == [
        (
            "[FIRING:2] InstanceDown (critical)\n"
            "Instance db-1.example.org:9100 is down (db-1.example.org:9100)\n"
            "Instance db-2.example.org:9100 is down (db-2.example.org:9100)\n"
            "resolved: Instance web-1.example.org:9100 is down (web-1.example.org:9100)"
        ),
        "[RESOLVED] InstanceDown (critical)\nInstance db-1.example.org:9100 is down",
    ]
    (message,) = first.json()["messages"]
    assert shop.get(f"messages/{message}").json()["recipients"][0]["to"] == f"+86{number}"


def test_a_replay_is_refused_and_a_retry_is_not(
    gateway: Gateway, nobody: httpx.Client, make: Callable[..., str]
) -> None:
    number = "13812345703"
    hook = make("e2e-replay", preset="plain", auth={"kind": "standard_webhooks", "secret": WHSEC})
    body = json.dumps({"to": number, "text": "once"}).encode()
    now = int(time.time())
    headers = standard_webhooks(WHSEC, body, "msg_1", now)

    first = nobody.post(hook, content=body, headers=headers)
    replay = nobody.post(hook, content=body, headers=headers)
    retry = nobody.post(hook, content=body, headers=standard_webhooks(WHSEC, body, "msg_1", now + 1))
    old = nobody.post(hook, content=body, headers=standard_webhooks(WHSEC, body, "msg_1", now - 400))

    assert [each.status_code for each in (first, replay, retry, old)] == [202, 401, 202, 401]
    assert retry.json() == first.json()
    until(lambda: texts(gateway, number), "the message at the gateway")
    assert texts(gateway, number) == ["once"]


def test_a_storm_is_cut_off(nobody: httpx.Client, make: Callable[..., str]) -> None:
    auth, sign = AUTHS["bearer"]
    hook = make(
        "e2e-storm",
        auth=auth,
        to="13812345704",
        mapping={"each": "body.alerts", "text": "alert {{ item.number }}"},
        limits={"messages_per_call": 2, "calls_per_minute": 60, "messages_per_day": 3},
    )
    body = json.dumps({"alerts": [{"number": number} for number in range(10)]}).encode()

    first = nobody.post(hook, content=body, headers=sign(body))
    assert (first.status_code, len(first.json()["messages"]), first.json()["dropped"]) == (202, 2, 8), first.text
    beyond = nobody.post(hook, content=body + b" ", headers=sign(body))
    assert beyond.status_code == 429, beyond.text
    assert 1 <= int(beyond.headers["Retry-After"]) <= 86_401


def test_many_at_once_are_counted_as_one(nobody: httpx.Client, make: Callable[..., str]) -> None:
    auth, sign = AUTHS["bearer"]
    hook = make("e2e-many", preset="plain", auth=auth, limits={"messages_per_day": 5})

    def post(ordinal: int) -> int:
        body = json.dumps({"to": "13812345706", "text": f"number {ordinal}"}).encode()
        return nobody.post(hook, content=body, headers=sign(body)).status_code

    with ThreadPoolExecutor(6) as threads:
        answers = Counter(threads.map(post, range(18)))

    assert answers == {202: 5, 429: 13}


def test_several_numbers_get_one_message(gateway: Gateway, nobody: httpx.Client, make: Callable[..., str]) -> None:
    auth, sign = AUTHS["bearer"]
    hook = make("e2e-several", preset="plain", auth=auth)
    body = payload("plain")

    answer = nobody.post(hook, content=body, headers=sign(body))

    assert answer.status_code == 202, answer.text
    (message,) = answer.json()["messages"]
    (submit,) = until(lambda: gateway.submits(reference=message), "the message at the gateway")
    assert submit.dest == "13812345678,13800001234"


def test_what_the_mapping_refuses_is_said_without_quoting_it(nobody: httpx.Client, make: Callable[..., str]) -> None:
    auth, sign = AUTHS["bearer"]
    hook = make("e2e-refused", preset="plain", auth=auth)
    body = json.dumps({"to": "not-a-number", "text": "secret words"}).encode()

    refused = nobody.post(hook, content=body, headers=sign(body))

    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"] == [
        {"field": "mapping.to", "message": "gave what is no mainland mobile number"},
    ]
    assert "secret words" not in refused.text


def test_a_dry_run_sends_nothing(deployed: Deployed, shop: httpx.Client, make: Callable[..., str]) -> None:
    number = "13812345705"
    make("e2e-dry", preset="grafana", auth=AUTHS["bearer"][0], to=number)

    tried = shop.post("hook-sources/e2e-dry/dry-run", json={"body": json.loads(payload("grafana"))})

    assert tried.status_code == 200, tried.text
    assert tried.json() == {
        "messages": [
            {
                "to": [f"+86{number}"],
                "text": "[FIRING:1] High memory usage\nMemory of zone us-1 is nearly used up",
                "account": "default",
                "client_reference": None,
                "estimated_segments": 1,
            }
        ],
        "dropped": 0,
    }
    assert texts(deployed.gateway, number) == []


def test_a_source_is_its_clients_own(
    shop: httpx.Client, bank: httpx.Client, nobody: httpx.Client, make: Callable[..., str]
) -> None:
    make("e2e-own", preset="alertmanager", auth=AUTHS["bearer"][0], to=NUMBER)

    assert bank.get("hook-sources/e2e-own").status_code == 403, "it lacks the scope"
    assert nobody.get("hook-sources/e2e-own").status_code in {401, 403}
    shown = shop.get("hook-sources/e2e-own").json()
    assert (shown["auth"]["kind"], shown["auth"]["secret_set"], shown["to"]) == ("bearer", True, [f"+86{NUMBER}"])
    assert SECRET not in json.dumps(shown)
    assert "e2e-own" in [each["name"] for each in shop.get("hook-sources").json()["items"]]
    changed = shop.put("hook-sources/e2e-own", json={"auth": {"kind": "bearer"}, "preset": "apprise", "to": NUMBER})
    assert changed.status_code == 200, changed.text
    assert nobody.post("hooks/e2e-own", content=b"{}", headers=AUTHS["bearer"][1](b"")).status_code == 422
    wrong = shop.put("hook-sources/e2e-own", json={"auth": {"kind": "bearer", "secret": "short"}, "preset": "x"})
    assert (wrong.status_code, [each["field"] for each in wrong.json()["errors"]]) == (422, ["auth.secret", "preset"])
