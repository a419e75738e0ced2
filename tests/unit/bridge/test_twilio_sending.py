"""Sends by the door: queued, remembered, and refused at once where Twilio refuses at once."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.errors import InvalidRequest, NotStored, OptedOut
from bridge.domain.messages import Status
from bridge.domain.opt_outs import OptOut, Source
from bridge.domain.twilio import TwilioSend
from bridge.services.sending import Order
from bridge.services.twilio_sending import TwilioSending
from tests.fakes.opt_outs import FakeOptOuts
from tests.fakes.world import NOON, SHOP, World

NUMBER = "+8613812345678"
ACCOUNT = "AC" + "0a" * 16
SEND = TwilioSend(account_sid=ACCOUNT, sender="1234", callback_url="https://shop.example.com/status")
ORDER = Order(to=("13812345678",), text="【京东】123456", queued=True, twilio=SEND)


@pytest.fixture
def world() -> World:
    return World()


def door(world: World, *, allow_loopback: bool = False) -> TwilioSending:
    return TwilioSending(
        sending=world.sending(), opt_outs=world.opt_outs, counters=world.counters, allow_loopback=allow_loopback
    )


def opt_out(world: World) -> None:
    world.opt_outs.add(OptOut(account="default", number=NUMBER, since=NOON, source=Source.API))


def test_a_message_is_queued_and_remembers_the_door(world: World) -> None:
    sent = door(world).send(SHOP, ORDER, None)

    assert (sent.message.status, sent.message.twilio) == (Status.ACCEPTED, SEND)
    assert world.messages.recorded(sent.message.id) == sent.message
    assert world.gateway.submits == []
    assert world.opt_outs.asked == [("default", (NUMBER,))]
    assert world.counters.counted["TwilioSends"] == 1


@pytest.mark.parametrize(
    "url",
    ["http://shop.example.com/", "https://127.0.0.1/", "https://169.254.169.254/", "https://[::1]/", "ftp://a.b/", "x"],
)
def test_a_callback_that_leads_inside_is_refused_and_nothing_is_sent(world: World, url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        door(world).send(SHOP, replace(ORDER, twilio=replace(SEND, callback_url=url)), None)

    assert [problem.field for problem in caught.value.problems] == ["status_callback"]
    assert "example.com" not in str(caught.value.problems)
    assert world.queue.sent == []


def test_on_one_machine_a_callback_may_go_there(world: World) -> None:
    order = replace(ORDER, twilio=replace(SEND, callback_url="http://127.0.0.1:8080/"))
    assert door(world, allow_loopback=True).send(SHOP, order, None).message.twilio == order.twilio


def test_who_opted_out_is_refused_at_once_and_later_when_the_time_has_come(world: World) -> None:
    opt_out(world)

    with pytest.raises(OptedOut):
        door(world).send(SHOP, ORDER, None)
    assert world.queue.sent == []
    later = replace(ORDER, send_at=NOON + timedelta(hours=2))
    assert door(world).send(SHOP, later, None).message.status is Status.SCHEDULED


def test_a_store_that_is_away_is_said_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: FakeOptOuts, account: str, numbers: Iterable[str]) -> frozenset[str]:
        raise ConnectionError(account, numbers)

    monkeypatch.setattr(FakeOptOuts, "among", away)

    with pytest.raises(NotStored):
        door(world).send(SHOP, ORDER, None)
    assert world.queue.sent == []


def test_a_repeat_is_the_first_message_and_another_callback_is_another_request(world: World) -> None:
    first = door(world).send(SHOP, ORDER, "order-42")
    again = door(world).send(SHOP, ORDER, "order-42")

    assert again.replayed
    assert again.message == first.message
    with pytest.raises(InvalidRequest):
        door(world).send(SHOP, replace(ORDER, twilio=replace(SEND, callback_url="https://b.example.com/")), "order-42")
