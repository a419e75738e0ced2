import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.clients import ClientStanding, hash_key
from bridge.domain.limits import Limits
from bridge.domain.twilio import credential_hash
from bridge.services.authorizing import Authorizing
from tests.fakes.clients import FakeClients
from tests.fakes.world import NOON, SHOP, World

KEY = "eb_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


@pytest.fixture
def authorizing() -> Authorizing:
    return World(clients=FakeClients({hash_key(KEY): SHOP})).authorizing()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_is_its_clients(authorizing: Authorizing, scheme: str) -> None:
    assert authorizing.caller(f"{scheme} {KEY}") == SHOP


@pytest.mark.parametrize(
    "header",
    [
        "",
        KEY,
        f"Basic {KEY}",
        f"Bearer  {KEY}",
        f"Bearer {KEY} ",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY.upper()}",
        "Bearer ",
        "Bearer 短信",
        "Bearer " + "x" * 10_000,
        f"Bearer {KEY}\n",
        f"Bearer {hash_key(KEY)}",
    ],
)
def test_everything_else_is_nobodys(authorizing: Authorizing, header: str) -> None:
    assert authorizing.caller(header) is None


SID = "AC" + "0a" * 16
TOKEN = "0b" * 16


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture
def door() -> Authorizing:
    return World(clients=FakeClients({hash_key(KEY): SHOP, credential_hash(SID, TOKEN): SHOP})).authorizing()


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_an_accounts_token_is_its_clients_and_names_the_account(door: Authorizing, scheme: str) -> None:
    assert door.caller(basic(f"{SID}:{TOKEN}").replace("Basic", scheme)) == replace(SHOP, account_sid=SID)


@pytest.mark.parametrize(
    "header",
    [
        basic(f"{SID}:{TOKEN[:-1]}"),
        basic(f"{SID}:{TOKEN}0"),
        basic(f"{SID}:{TOKEN.upper()}"),
        basic(f"AC{'1' * 32}:{TOKEN}"),
        basic(f"{SID.lower()}:{TOKEN}"),
        basic(f":{TOKEN}"),
        basic(f"{SID}{TOKEN}"),
        basic(f"{SID}:"),
        basic(f"{SID}:{KEY}"),  # a key is no token
        basic(f"{KEY}:"),
        basic(f"{SID}:{TOKEN}\n"),
        basic("短信:短信"),
        basic(f"{SID}:{TOKEN}") + "=",
        basic(f"{SID}:{TOKEN}")[:-3],
        f"Bearer {TOKEN}",  # and a token is no key
        f"Bearer {SID}:{TOKEN}",
        f"Bearer {credential_hash(SID, TOKEN)}",
        "Basic ",
        "Basic " + "A" * 10_000,
    ],
)
def test_every_other_credential_is_nobodys(door: Authorizing, header: str) -> None:
    assert door.caller(header) is None


def test_what_stands_beside_a_key_makes_it_no_account() -> None:
    stored = replace(SHOP, account_sid=SID)
    world = World(clients=FakeClients({hash_key(KEY): stored}))
    assert world.authorizing().caller(f"Bearer {KEY}") == SHOP


def test_a_key_opens_nothing_from_its_end_on() -> None:
    world = World(clients=FakeClients({hash_key(KEY): SHOP}, {hash_key(KEY): NOON + timedelta(seconds=1)}))
    assert world.authorizing().caller(f"Bearer {KEY}") == SHOP
    world.clock.advance(1)
    assert world.authorizing().caller(f"Bearer {KEY}") is None


def test_a_token_of_the_door_opens_nothing_from_its_end_on() -> None:
    one = credential_hash(SID, TOKEN)
    world = World(clients=FakeClients({one: SHOP}, {one: NOON + timedelta(seconds=1)}))
    assert world.authorizing().caller(basic(f"{SID}:{TOKEN}")) == replace(SHOP, account_sid=SID)
    world.clock.advance(1)
    assert world.authorizing().caller(basic(f"{SID}:{TOKEN}")) is None


def test_each_key_of_a_client_has_the_clients_limits_and_ends_with_it() -> None:
    one = credential_hash(SID, TOKEN)
    world = World(clients=FakeClients({hash_key(KEY): SHOP, one: SHOP}))
    limits = Limits(rate=5.0, extensions=("01",))
    headers = (f"Bearer {KEY}", basic(f"{SID}:{TOKEN}"))

    world.clients.standings["shop"] = ClientStanding(limits=limits)
    callers = [world.authorizing().caller(header) for header in headers]
    assert [caller and caller.limits for caller in callers] == [limits, limits]

    world.clients.standings["shop"] = ClientStanding(limits=limits, revoked=True)
    assert [world.authorizing().caller(header) for header in headers] == [None, None]


def test_of_a_key_that_nobody_knows_no_client_is_asked() -> None:
    world = World(clients=FakeClients(failing=ConnectionError("asked")))
    assert world.authorizing().caller(f"Bearer {KEY}") is None
