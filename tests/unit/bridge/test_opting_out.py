import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.clients import Caller
from bridge.domain.errors import AccountNotConfigured, NotAllowed, NotFound
from bridge.domain.events import EventType, event_type, received
from bridge.domain.opt_outs import Heard, OptOut, Source, keyword_in
from bridge.domain.policies import DEFAULT_KEYWORDS
from bridge.domain.pulls import Kind, PullId
from bridge.services.opting_out import OptingOut
from eums import Inbound
from tests.fakes.opt_outs import FakeOptOuts
from tests.fakes.schemas import hold_against_schema
from tests.fakes.world import NOON, SHOP, World

PULL = PullId(account="default", kind=Kind.INBOUND, id="01JDCKQ3V9T4M3W5Y8Z7N6P2QR", begun_at=NOON)
HANDSET = "+8613812345678"
MINUTE = timedelta(minutes=1)


def mo(text: str = "TD", *, src: str = "13812345678", timed: bool = True, pull: PullId = PULL) -> str:
    """An inbound event, as the publisher writes it: received at noon, pulled five minutes later."""
    inbound = Inbound(
        ordinal=3,
        dest="1069012345678",
        src=src,
        content=text,
        receive_time=NOON if timed else None,
        receive_time_raw="",
        binary_content="",
        msg_fmt=None,
        reference="",
        sign="",
    )
    body = received(pull, inbound, None, NOON + 5 * MINUTE).body()
    hold_against_schema(body)
    return body


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def opt_outs() -> FakeOptOuts:
    return FakeOptOuts()


@pytest.fixture
def opting_out(world: World, opt_outs: FakeOptOuts) -> OptingOut:
    return OptingOut(
        accounts=world.accounts,
        keywords={"default": DEFAULT_KEYWORDS, "other": ("不要",)}.__getitem__,
        opt_outs=opt_outs,
        clock=world.clock,
        counters=world.counters,
    )


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        *((keyword, keyword) for keyword in DEFAULT_KEYWORDS),
        ("td", "TD"),
        ("ＴＤ", "TD"),
        ("ｔｄ", "TD"),
        ("td。", "TD"),
        ("“TD”！", "TD"),
        ("退订~", "退订"),
        ("【退订】", "退订"),
        (" 退订 ", "退订"),
        ("\u3000退订\r\n", "退订"),
        ("\ufeff退订\u200b", "退订"),
        ("TD\x00", "TD"),
        ("TD123", None),
        ("not td", None),
        ("T D", None),
        ("t-d", None),
        ("回T退订", None),
        ("退订退订", None),
        ("0", None),
        ("", None),
        ("。。。", None),
        ("№", None),  # No in one character
    ],
)
def test_a_text_that_is_a_keyword_and_nothing_else(text: str, keyword: str | None) -> None:
    assert keyword_in(text, DEFAULT_KEYWORDS) == keyword


def test_an_account_writes_its_keywords_as_it_likes() -> None:
    assert keyword_in("stop", ["ＳＴＯＰ！"]) == "ＳＴＯＰ！"
    assert keyword_in("STRASSE", ["straße"]) == "straße"
    assert keyword_in("!", ["?"]) is None
    assert keyword_in("TD", []) is None


AROUND = st.text(alphabet=" \t\r\n\u3000\u00a0.。,，!！?？~～;；:：()（）【】[]“”‘’\"'-—…、\u200b\ufeff", max_size=5)


@given(keyword=st.sampled_from(DEFAULT_KEYWORDS), before=AROUND, after=AROUND, data=st.data())
def test_neither_width_nor_case_nor_what_stands_around_matters(
    keyword: str, before: str, after: str, data: st.DataObject
) -> None:
    def forms(character: str) -> list[str]:
        wide = [chr(ord(one) + 0xFEE0) for one in (character, character.lower()) if "!" <= one <= "~"]
        return [character, character.lower(), *wide]

    written = "".join(data.draw(st.sampled_from(forms(character))) for character in keyword)

    assert keyword_in(before + written + after, DEFAULT_KEYWORDS) == keyword


