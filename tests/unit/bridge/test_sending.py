from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.errors import (
    AccountNotConfigured,
    GatewayRefused,
    GatewayUnreachable,
    InvalidRequest,
    NotAllowed,
    NotStored,
    StillInFlight,
)
from bridge.domain.events import EventType
from bridge.domain.messages import Message, Status, TrackedReport
from bridge.domain.policies import Policy
from bridge.services.sending import Order, Sending
from eums import Accepted, Ambiguous, Malformed, NotSent, Refused, Submit, code_of
from tests.fakes.world import SHOP, World

ORDER = Order(to=("13812345678", "13800001234"), text="【京东】您的验证码是123456", client_reference="order-42")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def sending(world: World) -> Sending:
    return world.sending()


def test_a_send_is_claimed_submitted_and_recorded_in_two_writes(world: World, sending: Sending) -> None:
    message = sending.send(SHOP, ORDER).message

    assert message.status is Status.SUBMITTED
    assert [recipient.to for recipient in message.recipients] == ["+8613812345678", "+8613800001234"]
    assert [recipient.gateway_message_id for recipient in message.recipients] == [
        "0603015522454700000",
        "0603015522454700001",
    ]
    assert message.recipients[0].billed_segments == 1
    assert world.messages.writes == 2
    assert world.messages.find(message.id) == message
    assert world.topic.events == []


def test_the_gateway_knows_the_message_by_its_id(world: World, sending: Sending) -> None:
    message = sending.send(SHOP, ORDER).message

    [(account, submit)] = world.gateway.submits
    assert account == "default"
    assert submit == Submit(("13812345678", "13800001234"), ORDER.text, "", message.id)


def test_times_are_in_the_zone_of_the_account(sending: Sending) -> None:
    assert sending.send(SHOP, ORDER).message.created_at.isoformat() == "2026-11-23T12:00:00+08:00"


def test_the_message_is_claimed_before_the_gateway_is_asked(world: World, sending: Sending) -> None:
    def look(submit: Submit) -> tuple[Accepted, ...]:
        assert world.messages.messages[submit.reference].status is Status.SUBMITTING
        return ()

    world.gateway.submit_answer = look
    sending.send(SHOP, ORDER)


def test_who_is_missing_in_the_answer_was_refused(world: World, sending: Sending) -> None:
    world.gateway.submit_answer = lambda submit: (Accepted(submit.dest[1], "06", 2),)

    message = sending.send(SHOP, ORDER).message

    assert [recipient.status for recipient in message.recipients] == [Status.REJECTED, Status.SUBMITTED]
    assert message.status is Status.SUBMITTED


def test_a_refusal_is_recorded_and_names_its_code(world: World, sending: Sending) -> None:
    world.gateway.submit_answer = Refused(code_of(205))

    with pytest.raises(GatewayRefused) as caught:
        sending.send(SHOP, ORDER)

    assert caught.value.code.number == 205
    assert caught.value.message_id is not None
    message = world.finding().find(SHOP, caught.value.message_id)
    assert (message.status, message.gateway_code) == (Status.REJECTED, 205)


def test_nothing_sent_is_recorded_as_rejected(world: World, sending: Sending) -> None:
    world.gateway.submit_answer = NotSent("connection refused")

    with pytest.raises(GatewayUnreachable) as caught:
        sending.send(SHOP, ORDER)

    assert caught.value.message_id is not None
    assert world.finding().find(SHOP, caught.value.message_id).status is Status.REJECTED
    assert world.topic.events == []


