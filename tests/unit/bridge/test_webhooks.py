import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook
from svix.webhooks import Webhook as SvixWebhook

from bridge.domain.clients import Caller, ClientStanding, Scope
from bridge.domain.errors import InvalidRequest, NotAllowed, NotFound
from bridge.domain.events import EventType, suspended
from bridge.domain.webhooks import (
    MAX_ENDPOINTS,
    PATTERNS,
    Answer,
    DeliveryStatus,
    DisabledReason,
    Endpoint,
    EndpointStatus,
    Happened,
    Health,
    Pointer,
    delivery_of,
    happened,
    matches,
    pointer_of,
    secret_of,
    signed_headers,
)
from bridge.services.calling_back import CallingBack
from bridge.services.fanning_out import FanningOut
from bridge.services.replaying import MOST_REPLAYED, Replaying
from bridge.services.subscribing import Changes, Subscribing
from tests.fakes.accounts import FakeAccounts
from tests.fakes.callbacks import FakeCallbacks
from tests.fakes.clients import FakeClients
from tests.fakes.clock import FakeClock, FakeIds
from tests.fakes.counters import FakeCounters
from tests.fakes.schemas import hold_against_schema
from tests.fakes.webhooks import (
    SECRET,
    FakeDeliveries,
    FakeDeliverQueue,
    FakeWebhookClient,
    FakeWebhookEndpoints,
    endpoint,
)
from tests.fakes.world import NOON

SHOP = Caller(
    client="shop", accounts=frozenset({"default"}), default_account="default", scopes=frozenset({Scope.ADMIN})
)
BANK = replace(SHOP, client="bank")
URL = "https://shop.example.com/hook"


def event(kind: str = "sms.message.delivered", client: str | None = "shop", **data: object) -> Happened:
    body = {
        "id": "0" * 32,
        "type": kind,
        "time": "2026-11-23T12:00:00+08:00",
        "data": {"account": "default", "client": client, **data},
    }
    return happened(json.dumps(body))


@pytest.mark.parametrize(
    ("changes", "what", "wanted"),
    [
        ({}, event(), True),
        ({"event_types": ("sms.message.*",)}, event(), True),
        ({"event_types": ("sms.message.delivered",)}, event(), True),
        ({"event_types": ("sms.message.rejected", "sms.inbound.*")}, event(), False),
        ({"event_types": ()}, event(), False),
        ({}, event(client="bank"), False),
        ({"client": "bank"}, event(), False),
        ({"client": "bank", "may_use": frozenset({"*"})}, event(), False),
        ({}, event("sms.account.suspended", None), True),
        ({"may_use": frozenset({"other"})}, event("sms.account.suspended", None), False),
        ({"may_use": frozenset({"*"})}, event("sms.account.suspended", None), True),
        ({"may_use": frozenset()}, event(), True),  # its own, whatever it may use by now
        ({"accounts": ("other",)}, event(), False),
        ({"accounts": ("default",)}, event(), True),
        ({"accounts": ("default",), "may_use": frozenset()}, event("sms.account.suspended", None), False),
        ({}, event("sms.inbound.received", None), True),
        ({}, event("sms.inbound.received", None, in_reply_to={"message_id": "x"}), False),  # somebody's
        ({"status": EndpointStatus.DISABLED}, event(), False),
        ({}, event("sms.webhook.failed", endpoint_id=endpoint().id), False),
        ({}, event("sms.webhook.failed", endpoint_id=endpoint(2).id), True),
        ({}, event("sms.webhook.disabled", "bank", endpoint_id=endpoint(2).id), False),
    ],
)
def test_who_gets_what(changes: dict[str, object], what: Happened, wanted: bool) -> None:  # noqa: FBT001 - parametrized
    assert endpoint(1, **changes).wants(what) is wanted


def test_an_inbound_messages_client_is_in_its_attribute() -> None:
    body = event("sms.inbound.received", None, in_reply_to={"message_id": "x"}).body

    assert endpoint().wants(happened(body, "shop"))
    assert not endpoint(may_use=frozenset({"*"})).wants(happened(body, "bank"))


def test_prefixes_end_at_a_dot() -> None:
    assert matches("sms.*", "sms.message.delivered")
    assert not matches("sms.message.*", "sms.messages.x")
    assert {"sms.*", "sms.message.*", "sms.webhook.*", *EventType} <= PATTERNS
    assert not {"*", "sms", "sms.message", "sms.mess*", ""} & PATTERNS


