import pytest

from bridge.domain.errors import GatewayUnreachable
from bridge.services.balancing import Balancing
from eums import NotSent
from tests.fakes.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def balancing(world: World) -> Balancing:
    return world.balancing()


def test_a_balance_says_when_it_was_so(balancing: Balancing) -> None:
    balance = balancing.of("default")

    assert (balance.account, balance.balance) == ("default", 100)
    assert balance.as_of.isoformat() == "2026-11-23T12:00:00+08:00"


def test_a_gateway_that_is_down_has_no_balance(world: World, balancing: Balancing) -> None:
    world.gateway.balance_answer = NotSent("refused")

    with pytest.raises(GatewayUnreachable):
        balancing.of("default")