@pytest.mark.parametrize("failure", [Ambiguous("no answer"), Malformed("an error page", raw=b"<html>")])
def test_an_ambiguous_outcome_is_unknown_said_and_never_retried(
    world: World, sending: Sending, failure: Exception
) -> None:
    world.gateway.submit_answer = failure

    message = sending.send(SHOP, ORDER).message

    assert message.status is Status.UNKNOWN
    assert len(world.gateway.submits) == 1
    assert [event.type for event in world.topic.events] == [EventType.UNKNOWN] * 2
    assert [event.data["to"] for event in world.topic.events] == ["+8613812345678", "+8613800001234"]
    assert {event.time.isoformat() for event in world.topic.events} == {"2026-11-23T12:00:00+08:00"}
    assert len({event.id for event in world.topic.events}) == 2


def test_a_topic_that_fails_does_not_make_an_unknown_look_like_not_sent(world: World, sending: Sending) -> None:
    world.gateway.submit_answer = Ambiguous("no answer")
    world.topic.fails = 1

    assert sending.send(SHOP, ORDER).message.status is Status.UNKNOWN
    assert world.counters.counted["UnknownNotPublished"] == 1


def test_a_submit_whose_process_died_is_unknown_past_its_deadline(world: World, sending: Sending) -> None:
    def die(_: Submit) -> tuple[Accepted, ...]:
        raise KeyboardInterrupt

    world.gateway.submit_answer = die
    with pytest.raises(KeyboardInterrupt):
        sending.send(SHOP, ORDER)
    [message_id] = world.messages.messages

    assert world.finding().find(SHOP, message_id).status is Status.SUBMITTING
    world.clock.advance(timedelta(minutes=1).total_seconds())
    assert world.finding().find(SHOP, message_id).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("order", "field", "code"),
    [
        (lambda: Order(to=("13812345678",), text=""), "text", 105),
        (lambda: Order(to=("13812345678",), text="字" * 501), "text", 109),
        (lambda: Order(to=("13812345678", "13812345678"), text="x"), "to[1]", None),
        (lambda: Order(to=tuple(f"138{index:08}" for index in range(1001)), text="x"), "to", None),
        (lambda: Order(to=("13812345678",), text="x", extension="12a"), "extension", 108),
    ],
)
def test_what_the_gateway_would_surely_refuse_costs_no_call_and_no_write(
    world: World, sending: Sending, order: Callable[[], Order], field: str, code: int | None
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sending.send(SHOP, order())

    assert [(problem.field, problem.gateway_code) for problem in caught.value.problems] == [(field, code)]
    assert (world.gateway.submits, world.messages.writes) == ([], 0)


def test_a_text_without_the_signature_that_its_account_requires_is_refused_here(world: World, sending: Sending) -> None:
    world.accounts.policies["default"] = Policy(signature_required=True)

    with pytest.raises(InvalidRequest) as caught:
        sending.send(SHOP, replace(ORDER, text="您的验证码是123456"))

    assert [(problem.field, problem.gateway_code) for problem in caught.value.problems] == [("text", 111)]
    assert (world.gateway.submits, world.messages.writes) == ([], 0)


def test_the_accounts_own_signature_is_sent_and_kept_with_the_text(world: World, sending: Sending) -> None:
    world.accounts.policies["default"] = Policy(signature="京东")

    message = sending.send(SHOP, replace(ORDER, text="您的验证码是123456")).message

    assert message.text == world.gateway.submits[0][1].content == "【京东】您的验证码是123456"
    assert world.finding().find(SHOP, message.id).text == message.text


def test_a_client_uses_its_own_accounts_only(world: World, sending: Sending) -> None:
    world.add_account("other")

    with pytest.raises(NotAllowed):
        sending.send(SHOP, Order(to=("13812345678",), text="x", account="other"))

    assert (world.gateway.submits, world.messages.writes) == ([], 0)


def test_an_account_that_is_not_there_is_the_callers_mistake(world: World, sending: Sending) -> None:
    anything = replace(SHOP, accounts=frozenset({"*"}))

    with pytest.raises(NotAllowed, match="no account 'nowhere'"):
        sending.send(anything, Order(to=("13812345678",), text="x", account="nowhere"))

    assert world.messages.writes == 0


def test_a_default_account_that_is_not_there_is_the_operators(sending: Sending) -> None:
    with pytest.raises(AccountNotConfigured):
        sending.send(replace(SHOP, default_account="gone", accounts=frozenset({"*"})), ORDER)


KEY = "a-key"


def test_a_repeat_with_the_same_key_sends_nothing_and_gets_the_first_answer(world: World, sending: Sending) -> None:
    first = sending.send(SHOP, ORDER, KEY)
    again = sending.send(SHOP, ORDER, KEY)

    assert (first.replayed, again.replayed) == (False, True)
    assert again.message == first.message
    assert len(world.gateway.submits) == 1


def test_the_first_answer_stays_as_it_was_when_reports_have_come(world: World, sending: Sending) -> None:
    first = sending.send(SHOP, ORDER, KEY)
    world.messages.apply(
        TrackedReport(
            event_id="1",
            account="default",
            message_id=first.message.id,
            to="+8613812345678",
            status=Status.DELIVERED,
            final=True,
            gateway_message_id="06",
            gateway_status="DELIVRD",
            error_class=None,
            reported_at=world.clock.now(),
        ),
        day=world.clock.now().date(),
    )

    assert sending.send(SHOP, ORDER, KEY).message == first.message
    assert world.finding().find(SHOP, first.message.id).recipients[0].status is Status.DELIVERED


def test_an_unknown_outcome_is_not_sent_again_by_a_repeat(world: World, sending: Sending) -> None:
    world.gateway.submit_answer = Ambiguous("no answer")
    first = sending.send(SHOP, ORDER, KEY)
    world.gateway.submit_answer = None

    again = sending.send(SHOP, ORDER, KEY)

    assert (again.message, again.replayed) == (first.message, True)
    assert len(world.gateway.submits) == 1


@pytest.mark.parametrize("failure", [Refused(code_of(205)), NotSent("down")])
def test_where_nothing_was_sent_a_repeat_is_carried_out(world: World, sending: Sending, failure: Exception) -> None:
    world.gateway.submit_answer = failure
    with pytest.raises((GatewayRefused, GatewayUnreachable)):
        sending.send(SHOP, ORDER, KEY)
    world.gateway.submit_answer = None

    again = sending.send(SHOP, ORDER, KEY)

    assert (again.message.status, again.replayed) == (Status.SUBMITTED, False)
    assert sending.send(SHOP, ORDER, KEY).message == again.message


def test_the_same_key_for_something_else_is_a_mistake(world: World, sending: Sending) -> None:
    sending.send(SHOP, ORDER, KEY)

    with pytest.raises(InvalidRequest) as caught:
        sending.send(SHOP, replace(ORDER, text="【京东】other"), KEY)

    assert [problem.field for problem in caught.value.problems] == ["Idempotency-Key"]
    assert len(world.gateway.submits) == 1


def test_a_repeat_while_the_first_is_in_flight_waits(world: World, sending: Sending) -> None:
    def meanwhile(_: Submit) -> tuple[Accepted, ...]:
        with pytest.raises(StillInFlight):
            sending.send(SHOP, ORDER, KEY)
        return ()

    world.gateway.submit_answer = meanwhile
    sending.send(SHOP, ORDER, KEY)
    assert len(world.gateway.submits) == 1


def test_a_repeat_after_the_first_died_is_unknown_and_sends_nothing(world: World, sending: Sending) -> None:
    def die(_: Submit) -> tuple[Accepted, ...]:
        raise KeyboardInterrupt

    world.gateway.submit_answer = die
    with pytest.raises(KeyboardInterrupt):
        sending.send(SHOP, ORDER, KEY)
    world.gateway.submit_answer = None

    with pytest.raises(StillInFlight):
        sending.send(SHOP, ORDER, KEY)
    world.clock.advance(60)
    again = sending.send(SHOP, ORDER, KEY)

    assert (again.message.status, again.replayed) == (Status.UNKNOWN, True)
    assert len(world.gateway.submits) == 1


def test_keys_are_each_clients_own_and_last_a_day(world: World, sending: Sending) -> None:
    sending.send(SHOP, ORDER, KEY)
    sending.send(replace(SHOP, client="other"), ORDER, KEY)
    assert len(world.gateway.submits) == 2

    world.clock.advance(timedelta(hours=24).total_seconds())
    assert not sending.send(SHOP, ORDER, KEY).replayed
    assert len(world.gateway.submits) == 3


def test_without_a_key_each_request_is_its_own(world: World, sending: Sending) -> None:
    sending.send(SHOP, ORDER)
    sending.send(SHOP, ORDER)
    assert len(world.gateway.submits) == 2


def test_a_message_to_several_numbers_is_indexed_between_its_claim_and_its_submit(
    world: World, sending: Sending
) -> None:
    def look(submit: Submit) -> tuple[Accepted, ...]:
        assert submit.reference in world.messages.indexed
        return ()

    world.gateway.submit_answer = look
    sending.send(SHOP, replace(ORDER, to=("13812345678", "13812345679")))

    assert len(world.gateway.submits) == 1


def test_a_message_that_cannot_be_indexed_is_not_sent_and_recorded_as_such(world: World, sending: Sending) -> None:
    world.messages.index_failure = TimeoutError("unprocessed")

    with pytest.raises(NotStored):
        sending.send(SHOP, ORDER, KEY)

    [message] = world.messages.messages.values()
    assert (message.status, world.gateway.submits) == (Status.REJECTED, [])
    world.messages.index_failure = None
    assert sending.send(SHOP, ORDER, KEY).message.status is Status.SUBMITTED


@pytest.fixture
def unrecorded(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A table that takes claims and then nothing more."""

    def refuse(_: Message, __: Message) -> None:
        raise ConnectionError("the table does not answer")

    monkeypatch.setattr(world.messages, "move", refuse)
    return world


def test_a_message_that_was_taken_is_not_told_as_failed_where_that_cannot_be_recorded(
    unrecorded: World, sending: Sending
) -> None:
    message = sending.send(SHOP, ORDER, KEY).message

    assert message.status is Status.SUBMITTED
    assert unrecorded.counters.counted["SubmitsUnrecorded"] == 1
    unrecorded.clock.advance(60)
    assert unrecorded.finding().find(SHOP, message.id).status is Status.UNKNOWN  # until its report comes
    assert sending.send(SHOP, ORDER, KEY).replayed
    assert len(unrecorded.gateway.submits) == 1


@pytest.mark.parametrize(
    ("failure", "error"), [(Refused(code_of(205)), GatewayRefused), (NotSent("down"), GatewayUnreachable)]
)
def test_what_was_not_sent_is_told_as_that_where_it_cannot_be_recorded(
    unrecorded: World, sending: Sending, failure: Exception, error: type[Exception]
) -> None:
    unrecorded.gateway.submit_answer = failure

    with pytest.raises(error):
        sending.send(SHOP, ORDER)
    assert unrecorded.counters.counted["SubmitsUnrecorded"] == 1


def test_an_unknown_outcome_is_said_where_it_cannot_be_recorded(unrecorded: World, sending: Sending) -> None:
    unrecorded.gateway.submit_answer = Ambiguous("no answer")

    assert sending.send(SHOP, ORDER).message.status is Status.UNKNOWN
    assert [event.type for event in unrecorded.topic.events] == [EventType.UNKNOWN] * 2


def test_a_topic_that_is_out_of_reach_does_not_make_an_unknown_look_like_not_sent(
    world: World, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise ConnectionError("the topic does not answer")

    monkeypatch.setattr(world.topic, "publish", refuse)
    world.gateway.submit_answer = Ambiguous("no answer")

    assert sending.send(SHOP, ORDER).message.status is Status.UNKNOWN
    assert world.counters.counted["UnknownNotPublished"] == 1
