"""Webhooks out of the deployed stack: a receiver on this machine, verified by the libraries that receivers use."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from svix.webhooks import Webhook as SvixWebhook

from tests.e2e.deployed import Deployed, until
from tests.fakes.schemas import hold_against_schema

NUMBER = "+8613812345678"


@dataclass(frozen=True)
class Post:
    headers: dict[str, str]
    body: str
    at: float

    @property
    def event(self) -> dict[str, Any]:
        return hold_against_schema(self.body)


@dataclass
class Receiver:
    """An application's address: keeps what it gets, and answers what it is told to."""

    url: str
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # the first of these, while there are any; else 204

    def about(self, message_id: str, event_type: str = "sms.message.delivered") -> list[Post]:
        return [
            post
            for post in list(self.posts)
            if post.event["data"].get("message_id") == message_id and post.event["type"] == event_type
        ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.posts.append(Post(headers, body, time.time()))
            self.send_response(made.answers.pop(0) if made.answers else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Receiver(f"http://127.0.0.1:{server.server_port}/events?of=shop")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def endpoint(shop: httpx.Client, receiver: Receiver) -> Iterator[dict[str, Any]]:
    made = shop.post("webhook-endpoints", json={"url": receiver.url, "event_types": ["sms.message.*", "sms.inbound.*"]})
    assert made.status_code == 201, made.text
    yield made.json()
    assert shop.delete(f"webhook-endpoints/{made.json()['id']}").status_code == 204


def send(client: httpx.Client, text: str = "【京东】您的验证码是123456") -> str:
    sent = client.post("messages", json={"to": NUMBER, "text": text})
    assert sent.status_code == 201, sent.text
    return str(sent.json()["id"])


def verified(secret: str, post: Post) -> None:
    Webhook(secret).verify(post.body, post.headers)
    SvixWebhook(secret).verify(post.body, post.headers)


def test_an_event_is_delivered_signed_rotation_included(
    shop: httpx.Client, receiver: Receiver, endpoint: dict[str, Any]
) -> None:
    message = send(shop)
    (post,) = until(lambda: receiver.about(message), "the delivery event")

    verified(endpoint["secret"], post)
    read = JSONFormat().read(CloudEvent, post.body)
    assert (read.get_id(), read.get_subject()) == (post.headers["webhook-id"], message)
    assert post.headers["content-type"].startswith("application/cloudevents+json")
    assert "secret" not in shop.get(f"webhook-endpoints/{endpoint['id']}").json()

    rotated = shop.post(f"webhook-endpoints/{endpoint['id']}/rotate-secret").json()
    assert rotated["secret"] != endpoint["secret"]
    # What is known of an endpoint is used for two seconds.
    time.sleep(2.5)
    message = send(shop)
    (post,) = until(lambda: receiver.about(message), "the next event")
    verified(rotated["secret"], post)
    verified(endpoint["secret"], post)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43 + "=").verify(post.body, post.headers)


def test_an_inbound_message_comes_to_whom_it_answers(
    deployed: Deployed, shop: httpx.Client, receiver: Receiver, endpoint: dict[str, Any]
) -> None:
    message = send(shop, "【京东】回复好的")
    until(lambda: receiver.about(message), "the delivery event")
    gateway_id = shop.get(f"messages/{message}").json()["recipients"][0]["gateway_message_id"]
    deployed.gateway.reply(gateway_id, "好的")

    def came() -> list[Post]:
        posts = [post for post in list(receiver.posts) if post.event["type"] == "sms.inbound.received"]
        return [post for post in posts if (post.event["data"]["in_reply_to"] or {}).get("message_id") == message]

    post = until(came, "the inbound event")[-1]
    verified(endpoint["secret"], post)


def test_a_failing_receiver_is_tried_again_listed_and_replayed(
    shop: httpx.Client, receiver: Receiver, endpoint: dict[str, Any]
) -> None:
    receiver.answers += [500]
    path = f"webhook-endpoints/{endpoint['id']}"
    message = send(shop)
    posts = until(lambda: found if len(found := receiver.about(message)) == 2 else None, "the second attempt")

    assert 4.4 <= posts[1].at - posts[0].at < 30
    assert posts[0].headers["webhook-id"] == posts[1].headers["webhook-id"]
    assert int(posts[1].headers["webhook-timestamp"]) > int(posts[0].headers["webhook-timestamp"])
    assert posts[0].headers["webhook-signature"] != posts[1].headers["webhook-signature"]
    for post in posts:
        verified(endpoint["secret"], post)

    def listed() -> dict[str, Any] | None:
        found = shop.get(f"{path}/deliveries", params={"status": "delivered"}).json()["items"]
        return next((item for item in found if item["event_id"] == posts[0].headers["webhook-id"]), None)

    delivery = until(listed, "the delivery in the list")
    assert (delivery["attempts"], delivery["http_status"]) == (2, 204)

    assert shop.post(f"{path}/deliveries/{delivery['id']}/replay").status_code == 202
    posts = until(lambda: found if len(found := receiver.about(message)) == 3 else None, "the replay")
    assert posts[2].headers["webhook-id"] == posts[0].headers["webhook-id"]
    verified(endpoint["secret"], posts[2])
    day = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    assert shop.post(f"{path}/replay", json=day).json()["replayed"] >= 1


def test_410_disables(shop: httpx.Client, receiver: Receiver, endpoint: dict[str, Any]) -> None:
    receiver.answers += [410]
    send(shop)

    def disabled() -> dict[str, Any] | None:
        found: dict[str, Any] = shop.get(f"webhook-endpoints/{endpoint['id']}").json()
        return found if found["status"] == "disabled" else None

    assert until(disabled, "the endpoint is disabled")["disabled_reason"] == "gone"
    assert shop.patch(f"webhook-endpoints/{endpoint['id']}", json={"enabled": True}).json()["status"] == "enabled"
    failed = shop.post(f"webhook-endpoints/{endpoint['id']}/replay", json={"failed": True})
    assert (failed.status_code, failed.json()["replayed"]) == (202, 1)
    until(lambda: len(receiver.posts) >= 2, "the replay")


def test_a_test_event_and_what_is_refused(
    shop: httpx.Client, bank: httpx.Client, receiver: Receiver, endpoint: dict[str, Any]
) -> None:
    answer = shop.post(f"webhook-endpoints/{endpoint['id']}/test")

    assert answer.json() == {"delivered": True, "http_status": 204, "error": None}
    assert receiver.posts[0].event["type"] == "sms.webhook.test"
    verified(endpoint["secret"], receiver.posts[0])
    assert bank.get("webhook-endpoints").status_code == 403
    for url in ("https://169.254.169.254/latest", "http://example.com/", "https://10.0.0.1/", "https://a@example.com/"):
        refused = shop.post("webhook-endpoints", json={"url": url, "event_types": ["sms.*"]})
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["url"]
