"""The weather is dealt from decks: each kind of harm in its turn, the same for a seed, none when it is calm."""

import itertools
from dataclasses import replace
from random import Random

from local.gateway import Call
from tests.soak.between import AwsCall, Blow, Harm
from tests.soak.callers import Caller
from tests.soak.weather import BRIEF, LONG, Deck, Weather, gateway_faults


class _Doomed(Caller):
    def kill(self) -> None:
        raise AssertionError("deciding kills nobody")


def call(number: int, function: str = "eums-bridge-local-track") -> AwsCall:
    return AwsCall("dynamodb", "PutItem", f"invocation {number}", lambda: _Doomed(1, function))


def rough(seed: int = 1) -> Weather:
    weather = Weather(replace(LONG, struck=1.0), seed)
    weather.stormy = True
    return weather


def test_a_deck_deals_every_card_before_one_comes_again() -> None:
    deck = Deck("abcd", Random(1))
    dealt = ["".join(sorted(deck.deal() for _ in range(4))) for _ in range(3)]

    assert dealt == ["abcd"] * 3


def test_every_harm_has_its_turn() -> None:
    weather = rough()
    blows = [weather.decide(call(number)) for number in range(100)]

    assert {blow.harm for blow in blows if blow} == set(Harm)
    assert sum(count for name, count in weather.counted.items() if name.startswith("aws: ")) == 100
    assert weather.counted["killed: track"] > 0


def test_a_seed_gives_the_same_weather_again() -> None:
    def blows(seed: int) -> list[Blow | None]:
        weather = rough(seed)
        return [weather.decide(call(number)) for number in range(50)]

    assert blows(3) == blows(3)
    assert blows(3) != blows(4)


def test_the_tries_of_one_call_are_struck_one_after_the_other() -> None:
    weather = rough()
    first = {number: weather.decide(call(number)) for number in range(60)}
    weather.stormy = False  # a storm that passes spares nobody who was struck
    second = {number: weather.decide(call(number)) for number in first}

    assert any(second.values())
    assert all(blow in {None, first[number]} for number, blow in second.items())


def test_nothing_happens_in_a_calm() -> None:
    weather = Weather(replace(LONG, struck=1.0), 1)

    assert [weather.decide(call(number)) for number in range(20)] == [None] * 20
    assert not weather.counted


def test_a_service_that_is_away_refuses_everything() -> None:
    weather = Weather(LONG, 1)
    weather.away = "dynamodb"

    assert [weather.decide(call(number)) for number in range(3)] == [Blow(Harm.REFUSE)] * 3
    assert weather.decide(replace(call(9), service="sqs")) is None


def test_who_is_hardy_is_not_killed_and_gets_through_in_three_tries() -> None:
    weather = Weather(replace(BRIEF, struck=1.0), 1)
    weather.stormy = True
    for number in range(200):
        blows = list(itertools.takewhile(bool, (weather.decide(call(number, "…-submit")) for _ in range(3))))
        assert len(blows) < 3
        assert not any(blow and blow.harm.name.startswith("KILL") for blow in blows)


def test_a_kill_that_met_somebody_hardy_meets_the_next_who_is_not() -> None:
    weather = Weather(replace(BRIEF, struck=1.0), 1)
    weather.stormy = True
    for number in range(100):
        weather.decide(call(number, "eums-bridge-local-submit"))
    weather._climate = replace(BRIEF, struck=0.0)  # from here on nothing new strikes
    for number in range(100, 200):
        weather.decide(call(number))

    assert weather.counted["killed: track"] == 12  # three of twenty-five
    assert "killed: submit" not in weather.counted


def test_the_gateway_fails_each_call_that_carries_something() -> None:
    assert {fault.call for fault in gateway_faults(5.0)} == {Call.SEND, Call.REPORT, Call.MO}
