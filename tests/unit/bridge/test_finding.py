"""Finding: one message, and lists of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bridge.domain.clients import Caller
from bridge.domain.errors import InvalidRequest, NotAllowed, NotFound
from bridge.domain.ids import ulid
from bridge.domain.lists import Filters
from bridge.domain.messages import Message, Recipient, Status
from bridge.services.finding import LOOKED_AT, RECIPIENTS, Finding
from tests.fakes.lists import FakeMessageLists
from tests.fakes.world import NOON, SHOP, World

OTHER = Caller(client="other", accounts=frozenset({"*"}), default_account="default", scopes=frozenset({"read"}))
NUMBER, ANOTHER = "+8613812345678", "+8613800001234"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def lists(world: World) -> FakeMessageLists:
    return FakeMessageLists(world.messages)


@pytest.fixture
def finding(world: World, lists: FakeMessageLists) -> Finding:
    return Finding(accounts=world.accounts, messages=world.messages, lists=lists, clock=world.clock)


def keep(
    world: World,
    minute: int = 0,
    to: Sequence[str] = (NUMBER,),
    status: Status = Status.SUBMITTED,
    tail: bytes = bytes(10),
    **changes: object,
) -> Message:
    """A message made some minutes after noon."""
    at = NOON + timedelta(minutes=minute)
    message = Message(
        id=ulid(at, tail),
        client="shop",
        account="default",
        text="x",
        recipients=tuple(Recipient(to=number, status=status) for number in to),
        created_at=at,
        deadline=at + timedelta(minutes=1),
    )
    message = replace(message, **changes)  # type: ignore[arg-type]
    world.messages.messages[message.id] = message
    world.messages.indexed[message.id] = message.account
    return message


def found(finding: Finding, filters: Filters | None = None, *, caller: Caller = SHOP, limit: int = 100) -> list[str]:
    page = finding.page(caller, filters or Filters(), limit=limit)
    assert page.next_cursor is None
    return [message.id for message in page.messages]


def walk(finding: Finding, filters: Filters, *, limit: int) -> list[list[str]]:
    """All pages."""
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        page = finding.page(SHOP, filters, limit=limit, cursor=cursor)
        pages.append([message.id for message in page.messages])
        cursor = page.next_cursor
        if cursor is None:
            return pages


def problems(finding: Finding, filters: Filters, cursor: str | None = None, *, caller: Caller = SHOP) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        finding.page(caller, filters, limit=20, cursor=cursor)
    return [problem.field for problem in caught.value.problems]


def test_a_client_finds_its_own_messages_only(world: World, finding: Finding) -> None:
    message = keep(world)

    assert finding.find(SHOP, message.id) == message
    with pytest.raises(NotFound):
        finding.find(OTHER, message.id)
    with pytest.raises(NotFound):
        finding.find(SHOP, "01JDCKQ3V9T4M3W5Y8Z7N6P2QR")


def test_the_newest_comes_first_and_others_never(world: World, finding: Finding) -> None:
    old, new = keep(world, 1), keep(world, 2)
    keep(world, 3, client="other")

    assert found(finding) == [new.id, old.id]
    assert found(finding, Filters(to=NUMBER)) == [new.id, old.id]


def test_pages_end_with_null_and_the_last_full_one_too(world: World, finding: Finding) -> None:
    ids = [keep(world, minute).id for minute in range(4)][::-1]

    assert walk(finding, Filters(), limit=3) == [ids[:3], ids[3:]]
    assert walk(finding, Filters(), limit=2) == [ids[:2], ids[2:]]
    assert walk(finding, Filters(), limit=4) == [ids]
    assert walk(finding, Filters(client_reference="none"), limit=4) == [[]]


def test_each_filter_by_itself(world: World, finding: Finding) -> None:
    batch = ulid(NOON, b"a batch's ")[:22]
    plain = keep(world, 1)
    failed = keep(world, 2, status=Status.REJECTED)
    world.add_account("backup")
    backup = keep(world, 3, account="backup")
    referenced = keep(world, 4, client_reference="order-42")
    several = keep(world, 5, to=(ANOTHER, "+8613800005678"))
    in_batch = [keep(world, id=f"{batch}000{ordinal}") for ordinal in (1, 2)]

    both = replace(SHOP, accounts=frozenset({"default", "backup"}))
    assert found(finding, Filters(status=Status.REJECTED)) == [failed.id]
    assert found(finding, Filters(account="backup"), caller=both) == [backup.id]
    assert found(finding, Filters(client_reference="order-42")) == [referenced.id]
    assert found(finding, Filters(to=ANOTHER)) == [several.id]
    assert found(finding, Filters(batch_id=f"{batch}0000")) == [message.id for message in reversed(in_batch)]
    after = Filters(created_after=several.created_at)
    assert found(finding, after) == [several.id]
    before = Filters(created_after=plain.created_at, created_before=backup.created_at)
    assert found(finding, before) == [failed.id, plain.id]


def test_filters_narrow_each_other(world: World, finding: Finding) -> None:
    keep(world, 1, client_reference="order-42", status=Status.REJECTED)
    keep(world, 2, client_reference="order-42", to=(ANOTHER,))
    wanted = keep(world, 3, client_reference="order-42", status=Status.DELIVERED)
    keep(world, 4, client_reference="order-43", status=Status.DELIVERED)

    filters = Filters(client_reference="order-42", to=NUMBER, status=Status.DELIVERED, account="default")
    assert found(finding, filters) == [wanted.id]


def test_an_entrys_own_reference_finds_the_message_that_it_shares(world: World, finding: Finding) -> None:
    sharing = tuple(
        Recipient(to=to, status=Status.SUBMITTED, client_reference=reference)
        for to, reference in ((NUMBER, "a"), (ANOTHER, "b"))
    )
    message = keep(world, recipients=sharing)

    assert found(finding, Filters(client_reference="b")) == [message.id]


def test_a_status_is_that_which_the_message_shows(world: World, finding: Finding) -> None:
    message = keep(world, status=Status.SUBMITTING)

    assert found(finding, Filters(status=Status.SUBMITTING)) == [message.id]
    world.clock.advance(60)
    assert found(finding, Filters(status=Status.SUBMITTING)) == []
    page = finding.page(SHOP, Filters(status=Status.UNKNOWN), limit=1)
    assert [message.status for message in page.messages] == [Status.UNKNOWN]


def test_a_number_is_looked_for_in_the_clients_accounts(world: World, finding: Finding) -> None:
    world.add_account("backup")
    default, backup = keep(world, 1), keep(world, 2, account="backup")
    all_accounts = replace(SHOP, accounts=frozenset({"*"}))

    assert found(finding, Filters(to=NUMBER)) == [default.id]
    assert found(finding, Filters(to=NUMBER), caller=all_accounts) == [backup.id, default.id]
    assert found(finding, Filters(to=NUMBER, account="backup"), caller=all_accounts) == [backup.id]


def test_an_account_that_the_client_may_not_use_is_refused(world: World, finding: Finding) -> None:
    world.add_account("backup")
    with pytest.raises(NotAllowed):
        finding.page(SHOP, Filters(account="backup"), limit=1)


@pytest.mark.parametrize("one_more", [0, 1])
def test_a_request_looks_at_so_many_and_says_where_it_stopped(
    world: World, finding: Finding, lists: FakeMessageLists, one_more: int
) -> None:
    wanted = keep(world, -1, status=Status.REJECTED)
    for number in range(LOOKED_AT - 1 + one_more):
        keep(world, tail=number.to_bytes(10, "big"))

    page = finding.page(SHOP, Filters(status=Status.REJECTED), limit=7)

    assert len(lists.looked_at) in range(LOOKED_AT, LOOKED_AT + 20)
    if one_more:
        assert (page.messages, page.next_cursor is None) == ((), False)
        page = finding.page(SHOP, Filters(status=Status.REJECTED), limit=7, cursor=page.next_cursor)
    assert (page.messages, page.next_cursor) == ((wanted,), None)


@pytest.mark.parametrize("client", ["shop", "other"])
def test_messages_to_very_many_make_a_short_page(world: World, finding: Finding, client: str) -> None:
    many = [f"+86138{index:08}" for index in range(1000)]
    ids = [keep(world, minute, to=many, client=client).id for minute in range(8)][::-1]

    first, second = walk(finding, Filters(to=many[0]), limit=100)

    assert [len(first), len(second)] == ([RECIPIENTS // 1000, 3] if client == "shop" else [0, 0])
    assert first + second == (ids if client == "shop" else [])


def test_a_sparse_page_is_filled_up_and_nothing_is_passed_over(world: World, finding: Finding) -> None:
    ids = [keep(world, minute, status=Status.REJECTED if minute % 3 else Status.SUBMITTED).id for minute in range(150)]
    wanted = [message_id for minute, message_id in enumerate(ids) if minute % 3][::-1]

    pages = walk(finding, Filters(status=Status.REJECTED), limit=20)

    assert [message_id for page in pages for message_id in page] == wanted
    assert [len(page) for page in pages] == [20] * 5 + [0]  # there was one more, but it is not admitted


def test_a_message_that_is_gone_is_left_out(world: World, finding: Finding, monkeypatch: pytest.MonkeyPatch) -> None:
    there, gone = keep(world, 1), keep(world, 2)
    found_before = world.messages.find

    def find(message_id: str) -> Message | None:
        return None if message_id == gone.id else found_before(message_id)

    monkeypatch.setattr(world.messages, "find", find)
    assert found(finding) == [there.id]


def test_a_cursor_belongs_to_its_list(world: World, finding: Finding) -> None:
    keep(world, 1), keep(world, 2)
    filters = Filters(to=NUMBER, created_after=NOON)
    cursor = finding.page(SHOP, filters, limit=1).next_cursor
    assert cursor is not None

    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    assert finding.page(SHOP, replace(filters, created_after=shanghai), limit=50, cursor=cursor).messages
    assert problems(finding, replace(filters, to=ANOTHER), cursor) == ["cursor"]
    assert problems(finding, Filters(), cursor) == ["cursor"]
    assert problems(finding, filters, cursor, caller=OTHER) == ["cursor"]


@pytest.mark.parametrize("change", ["", "x", "=", "é", "A" * 77, "%00", "AAAA", "\x00", "-_-_"])
def test_a_garbled_cursor_is_named(world: World, finding: Finding, change: str) -> None:
    keep(world, 1), keep(world, 2)
    cursor = finding.page(SHOP, Filters(), limit=1).next_cursor
    assert cursor is not None

    for garbled in (change, "x" + change + cursor, cursor + change + "=", cursor[:-2], cursor[:40] + change):
        assert problems(finding, Filters(), garbled) == ["cursor"]


def test_nothing_can_be_between_times_that_are_turned_round(finding: Finding) -> None:
    assert problems(finding, Filters(created_after=NOON, created_before=NOON)) == ["created_before"]


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_any_time_is_a_bound(world: World, finding: Finding, year: int) -> None:
    message = keep(world)
    bound = datetime(year, 1, 1, tzinfo=UTC)

    assert found(finding, Filters(created_after=bound)) == ([] if year == 9999 else [message.id])
    assert found(finding, Filters(created_before=bound)) == ([message.id] if year == 9999 else [])


def test_a_cursor_says_nothing_of_the_number(world: World, finding: Finding) -> None:
    keep(world, 1), keep(world, 2)
    cursor = finding.page(SHOP, Filters(to=NUMBER), limit=1).next_cursor

    assert cursor is not None
    assert "13812345678" not in Filters(to=NUMBER).cursor("shop", "") + cursor
