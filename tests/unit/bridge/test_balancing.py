import pytest

from bridge.domain.errors import GatewayUnreachable
from bridge.domain.events import EventType
from bridge.services.balancing import Balancing, Watching
from eums import NotSent
from tests.fakes.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def balancing(world: World) -> Balancing:
    return Balancing(accounts=world.accounts, gateway=world.gateway, clock=world.clock)


@pytest.fixture
def watching(world: World, balancing: Balancing) -> Watching:
    return Watching(
        accounts=world.accounts,
        balancing=balancing,
        balances=world.balances,
        topic=world.topic,
        counters=world.counters,
        threshold=50,
    )


def test_a_balance_says_when_it_was_so(balancing: Balancing) -> None:
    balance = balancing.of("default")

    assert (balance.account, balance.balance) == ("default", 100)
    assert balance.as_of.isoformat() == "2026-11-23T12:00:00+08:00"


def test_a_gateway_that_is_down_has_no_balance(world: World, balancing: Balancing) -> None:
    world.gateway.balance_answer = NotSent("refused")

    with pytest.raises(GatewayUnreachable):
        balancing.of("default")


def test_a_low_balance_is_said_once_until_it_has_recovered(world: World, watching: Watching) -> None:
    for balance in (100, 49, 40, 100, 49):
        world.gateway.balance_answer = balance
        assert watching.watch() == {"default": balance}

    assert [event.type for event in world.topic.events] == [EventType.BALANCE_LOW] * 2
    assert [event.data["balance"] for event in world.topic.events] == [49, 49]
    assert world.topic.events[0].data["threshold"] == 50


def test_an_event_that_was_not_taken_is_said_at_the_next_look(world: World, watching: Watching) -> None:
    world.gateway.balance_answer = 10
    world.topic.fails = 1
    with pytest.raises(Exception, match="not taken"):
        watching.watch()

    watching.watch()

    assert len(world.topic.events) == 1


def test_one_gateway_that_is_down_does_not_hide_the_others(world: World, watching: Watching) -> None:
    world.add_account("other")
    world.gateway.balance_answer = NotSent("refused")

    assert watching.watch() == {"default": None, "other": None}
    assert world.counters.counted["BalanceUnknown"] == 2