@given(
    keyword=st.sampled_from(DEFAULT_KEYWORDS),
    more=st.text(alphabet=st.characters(categories=["Lu", "Ll", "Nd"]) | st.sampled_from("退订拒收好的"), min_size=1),
    before=st.booleans(),
)
def test_whoever_says_more_is_not_opted_out(keyword: str, more: str, before: bool) -> None:  # noqa: FBT001 - given
    text = more + keyword if before else keyword + more
    assert keyword_in(text, DEFAULT_KEYWORDS) != keyword  # it may be another: T and D are TD


@given(text=st.text(alphabet=st.characters(), max_size=50), keywords=st.lists(st.text(max_size=5), max_size=5))
def test_any_text_at_all_is_a_keyword_of_the_account_or_none(text: str, keywords: list[str]) -> None:
    found = keyword_in(text, keywords)

    assert found is None or found in keywords
    assert found == keyword_in(f" {text}。", keywords)


def test_a_keyword_opts_its_number_out_of_the_account(
    opting_out: OptingOut, opt_outs: FakeOptOuts, world: World
) -> None:
    assert opting_out.hear(mo("td。")) is Heard.OPTED_OUT

    assert opt_outs.among("default", [HANDSET]) == {HANDSET}
    assert list(opt_outs.standing.values()) == [
        OptOut(
            account="default",
            number=HANDSET,
            since=NOON,
            source=Source.INBOUND,
            keyword="TD",
            message="01JDCKQ3V9T4M3W5Y8Z7N6P2QR/3",
        )
    ]
    assert world.counters.counted == {"OptOuts": 1}


@pytest.mark.parametrize("text", ["好的", "TD1", "不要", ""])
def test_any_other_text_changes_nothing(opting_out: OptingOut, opt_outs: FakeOptOuts, world: World, text: str) -> None:
    assert opting_out.hear(mo(text)) is Heard.IGNORED

    assert (opt_outs.standing, world.counters.counted) == ({}, {})


def test_each_account_has_its_own_keywords(opting_out: OptingOut) -> None:
    other = replace(PULL, account="other")

    assert opting_out.hear(mo("不要", pull=other)) is Heard.OPTED_OUT
    assert opting_out.hear(mo("TD", pull=other)) is Heard.IGNORED


@pytest.mark.parametrize("src", ["10086", "1069012345678", "085212345678", "x"])
def test_what_is_never_sent_to_does_not_opt_out(opting_out: OptingOut, opt_outs: FakeOptOuts, src: str) -> None:
    assert opting_out.hear(mo(src=src)) is Heard.IGNORED
    assert opt_outs.standing == {}


def test_an_event_that_comes_again_changes_nothing(opting_out: OptingOut, world: World) -> None:
    opting_out.hear(mo())

    assert opting_out.hear(mo()) is Heard.STANDING
    assert world.counters.counted == {"OptOuts": 1}


def test_a_replay_does_not_undo_a_removal_and_a_new_message_does(
    opting_out: OptingOut, opt_outs: FakeOptOuts, world: World
) -> None:
    opting_out.hear(mo())
    world.clock.advance(60)
    opting_out.remove(SHOP, None, HANDSET)

    assert opting_out.hear(mo()) is Heard.STANDING
    assert opt_outs.among("default", [HANDSET]) == frozenset()
    assert opting_out.hear(mo(timed=False)) is Heard.OPTED_OUT, "without a time, the pull's counts"


def test_what_is_no_inbound_event_is_refused(opting_out: OptingOut) -> None:
    for body in ("[]", "{}", "7", "x", '{"data": {}}', json.dumps({**json.loads(mo()), "subject": None, "time": None})):
        with pytest.raises(ValueError, match=r".+"):
            opting_out.hear(body)


