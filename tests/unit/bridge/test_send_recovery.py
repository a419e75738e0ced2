"""What the torture of the sends (`tests/crash`) found, each in its shortest form."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.errors import InvalidRequest, NotStored
from bridge.domain.events import EventType
from bridge.domain.messages import Message, OnAmbiguous, Once, Standing, Status, TrackedReport
from bridge.domain.submits import unknown
from bridge.domain.work import MessageWork
from bridge.services.sending import Order
from eums import Accepted, Ambiguous, Refused, Submit, code_of
from tests.fakes.world import SHOP, World

ORDER = Order(to=("13812345678",), text="【京东】您的验证码是123456")


@pytest.fixture
def world() -> World:
    return World()


def test_of_a_message_that_may_be_accepted_nobody_says_that_it_is_safe_to_ask_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = world.messages.add

    def lose_the_answer(message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing:
        add(message, once, instead_of=instead_of)
        raise TimeoutError

    def time_out(_: str) -> Message:
        raise TimeoutError

    monkeypatch.setattr(world.messages, "add", lose_the_answer)
    monkeypatch.setattr(world.messages, "recorded", time_out)

    with pytest.raises(NotStored, match="repeat it with the same Idempotency-Key"):
        world.sending().send(SHOP, replace(ORDER, queued=True))


def test_a_refusal_after_an_unknown_try_is_unknown_to_the_caller_too(world: World) -> None:
    answers = [Ambiguous("no answer"), Refused(code_of(401))]

    def answer(_: Submit) -> tuple[Accepted, ...]:
        raise answers.pop(0)

    world.gateway.submit_answer = answer

    message = world.sending().send(SHOP, replace(ORDER, on_ambiguous=OnAmbiguous.RESEND)).message

    assert (message.status, answers) == (Status.UNKNOWN, [])


def test_a_repeat_after_its_time_gets_the_first_answer(world: World) -> None:
    order = replace(ORDER, send_at=world.clock.now() + timedelta(minutes=1))
    first = world.sending().send(SHOP, order, "key").message
    world.clock.advance(61)

    repeat = world.sending().send(SHOP, order, "key")

    assert (repeat.message, repeat.replayed) == (first, True)
    with pytest.raises(InvalidRequest, match="send_at"):
        world.sending().send(SHOP, order, "another key")
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        world.sending().send(SHOP, replace(order, text="【京东】别的"), "key")


def test_a_refusal_after_an_unknown_try_goes_to_no_other_account(world: World) -> None:
    world.add_account("second")
    answers = [Ambiguous("no answer"), Refused(code_of(301))]

    def answer(_: Submit) -> tuple[Accepted, ...]:
        raise answers.pop(0)

    world.gateway.submit_answer = answer
    caller = replace(SHOP, accounts=frozenset({"default", "second"}), fallback_accounts=("second",))

    message = world.sending().send(caller, replace(ORDER, on_ambiguous=OnAmbiguous.RESEND)).message

    assert (message.status, message.account) == (Status.UNKNOWN, "default")
    assert [account for account, _ in world.gateway.submits] == ["default", "default"]


@pytest.fixture
def untold(world: World) -> Message:
    """A message whose process died after it wrote down that the gateway did not answer."""
    world.attending().attend(lambda: 60.0)
    world.gateway.submit_answer = Ambiguous("no answer")
    message = world.sending().send(SHOP, ORDER).message
    world.topic.events.clear()
    assert world.messages.recorded(message.id) == unknown(message)
    return message


def test_an_unknown_that_nobody_was_told_is_told_after_its_hour(world: World, untold: Message) -> None:
    world.clock.advance(timedelta(hours=1, minutes=6).total_seconds())

    assert world.attending().attend(lambda: 60.0)["abandoned"] == 0
    [work] = world.queue.take()
    assert work == MessageWork(message_id=untold.id)
    world.queueing().take(work.body(), last=False, time_left=lambda: 60.0)

    assert [event.type for event in world.topic.events] == [EventType.UNKNOWN]
    assert world.counters.counted["SubmitsAbandoned"] == 0


def test_what_a_report_has_resolved_meanwhile_is_not_told_as_unknown(world: World, untold: Message) -> None:
    [recipient] = untold.recipients
    report = TrackedReport(
        event_id="1",
        account="default",
        message_id=untold.id,
        to=recipient.to,
        status=Status.DELIVERED,
        final=True,
        gateway_message_id="06",
        gateway_status="DELIVRD",
        error_class=None,
        reported_at=world.clock.now(),
    )
    world.messages.apply(report, day=world.clock.now().date())

    world.queueing().take(MessageWork(message_id=untold.id).body(), last=False, time_left=lambda: 60.0)

    assert world.topic.events == []
