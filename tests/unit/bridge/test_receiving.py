"""Hooks: who is let in, what is sent of it, what is sent once, and what a storm may cost."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.api.problems import problem_of
from bridge.domain import segments
from bridge.domain.clients import Caller, ClientStanding
from bridge.domain.errors import (
    DailyCapReached,
    InvalidRequest,
    NotAllowed,
    NotAuthentic,
    NotStored,
    NotVerifiable,
    RateLimited,
    StillInFlight,
    TooLarge,
    TooManyRequests,
)
from bridge.domain.hook_auth import HookCall
from bridge.domain.hook_sources import Auth, AuthKind, HookLimits, HookMapping, HookSource, Layout
from bridge.domain.limits import Limits
from bridge.domain.messages import Category, Message, Once, Standing
from bridge.domain.policies import Policy
from bridge.services.drafting import Drafting
from bridge.services.receiving import Received, Receiving
from tests.fakes.hooks import (
    FakeHookSources,
    FakeHookUses,
    FakeSnsSignatures,
    github,
    payload,
    sns_body,
    standard_webhooks,
    stripe,
)
from tests.fakes.world import NOON, SHOP, World

SECRET = "a-secret-of-this-test"
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NUMBER = "+8613812345678"
NOW = int(NOON.timestamp())
TOPIC = "arn:aws-cn:sns:cn-north-1:123456789012:nights"
BODY = json.dumps({"to": NUMBER, "text": "您的包裹已到"}).encode()

Sign = Callable[[bytes, int], Mapping[str, str]]


def hex_hmac(algorithm: str, key: str, signed: bytes) -> str:
    return hmac.new(key.encode(), signed, algorithm).hexdigest()


# Each kind, and the variants of HMAC: how it is configured, and a sender that signs a body at a time.
KINDS: dict[str, tuple[Auth, Sign]] = {
    "bearer": (Auth(kind=AuthKind.BEARER, secret=SECRET), lambda *_: {"Authorization": f"Bearer {SECRET}"}),
    "token": (
        Auth(kind=AuthKind.TOKEN, secret=SECRET, header="x-gitlab-token"),
        lambda *_: {"X-Gitlab-Token": SECRET},
    ),
    "basic": (
        Auth(kind=AuthKind.BASIC, secret=SECRET, username="ada"),
        lambda *_: {"Authorization": f"Basic {base64.b64encode(f'ada:{SECRET}'.encode()).decode()}"},
    ),
    "github": (
        Auth(kind=AuthKind.HMAC, secret=SECRET, header="x-hub-signature-256", prefix="sha256="),
        lambda body, _: github(SECRET, body, "push"),
    ),
    "sha1": (
        Auth(kind=AuthKind.HMAC, secret=SECRET, header="x-hub-signature", prefix="sha1=", algorithm="sha1"),
        lambda body, _: {"X-Hub-Signature": f"sha1={hex_hmac('sha1', SECRET, body)}"},
    ),
    "base64": (
        Auth(kind=AuthKind.HMAC, secret=SECRET, header="x-signature", algorithm="sha512", encoding="base64"),
        lambda body, _: {"X-Signature": base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha512)).decode()},
    ),
    "timestamp": (
        Auth(kind=AuthKind.HMAC, secret=SECRET, header="x-signature", timestamp_header="x-timestamp"),
        lambda body, at: {
            "X-Timestamp": str(at),
            "X-Signature": hex_hmac("sha256", SECRET, f"{at}.".encode() + body),
        },
    ),
    "stripe": (
        Auth(kind=AuthKind.HMAC, secret=SECRET, header="stripe-signature", layout=Layout.STRIPE),
        lambda body, at: stripe(SECRET, body, at),
    ),
    "standard_webhooks": (
        Auth(kind=AuthKind.STANDARD_WEBHOOKS, secret=WHSEC),
        lambda body, at: standard_webhooks(WHSEC, body, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", at),
    ),
}
TIMED = ("timestamp", "stripe", "standard_webhooks")
SIGNED = ("github", "sha1", "base64", *TIMED)
SIGNATURES = {
    "bearer": "authorization",
    "token": "x-gitlab-token",
    "basic": "authorization",
    "github": "x-hub-signature-256",
    "sha1": "x-hub-signature",
    "base64": "x-signature",
    "timestamp": "x-signature",
    "stripe": "stripe-signature",
    "standard_webhooks": "webhook-signature",
}


@dataclass
class Hooks:
    """A bridge with one hook source."""

    world: World = field(default_factory=World)
    sources: FakeHookSources = field(default_factory=FakeHookSources)
    uses: FakeHookUses = field(default_factory=FakeHookUses)
    signatures: FakeSnsSignatures = field(default_factory=FakeSnsSignatures)

    def make(self, auth: Auth = KINDS["bearer"][0], preset: str | None = "plain", **more: Any) -> None:
        values: dict[str, Any] = {
            "name": "alerts",
            "owner": SHOP,
            "mapping": HookMapping(),
            "to": (),
            "account": None,
            "category": Category.MARKETING,
            "limits": HookLimits(),
            "created_at": NOON,
            "updated_at": NOON,
            **more,
        }
        source = HookSource(auth=auth, preset=preset, **values)
        self.sources.sources[source.name] = source

    def receiving(self) -> Receiving:
        return Receiving(
            sources=self.sources,
            uses=self.uses,
            clients=self.world.clients,
            signatures=self.signatures,
            drafting=Drafting(accounts=self.world.accounts, gateway=self.world.gateway),
            sending=self.world.sending(),
            clock=self.world.clock,
            counters=self.world.counters,
        )

    def call(self, body: bytes, headers: Mapping[str, Any], source: str = "alerts") -> Received:
        several = {name.lower(): value if isinstance(value, tuple) else (value,) for name, value in headers.items()}
        return self.receiving().receive(HookCall(source=source, headers=several, body=body))

    def refused(self, body: bytes, headers: Mapping[str, Any], source: str = "alerts") -> None:
        before = len(self.world.messages.messages)
        with pytest.raises(NotAuthentic) as caught:
            self.call(body, headers, source)
        assert problem_of(caught.value) == problem_of(NotAuthentic())
        assert len(self.world.messages.messages) == before

    @property
    def sent(self) -> list[Message]:
        return list(self.world.messages.messages.values())


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.mark.parametrize("kind", KINDS)
def test_its_sender_is_let_in_and_the_message_is_the_clients(hooks: Hooks, kind: str) -> None:
    auth, sign = KINDS[kind]
    hooks.make(auth)

    received = hooks.call(BODY, sign(BODY, NOW))

    (message,) = hooks.sent
    assert received == Received(messages=(message.id,), dropped=0)
    assert (message.client, message.account, message.text, message.queued) == ("shop", "default", "您的包裹已到", True)
    assert [recipient.to for recipient in message.recipients] == [NUMBER]
    assert [work.message_id for work, _ in hooks.world.queue.sent] == [message.id]  # type: ignore[union-attr] # all are
    assert hooks.world.gateway.submits == [], "its sender does not wait for the gateway"


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_of_a_credential_counts(hooks: Hooks, kind: str) -> None:
    auth, sign = KINDS[kind]
    hooks.make(auth)
    headers = {name.lower(): value for name, value in sign(BODY, NOW).items()}
    name = SIGNATURES[kind]
    right = headers[name]
    last = right.index(",v0=") if kind == "stripe" else len(right)
    first = len(right.split(" ")[0]) if name == "authorization" else 0  # a scheme is in any case

    for index in range(first, last):
        for bit in (0x01, 0x20):
            wrong = right[:index] + chr(ord(right[index]) ^ bit) + right[index + 1 :]
            hooks.refused(BODY, {**headers, name: wrong})
    for wrong in (right[:-1] if kind != "stripe" else right[: last - 1], f"{right}x"[first:], "", "x"):
        if wrong != right and not (kind == "stripe" and wrong.endswith("x")):
            hooks.refused(BODY, {**headers, name: wrong})


@pytest.mark.parametrize("kind", KINDS)
def test_a_header_that_is_missing_or_came_twice_lets_nobody_in(hooks: Hooks, kind: str) -> None:
    auth, sign = KINDS[kind]
    hooks.make(auth)
    headers = {name: value for name, value in sign(BODY, NOW).items() if not name.startswith("X-GitHub")}

    for name, value in headers.items():
        hooks.refused(BODY, {other: text for other, text in headers.items() if other != name})
        hooks.refused(BODY, {**headers, name: (value, value)})
        hooks.refused(BODY, {**headers, name: f"{value}, {value}"})
        hooks.refused(BODY, {**headers, name: ""})
    hooks.refused(BODY, {})


@pytest.mark.parametrize("kind", SIGNED)
def test_every_byte_of_a_body_counts(hooks: Hooks, kind: str) -> None:
    auth, sign = KINDS[kind]
    hooks.make(auth)
    headers = sign(BODY, NOW)

    for index in range(len(BODY)):
        hooks.refused(BODY[:index] + bytes([BODY[index] ^ 1]) + BODY[index + 1 :], headers)
    hooks.refused(b"", headers)
    hooks.refused(BODY + b" ", headers)


@pytest.mark.parametrize("kind", TIMED)
@pytest.mark.parametrize("away", [-301, 301, 86_400])
def test_an_old_or_early_time_lets_nobody_in(hooks: Hooks, kind: str, away: int) -> None:
    auth, sign = KINDS[kind]
    hooks.make(auth)

    hooks.refused(BODY, sign(BODY, NOW + away))
    assert hooks.call(BODY, sign(BODY, NOW + (300 if away > 0 else -300))).messages
    hooks.make(replace(auth, tolerance=10))
    hooks.refused(BODY, sign(BODY, NOW - 11))


@pytest.mark.parametrize("timestamp", ["", "now", "1e9", "-1", "1.5", f" {NOW}", f"{NOW} ", "९", "9" * 20])
def test_a_time_is_whole_seconds(hooks: Hooks, timestamp: str) -> None:
    auth, _ = KINDS["timestamp"]
    hooks.make(auth)
    signature = hex_hmac("sha256", SECRET, f"{timestamp}.".encode() + BODY)

    hooks.refused(BODY, {"X-Timestamp": timestamp, "X-Signature": signature})


def test_a_signature_of_the_old_secret_may_stand_beside_that_of_the_new_one(hooks: Hooks) -> None:
    auth, sign = KINDS["standard_webhooks"]
    hooks.make(auth)
    headers = dict(sign(BODY, NOW))
    other = standard_webhooks("whsec_" + base64.b64encode(b"x" * 32).decode(), BODY, "msg_1", NOW)

    both = f"v1a,xxx {other['webhook-signature']} {headers['webhook-signature']}"
    assert hooks.call(BODY, {**headers, "webhook-signature": both}).messages


@pytest.mark.parametrize("name", ["nobody", "", "Alerts", "alerts/", "../x", "x" * 100, "source#alerts"])
def test_nobody_learns_which_sources_there_are(hooks: Hooks, name: str) -> None:
    auth, sign = KINDS["github"]
    hooks.make(auth)

    hooks.refused(BODY, sign(BODY, NOW), source=name)
    hooks.refused(BODY, {}, source=name)
    assert hooks.world.counters.counted == {"HooksNotAuthentic": 2}
    assert hooks.uses.used == {}, "what is not authentic uses up nobody's calls"


@pytest.mark.parametrize("kind", TIMED)
def test_exactly_the_same_signed_request_is_a_replay(hooks: Hooks, kind: str) -> None:
    auth, sign = KINDS[kind]
    hooks.make(auth)
    first = hooks.call(BODY, sign(BODY, NOW))

    hooks.refused(BODY, sign(BODY, NOW))
    hooks.world.clock.advance(200)
    hooks.refused(BODY, sign(BODY, NOW))

    assert hooks.call(BODY, sign(BODY, NOW + 1)) == first, "a sender that tries again signs anew"
    assert len(hooks.sent) == 1


@pytest.mark.parametrize("kind", TIMED)
def test_what_was_not_carried_out_may_be_repeated_to_the_byte(hooks: Hooks, kind: str) -> None:
    auth, sign = KINDS[kind]
    hooks.make(auth, limits=HookLimits(messages_per_day=1))
    hooks.uses.used["alerts", "2026-11-23"] = 1

    with pytest.raises(TooManyRequests):
        hooks.call(BODY, sign(BODY, NOW))
    hooks.uses.used.clear()

    assert len(hooks.call(BODY, sign(BODY, NOW)).messages) == 1


@pytest.mark.parametrize("kind", ["bearer", "token", "basic", "github", "sha1", "base64"])
def test_without_a_signed_time_a_repeat_is_answered_again_and_sends_nothing(hooks: Hooks, kind: str) -> None:
    auth, sign = KINDS[kind]
    hooks.make(auth)

    first = hooks.call(BODY, sign(BODY, NOW))
    hooks.world.clock.advance(86_000)

    assert hooks.call(BODY, sign(BODY, NOW)) == first
    assert len(hooks.sent) == 1
    assert [used for (_, span), used in hooks.uses.used.items() if span == "2026-11-24"] == [0], "it costs nothing"


def test_an_event_is_its_webhook_id(hooks: Hooks) -> None:
    auth, _ = KINDS["standard_webhooks"]
    hooks.make(auth)
    first = hooks.call(BODY, standard_webhooks(WHSEC, BODY, "msg_1", NOW))

    again = BODY.replace(b": ", b":")
    assert hooks.call(again, standard_webhooks(WHSEC, again, "msg_1", NOW)) == first, "another writing of the same"
    assert hooks.call(BODY, standard_webhooks(WHSEC, BODY, "msg_2", NOW)) != first, "another event of the same content"
    hooks.refused(BODY, standard_webhooks(WHSEC, BODY, "msg.3", NOW))


def test_what_repeats_have_in_common_is_the_mappings_to_say(hooks: Hooks) -> None:
    headers = KINDS["bearer"][1](b"", NOW)
    hooks.make(mapping=HookMapping(dedup="body.id", dedup_seconds=3600))

    def call(**more: object) -> Received:
        return hooks.call(json.dumps({"to": NUMBER, "text": "x", **more}).encode(), headers)

    first = call(id=1, attempt=1)
    assert call(id=1, attempt=2) == first
    assert call(id=2) != first
    assert call(id=1, text="y") != first, "another text is another message"
    hooks.world.clock.advance(3599)
    assert call(id=1) == first
    hooks.world.clock.advance(1)
    assert call(id=1) != first, "an hour later it is a reminder"


def test_alertmanagers_reminder_is_sent_and_its_retry_is_not(hooks: Hooks) -> None:
    headers = KINDS["bearer"][1](b"", NOW)
    hooks.make(preset="alertmanager", to=(NUMBER,))

    first = hooks.call(payload("alertmanager"), headers)
    hooks.world.clock.advance(300)
    assert hooks.call(payload("alertmanager"), headers) == first
    hooks.world.clock.advance(4 * 3600)
    assert hooks.call(payload("alertmanager"), headers) != first, "repeat_interval"


def test_apprises_retry_is_not_sent_and_the_same_words_later_are(hooks: Hooks) -> None:
    headers = KINDS["bearer"][1](b"", NOW)
    hooks.make(preset="apprise", to=(NUMBER,))

    first = hooks.call(payload("apprise"), headers)
    hooks.world.clock.advance(280)
    assert hooks.call(payload("apprise"), headers) == first, "retry=10&wait=20, each answered too late"
    hooks.world.clock.advance(20)
    assert hooks.call(payload("apprise"), headers) != first, "a backup that fails every night says the same every night"


def test_a_source_that_is_changed_keeps_what_it_has_sent_apart(hooks: Hooks) -> None:
    headers = KINDS["bearer"][1](b"", NOW)
    hooks.make()
    first = hooks.call(BODY, headers)
    hooks.make(category=Category.TRANSACTIONAL)

    assert hooks.call(BODY, headers) != first
    assert {message.category for message in hooks.sent} == set(Category)


def test_a_storm_is_cut_off_and_its_first_messages_are_sent(hooks: Hooks) -> None:
    headers = KINDS["bearer"][1](b"", NOW)
    mapping = HookMapping(each="body.alerts", text="alert {{ item }}")
    hooks.make(preset=None, mapping=mapping, to=(NUMBER,), limits=HookLimits(messages_per_call=3))

    received = hooks.call(json.dumps({"alerts": list(range(100))}).encode(), headers)

    assert (len(received.messages), received.dropped) == (3, 97)
    assert [message.text for message in hooks.sent] == ["alert 0", "alert 1", "alert 2"]
    assert hooks.world.counters.counted["HookMessagesDropped"] == 97


def test_calls_of_a_minute_are_limited(hooks: Hooks) -> None:
    headers = KINDS["bearer"][1](b"", NOW)
    hooks.make(limits=HookLimits(calls_per_minute=2))
    hooks.world.clock.advance(15)
    hooks.call(BODY, headers)
    with pytest.raises(InvalidRequest):
        hooks.call(b"{}", headers)

    with pytest.raises(TooManyRequests) as caught:
        hooks.call(BODY, headers)

    assert 45 <= caught.value.retry_after <= 46
    hooks.world.clock.advance(45)
    assert hooks.call(BODY, headers).messages


def test_messages_of_a_day_are_limited_by_their_recipients(hooks: Hooks) -> None:
    headers = KINDS["bearer"][1](b"", NOW)
    hooks.make(
        to=("+8613800000001", "+8613800000002"),
        mapping=HookMapping(to="body.none"),
        limits=HookLimits(messages_per_day=5),
    )

    def call(text: str) -> Received:
        return hooks.call(json.dumps({"text": text}).encode(), headers)

    call("a")
    call("a")
    call("b")
    with pytest.raises(TooManyRequests) as caught:
        call("c")

    assert caught.value.retry_after == 20 * 3600 + 1, "until the day ends, in UTC"
    assert hooks.uses.used["alerts", "2026-11-23"] == 4
    assert len(hooks.sent) == 2
    hooks.world.clock.advance(caught.value.retry_after)
    assert call("c").messages


def test_all_of_a_call_or_nothing_where_the_mapping_refuses(hooks: Hooks) -> None:
    headers = KINDS["bearer"][1](b"", NOW)
    hooks.make(preset=None, mapping=HookMapping(each="body", to="item", text="x"))

    with pytest.raises(InvalidRequest) as caught:
        hooks.call(json.dumps([NUMBER, "secret words"]).encode(), headers)

    assert [(problem.field, problem.message) for problem in caught.value.problems] == [
        ("mapping.to", "gave what is no mainland mobile number for item 1")
    ]
    assert hooks.sent == []


@pytest.mark.parametrize(
    ("more", "body", "field"),
    [
        ({"mapping": HookMapping(account="body.account")}, {"account": "other"}, "mapping.account"),
        ({"account": "other"}, {}, "account"),
        ({"mapping": HookMapping(to="body.none")}, {}, "mapping.to"),
        ({"preset": "alertmanager"}, {}, "mapping.text"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_part_that_says_so(
    hooks: Hooks, more: dict[str, Any], body: dict[str, str], field: str
) -> None:
    hooks.world.add_account("other")
    hooks.make(**more)

    with pytest.raises(InvalidRequest) as caught:
        hooks.call(json.dumps({"to": NUMBER, "text": "x", **body}).encode(), KINDS["bearer"][1](b"", NOW))

    assert caught.value.problems[0].field in {field, "mapping.to"}
    assert hooks.sent == []


def test_what_the_gateway_would_refuse_is_named_before_anything_is_sent(hooks: Hooks) -> None:
    hooks.world.accounts.policies["default"] = Policy(signature_required=True)
    hooks.make()

    with pytest.raises(InvalidRequest) as caught:
        hooks.call(BODY, KINDS["bearer"][1](b"", NOW))

    assert [(each.field, each.gateway_code) for each in caught.value.problems] == [("messages[0].text", 111)]


@pytest.mark.parametrize("ending", ["", "【甲】"])
def test_a_text_is_cut_to_what_fits_with_the_accounts_signature(hooks: Hooks, ending: str) -> None:
    hooks.world.accounts.policies["default"] = Policy(signature="京东")
    hooks.make()
    body = json.dumps({"to": NUMBER, "text": "alert " * 200 + ending}).encode()

    hooks.call(body, KINDS["bearer"][1](b"", NOW))

    (message,) = hooks.sent
    assert message.text.startswith("【京东】alert alert")
    assert message.text.endswith("alert…")
    assert 490 < segments.length(message.text) <= segments.MAX_LENGTH


def test_nothing_to_send_is_accepted(hooks: Hooks) -> None:
    hooks.make(KINDS["github"][0], preset="github", to=(NUMBER,))
    body = payload("github-ping")

    assert hooks.call(body, github(SECRET, body, "ping")) == Received(messages=())
    assert hooks.sent == []


@pytest.mark.parametrize("source", ["alerts", "nobody"])
def test_too_much_is_refused_whoever_sends_it(hooks: Hooks, source: str) -> None:
    hooks.make()

    with pytest.raises(TooLarge):
        hooks.call(b"x" * 262_145, {}, source)


def test_a_store_that_fails_between_two_messages_loses_and_doubles_none(hooks: Hooks) -> None:
    headers = KINDS["bearer"][1](b"", NOW)
    hooks.make(preset=None, mapping=HookMapping(each="body", to=f"'{NUMBER}'", text="alert {{ item }}"))
    messages = hooks.world.messages
    add, calls = messages.add, []

    def failing(message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing | None:
        calls.append(message.id)
        if len(calls) == 2:
            raise TimeoutError
        return add(message, once, instead_of=instead_of)

    messages.add = failing  # type: ignore[method-assign] # a store that is away for one call
    with pytest.raises(NotStored):
        hooks.call(b"[1, 2, 3]", headers)
    assert hooks.uses.used["alerts", "2026-11-23"] == 1
    received = hooks.call(b"[1, 2, 3]", headers)

    assert sorted(message.text for message in hooks.sent) == ["alert 1", "alert 2", "alert 3"]
    assert len(received.messages) == 3
    assert hooks.uses.used["alerts", "2026-11-23"] == 3


def test_the_same_call_at_the_same_moment_is_to_be_repeated(hooks: Hooks) -> None:
    hooks.make()

    def busy(*_: object, **__: object) -> Standing | None:
        raise StillInFlight("another request")

    hooks.world.messages.add = busy  # type: ignore[method-assign] # another process holds the key
    with pytest.raises(NotStored) as caught:
        hooks.call(BODY, KINDS["bearer"][1](b"", NOW))

    assert problem_of(caught.value).status == 503, "to many senders a 409 is final"


def test_a_sources_messages_go_where_its_owner_may(hooks: Hooks) -> None:
    hooks.world.add_account("second")
    owner = Caller(
        client="bank",
        accounts=frozenset({"default", "second"}),
        default_account="second",
        scopes=frozenset({"admin"}),
    )
    hooks.make(owner=owner)

    hooks.call(BODY, KINDS["bearer"][1](b"", NOW))

    assert [(message.client, message.account) for message in hooks.sent] == [("bank", "second")]


def limited(hooks: Hooks, limits: Limits) -> None:
    hooks.world.clients.standings["shop"] = ClientStanding(limits=limits)


def test_a_source_has_its_clients_limits_as_they_are_now(hooks: Hooks) -> None:
    hooks.make()
    sign = KINDS["bearer"][1]
    hooks.call(BODY, sign(b"", NOW))
    assert hooks.world.uses.taken == []

    limited(hooks, Limits(daily_messages=2))
    for number in range(2):
        hooks.call(json.dumps({"to": NUMBER, "text": f"您的包裹{number}"}).encode(), sign(b"", NOW))
    again = hooks.call(BODY, sign(b"", NOW))  # a repeat of the first, which nobody counted
    with pytest.raises(DailyCapReached) as caught:
        hooks.call(json.dumps({"to": NUMBER, "text": "再来一个"}).encode(), sign(b"", NOW))

    assert problem_of(caught.value).status == 429
    assert len(hooks.sent) == 3
    assert again.messages == (hooks.sent[0].id,)
    assert hooks.uses.used["alerts", "2026-11-23"] == 3, "what its client may not send is none of the source's"


def test_a_call_that_its_client_may_send_in_part_is_sent_to_its_end_by_its_repeat(hooks: Hooks) -> None:
    hooks.make(mapping=HookMapping(each="body", to="item.to", text="{{ item.text }}"), preset=None)
    limited(hooks, Limits(rate=1.0, burst=2))
    body = json.dumps([{"to": NUMBER, "text": f"第{number}个"} for number in range(3)]).encode()
    with pytest.raises(RateLimited) as caught:
        hooks.call(body, KINDS["bearer"][1](b"", NOW))
    assert len(hooks.sent) == 2

    hooks.world.clock.advance(caught.value.retry_after)

    received = hooks.call(body, KINDS["bearer"][1](b"", NOW))
    assert [message.id for message in hooks.sent] == list(received.messages)
    assert len(hooks.world.uses.taken) == 3


def test_a_client_that_must_name_an_extension_has_no_use_for_hooks(hooks: Hooks) -> None:
    hooks.make()
    limited(hooks, Limits(extensions=("01",)))
    with pytest.raises(NotAllowed, match="may not be no extension: this client may use 01"):
        hooks.call(BODY, KINDS["bearer"][1](b"", NOW))
    assert hooks.sent == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_sources_of_a_client_that_was_revoked_are_nobodys(hooks: Hooks, kind: str) -> None:
    auth, sign = KINDS[kind]
    hooks.make(auth)
    hooks.world.clients.standings["shop"] = ClientStanding(revoked=True)

    hooks.refused(BODY, sign(BODY, NOW))

    assert hooks.uses.used == {}
    hooks.world.clients.standings.clear()
    assert hooks.call(BODY, sign(BODY, NOW)).messages


def test_where_nobody_knows_what_a_client_may_send_its_senders_call_again(hooks: Hooks) -> None:
    hooks.make()
    hooks.world.clients.failing = ConnectionError("away")
    hooks.refused(BODY, {})  # whoever is not authentic asks nobody for anything
    with pytest.raises(NotStored):
        hooks.call(BODY, KINDS["bearer"][1](b"", NOW))
    assert hooks.sent == []


SNS = Auth(kind=AuthKind.SNS, topic_arns=(TOPIC,))


def test_an_alarm_by_sns_is_sent_and_its_retry_is_not(hooks: Hooks) -> None:
    hooks.make(SNS, preset="sns", to=(NUMBER,))
    body = payload("sns-cloudwatch-alarm")

    first = hooks.call(body, {})
    hooks.world.clock.advance(3500)

    assert hooks.call(body, {}) == first, "SNS repeats its bytes, for an hour"
    assert [message.text.splitlines()[0] for message in hooks.sent] == ["[ALARM] ApiErrors"]
    hooks.world.clock.advance(200)
    hooks.refused(body, {})


def test_a_subscription_is_confirmed_and_sends_nothing(hooks: Hooks) -> None:
    hooks.make(SNS, preset="sns", to=(NUMBER,))
    body = payload("sns-subscription")

    assert hooks.call(body, {}) == Received(messages=())
    assert hooks.signatures.confirmed == [json.loads(body)["SubscribeURL"]]
    ended = {**json.loads(body), "Type": "UnsubscribeConfirmation"}
    assert hooks.call(json.dumps(ended).encode(), {}) == Received(messages=())
    assert len(hooks.signatures.confirmed) == 1, "who ends a subscription is not asked to take it up again"


HOST = "https://sns.cn-north-1.amazonaws.com.cn"
PEM = "/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem"


@pytest.mark.parametrize(
    "wrong",
    [
        {"Signature": base64.b64encode(b"signed by another").decode()},
        {"Signature": base64.b64encode(b"signed by SNS").decode().replace("==", "")},
        {"Signature": "c2lnbmVkIGJ5IFNOUx=="},  # decodes to the same: a bit that base64 does not use
        {"Signature": ""},
        {"Signature": 7},
        {"Signature": ...},
        {"SignatureVersion": "3"},
        {"SignatureVersion": ...},
        {"TopicArn": TOPIC.replace("nights", "days")},
        {"TopicArn": "nights"},
        {"TopicArn": ...},
        {"Type": "Other"},
        {"Type": ...},
        {"MessageId": ...},
        {"Timestamp": ...},
        {"Timestamp": "yesterday"},
        {"Timestamp": "2026-11-23T04:00:00"},
        {"Timestamp": "2026-11-23T02:59:59.000Z"},
        {"Timestamp": "2026-11-23T05:00:01.000Z"},
        {"Subject": 7},
        *(
            {"SigningCertURL": url}
            for url in (
                ...,
                "",
                HOST,
                f"http{HOST[5:]}{PEM}",
                f"https://sns.us-east-1.amazonaws.com{PEM}",
                f"https://sns.cn-north-1.amazonaws.com{PEM}",
                f"https://sns.cn-north-1.amazonaws.com.cn.example.org{PEM}",
                f"https://example.org{PEM}",
                f"https://example.org/{HOST}{PEM}",
                f"https://example.org#{HOST}{PEM}",
                f"{HOST}@example.org{PEM}",
                f"{HOST}:8443{PEM}",
                f"{HOST}.{PEM}",
                f"{HOST}/../x{PEM}",
                f"{HOST}/x{PEM}",
                f"{HOST}{PEM}?x=1",
                f"{HOST}{PEM}#x",
                f"{HOST}{PEM}\n",
                f"https://s3.cn-north-1.amazonaws.com.cn{PEM}",
                "https://169.254.169.254/latest/meta-data/x.pem",
            )
        ),
    ],
)
def test_what_sns_did_not_sign_is_refused_like_the_rest(hooks: Hooks, wrong: dict[str, Any]) -> None:
    hooks.make(SNS, preset="sns", to=(NUMBER,))

    hooks.refused(sns_body("text", NOON, **wrong), {})


@pytest.mark.parametrize(
    "url",
    [
        f"{HOST}/?Action=ConfirmSubscription&TopicArn=arn:aws-cn:sns:cn-north-1:123456789012:days&Token=1",
        f"{HOST}/?Action=Unsubscribe&TopicArn={TOPIC}&Token=1",
        f"{HOST}/other?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=1",
        f"https://example.org/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=1",
        f"{HOST}@example.org/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=1",
        f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=1\r\nHost: x",
        "",
    ],
)
def test_a_subscription_is_confirmed_at_sns_and_for_its_topic_only(hooks: Hooks, url: str) -> None:
    hooks.make(SNS, preset="sns", to=(NUMBER,))

    hooks.refused(json.dumps({**json.loads(payload("sns-subscription")), "SubscribeURL": url}).encode(), {})
    assert hooks.signatures.confirmed == []


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"null", b"[" * 100_000])
def test_what_is_not_of_sns_at_all_is_refused_too(hooks: Hooks, body: bytes) -> None:
    hooks.make(SNS, preset="sns", to=(NUMBER,))

    hooks.refused(body, {})


def test_a_certificate_that_is_out_of_reach_loses_nothing(hooks: Hooks) -> None:
    hooks.make(SNS, preset="sns", to=(NUMBER,))
    hooks.signatures.failing = NotVerifiable("SNS could not be reached")

    with pytest.raises(NotVerifiable) as caught:
        hooks.call(payload("sns-cloudwatch-alarm"), {})

    assert problem_of(caught.value).status == 503, "SNS tries again after a 5xx, and not after a 4xx"
    hooks.signatures.failing = None
    assert hooks.call(payload("sns-cloudwatch-alarm"), {}).messages


def test_the_day_is_utcs_and_times_are_aware(hooks: Hooks) -> None:
    hooks.world.clock.time = NOON.astimezone() + timedelta(hours=19, minutes=59)
    hooks.make()

    hooks.call(BODY, KINDS["bearer"][1](b"", NOW))

    assert ("alerts", "2026-11-23") in hooks.uses.used
