"""Status callbacks on their way: through the fan-out and the deliveries that every webhook goes through."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # the package has no types

from bridge.domain.clients import Caller, ClientStanding, Scope
from bridge.domain.errors import InvalidRequest
from bridge.domain.events import Event, EventType, attached, expired, outcomes, reported, suspended
from bridge.domain.messages import EarlyReport, Message, Owner, Recipient, Status
from bridge.domain.twilio import TwilioSend, message_sid
from bridge.domain.webhooks import Answer, DeliveryStatus, EndpointStatus, Health, Pointer, happened, pointer_of
from bridge.services.subscribing import Changes, Subscribing
from eums import Report
from tests.fakes.accounts import FakeAccounts
from tests.fakes.clock import FakeIds
from tests.fakes.webhooks import endpoint
from tests.fakes.world import NOON
from tests.unit.bridge.test_delivering import Bench

ID = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"
NUMBER = "+8613812345678"
ACCOUNT = "AC" + "0a" * 16
TOKEN = "b" * 32
URL = "https://shop.example.com/status?order=42"
SEND = TwilioSend(account_sid=ACCOUNT, sender="1234", callback_url=URL)
SHOP = Caller(
    client="shop", accounts=frozenset({"default"}), default_account="default", scopes=frozenset({Scope.ADMIN})
)


def message(status: Status = Status.SUBMITTED, twilio: TwilioSend | None = SEND) -> Message:
    return Message(
        id=ID,
        client="shop",
        account="default",
        text="【京东】123456",
        recipients=(Recipient(to=NUMBER, status=status),),
        created_at=NOON,
        deadline=NOON,
        queued=True,
        twilio=twilio,
    )


def outcome(status: Status = Status.SUBMITTED, twilio: TwilioSend | None = SEND) -> Event:
    (event,) = outcomes(message(status, twilio), NOON)
    return event


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.callbacks.sends[ID] = SEND
    bench.tokens.tokens[ACCOUNT] = TOKEN
    return bench


def happen(bench: Bench, event: Event) -> int:
    attributes = event.attributes()
    return bench.fanning_out.fan_out(
        event.body(), attributes.get("client"), bench.fanning_out.known(), calls_back="callback" in attributes
    )


def test_events_of_such_a_message_say_so_and_say_nothing_else_of_it() -> None:
    owner = message().owner
    early = EarlyReport(
        event_id="1",
        account="default",
        to=NUMBER,
        gateway_message_id="1",
        status=Status.DELIVERED,
        time=NOON,
        event='{"type": "sms.message.delivered", "data": {}}',
    )
    bare = Owner(message_id=ID, account="default", client="shop", client_reference=None, submitted_at=NOON)
    for event in (outcome(), attached(early, owner), expired(message(), message().recipients[0], NOON)):
        assert event.attributes()["callback"] == "twilio"
        assert "shop.example.com" not in event.body() + str(event.attributes())
    assert owner.calls_back
    for other in (outcome(twilio=None), outcome(twilio=replace(SEND, callback_url=None)), attached(early, bare)):
        assert "callback" not in other.attributes()


def test_a_client_that_was_revoked_is_not_called_back(bench: Bench) -> None:
    bench.clients.standings["shop"] = ClientStanding(revoked=True)
    assert happen(bench, outcome()) == 0
    assert (bench.callbacks.asked, bench.endpoints.standing) == ([], {})

    bench.clients.standings.clear()
    assert happen(bench, outcome()) == 1


def test_of_everybody_elses_events_nothing_is_read(bench: Bench) -> None:
    assert happen(bench, outcome(twilio=None)) == 0
    assert happen(bench, suspended("default", NOON)) == 0
    assert bench.callbacks.asked == []
    assert bench.endpoints.all() == []


@pytest.mark.parametrize("kind", sorted(set(EventType)))
def test_only_what_changes_a_status_is_called_back(bench: Bench, kind: EventType) -> None:
    event = replace(outcome(), type=kind)
    heard = kind in {
        "sms.message.submitted",
        "sms.message.rejected",
        "sms.message.unknown",
        "sms.message.delivered",
        "sms.message.undelivered",
    }

    assert happen(bench, event) == int(heard)
    assert bench.callbacks.asked == ([ID] if heard else [])


def test_an_event_goes_to_its_messages_callback_signed_and_to_the_clients_endpoints(bench: Bench) -> None:
    bench.endpoints.add(endpoint())

    assert happen(bench, outcome()) == 2
    assert happen(bench, outcome()) == 2  # SNS brings it twice
    bench.run()

    posts = {post.url: post for post in bench.client.posts}
    assert len(bench.client.posts) == 2
    assert set(posts) == {URL, endpoint().url}
    assert posts[endpoint().url].body == outcome().body().encode()
    called = dict(parse_qsl(posts[URL].body.decode(), strict_parsing=True))
    assert (called["MessageSid"], called["MessageStatus"], called["From"]) == (message_sid(ID), "sent", "1234")
    assert RequestValidator(TOKEN).validate(URL, called, posts[URL].headers["X-Twilio-Signature"])
    assert "webhook-signature" not in posts[URL].headers


def test_another_event_of_the_client_never_goes_there(bench: Bench) -> None:
    happen(bench, outcome())
    bench.run()
    (made,) = bench.endpoints.all()

    assert not made.wants(happened(outcome(twilio=None).body(), "shop"))
    assert not replace(made, event_types=("sms.*",)).wants(happened(outcome(twilio=None).body(), "shop"))
    happen(bench, replace(outcome(twilio=None), id="another"))
    bench.run()
    assert len(bench.client.posts) == 1


def test_a_message_that_is_gone_calls_nobody_back(bench: Bench) -> None:
    del bench.callbacks.sends[ID]
    assert happen(bench, outcome()) == 0


def test_a_callback_is_tried_again_with_the_token_of_that_moment_and_given_up(bench: Bench) -> None:
    bench.client.answers = lambda _: Answer(status=500)
    happen(bench, outcome())
    bench.run(hours=1)
    bench.tokens.tokens[ACCOUNT] = "c" * 32
    bench.run()

    posts = bench.client.posts
    assert len(posts) == 8
    assert len({post.headers["I-Twilio-Idempotency-Token"] for post in posts}) == 1
    for post, token in ((posts[0], TOKEN), (posts[-1], "c" * 32)):
        fields = dict(parse_qsl(post.body.decode()))
        assert RequestValidator(token).validate(URL, fields, post.headers["X-Twilio-Signature"])
    assert bench.deliveries.only().status is DeliveryStatus.FAILED
    (told,) = bench.topic.events
    assert told.type == "sms.webhook.failed"
    assert "shop.example.com" not in told.body()


@pytest.mark.parametrize("status", [410, 500])
def test_whatever_one_url_answers_its_host_is_never_disabled(bench: Bench, status: int) -> None:
    happen(bench, outcome())
    bench.run()
    (made,) = bench.endpoints.all()
    bench.endpoints.replace(replace(made, health=Health(failures=1, failing_since=NOON - timedelta(days=6))))
    bench.client.answers = lambda _: Answer(status=status)
    bench.clock.advance(10)  # what is known of an endpoint is used for two seconds
    happen(bench, replace(outcome(), id="another"))
    bench.run(hours=1)

    (made,) = bench.endpoints.all()
    assert made.status is EndpointStatus.ENABLED
    assert made.health.failures > 1
    assert made.health.is_hopeless(NOON)
    assert bench.topic.events == []


def test_without_a_token_nothing_is_posted(bench: Bench) -> None:
    del bench.tokens.tokens[ACCOUNT]
    happen(bench, outcome())
    bench.run()

    assert bench.client.posts == []
    assert (bench.deliveries.only().status, bench.deliveries.only().error) == (DeliveryStatus.FAILED, "no_token")


def test_a_disabled_host_keeps_its_callbacks_to_be_replayed(bench: Bench) -> None:
    happen(bench, outcome())
    (made,) = bench.endpoints.all()
    bench.endpoints.replace(replace(made, status=EndpointStatus.DISABLED))
    bench.run()
    kept = bench.deliveries.only()
    assert (bench.client.posts, kept.error, kept.callback) == ([], "disabled", SEND)

    bench.endpoints.replace(replace(bench.endpoints.all()[0], status=EndpointStatus.ENABLED))
    bench.clock.advance(10)  # what is known of an endpoint is used for two seconds
    bench.queue.send([(kept.pointer.again(), 0.0)])
    bench.run()
    assert [post.url for post in bench.client.posts] == [URL]


def test_a_pointer_is_read_as_it_was_written() -> None:
    event = happened(outcome().body(), "shop")
    pointer = Pointer(endpoint=endpoint().id, delivery=event.delivery, event=event, callback=SEND)

    assert pointer_of(pointer.body()) == pointer
    assert pointer_of(replace(pointer, callback=None).body()) == replace(pointer, callback=None)
    head = {"endpoint": pointer.endpoint, "delivery": pointer.delivery, "round": 0, "noted": True}
    assert pointer_of(json.dumps(head)) == replace(pointer.bare(), noted=True)
    strange: list[dict[str, object]] = [{"callback": {}}, {"callback": 1}, {"more": 1}]
    for more in strange:
        with pytest.raises(ValueError, match=r"nothing that the door|no pointer"):
            pointer_of(json.dumps(head | more))


def test_its_client_may_stop_a_host_but_not_turn_it_into_an_endpoint(bench: Bench) -> None:
    happen(bench, outcome())
    (made,) = bench.endpoints.all()
    subscribing = Subscribing(
        accounts=FakeAccounts(),
        endpoints=bench.endpoints,
        client=bench.client,
        clock=bench.clock,
        new_id=FakeIds(),
        randomness=bytes,
        allow_loopback=False,
    )

    assert subscribing.change(SHOP, made.id, Changes(enabled=False)).status is EndpointStatus.DISABLED
    for changes in (Changes(url="https://b.example.com/"), Changes(event_types=("sms.*",)), Changes(accounts=())):
        with pytest.raises(InvalidRequest):
            subscribing.change(SHOP, made.id, changes)
    for ask in (subscribing.rotate, subscribing.test):
        with pytest.raises(InvalidRequest):
            ask(SHOP, made.id)
    assert bench.client.posts == []


def test_a_report_of_such_a_message_says_so() -> None:
    report = Report(
        ordinal=0,
        message_id="1",
        dest_number="13812345678",
        report_status="DELIVRD",
        report_time=NOON,
        report_time_raw="20261123120000",
        reference=ID,
    )
    assert reported("default", report, message().owner, NOON).attributes()["callback"] == "twilio"
    assert "callback" not in reported("default", report, None, NOON).attributes()
