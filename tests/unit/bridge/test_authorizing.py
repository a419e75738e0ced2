import pytest

from bridge.domain.clients import hash_key
from bridge.services.authorizing import Authorizing
from tests.fakes.clients import FakeClients
from tests.fakes.world import SHOP

KEY = "eb_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


@pytest.fixture
def authorizing() -> Authorizing:
    return Authorizing(clients=FakeClients({hash_key(KEY): SHOP}))


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
