"""Submitting: what is done with a message whose claim is held."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridge.domain.errors import AccountNotConfigured, NotStored
from bridge.domain.ids import ulid
from bridge.domain.messages import Category, Message, OnAmbiguous, Recipient, Rejection, Status
from bridge.domain.opt_outs import OptOut, Source
from bridge.domain.policies import Policy
from bridge.domain.submits import begun, state_of, unknown, waiting
from bridge.services.submitting import Ended, Submitting
from eums import Accepted, Ambiguous, NotSent, Refused, Submit, code_of
from tests.fakes.world import LONGEST_CALL, NOON, World

ONE, TWO = "+8613800000001", "+8613800000002"
ID = ulid(NOON, b"a message!")


@pytest.fixture
def world() -> World:
    world = World()
    for name, signature in (("default", "京东"), ("backup", "备用"), ("third", "")):
        if name != "default":
            world.add_account(name)
        world.accounts.policies[name] = Policy(signature=signature)
    return world


@pytest.fixture
def submitting(world: World) -> Submitting:
    return world.submitting()


def new(**changes: object) -> Message:
    made = Message(
        id=ID,
        client="shop",
        account="default",
        text="【京东】您的验证码是123456",
        signature="京东",
        recipients=(Recipient(to=ONE, status=Status.SUBMITTING), Recipient(to=TWO, status=Status.SUBMITTING)),
        created_at=NOON,
        deadline=NOON,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def sync(world: World, **changes: object) -> Message:
    message = begun(new(**changes), claim=ID, now=NOON)
    world.messages.add(message)
    return message


def queued(world: World, **changes: object) -> Message:
    message = waiting(new(**changes))
    world.messages.add(message)
    claimed = begun(message, claim="CLAIM", now=NOON)
    world.messages.move(message, claimed)
    return claimed


KINDS = [sync, queued]


def submit(world: World, message: Message, *, seconds: float = 27.0) -> Ended:
    return world.submitting().submit(message, until=world.clock.monotonic() + seconds)


def opt_out(world: World, number: str, account: str = "default") -> None:
    world.opt_outs.add(OptOut(account=account, number=number, since=NOON, source=Source.API))


def answering(world: World, *answers: Exception | None) -> None:
    """Exceptions, one after the other; then everything is taken."""
    left = list(answers)

    def answer(submit: Submit) -> tuple[Accepted, ...]:
        if left and (failure := left.pop(0)):
            raise failure
        return tuple(Accepted(number, f"0{index}", 1) for index, number in enumerate(submit.dest))

    world.gateway.submit_answer = answer


def state(world: World) -> Status:
    return state_of(world.messages.messages[ID])


def accounts_asked(world: World) -> list[str]:
    return [account for account, _ in world.gateway.submits]


# --- opt-outs


@pytest.mark.parametrize("kind", KINDS)
def test_who_opted_out_is_left_out(world: World, kind: Callable[..., Message]) -> None:
    opt_out(world, ONE)

    ended = submit(world, kind(world))

    assert [submit.dest for _, submit in world.gateway.submits] == [("13800000002",)]
    assert [recipient.status for recipient in ended.message.recipients] == [Status.REJECTED, Status.SUBMITTED]
    assert ended.message.recipients[0].error_class == Rejection.OPTED_OUT
    assert world.messages.messages[ID] == ended.message


@pytest.mark.parametrize("kind", KINDS)
def test_where_everybody_opted_out_nothing_is_sent(world: World, kind: Callable[..., Message]) -> None:
    opt_out(world, ONE)
    opt_out(world, TWO)

    ended = submit(world, kind(world))

    assert (ended.message.status, ended.message.reason) == (Status.REJECTED, Rejection.OPTED_OUT)
    assert (world.gateway.submits, state(world)) == ([], Status.REJECTED)


def test_what_its_recipients_asked_for_goes_to_all_and_costs_no_read(world: World) -> None:
    opt_out(world, ONE)

    ended = submit(world, sync(world, category=Category.TRANSACTIONAL))

    assert {recipient.status for recipient in ended.message.recipients} == {Status.SUBMITTED}
    assert world.opt_outs.asked == []


@pytest.mark.parametrize(("kind", "left"), [(sync, Status.REJECTED), (queued, Status.ACCEPTED)])
def test_where_opt_outs_cannot_be_read_nothing_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: Callable[..., Message], left: Status
) -> None:
    def fail(*_: object) -> frozenset[str]:
        raise ConnectionError

    monkeypatch.setattr(world.opt_outs, "among", fail)

    with pytest.raises(NotStored):
        submit(world, kind(world))

    assert (world.gateway.submits, state(world)) == ([], left)


# --- nothing was sent


def test_what_was_not_sent_is_tried_again(world: World) -> None:
    answering(world, NotSent("down"), NotSent("down"), NotSent("down"))

    ended = submit(world, sync(world))

    assert ended.message.status is Status.SUBMITTED
    assert len(world.gateway.submits) == 4
    assert world.clock.elapsed == pytest.approx(0.1 + 0.2 + 0.4)
    assert world.messages.writes == 2


@pytest.mark.parametrize(("kind", "left"), [(sync, Status.REJECTED), (queued, Status.ACCEPTED)])
def test_what_is_never_sent_is_given_up_in_time(world: World, kind: Callable[..., Message], left: Status) -> None:
    world.gateway.submit_answer = NotSent("down")

    ended = submit(world, kind(world))

    assert world.clock.elapsed <= 27.0 - LONGEST_CALL
    assert len(world.gateway.submits) == 6  # after 0.1, 0.2, 0.4, 0.8, 1.6 s
    assert (state_of(ended.message), state(world)) == (left, left)
    assert ended.message.reason is (Rejection.UNREACHABLE if kind is sync else None)


def test_without_time_for_another_call_there_is_none(world: World) -> None:
    world.gateway.submit_answer = NotSent("down")

    submit(world, sync(world), seconds=LONGEST_CALL)

    assert len(world.gateway.submits) == 1


@pytest.mark.parametrize(("kind", "left"), [(sync, Status.REJECTED), (queued, Status.ACCEPTED)])
def test_an_account_that_is_gone_sends_nothing(world: World, kind: Callable[..., Message], left: Status) -> None:
    world.gateway.submit_answer = AccountNotConfigured("gone")

    with pytest.raises(AccountNotConfigured):
        submit(world, kind(world))

    assert state(world) is left


# --- refused


@pytest.mark.parametrize("number", [201, 202, 203, 204, 205, 206, 301, 305, 311])
def test_a_refusal_of_the_account_or_channel_tries_the_next(world: World, number: int) -> None:
    answering(world, Refused(code_of(number)))

    ended = submit(world, sync(world, fallback_accounts=("backup",)))

    assert accounts_asked(world) == ["default", "backup"]
    assert world.gateway.submits[1][1].content == "【备用】您的验证码是123456"
    assert (ended.message.status, ended.message.account, ended.refusal) == (Status.SUBMITTED, "backup", None)
    assert ended.message.routed_from == ("default", "【京东】您的验证码是123456")
    assert world.messages.messages[ID] == ended.message
    assert world.messages.indexed[ID] == "backup"


@pytest.mark.parametrize("number", [101, 107, 110, 113, 131, 401, 777])
def test_a_refusal_of_the_request_does_not(world: World, number: int) -> None:
    world.gateway.submit_answer = Refused(code_of(number))

    ended = submit(world, sync(world, fallback_accounts=("backup",)))

    assert accounts_asked(world) == ["default"]
    assert (ended.message.status, ended.message.gateway_code) == (Status.REJECTED, number)
    assert ended.refusal == code_of(number)


def test_fallbacks_are_tried_in_their_order_and_the_last_refusal_counts(world: World) -> None:
    answering(world, *(Refused(code_of(number)) for number in (205, 302, 202)))

    ended = submit(world, sync(world, fallback_accounts=("third", "backup")))

    assert accounts_asked(world) == ["default", "third", "backup"]
    assert [submit.content[:4] for _, submit in world.gateway.submits] == ["【京东】", "您的验证", "【备用】"]
    assert (ended.message.gateway_code, ended.message.account) == (202, "backup")


def test_a_text_with_a_signature_of_its_callers_keeps_it(world: World) -> None:
    answering(world, Refused(code_of(205)))

    submit(world, sync(world, text="【自己】x", signature="", fallback_accounts=("backup",)))

    assert [submit.content for _, submit in world.gateway.submits] == ["【自己】x"] * 2


def test_an_account_that_would_not_take_it_is_passed_over(world: World) -> None:
    world.accounts.policies["third"] = Policy(signature_required=True)
    opt_out(world, ONE, "opted-out")
    opt_out(world, TWO, "opted-out")
    world.add_account("opted-out")
    answering(world, Refused(code_of(205)))

    submit(world, sync(world, fallback_accounts=("third", "gone", "opted-out", "backup")))

    assert accounts_asked(world) == ["default", "backup"]


def test_the_next_account_has_opt_outs_of_its_own(world: World) -> None:
    opt_out(world, ONE, "backup")
    answering(world, Refused(code_of(205)))

    ended = submit(world, sync(world, fallback_accounts=("backup",)))

    assert [len(submit.dest) for _, submit in world.gateway.submits] == [2, 1]
    assert [recipient.status for recipient in ended.message.recipients] == [Status.REJECTED, Status.SUBMITTED]


def test_fallback_opt_outs_that_cannot_be_read_leave_the_refusal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def among(account: str, _: object) -> frozenset[str]:
        if account == "backup":
            raise ConnectionError
        return frozenset()

    monkeypatch.setattr(world.opt_outs, "among", among)
    world.gateway.submit_answer = Refused(code_of(205))

    ended = submit(world, sync(world, fallback_accounts=("backup",)))

    assert (accounts_asked(world), ended.message.gateway_code) == (["default"], 205)


@pytest.mark.parametrize("failure", [Ambiguous("no answer"), NotSent("down"), Ambiguous("?", code=code_of(999))])
def test_no_fallback_where_nobody_knows_or_nobody_answers(world: World, failure: Exception) -> None:
    world.gateway.submit_answer = failure

    submit(world, sync(world, fallback_accounts=("backup",)))

    assert set(accounts_asked(world)) == {"default"}


def test_too_early_goes_back_where_nobody_waits(world: World) -> None:
    world.gateway.submit_answer = Refused(code_of(131))

    ended = submit(world, queued(world, fallback_accounts=("backup",)))

    assert (state_of(ended.message), state(world), accounts_asked(world)) == (
        Status.ACCEPTED,
        Status.ACCEPTED,
        ["default"],
    )


@pytest.mark.parametrize(("kind", "left"), [(sync, Status.REJECTED), (queued, Status.ACCEPTED)])
def test_without_time_for_the_next_account_it_waits_for_it_or_is_refused(
    world: World, kind: Callable[..., Message], left: Status
) -> None:
    def slow(_: Submit) -> tuple[Accepted, ...]:
        world.clock.advance(20)
        raise Refused(code_of(205))

    world.gateway.submit_answer = slow

    ended = submit(world, kind(world, fallback_accounts=("backup",)))

    assert (accounts_asked(world), state_of(ended.message), state(world)) == (["default"], left, left)
    assert world.messages.messages[ID].account == ("default" if kind is sync else "backup")


def test_a_reroute_that_cannot_be_written_down_is_not_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    move = world.messages.move

    def fail(before: Message, after: Message) -> Message | None:
        if after.account == "backup":
            raise ConnectionError
        return move(before, after)

    message = sync(world, fallback_accounts=("backup",))
    monkeypatch.setattr(world.messages, "move", fail)
    world.gateway.submit_answer = Refused(code_of(205))

    ended = submit(world, message)

    assert (accounts_asked(world), ended.message.gateway_code, state(world)) == (["default"], 205, Status.REJECTED)


def test_a_reroute_whose_answer_is_lost_leaves_the_refusal_of_who_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = world.messages.move

    def lose(before: Message, after: Message) -> Message | None:
        standing = move(before, after)
        if state_of(after) is Status.SUBMITTING:
            raise ConnectionError
        return standing

    message = sync(world, fallback_accounts=("backup",))
    monkeypatch.setattr(world.messages, "move", lose)
    world.gateway.submit_answer = Refused(code_of(205))

    submit(world, message)

    found = world.messages.messages[ID]
    assert (accounts_asked(world), found.account, found.gateway_code) == (["default"], "default", 205)


@pytest.mark.parametrize("failure", [Refused(code_of(205)), Ambiguous("no answer")])
def test_who_lost_the_claim_sends_no_more(world: World, failure: Exception) -> None:
    message = queued(world, fallback_accounts=("backup",), on_ambiguous=OnAmbiguous.RESEND)

    def lose(_: Submit) -> tuple[Accepted, ...]:
        world.messages.move(message, unknown(message))
        raise failure

    world.gateway.submit_answer = lose

    ended = submit(world, message)

    assert (len(world.gateway.submits), state_of(ended.message)) == (1, Status.UNKNOWN)


# --- nobody knows


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_knows_is_unknown(world: World, kind: Callable[..., Message]) -> None:
    world.gateway.submit_answer = Ambiguous("no answer")

    ended = submit(world, kind(world))

    assert (len(world.gateway.submits), state_of(ended.message), state(world)) == (1, Status.UNKNOWN, Status.UNKNOWN)


def test_a_surprise_is_as_if_nobody_knew(world: World) -> None:
    world.gateway.submit_answer = ZeroDivisionError()

    assert submit(world, sync(world)).message.status is Status.UNKNOWN
    assert len(world.gateway.submits) == 1
    assert world.counters.counted["SubmitsFailed"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_asks_for_it_is_sent_it_again_three_times_at_most(world: World, kind: Callable[..., Message]) -> None:
    world.gateway.submit_answer = Ambiguous("no answer")
    message = kind(world, on_ambiguous=OnAmbiguous.RESEND)

    ended = submit(world, message, seconds=100)

    assert (len(world.gateway.submits), state_of(ended.message), ended.message.tries) == (3, Status.UNKNOWN, 3)
    assert ended.message.claim != message.claim
    assert state(world) is Status.UNKNOWN


def test_a_second_try_that_is_taken_is_submitted(world: World) -> None:
    answering(world, Ambiguous("no answer"))

    ended = submit(world, sync(world, on_ambiguous=OnAmbiguous.RESEND))

    assert (len(world.gateway.submits), ended.message.status) == (2, Status.SUBMITTED)


def test_a_second_try_needs_its_time(world: World) -> None:
    world.gateway.submit_answer = Ambiguous("no answer")

    submit(world, sync(world, on_ambiguous=OnAmbiguous.RESEND), seconds=LONGEST_CALL - 1)

    assert len(world.gateway.submits) == 1


@pytest.mark.parametrize(("kind", "again"), [(sync, Status.UNKNOWN), (queued, Status.ACCEPTED)])
@pytest.mark.parametrize("second", [Refused(code_of(401)), Refused(code_of(131)), NotSent("down")])
def test_no_refusal_of_a_second_try_says_what_became_of_the_first(
    world: World, kind: Callable[..., Message], again: Status, second: Exception
) -> None:
    answering(world, Ambiguous("no answer"), *[second] * 20)

    ended = submit(world, kind(world, on_ambiguous=OnAmbiguous.RESEND, fallback_accounts=("backup",)))

    final = isinstance(second, Refused) and second.code.number == 401
    left = Status.UNKNOWN if final else again
    assert (state_of(ended.message), state(world)) == (left, left)
    assert ended.message.doubtful
    assert kind is queued or ended.refusal is None  # its caller would send it again
    assert ended.message.gateway_code is None
    assert set(accounts_asked(world)) == {"default"}


def test_a_second_try_without_its_time_is_left_to_the_queue(world: World) -> None:
    world.gateway.submit_answer = Ambiguous("no answer")

    ended = submit(world, queued(world, on_ambiguous=OnAmbiguous.RESEND), seconds=LONGEST_CALL - 1)

    assert (len(world.gateway.submits), state(world), ended.message.doubtful) == (1, Status.ACCEPTED, True)


def test_a_second_try_that_all_opted_out_of_is_unknown_too(world: World) -> None:
    message = queued(world, on_ambiguous=OnAmbiguous.RESEND)
    again = begun(message, claim="AGAIN", now=NOON)
    world.messages.move(message, again)
    opt_out(world, ONE)
    opt_out(world, TWO)

    assert state_of(submit(world, again).message) is Status.UNKNOWN
    assert world.gateway.submits == []


def test_a_second_try_that_cannot_be_written_down_is_not_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    message = sync(world, on_ambiguous=OnAmbiguous.RESEND)
    move = world.messages.move

    def fail(before: Message, after: Message) -> Message | None:
        if after.tries == 2:
            raise ConnectionError
        return move(before, after)

    monkeypatch.setattr(world.messages, "move", fail)
    world.gateway.submit_answer = Ambiguous("no answer")

    assert submit(world, message).message.status is Status.UNKNOWN
    assert len(world.gateway.submits) == 1


# --- the record


def test_what_cannot_be_recorded_is_told_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    message = queued(world)

    def fail(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(world.messages, "move", fail)

    ended = submit(world, message)

    assert (ended.message.status, ended.recorded) == (Status.SUBMITTED, False)
    assert world.counters.counted["SubmitsUnrecorded"] == 1


@pytest.mark.parametrize(
    ("answer", "state_then", "reason"),
    [
        (None, Status.SUBMITTED, None),
        (Refused(code_of(401)), Status.REJECTED, None),
        (Refused(code_of(131)), Status.REJECTED, Rejection.UNREACHABLE),
        (Ambiguous("no answer"), Status.UNKNOWN, None),
    ],
)
def test_what_was_said_to_be_unknown_is_known_at_last(
    world: World, answer: Exception | None, state_then: Status, reason: Rejection | None
) -> None:
    message = queued(world)
    opt_out(world, ONE)

    def late(submit: Submit) -> tuple[Accepted, ...]:
        standing = world.messages.messages[ID]
        world.messages.move(standing, unknown(standing))
        if answer:
            raise answer
        return (Accepted(submit.dest[0], "06", 1),)

    world.gateway.submit_answer = late

    ended = submit(world, message)

    assert (ended.recorded, state_of(ended.message), ended.message.reason) == (True, state_then, reason)
    assert state(world) is state_then


def test_an_outcome_under_a_lost_claim_is_not_recorded(world: World) -> None:
    message = queued(world, on_ambiguous=OnAmbiguous.RESEND)

    def late(submit: Submit) -> tuple[Accepted, ...]:
        world.messages.move(message, begun(message, claim="ANOTHER", now=NOON))
        return (Accepted(submit.dest[0], "06", 1),)

    world.gateway.submit_answer = late

    ended = submit(world, message)

    assert not ended.recorded
    assert world.messages.messages[ID].claim == "ANOTHER"
