"""Opt-outs: added and removed in any order, how pages follow each other, and how many calls a send's read takes."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta, timezone
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.adapters.opt_outs_table import OptOutsTable
from bridge.domain.opt_outs import OptOut, Source
from bridge.ports import OptOuts
from tests.contract.conftest import make_table
from tests.fakes.opt_outs import FakeOptOuts
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
NUMBER = "+8613812345678"
HEARD = OptOut(
    account="default",
    number=NUMBER,
    since=NOON,
    source=Source.INBOUND,
    keyword="TD",
    message="01JDCKQ3V9T4M3W5Y8Z7N6P2QR/0",
)
ADDED = OptOut(account="default", number=NUMBER, since=NOON, source=Source.API)


def numbered(index: int) -> str:
    return f"+861380000{index:04}"


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> str:
    return make_table(dynamodb, "opt-outs", sort_key=True)


@pytest.fixture(params=["fake", "dynamodb"])
def opt_outs(request: pytest.FixtureRequest) -> OptOuts:
    if request.param == "fake":
        return FakeOptOuts()
    return OptOutsTable(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


@pytest.mark.parametrize("opt_out", [HEARD, ADDED], ids=lambda opt_out: opt_out.source)
def test_an_opt_out_is_found_of_its_own_account_and_number(opt_outs: OptOuts, opt_out: OptOut) -> None:
    assert opt_outs.among("default", [NUMBER]) == frozenset()

    assert opt_outs.add(opt_out)

    assert opt_outs.among("default", [NUMBER]) == {NUMBER}
    assert opt_outs.among("default", [numbered(8), NUMBER, numbered(1), NUMBER]) == {NUMBER}
    assert opt_outs.among("default", [numbered(8)]) == frozenset()
    assert opt_outs.among("other", [NUMBER]) == frozenset()
    assert opt_outs.find("default", [NUMBER, numbered(8)]) == {NUMBER: opt_out}
    assert opt_outs.find("default", [numbered(8)]) == opt_outs.find("default", []) == {}
    assert opt_outs.list("default", "", 10) == [opt_out]
    assert opt_outs.list("other", "", 10) == []


def test_the_first_opt_out_stays(opt_outs: OptOuts) -> None:
    assert opt_outs.add(HEARD)

    assert not opt_outs.add(HEARD)
    assert not opt_outs.add(replace(HEARD, since=NOON + MINUTE, keyword="T"))
    assert not opt_outs.add(replace(ADDED, since=NOON + MINUTE))

    assert opt_outs.find("default", [NUMBER]) == {NUMBER: HEARD}


def test_a_removed_number_is_opted_out_no_more(opt_outs: OptOuts) -> None:
    opt_outs.add(HEARD)

    assert opt_outs.remove("default", NUMBER, NOON + MINUTE)

    assert opt_outs.among("default", [NUMBER]) == opt_outs.among("default", [NUMBER, numbered(1)]) == frozenset()
    assert opt_outs.find("default", [NUMBER]) == {}
    assert opt_outs.list("default", "", 10) == []


def test_what_is_not_opted_out_is_not_removed(opt_outs: OptOuts) -> None:
    assert not opt_outs.remove("default", NUMBER, NOON)
    assert opt_outs.add(HEARD), "and leaves no tombstone"
    assert not opt_outs.remove("other", NUMBER, NOON)
    assert opt_outs.remove("default", NUMBER, NOON + MINUTE)
    assert not opt_outs.remove("default", NUMBER, NOON + 2 * MINUTE)


@pytest.mark.parametrize(
    ("received", "added"), [(-MINUTE, False), (timedelta(0), False), (MINUTE, False), (MINUTE + SECOND, True)]
)
def test_only_what_was_received_after_the_removal_opts_out_again(
    opt_outs: OptOuts,
    received: timedelta,
    added: bool,  # noqa: FBT001 - parametrized
) -> None:
    opt_outs.add(HEARD)
    opt_outs.remove("default", NUMBER, NOON + MINUTE)
    # In the gateway's zone: times are compared, not their texts.
    again = replace(HEARD, since=(NOON + received).astimezone(timezone(timedelta(hours=8))))

    assert opt_outs.add(again) is added

    assert opt_outs.among("default", [NUMBER]) == ({NUMBER} if added else frozenset())
    assert opt_outs.remove("default", NUMBER, NOON + 2 * MINUTE) is added


def test_a_gateway_whose_clock_is_ahead_does_not_undo_a_removal(opt_outs: OptOuts) -> None:
    ahead = replace(HEARD, since=NOON + 5 * MINUTE)
    opt_outs.add(ahead)
    opt_outs.remove("default", NUMBER, NOON)

    assert not opt_outs.add(ahead)
    assert opt_outs.add(replace(ahead, since=NOON + 6 * MINUTE))


def test_the_api_opts_out_again_whatever_was_removed(opt_outs: OptOuts) -> None:
    opt_outs.add(HEARD)
    opt_outs.remove("default", NUMBER, NOON + MINUTE)
    again = replace(ADDED, since=NOON + MINUTE)

    assert opt_outs.add(again)

    assert opt_outs.find("default", [NUMBER]) == {NUMBER: again}
    assert not opt_outs.add(HEARD)
    assert opt_outs.remove("default", NUMBER, NOON + 2 * MINUTE)
    assert not opt_outs.add(HEARD)


@pytest.mark.parametrize("numbers", [0, 1, 2, 101])
def test_several_are_added_and_what_stands_stays(opt_outs: OptOuts, numbers: int) -> None:
    several = [replace(ADDED, number=numbered(index)) for index in range(numbers)]
    for opt_out in several[::50]:
        opt_outs.add(replace(HEARD, number=opt_out.number))
    for opt_out in several[1::50]:
        opt_outs.add(replace(HEARD, number=opt_out.number))
        opt_outs.remove("default", opt_out.number, NOON + MINUTE)

    opt_outs.add_all(several)
    opt_outs.add_all(several)

    stood = {opt_out.number: replace(HEARD, number=opt_out.number) for opt_out in several[::50]}
    expected = {opt_out.number: opt_out for opt_out in several} | stood
    assert opt_outs.find("default", expected) == expected


def test_more_numbers_than_one_read_takes(opt_outs: OptOuts) -> None:
    out = {numbered(index) for index in range(0, 250, 7)}
    for number in out:
        opt_outs.add(replace(ADDED, number=number))

    assert opt_outs.among("default", [numbered(index) for index in range(250)]) == out


def pages(opt_outs: OptOuts, limit: int) -> list[list[str]]:
    found: list[list[str]] = [[]]
    while page := opt_outs.list("default", found[-1][-1] if found[-1] else "", limit):
        assert len(page) <= limit
        found.append([opt_out.number for opt_out in page])
    return found[1:]


def by_digit(number: str) -> tuple[str, str]:
    return number[-1], number


@pytest.mark.parametrize("limit", [1, 7, 30, 31, 1000])
def test_pages_follow_each_other_across_the_partitions(opt_outs: OptOuts, limit: int) -> None:
    numbers = [numbered(index) for index in range(30) if index % 10 != 4]  # nobody's last digit is 4
    for number in numbers:
        opt_outs.add(replace(ADDED, number=number))
    opt_outs.add(replace(ADDED, number=numbered(99)))
    opt_outs.remove("default", numbered(99), NOON)

    assert list(chain.from_iterable(pages(opt_outs, limit))) == sorted(numbers, key=by_digit)
    assert {len(page) for page in pages(opt_outs, limit)[:-1]} <= {limit}


def test_what_comes_and_goes_moves_no_other_to_another_page(opt_outs: OptOuts) -> None:
    for index in range(20):
        opt_outs.add(replace(ADDED, number=numbered(index)))
    first = [opt_out.number for opt_out in opt_outs.list("default", "", 5)]
    opt_outs.add(replace(ADDED, number=numbered(20)))  # among those of the first page
    opt_outs.add(replace(ADDED, number=numbered(25)))  # behind them
    opt_outs.remove("default", first[-1], NOON)  # the cursor itself

    rest = [opt_out.number for opt_out in opt_outs.list("default", first[-1], 100)]

    everything = {numbered(index) for index in (*range(20), 25)}
    assert rest == sorted(everything - set(first), key=by_digit)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["hear", "add", "remove"]),
        st.sampled_from([numbered(0), numbered(1)]),
        st.integers(0, 5).map(lambda minutes: NOON + minutes * MINUTE),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_fake_does_as_the_table(dynamodb: "DynamoDBClient", steps: list[tuple[str, str, Any]]) -> None:
    name = f"table-{len(dynamodb.list_tables()['TableNames'])}"
    both: list[OptOuts] = [FakeOptOuts(), OptOutsTable(dynamodb, make_table(dynamodb, name, sort_key=True))]
    for what, number, at in steps:
        opt_out = replace(HEARD if what == "hear" else ADDED, number=number, since=at)
        fake, table = [
            (
                one.remove("default", number, at) if what == "remove" else one.add(opt_out),
                one.list("default", "", 10),
            )
            for one in both
        ]
        assert fake == table, (what, number, at)


def counted(client: "DynamoDBClient") -> Counter[str]:
    calls: Counter[str] = Counter()
    client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.update([model.name]))
    return calls


@pytest.mark.parametrize(
    ("numbers", "calls"),
    [(0, {}), (1, {"GetItem": 1}), (2, {"BatchGetItem": 1}), (100, {"BatchGetItem": 1}), (1000, {"BatchGetItem": 10})],
)
def test_what_a_send_pays(dynamodb: "DynamoDBClient", table: str, numbers: int, calls: dict[str, int]) -> None:
    made = counted(dynamodb)

    OptOutsTable(dynamodb, table).among("default", [numbered(index) for index in range(numbers)])

    assert made == calls


def test_a_thousand_are_written_in_ten_calls(dynamodb: "DynamoDBClient", table: str) -> None:
    opt_outs = OptOutsTable(dynamodb, table)
    made = counted(dynamodb)

    opt_outs.add_all([replace(ADDED, number=numbered(index)) for index in range(1000)])

    assert made == {"TransactWriteItems": 10}


def test_a_write_is_one_call(dynamodb: "DynamoDBClient", table: str) -> None:
    opt_outs = OptOutsTable(dynamodb, table)
    made = counted(dynamodb)

    opt_outs.add(HEARD)
    opt_outs.remove("default", NUMBER, NOON)

    assert made == {"PutItem": 1, "UpdateItem": 1}


def test_what_dynamodb_left_over_is_asked_again(dynamodb: "DynamoDBClient", table: str) -> None:
    pauses: list[float] = []
    opt_outs = OptOutsTable(dynamodb, table, sleep=pauses.append)
    opt_outs.add(replace(ADDED, number=numbered(0)))
    opt_outs.add(replace(ADDED, number=numbered(2)))
    asked: list[int] = []

    def leave_one(parsed: dict[str, Any], **_: Any) -> None:
        """Answer half: the last key that was asked for counts as not processed."""
        if len(asked) < 2:
            items = parsed["Responses"]["opt-outs"]
            left = [item for item in items if item["sk"]["S"] == numbered(2)]
            parsed["Responses"]["opt-outs"] = [item for item in items if item not in left]
            key = {"pk": {"S": "optout#default#2"}, "sk": {"S": numbered(2)}}
            parsed["UnprocessedKeys"] = {"opt-outs": {"Keys": [key], "ConsistentRead": True}}
        asked.append(1)

    dynamodb.meta.events.register("after-call.dynamodb.BatchGetItem", leave_one)

    assert opt_outs.among("default", [numbered(0), numbered(1), numbered(2)]) == {numbered(0), numbered(2)}
    assert (len(asked), pauses) == (3, [0.02, 0.04])


def test_what_dynamodb_never_answers_is_no_answer(dynamodb: "DynamoDBClient", table: str) -> None:
    pauses: list[float] = []
    opt_outs = OptOutsTable(dynamodb, table, sleep=pauses.append)

    def leave_all(parsed: dict[str, Any], **_: Any) -> None:
        key = {"pk": {"S": "optout#default#2"}, "sk": {"S": numbered(2)}}
        parsed["UnprocessedKeys"] = {"opt-outs": {"Keys": [key]}}

    dynamodb.meta.events.register("after-call.dynamodb.BatchGetItem", leave_all)

    with pytest.raises(TimeoutError):
        opt_outs.among("default", [numbered(0), numbered(1), numbered(2)])
    assert len(pauses) == 4