@given(st.binary(min_size=32, max_size=32), st.text(max_size=200), st.integers(min_value=0, max_value=2**32))
def test_a_signature_is_the_libraries_own(randomness: bytes, text: str, seconds: int) -> None:
    secret = secret_of(randomness)
    now = NOON.fromtimestamp(seconds, NOON.tzinfo)
    body = text.encode("utf-8", "replace")

    headers = signed_headers([secret, SECRET], "event", now, body)

    signatures = headers["webhook-signature"].split()
    assert signatures == [Webhook(one).sign("event", now, body.decode()) for one in (secret, SECRET)]
    assert signatures[0] == SvixWebhook(secret).sign("event", now, body.decode())
    by_hand = hmac.new(randomness, b"event." + str(seconds).encode() + b"." + body, hashlib.sha256).digest()
    assert signatures[0] == "v1," + base64.b64encode(by_hand).decode()


POINTERS = [
    Pointer(endpoint=endpoint().id, delivery=endpoint(2).id),
    Pointer(endpoint=endpoint().id, delivery=endpoint(2).id, round=3, noted=True),
    Pointer(endpoint=endpoint().id, delivery=endpoint(2).id, event=happened(suspended("default", NOON).body())),
]


@pytest.mark.parametrize("pointer", POINTERS)
def test_a_pointer_is_read_as_it_was_written(pointer: Pointer) -> None:
    assert pointer_of(pointer.body()) == pointer
    assert len(pointer.body()) <= 200 + (len(pointer.event.body) if pointer.event else 0)


