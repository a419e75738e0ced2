"""Sends that wait: queued, scheduled, cancelled, and what a repeat of their request gets."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.api.responses import http_status, message_response, sent_headers
from bridge.domain.errors import (
    InvalidRequest,
    NotCancellable,
    NotFound,
    NotStored,
    OptedOut,
)
from bridge.domain.messages import Message, OnAmbiguous, Once, Standing, Status
from bridge.domain.opt_outs import OptOut, Source
from bridge.domain.policies import Policy
from bridge.domain.submits import begun, state_of, to_resend
from bridge.domain.work import MessageWork
from bridge.services.sending import FARTHEST, Order, Sending, Sent
from eums import Ambiguous, Refused, code_of
from tests.fakes.world import NOON, SHOP, World

QUEUED = Order(to=("13800000001", "13800000002"), text="您的验证码是123456", client_reference="order-42", queued=True)
SCHEDULED = replace(QUEUED, queued=False, send_at=NOON + timedelta(hours=2))
LATER = [QUEUED, SCHEDULED]
KEY = "a-key"
CALLER = replace(SHOP, accounts=frozenset({"default", "backup"}), fallback_accounts=("backup",))


@pytest.fixture
def world() -> World:
    world = World()
    world.add_account("backup")
    world.accounts.policies = {"default": Policy(signature="京东"), "backup": Policy(signature="备用")}
    return world


@pytest.fixture
def sending(world: World) -> Sending:
    return world.sending()


def send(world: World, order: Order, key: str | None = None) -> Sent:
    return world.sending().send(CALLER, order, key)


def deliver(world: World) -> None:
    for work in world.queue.take():
        world.queueing().take(work.body(), last=False, time_left=lambda: 60.0)


def shown(sent: Sent) -> str:
    return message_response(sent.message).model_dump_json()


def test_a_queued_send_is_accepted_and_left_to_the_queue(world: World) -> None:
    sent = send(world, QUEUED)

    assert (sent.message.status, sent.replayed, http_status(sent.message)) == (Status.ACCEPTED, False, 202)
    assert sent_headers(sent)["Preference-Applied"] == "respond-async"
    assert world.queue.sent == [(MessageWork(message_id=sent.message.id), 0)]
    assert (world.gateway.submits, world.messages.indexed) == ([], {sent.message.id: "default"})
    deliver(world)
    assert world.finding().find(CALLER, sent.message.id).status is Status.SUBMITTED


def test_a_scheduled_send_is_left_to_its_time(world: World) -> None:
    sent = send(world, SCHEDULED)

    assert (sent.message.status, http_status(sent.message)) == (Status.SCHEDULED, 202)
    assert "Preference-Applied" not in sent_headers(sent)
    assert sent.message.send_at is not None
    assert sent.message.send_at.isoformat() == "2026-11-23T14:00:00+08:00"
    assert (world.queue.sent, world.schedules.due) == ([], {sent.message.id: SCHEDULED.send_at})


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), FARTHEST])
def test_any_time_ahead_is_taken(world: World, ahead: timedelta) -> None:
    assert send(world, replace(SCHEDULED, send_at=NOON + ahead)).message.status is Status.SCHEDULED


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=-1), FARTHEST + timedelta(seconds=1)])
def test_no_time_that_has_come_or_is_too_far_ahead(world: World, ahead: timedelta) -> None:
    with pytest.raises(InvalidRequest) as caught:
        send(world, replace(SCHEDULED, send_at=NOON + ahead))

    assert [problem.field for problem in caught.value.problems] == ["send_at"]
    assert world.messages.messages == {}


def fail(*_: object, **__: object) -> None:
    raise ConnectionError


@pytest.mark.parametrize("order", LATER)
def test_what_is_written_down_is_accepted_whatever_its_queue_says(
    world: World, monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    monkeypatch.setattr(world.queue, "send", fail)
    monkeypatch.setattr(world.schedules, "create", fail)

    assert send(world, order).message.status in {Status.ACCEPTED, Status.SCHEDULED}
    assert world.counters.counted["MessagesNotQueued"] == 1


@pytest.mark.parametrize("order", LATER)
def test_what_cannot_be_indexed_is_accepted_and_indexed_before_its_submit(world: World, order: Order) -> None:
    world.messages.index_failure = TimeoutError("unprocessed")
    message = send(world, order).message
    assert world.counters.counted["MessagesNotIndexed"] == 1
    world.messages.index_failure = None

    world.clock.advance(7200)
    world.queue.send([MessageWork(message_id=message.id)])
    deliver(world)

    assert world.messages.indexed == {message.id: "default"}
    assert state_of(world.messages.messages[message.id]) is Status.SUBMITTED


@pytest.mark.parametrize("order", [QUEUED, SCHEDULED, replace(QUEUED, queued=False)])
def test_a_write_whose_answer_is_lost_is_a_write(world: World, monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    add = world.messages.add

    def lose(message: Message, once: Once | None, *, instead_of: str | None) -> Standing | None:
        add(message, once, instead_of=instead_of)
        raise ConnectionError

    monkeypatch.setattr(world.messages, "add", lose)

    # An error would make its caller send it again, and it would be sent twice.
    assert send(world, order).message.id in world.messages.messages


@pytest.mark.parametrize("order", [QUEUED, SCHEDULED, replace(QUEUED, queued=False)])
def test_what_was_not_written_down_is_not_sent(world: World, monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    monkeypatch.setattr(world.messages, "add", fail)

    with pytest.raises(NotStored):
        send(world, order)
    monkeypatch.setattr(world.messages, "recorded", fail)
    with pytest.raises(NotStored):
        send(world, order)

    assert (world.queue.sent, world.schedules.due, world.gateway.submits) == ([], {}, [])


# --- repeats


def end_submitted(world: World, _: str) -> None:
    deliver(world)


def end_rerouted(world: World, _: str) -> None:
    left = [Refused(code_of(205))]

    def answer(submit: object) -> tuple[()]:  # noqa: ARG001 - the gateway's signature
        if left:
            raise left.pop()
        return ()

    world.gateway.submit_answer = answer
    deliver(world)


def end_refused(world: World, _: str) -> None:
    world.gateway.submit_answer = Refused(code_of(401))
    deliver(world)


def end_unknown(world: World, _: str) -> None:
    world.gateway.submit_answer = Ambiguous("no answer")
    deliver(world)


def end_opted_out(world: World, _: str) -> None:
    world.opt_outs.add(OptOut(account="default", number="+8613800000001", since=NOON, source=Source.API))
    deliver(world)


def end_cancelled(world: World, message_id: str) -> None:
    world.sending().cancel(CALLER, message_id)


def end_expired(world: World, _: str) -> None:
    world.clock.advance(86_400)
    deliver(world)
    world.clock.advance(-86_400 + 1)  # the key is known for a day


def not_ended(_: World, __: str) -> None: ...


@pytest.mark.parametrize("order", LATER)
@pytest.mark.parametrize(
    "end",
    [
        not_ended,
        end_submitted,
        end_rerouted,
        end_refused,
        end_unknown,
        end_opted_out,
        end_cancelled,
        end_expired,
    ],
)
def test_a_repeat_is_answered_as_the_first_was_byte_for_byte(
    world: World, order: Order, end: Callable[[World, str], None]
) -> None:
    first = send(world, order, KEY)
    if order.send_at:
        world.clock.advance(7200)
        world.queue.send([MessageWork(message_id=first.message.id)])
    end(world, first.message.id)
    submits = len(world.gateway.submits)

    again = send(world, order, KEY)

    assert (again.replayed, shown(again)) == (True, shown(first))
    assert http_status(again.message) == http_status(first.message)
    assert len(world.gateway.submits) == submits


def test_a_time_that_has_come_is_right_for_a_repeat_only(world: World) -> None:
    send(world, SCHEDULED, KEY)
    world.clock.advance(7200)
    for order, key in (
        (SCHEDULED, None),
        (SCHEDULED, "another"),
        (replace(SCHEDULED, client_reference="order-43"), KEY),
    ):
        with pytest.raises(InvalidRequest):
            send(world, order, key)
    world.clock.advance(86_400)
    with pytest.raises(InvalidRequest):
        send(world, SCHEDULED, KEY)
    assert len(world.messages.messages) == 1


def test_a_repeat_whose_first_cannot_be_read_is_told_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    send(world, SCHEDULED, KEY)
    world.clock.advance(7200)
    monkeypatch.setattr(world.messages, "standing", fail)

    with pytest.raises(NotStored):
        send(world, SCHEDULED, KEY)


def test_a_repeat_leaves_it_to_the_queue_again(world: World) -> None:
    world.queue.failing = 1
    first = send(world, QUEUED, KEY)
    assert world.queue.sent == []

    send(world, QUEUED, KEY)

    assert world.queue.sent == [(MessageWork(message_id=first.message.id), 0)]
    deliver(world)
    send(world, QUEUED, KEY)
    assert world.queue.sent == []  # it waits no more


# --- cancelling


@pytest.mark.parametrize("order", LATER)
def test_what_waits_is_cancelled_and_stays_so(world: World, sending: Sending, order: Order) -> None:
    message = send(world, order).message

    first, second = sending.cancel(CALLER, message.id), sending.cancel(CALLER, message.id)

    assert (first.status, second) == (Status.CANCELLED, first)
    assert (world.schedules.due, world.messages.messages[message.id]) == ({}, first)
    world.clock.advance(7200)
    world.queue.send([MessageWork(message_id=message.id)])
    deliver(world)
    assert (world.gateway.submits, world.topic.events) == ([], [])


def test_what_was_begun_or_has_ended_is_not_cancelled(world: World, sending: Sending) -> None:
    message = send(world, QUEUED).message
    world.messages.move(message, begun(message, claim="C", now=NOON))
    with pytest.raises(NotCancellable):
        sending.cancel(CALLER, message.id)

    done = send(world, replace(QUEUED, queued=False)).message
    with pytest.raises(NotCancellable):
        sending.cancel(CALLER, done.id)


def test_what_may_have_been_sent_is_not_cancelled_though_it_waits(world: World, sending: Sending) -> None:
    message = send(world, replace(QUEUED, on_ambiguous=OnAmbiguous.RESEND)).message
    claimed = begun(message, claim="C", now=NOON)
    world.messages.move(message, claimed)
    world.messages.move(claimed, to_resend(claimed))

    with pytest.raises(NotCancellable):
        sending.cancel(CALLER, message.id)


def test_nobody_elses_message_is_cancelled(world: World, sending: Sending) -> None:
    message = send(world, QUEUED).message

    for caller, message_id in ((replace(CALLER, client="other"), message.id), (CALLER, "01JDCKQ3V9T4M3W5Y8Z7N6P2QR")):
        with pytest.raises(NotFound):
            sending.cancel(caller, message_id)
    assert state_of(world.messages.messages[message.id]) is Status.ACCEPTED


def test_a_claim_that_was_faster_wins(world: World, sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    message = send(world, QUEUED).message
    monkeypatch.setattr(world.messages, "recorded", lambda _: message)  # read just before
    world.messages.move(message, begun(message, claim="C", now=NOON))

    with pytest.raises(NotCancellable):
        sending.cancel(CALLER, message.id)


def test_a_schedule_that_cannot_be_deleted_finds_it_cancelled(
    world: World, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send(world, SCHEDULED).message
    monkeypatch.setattr(world.schedules, "delete", fail)

    assert sending.cancel(CALLER, message.id).status is Status.CANCELLED
    assert world.counters.counted["SchedulesNotDeleted"] == 1


def test_where_everybody_opted_out_the_caller_is_told(world: World) -> None:
    for number in ("+8613800000001", "+8613800000002"):
        world.opt_outs.add(OptOut(account="default", number=number, since=NOON, source=Source.API))

    with pytest.raises(OptedOut) as caught:
        send(world, replace(QUEUED, queued=False))
    assert state_of(world.messages.messages[caught.value.message_id]) is Status.REJECTED
