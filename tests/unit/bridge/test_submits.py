"""The send machine by itself: how a message looks after each step."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.ids import ulid
from bridge.domain.messages import Message, OnAmbiguous, Recipient, Rejection, Status
from bridge.domain.submits import (
    MOST_TRIES,
    MOVES,
    QUEUED_FOR,
    SUBMIT_DEADLINE,
    as_accepted,
    begun,
    cancelled,
    is_waiting,
    leaving_out,
    once_more,
    past_deadline,
    put_back,
    refused,
    rejected,
    rerouted,
    state_of,
    submitted,
    to_resend,
    unknown,
    waiting,
)
from eums import Accepted, code_of
from tests.fakes.world import NOON

ID = ulid(NOON, b"a message!")
ONE, TWO = "+8613800000001", "+8613800000002"
LATER = NOON + timedelta(hours=2)


def new(**changes: object) -> Message:
    made = Message(
        id=ID,
        client="shop",
        account="default",
        text="【京东】x",
        signature="京东",
        recipients=(Recipient(to=ONE, status=Status.SUBMITTING), Recipient(to=TWO, status=Status.SUBMITTING)),
        created_at=NOON,
        deadline=NOON,
        fallback_accounts=("first", "second", "third"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def queued(**changes: object) -> Message:
    return waiting(new(**changes))


def claimed(**changes: object) -> Message:
    return begun(queued(**changes), claim="CLAIM", now=LATER)


def taken(*numbers: str) -> list[Accepted]:
    return [Accepted(number.removeprefix("+86"), f"0{index}", 1) for index, number in enumerate(numbers)]


STEPS: list[tuple[Callable[[], Message], Callable[[Message], Message], Status]] = [
    (queued, lambda message: begun(message, claim="C", now=LATER), Status.SUBMITTING),
    (queued, cancelled, Status.CANCELLED),
    (queued, lambda message: rejected(message, Rejection.EXPIRED_IN_QUEUE), Status.REJECTED),
    (lambda: queued(send_at=LATER), lambda message: begun(message, claim="C", now=LATER), Status.SUBMITTING),
    (lambda: queued(send_at=LATER), cancelled, Status.CANCELLED),
    (lambda: queued(send_at=LATER), lambda message: rejected(message, Rejection.NOT_PROCESSED), Status.REJECTED),
    (claimed, lambda message: begun(message, claim="C", now=LATER), Status.SUBMITTING),
    (claimed, lambda message: rerouted(message, account="first", text="x", signature=""), Status.SUBMITTING),
    (claimed, lambda message: submitted(message, taken(ONE, TWO)), Status.SUBMITTED),
    (claimed, lambda message: submitted(message, taken(TWO)), Status.SUBMITTED),
    (claimed, lambda message: submitted(message, []), Status.REJECTED),
    (claimed, lambda message: refused(message, code_of(205)), Status.REJECTED),
    (claimed, lambda message: leaving_out(message, {ONE, TWO}), Status.REJECTED),
    (claimed, unknown, Status.UNKNOWN),
    (claimed, put_back, Status.ACCEPTED),
    (claimed, to_resend, Status.ACCEPTED),
    (lambda: to_resend(claimed()), lambda message: rejected(message, Rejection.EXPIRED_IN_QUEUE), Status.UNKNOWN),
    (lambda: unknown(claimed()), lambda message: submitted(message, taken(ONE)), Status.SUBMITTED),
    (lambda: unknown(claimed()), lambda message: refused(message, code_of(401)), Status.REJECTED),
]


@pytest.mark.parametrize(("beginning", "step", "state"), STEPS)
def test_each_step_leads_where_the_table_says(
    beginning: Callable[[], Message], step: Callable[[Message], Message], state: Status
) -> None:
    before = beginning()
    after = step(before)

    assert state_of(after) is state
    assert state in MOVES[state_of(before)]


@pytest.mark.parametrize("state", [Status.SUBMITTED, Status.REJECTED, Status.CANCELLED])
def test_what_has_ended_stays(state: Status) -> None:
    assert MOVES[state] == frozenset()


def test_what_waits_is_claimed_by_nobody() -> None:
    message = queued()

    assert (state_of(message), message.claim, message.tries, message.queued) == (Status.ACCEPTED, "", 0, True)
    assert message.deadline == NOON + QUEUED_FOR
    assert is_waiting(message)


def test_what_has_its_time_is_given_up_a_day_after_that() -> None:
    message = queued(send_at=LATER)

    assert (state_of(message), message.deadline) == (Status.SCHEDULED, LATER + QUEUED_FOR)
    assert not past_deadline(message, message.deadline - timedelta.resolution)
    assert past_deadline(message, message.deadline)


def test_a_claim_says_whose_it_is_since_when_and_until_when() -> None:
    message = claimed()

    assert (message.claim, message.claimed_at, message.tries) == ("CLAIM", LATER, 1)
    assert message.deadline == LATER + SUBMIT_DEADLINE
    assert message.submitted_at == LATER
    assert not is_waiting(message)


def test_one_that_its_caller_waits_for_began_when_it_was_created() -> None:
    message = begun(new(), claim=ID, now=NOON)
    assert (message.claimed_at, message.submitted_at) == (None, NOON)


def test_put_back_is_as_before_the_claim() -> None:
    assert put_back(claimed()) == queued()


def test_one_that_had_its_time_waits_as_accepted() -> None:
    assert put_back(claimed(send_at=LATER)) == replace(
        queued(send_at=LATER),
        recipients=(Recipient(to=ONE, status=Status.ACCEPTED), Recipient(to=TWO, status=Status.ACCEPTED)),
    )


def test_who_is_left_out_stays_left_out() -> None:
    message = put_back(leaving_out(claimed(), {ONE}))

    assert [recipient.status for recipient in message.recipients] == [Status.REJECTED, Status.ACCEPTED]
    again = begun(message, claim="AGAIN", now=LATER)
    assert [recipient.status for recipient in again.recipients] == [Status.REJECTED, Status.SUBMITTING]
    assert [recipient.status for recipient in submitted(again, taken(ONE, TWO)).recipients] == [
        Status.REJECTED,
        Status.SUBMITTED,
    ]
    assert [recipient.status for recipient in unknown(again).recipients] == [Status.REJECTED, Status.UNKNOWN]


def test_leaving_out_says_why() -> None:
    some, everybody = leaving_out(claimed(), {TWO}), leaving_out(claimed(), {ONE, TWO})

    assert [recipient.error_class for recipient in some.recipients] == [None, Rejection.OPTED_OUT]
    assert (some.reason, everybody.reason) == (None, Rejection.OPTED_OUT)
    assert leaving_out(claimed(), frozenset()) == claimed()
    assert leaving_out(some, {ONE}).reason is Rejection.OPTED_OUT


def test_who_is_missing_in_the_answer_was_refused() -> None:
    message = submitted(claimed(), taken(TWO))

    assert [recipient.status for recipient in message.recipients] == [Status.REJECTED, Status.SUBMITTED]
    assert message.recipients[1].gateway_message_id == "00"


def test_a_refusal_has_its_code_and_a_rejection_its_reason() -> None:
    assert refused(claimed(), code_of(205)).gateway_code == 205
    assert rejected(queued(), Rejection.EXPIRED_IN_QUEUE).reason is Rejection.EXPIRED_IN_QUEUE


def test_rerouted_remembers_what_its_caller_saw_and_tries_nobody_twice() -> None:
    message = rerouted(claimed(), account="second", text="【备用】x", signature="备用")

    assert (message.account, message.text, message.signature) == ("second", "【备用】x", "备用")
    assert message.fallback_accounts == ("third",)
    assert message.routed_from == ("default", "【京东】x")
    assert (message.claim, message.tries) == ("CLAIM", 1)
    again = rerouted(message, account="third", text="x", signature="")
    assert (again.routed_from, again.fallback_accounts) == (("default", "【京东】x"), ())


@pytest.mark.parametrize(("send_at", "status"), [(None, Status.ACCEPTED), (LATER, Status.SCHEDULED)])
def test_as_accepted_is_what_its_caller_was_told(send_at: object, status: Status) -> None:
    first = queued(send_at=send_at)
    route = rerouted(begun(first, claim="C", now=LATER), account="first", text="【备用】x", signature="备用")
    for now in (
        submitted(leaving_out(route, {ONE}), taken(TWO)),
        refused(route, code_of(302)),
        unknown(route),
        cancelled(first),
        rejected(first, Rejection.NOT_PROCESSED),
    ):
        told = as_accepted(now)
        assert told.recipients == first.recipients
        assert (told.status, told.account, told.text) == (status, first.account, first.text)
        assert (told.gateway_code, told.reason) == (None, None)


def test_once_more_only_where_it_is_asked_for_and_not_for_ever() -> None:
    assert not once_more(claimed())
    message = queued(on_ambiguous=OnAmbiguous.RESEND)
    tries = 0
    while once_more(message):
        message = begun(message, claim=str(tries), now=LATER)
        tries += 1
    assert tries == MOST_TRIES == 3


def test_nothing_settles_a_doubtful_message_but_that_it_was_taken() -> None:
    second = begun(claimed(on_ambiguous=OnAmbiguous.RESEND), claim="SECOND", now=LATER)

    assert (claimed().doubtful, second.doubtful) == (False, True)
    assert state_of(refused(second, code_of(205))) is Status.UNKNOWN
    assert state_of(rejected(second, Rejection.UNREACHABLE)) is Status.UNKNOWN
    assert state_of(leaving_out(second, {ONE, TWO})) is Status.UNKNOWN
    assert state_of(submitted(second, taken(ONE))) is Status.SUBMITTED
    again = put_back(second)
    assert (state_of(again), again.doubtful, again.tries) == (Status.ACCEPTED, True, 1)
    assert state_of(rejected(again, Rejection.EXPIRED_IN_QUEUE)) is Status.UNKNOWN


def test_who_is_left_out_of_a_second_submit_may_have_got_the_first() -> None:
    second = begun(to_resend(claimed(on_ambiguous=OnAmbiguous.RESEND)), claim="SECOND", now=LATER)
    left = leaving_out(second, {ONE})

    assert state_of(left) is Status.SUBMITTING
    for after in (left, put_back(left), submitted(left, taken(TWO)), unknown(left)):
        assert (after.recipients[0].status, after.recipients[0].error_class) == (Status.UNKNOWN, "opted_out")
    assert state_of(put_back(left)) is Status.ACCEPTED


def test_one_that_is_to_be_sent_again_waits_with_its_tries() -> None:
    message = to_resend(claimed(on_ambiguous=OnAmbiguous.RESEND))

    assert (state_of(message), message.claim, message.tries, message.doubtful) == (Status.ACCEPTED, "", 1, True)
    assert begun(message, claim="C", now=LATER).tries == 2


def test_the_state_is_that_of_who_was_not_left_out() -> None:
    assert state_of(submitted(leaving_out(claimed(), {ONE}), taken(TWO))) is Status.SUBMITTED
    assert state_of(unknown(leaving_out(claimed(), {ONE}))) is Status.UNKNOWN
    assert state_of(leaving_out(claimed(), {ONE, TWO})) is Status.REJECTED
