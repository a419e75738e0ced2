"""A rotation in the middle of sends, pulls and publishing, over real HTTP against the simulated gateway."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from bridge.adapters.accounts_secret import AccountsSecret
from bridge.adapters.gateways import Gateways
from bridge.domain.pulls import Kind
from bridge.services.publishing import Publishing
from bridge.services.pulling import Ended, Pulling
from eums import Submit
from local.cli.secret import rotated
from local.gateway import Gateway, GatewaySettings
from tests.fakes.secrets import FakeSecrets
from tests.fakes.world import World

NEW = {"password": "another", "aes_key": "fedcba9876543210"}


@dataclass
class Bridge:
    """The services that speak with the gateway or read what it said, over one secret."""

    secrets: FakeSecrets
    world: World = field(default_factory=World)
    processes: list[Gateways] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """New processes: a puller that sends as well, and a publisher, each with accounts of its own."""
        world, clock = self.world, self.world.clock
        self.accounts = AccountsSecret(self.secrets, "accounts", monotonic=clock.monotonic)  # type: ignore[arg-type]
        publishers = AccountsSecret(self.secrets, "accounts", monotonic=clock.monotonic)  # type: ignore[arg-type]
        publishers.names()  # what it knows is older than what is about to be changed
        self.gateways = Gateways(
            self.accounts,
            clock=lambda: datetime.now(UTC),  # the gateway's clock is the real one
            monotonic=clock.monotonic,
            longest=22,
            counters=world.counters,
        )
        self.processes.append(self.gateways)
        self.pulling = Pulling(
            accounts=self.accounts,
            gateway=self.gateways,
            leases=world.leases,
            journal=world.journal,
            pointers=world.pointers,
            topic=world.topic,
            clock=clock,
            new_id=world.new_id,
            counters=world.counters,
            pause=5.0,
        )
        self.publishing = Publishing(
            accounts=publishers,
            journal=world.journal,
            messages=world.messages,
            topic=world.topic,
            counters=world.counters,
        )

    def put(self, **changed: str) -> None:
        accounts = json.loads(self.secrets.current)
        accounts["default"] = rotated(accounts["default"], accounts["default"] | changed)
        self.secrets.set(json.dumps(accounts))

    def send(self, reference: str) -> None:
        self.gateways.submit("default", Submit(("13812345678",), "x", "", reference))

    def pull_all(self, kind: Kind = Kind.REPORTS) -> None:
        """Pull until there is nothing more, and no more pauses than a rotation may cost."""
        pauses = 0
        while (ended := self.pulling.pull("default", kind)) is not Ended.EMPTY:
            pauses += ended is not Ended.RECORDS
            assert pauses <= 3, ended

    def publish_all(self) -> None:
        for key in sorted(self.world.journal.entries.keys() - self.world.journal.published):
            if key.startswith("raw/"):
                self.publishing.publish(key)

    def published(self) -> Counter[str]:
        return Counter(event.type for event in self.world.topic.events)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(settings=GatewaySettings(report_delay=0, report_page_size=3)) as gateway:
        yield gateway


@pytest.fixture(params=[1, 17])
def bridge(gateway: Gateway, request: pytest.FixtureRequest) -> Iterator[Bridge]:
    account = {"base_url": gateway.url, "name": "test", "password": "123456", "version": request.param}
    made = Bridge(FakeSecrets(json.dumps({"default": account | {"aes_key": "0123456789abcdef"}})))
    yield made
    for each in made.processes:
        each.close()


def change(gateway: Gateway, **changed: str) -> None:
    """By the gateway's own admin API, as somebody else would."""
    assert httpx.post(f"{gateway.url}/admin/account", json=changed).is_success


def both(bridge: Bridge, gateway: Gateway) -> None:
    """The gateway first; and before anybody calls it, the secret: what the bridge has read is older than both."""
    change(gateway, **NEW)
    bridge.put(**NEW)


SECRET_FIRST: list[Callable[[Bridge, Gateway], None]] = [
    lambda bridge, _: bridge.put(**NEW),
    lambda _, gateway: change(gateway, password=NEW["password"]),
    lambda _, gateway: change(gateway, aes_key=NEW["aes_key"]),
]
GATEWAY_FIRST: list[Callable[[Bridge, Gateway], None]] = [
    both,
]


@pytest.mark.parametrize("steps", [SECRET_FIRST, [SECRET_FIRST[0], *SECRET_FIRST[:0:-1]], GATEWAY_FIRST])
@pytest.mark.parametrize("restarts", [False, True])
def test_nothing_fails_and_nothing_is_lost(
    bridge: Bridge, gateway: Gateway, *, steps: list[Callable[[Bridge, Gateway], None]], restarts: bool
) -> None:
    sent = 0
    for step in [lambda *_: None, *steps]:
        step(bridge, gateway)
        if restarts:
            bridge.begin()
        for number in range(4):
            sent += 1
            bridge.send(str(sent))
            gateway.inject_mo("13800001234", f"reply {sent}")
            if number == 2:
                bridge.pull_all()
                bridge.pull_all(Kind.INBOUND)
        assert bridge.gateways.balance("default") == gateway.balance("test")
    bridge.pull_all()
    bridge.pull_all(Kind.INBOUND)
    bridge.publish_all()

    assert Counter(submit.reference for submit in gateway.submits()) == Counter(map(str, range(1, sent + 1)))
    assert bridge.published() == {"sms.message.delivered": sent, "sms.inbound.received": sent}


def test_a_page_of_before_is_read_after_two_rotations(bridge: Bridge, gateway: Gateway) -> None:
    gateway.inject_mo("13800001234", "reply")
    bridge.pull_all(Kind.INBOUND)
    for number in range(2):
        bridge.put(password=f"password {number}", aes_key=f"key number {number:5}")
        change(gateway, password=f"password {number}", aes_key=f"key number {number:5}")
    bridge.begin()

    bridge.publish_all()

    assert bridge.published() == {"sms.inbound.received": 1}


@pytest.mark.parametrize("bridge", [17], indirect=True)
def test_a_page_whose_key_is_gone_is_kept_and_read_once_the_key_is_back(bridge: Bridge, gateway: Gateway) -> None:
    gateway.inject_mo("13800001234", "reply")
    bridge.pull_all(Kind.INBOUND)
    account = json.loads(bridge.secrets.current)["default"]
    for _ in range(2):  # by hand, and then another edit
        bridge.secrets.set(json.dumps({"default": account | NEW}))
    bridge.begin()
    bridge.publish_all()
    assert bridge.published() == {"sms.pull.quarantined": 1}

    back = account | NEW | {"previous": [{"aes_key": account["aes_key"]}]}
    bridge.secrets.set(json.dumps({"default": back}))
    [kept] = bridge.world.journal.quarantined
    bridge.publishing.publish(kept)

    assert bridge.published() == {"sms.pull.quarantined": 1, "sms.inbound.received": 1}


@pytest.mark.parametrize("bridge", [17], indirect=True)
def test_a_key_that_nobody_knows_yet_makes_no_storm_of_pulls(bridge: Bridge, gateway: Gateway) -> None:
    change(gateway, aes_key=NEW["aes_key"])

    bridge.pulling.drain("default", Kind.REPORTS, window=20.0, time_left=lambda: 1000.0)

    assert gateway.counters()["report"]["requests"] <= 5  # the window has room for one each pause