def test_an_event_says_its_type() -> None:
    assert event_type(mo()) is EventType.INBOUND_RECEIVED
    for body in ("[]", "{}", "7", "x", '{"type": "other"}', '{"type": []}'):
        with pytest.raises(ValueError, match=r".+"):
            event_type(body)


def test_opt_outs_are_added_and_listed_in_the_accounts_time(opting_out: OptingOut, world: World) -> None:
    opting_out.hear(mo())
    world.clock.advance(60)

    added = opting_out.add(SHOP, None, ["+8613800000002", HANDSET, "+8613800000001", HANDSET])

    assert [(one.number, one.source) for one in added] == [
        ("+8613800000002", Source.API),
        (HANDSET, Source.INBOUND),  # as it was
        ("+8613800000001", Source.API),
    ]
    assert [one.since.isoformat() for one in added[:2]] == ["2026-11-23T12:01:00+08:00", "2026-11-23T12:00:00+08:00"]
    assert opting_out.add(SHOP, None, ["+8613800000002"]) == added[:1]
    assert opting_out.listed(SHOP, None, "", 100) == ([added[2], added[0], added[1]], None)
    assert world.counters.counted == {"OptOuts": 1}, "that is of the handsets"


def test_an_opt_out_that_is_heard_while_it_is_added_is_told_as_it_is(
    opting_out: OptingOut, opt_outs: FakeOptOuts
) -> None:
    class Overtaken(FakeOptOuts):
        def add_all(self, opt_outs: Sequence[OptOut]) -> None:
            opting_out.hear(mo())
            super().add_all(opt_outs)

    overtaken = replace(opting_out, opt_outs=Overtaken(standing=opt_outs.standing))

    assert [one.source for one in overtaken.add(SHOP, None, [HANDSET])] == [Source.INBOUND]


def test_pages(opting_out: OptingOut) -> None:
    numbers = [f"+861380000000{digit}" for digit in range(5)]
    opting_out.add(SHOP, None, numbers)

    first, cursor = opting_out.listed(SHOP, None, "", 2)
    assert ([one.number for one in first], cursor) == (numbers[:2], numbers[1])
    second, cursor = opting_out.listed(SHOP, None, cursor or "", 3)
    assert ([one.number for one in second], cursor) == (numbers[2:], None)


def test_a_removal(opting_out: OptingOut, opt_outs: FakeOptOuts) -> None:
    opting_out.add(SHOP, None, [HANDSET])

    opting_out.remove(SHOP, None, HANDSET)

    assert opt_outs.among("default", [HANDSET]) == frozenset()
    with pytest.raises(NotFound) as caught:
        opting_out.remove(SHOP, None, HANDSET)
    assert HANDSET not in str(caught.value)


def test_a_caller_keeps_to_its_accounts(opting_out: OptingOut, opt_outs: FakeOptOuts, world: World) -> None:
    world.add_account("other")

    for ask in (
        lambda: opting_out.listed(SHOP, "other", "", 1),
        lambda: opting_out.add(SHOP, "other", [HANDSET]),
        lambda: opting_out.remove(SHOP, "other", HANDSET),
    ):
        with pytest.raises(NotAllowed):
            ask()
    assert opt_outs.standing == {}


def test_nothing_is_written_for_an_account_that_is_not_there(opting_out: OptingOut, opt_outs: FakeOptOuts) -> None:
    lost = Caller(client="lost", accounts=frozenset({"*"}), default_account="gone", scopes=frozenset())

    with pytest.raises(AccountNotConfigured):
        opting_out.add(lost, None, [HANDSET])
    assert opt_outs.standing == {}


def test_times_are_kept_whatever_zone_they_come_in(opting_out: OptingOut, opt_outs: FakeOptOuts) -> None:
    opting_out.hear(mo())

    assert opt_outs.standing["default", HANDSET].since.astimezone(UTC) == NOON