@given(st.text() | st.sampled_from([one.body() for one in POINTERS]).flatmap(lambda one: st.just(one[:-3] + "x")))
def test_what_is_no_pointer_is_said(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own, too
        pointer_of(text)


def test_the_circuit_opens_longer_and_longer_and_not_too_long() -> None:
    health, seconds = Health(), []
    for _ in range(10):
        health = health.failed(NOON)
        assert health.open_until
        seconds.append((health.open_until - NOON).total_seconds())

    assert seconds == [4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert health.failing_since == NOON
    assert not health.is_hopeless(NOON + timedelta(days=5) - timedelta(seconds=1))
    assert health.is_hopeless(NOON + timedelta(days=5))


class Desk:
    """The services of the API over fakes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.accounts = FakeAccounts()
        self.endpoints = FakeWebhookEndpoints()
        self.deliveries = FakeDeliveries()
        self.queue = FakeDeliverQueue(self.clock.monotonic)
        self.client = FakeWebhookClient(self.clock.now)
        self.made = 0
        self.subscribing = Subscribing(
            accounts=self.accounts,
            endpoints=self.endpoints,
            client=self.client,
            clock=self.clock,
            new_id=FakeIds(),
            randomness=self.randomness,
            allow_loopback=False,
        )
        self.replaying = Replaying(subscribing=self.subscribing, deliveries=self.deliveries, queue=self.queue)

    def randomness(self, count: int) -> bytes:
        self.made += 1
        return bytes([self.made]) * count

    def endpoint(self) -> Endpoint:
        return self.subscribing.create(SHOP, url=URL, event_types=("sms.*", "sms.*"), accounts=("default",))

    def deliver(self, made: Endpoint, count: int, status: DeliveryStatus = DeliveryStatus.FAILED) -> list[str]:
        found = [
            delivery_of(made.id, happened(suspended("default", NOON + timedelta(hours=hour)).body()), NOON)
            for hour in range(count)
        ]
        for one in found:
            self.deliveries.add(replace(one, status=status))
        return [one.id for one in found]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_endpoint_is_its_clients_own(desk: Desk) -> None:
    made = desk.endpoint()

    assert made.event_types == ("sms.*",)
    assert made.may_use == {"default"}
    assert made.secrets.current == secret_of(b"\x01" * 32)
    assert desk.subscribing.get(SHOP, made.id) == made
    assert list(desk.subscribing.all(SHOP)) == [made]
    assert list(desk.subscribing.all(BANK)) == []
    for ask in (
        lambda: desk.subscribing.get(BANK, made.id),
        lambda: desk.subscribing.change(BANK, made.id, Changes(description="x")),
        lambda: desk.subscribing.remove(BANK, made.id),
        lambda: desk.subscribing.rotate(BANK, made.id),
        lambda: desk.subscribing.test(BANK, made.id),
        lambda: desk.replaying.listed(BANK, made.id, status=None, before=None, limit=1),
        lambda: desk.replaying.one(BANK, made.id, made.id),
        lambda: desk.replaying.several(BANK, made.id, failed=True, since=None, until=None),
        lambda: desk.subscribing.get(SHOP, "x"),
        lambda: desk.replaying.one(SHOP, made.id, "x"),
    ):
        with pytest.raises(NotFound):
            ask()
    assert desk.endpoints.all() == [made]


@pytest.mark.parametrize(
    ("url", "types", "fields"),
    [
        ("http://shop.example.com/", ("sms.*",), ["url"]),
        ("https://10.0.0.1/", ("*", "sms.*", "sms.x"), ["url", "event_types[0]", "event_types[2]"]),
    ],
)
def test_what_is_wrong_is_named_at_once(desk: Desk, url: str, types: tuple[str, ...], fields: list[str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        desk.subscribing.create(SHOP, url=url, event_types=types)
    assert [problem.field for problem in caught.value.problems] == fields
    made = desk.endpoint()
    with pytest.raises(InvalidRequest):
        desk.subscribing.change(SHOP, made.id, Changes(url=url))


@pytest.mark.parametrize("account", ["other", "missing"])
def test_an_account_that_the_client_may_not_use(desk: Desk, account: str) -> None:
    desk.accounts.accounts["other"] = desk.accounts.accounts["default"]
    with pytest.raises(NotAllowed):
        desk.subscribing.create(SHOP, url=URL, event_types=("sms.*",), accounts=(account,))


def test_there_are_only_so_many(desk: Desk) -> None:
    for _ in range(MAX_ENDPOINTS):
        desk.endpoint()
    with pytest.raises(InvalidRequest):
        desk.endpoint()
    desk.subscribing.create(BANK, url=URL, event_types=("sms.*",))


def test_a_change_changes_what_it_names(desk: Desk) -> None:
    made = desk.endpoint()
    desk.clock.advance(1)

    changed = desk.subscribing.change(SHOP, made.id, Changes(description="x", event_types=("sms.inbound.*",)))
    bare = desk.subscribing.change(SHOP, made.id, Changes(description="", accounts=()))

    assert changed == replace(
        made, description="x", event_types=("sms.inbound.*",), updated_at=desk.clock.now(), version=1
    )
    assert (bare.description, bare.accounts, bare.event_types) == (None, (), ("sms.inbound.*",))


def test_disabling_and_enabling(desk: Desk) -> None:
    made = desk.endpoint()

    off = desk.subscribing.change(SHOP, made.id, Changes(enabled=False))
    assert (off.status, off.reason, off.disabled_at) == (
        EndpointStatus.DISABLED,
        DisabledReason.REQUESTED,
        desk.clock.now(),
    )
    failing = Health(failures=9, failing_since=NOON, open_until=NOON + timedelta(days=9))
    desk.endpoints.replace(replace(off, health=failing, reason=DisabledReason.FAILING))
    on = desk.subscribing.change(SHOP, made.id, Changes(enabled=True))
    assert (on.status, on.reason, on.disabled_at, on.health) == (EndpointStatus.ENABLED, None, None, Health())


def test_a_rotation_keeps_the_secret_before_for_a_day(desk: Desk) -> None:
    made = desk.endpoint()

    rotated = desk.subscribing.rotate(SHOP, made.id)

    now = desk.clock.now()
    assert rotated.secrets.valid(now) == (secret_of(b"\x02" * 32), secret_of(b"\x01" * 32))
    assert rotated.secrets.valid(now + timedelta(hours=24)) == (secret_of(b"\x02" * 32),)


def test_a_test_event_is_posted_signed_and_as_documented(desk: Desk) -> None:
    made = desk.endpoint()
    desk.client.answers = lambda _: Answer(status=200)

    assert desk.subscribing.test(SHOP, made.id).taken

    (post,) = desk.client.posts
    hold_against_schema(post.body.decode())
    assert post.url == URL
    assert post.headers["webhook-id"] == json.loads(post.body)["id"]
    desk.subscribing.test(SHOP, made.id)
    assert len({one.headers["webhook-id"] for one in desk.client.posts}) == 2


def test_a_race_of_changes_is_lost_by_neither(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = desk.endpoint()
    real = desk.endpoints.replace
    turns = [0]

    def contested(changed: Endpoint) -> Endpoint | None:
        turns[0] += 1
        if turns[0] == 1:
            real(replace(made, description="theirs"))
        return real(changed)

    monkeypatch.setattr(desk.endpoints, "replace", contested)
    after = desk.subscribing.rotate(SHOP, made.id)

    assert after.description == "theirs"
    assert after.secrets.previous == made.secrets.current


def test_replays_begin_a_new_round(desk: Desk) -> None:
    made = desk.endpoint()
    ids = desk.deliver(made, 3)

    desk.replaying.one(SHOP, made.id, ids[0])

    assert desk.queue.left() == [Pointer(endpoint=made.id, delivery=ids[0], round=1, noted=True)]


def test_what_failed_or_what_happened_in_a_time(desk: Desk) -> None:
    made = desk.endpoint()
    ids = desk.deliver(made, 5)
    pending = desk.deliveries.standing[made.id, ids[1]]
    desk.deliveries.standing[made.id, ids[1]] = replace(pending, status=DeliveryStatus.DELIVERED)

    def hours(**wanted: object) -> list[int]:
        desk.queue.sent.clear()
        arguments = {"failed": False, "since": None, "until": None, **wanted}
        desk.replaying.several(SHOP, made.id, **arguments)  # type: ignore[arg-type]
        return [ids.index(pointer.delivery) for pointer, _ in desk.queue.sent]

    assert hours(failed=True) == [4, 3, 2, 0]
    assert hours(since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=3)) == [2, 1]
    assert hours(failed=True, since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=3)) == [2]
    assert hours(since=NOON + timedelta(hours=3), until=NOON + timedelta(hours=1)) == []
    assert hours(since=NOON - timedelta(days=40_000), until=NOON) == []


def test_many_are_replayed_by_several_requests(desk: Desk) -> None:
    made = desk.endpoint()
    ids = desk.deliver(made, MOST_REPLAYED + 3)

    count, place = desk.replaying.several(SHOP, made.id, failed=True, since=None, until=None)
    rest, end = desk.replaying.several(SHOP, made.id, failed=True, since=None, until=None, before=place)

    assert (count, rest, end) == (MOST_REPLAYED, 3, None)
    assert sorted(pointer.delivery for pointer, _ in desk.queue.sent) == ids


def test_nothing_is_replayed_to_a_disabled_endpoint(desk: Desk) -> None:
    made = desk.endpoint()
    ids = desk.deliver(made, 1)
    desk.subscribing.change(SHOP, made.id, Changes(enabled=False))

    for ask in (
        lambda: desk.replaying.one(SHOP, made.id, ids[0]),
        lambda: desk.replaying.several(SHOP, made.id, failed=True, since=None, until=None),
    ):
        with pytest.raises(InvalidRequest):
            ask()
    assert desk.queue.sent == []


def test_fanning_out_points_to_whoever_wants_it() -> None:
    clock, endpoints, counters = FakeClock(), FakeWebhookEndpoints(), FakeCounters()
    for number in range(12):
        endpoints.add(endpoint(number, event_types=("sms.account.*",) if number % 3 else ("sms.message.*",)))
    queue = FakeDeliverQueue(clock.monotonic)
    callbacks = FakeCallbacks()
    calling_back = CallingBack(callbacks=callbacks, endpoints=endpoints, clock=clock)
    clients = FakeClients()
    fanning_out = FanningOut(
        endpoints=endpoints, queue=queue, calling_back=calling_back, clients=clients, counters=counters
    )

    assert fanning_out.fan_out(suspended("default", NOON).body(), None, fanning_out.known()) == 8
    assert fanning_out.fan_out(suspended("nobody", NOON).body(), None, fanning_out.known()) == 0

    assert [pointer.endpoint for pointer, _ in queue.sent] == [endpoint(n).id for n in range(12) if n % 3]
    assert counters.counted["WebhooksPointed"] == 8
    with pytest.raises(ValueError, match="not an event"):
        fanning_out.fan_out("{}", None, fanning_out.known())


def test_a_client_that_was_revoked_hears_nothing_any_more() -> None:
    clock, endpoints, counters, clients = FakeClock(), FakeWebhookEndpoints(), FakeCounters(), FakeClients()
    endpoints.add(endpoint(1, event_types=("sms.account.*",)))
    queue = FakeDeliverQueue(clock.monotonic)
    fanning_out = FanningOut(
        endpoints=endpoints,
        queue=queue,
        calling_back=CallingBack(callbacks=FakeCallbacks(), endpoints=endpoints, clock=clock),
        clients=clients,
        counters=counters,
    )
    heard = suspended("default", NOON).body()
    assert fanning_out.fan_out(heard, None, fanning_out.known()) == 1

    clients.standings["shop"] = ClientStanding(revoked=True)

    assert fanning_out.fan_out(heard, None, fanning_out.known()) == 0
    clients.failing = ConnectionError("away")
    with pytest.raises(ConnectionError):  # it comes again
        fanning_out.fan_out(heard, None, fanning_out.known())
    assert fanning_out.fan_out(suspended("nobody", NOON).body(), None, fanning_out.known()) == 0  # nobody is asked of
