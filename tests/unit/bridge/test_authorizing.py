import base64
from dataclasses import replace

import pytest

from bridge.domain.clients import hash_key
from bridge.domain.twilio import credential_hash
from bridge.services.authorizing import Authorizing
from tests.fakes.clients import FakeClients
from tests.fakes.world import SHOP, World

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
