"""What an answer promises, what a variable asks for, what a dead letter is about: read as strictly as the books are."""

import itertools
import json

import httpx
import pytest

from local.errors import LocalError
from local.gateway.calls import write
from tests.soak.__main__ import plan_of
from tests.soak.gathering import read_letter
from tests.soak.ledger import PROBLEM, Answer, Request, Said, marker_of, read_answer, text_of
from tests.soak.load import Orders
from tests.soak.stage import AES_KEY, readable


def problem(status: int, kind: str, **more: str) -> httpx.Response:
    return httpx.Response(status, json={"type": f"{PROBLEM}{kind}", **more})


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(201, json={"id": "M", "status": "submitted"}), Said.MESSAGE),
        (httpx.Response(202, json={"id": "M", "status": "unknown"}), Said.MESSAGE),
        (problem(402, "gateway-refused"), Said.NOTHING),
        (problem(503, "gateway-unreachable"), Said.NOTHING),
        (problem(422, "opted-out"), Said.NOTHING),
        (problem(503, "store-unavailable", detail="it did not answer; nothing was sent"), Said.NOTHING),
        (problem(503, "store-unavailable", detail="it may have the message all the same"), Said.OPEN),
        (problem(409, "still-in-flight"), Said.IN_FLIGHT),
        (problem(500, "internal"), Said.OPEN),
        (httpx.Response(502, text="Bad Gateway"), Said.OPEN),
        (httpx.Response(504, json=["?"]), Said.OPEN),
        (None, Said.OPEN),
    ],
)
def test_an_answer_promises_no_more_than_it_says(response: httpx.Response | None, said: Said) -> None:
    assert read_answer(response).said is said


@pytest.mark.parametrize(
    ("said", "nothing"),
    [((), False), ((Said.NOTHING,), True), ((Said.NOTHING, Said.OPEN), False), ((Said.IN_FLIGHT,), False)],
)
def test_nothing_was_sent_only_where_every_answer_said_so(said: tuple[Said, ...], nothing: bool) -> None:  # noqa: FBT001
    request = Request(1, "one", "default", ("+8613800000001",), answers=[Answer(one) for one in said])

    assert request.nothing_sent is nothing


def test_a_text_is_found_again() -> None:
    assert marker_of(text_of(42, "，您的验证码是123456")) == 42
    assert marker_of("【京东】明天见") is None


def test_orders_are_the_same_for_a_seed_and_each_text_has_its_own_number() -> None:
    def drawn(seed: int) -> list[tuple[str, int, tuple[str, ...]]]:
        wanted = itertools.islice(Orders(seed), 200)
        return [(one.kind, one.marker, one.numbers) for each in wanted for one in each.requests]

    first = drawn(5)
    assert first == drawn(5)
    assert first != drawn(6)
    assert len({marker for _, marker, _ in first}) == len(first)
    assert len({kind for kind, _, _ in first}) == 10
    assert all(len(set(numbers)) == len(numbers) for _, _, numbers in first)


@pytest.mark.parametrize("variables", [{"MINUTES": "ten"}, {"MINUTES": "-1"}, {"RATE": "0"}, {"SETTLE": "inf"}])
def test_a_variable_that_makes_no_sense_is_named(variables: dict[str, str]) -> None:
    with pytest.raises(LocalError, match=next(iter(variables))):
        plan_of(variables)


def test_the_variables_make_the_plan() -> None:
    plan = plan_of({"MINUTES": "10", "SEED": "7", "RATE": "2.5"})

    assert (plan.seconds, plan.seed, plan.rate) == (600, 7, 2.5)
    assert plan_of({"MINUTES": ""}).seconds == 120


def test_a_dead_letter_is_explained_where_a_schedule_comes_again() -> None:
    def failed(function: str) -> str:
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:eums-bridge-local-{function}:$LATEST"
        return json.dumps({"requestContext": {"functionArn": arn}})

    assert read_letter("eums-bridge-local-ScheduleDeadLetterQueue-1", failed("pull-reports")).explained
    assert not read_letter("eums-bridge-local-ScheduleDeadLetterQueue-1", failed("submit")).explained
    letter = read_letter("eums-bridge-local-TrackDeadLetterQueue-1", '{"text": "【京东】明天见"}')
    assert (letter.queue, letter.explained) == ("TrackDeadLetterQueue", "")
    assert "明天见" not in letter.what


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_what_is_complete_in_a_cut_page_can_be_read(encrypted: bool) -> None:  # noqa: FBT001
    answer = {"code": 0, "data": [{"content": "好的"}, {"content": "x" * 20}]}
    whole = write(answer, AES_KEY.encode() if encrypted else None).body
    counts = [readable(answer, whole, whole[:length], encrypted=encrypted) for length in range(len(whole) + 1)]

    assert counts == sorted(counts)
    assert (counts[0], counts[-1], set(counts)) == (0, 2, {0, 1, 2})
    assert readable(answer, whole, b"<html>", encrypted=encrypted) == 0
    if not encrypted:
        assert counts.index(1) == whole.index(b"}") + 1
        assert counts.index(2) == len(whole) - len("]}")
