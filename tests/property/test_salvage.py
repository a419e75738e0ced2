"""How much work a hostile page makes: so many characters looked at for each that it has, whatever they are.

Counted where the work is done, in the expressions and the JSON parser: no clock says anything here.
"""

import contextlib
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eums
from eums import bodies, pages

PLAIN = eums.Account(base_url="http://gateway.test", name="test", password="123456")
RECORD = '{"message_id":"1","dest_number":"2","report_status":"DELIVRD"}'
MESSAGE = '{"src":"1","dest":"2","content":"好"}'
HEAD = '{"code":0,"data":['
# Characters looked at for each one of the page. A salvage that goes back to the same text for each record passes it
# with a few hundred of them.
MOST = 60


@dataclass
class Work:
    """Characters that were looked at."""

    characters: int = 0


@dataclass
class Counted:
    """A regular expression that counts what it looks at."""

    pattern: re.Pattern[str]
    work: Work

    def match(self, text: str, at: int = 0) -> re.Match[str] | None:
        found = self.pattern.match(text, at)
        self.work.characters += found.end() - at if found else 1
        return found

    def search(self, text: str, at: int = 0) -> re.Match[str] | None:
        found = self.pattern.search(text, at)
        self.work.characters += (found.end() if found else len(text)) - at
        return found

    def finditer(self, text: str, at: int, limit: int | None = None) -> Iterator[re.Match[str]]:
        end = len(text) if limit is None else limit
        for token in self.pattern.finditer(text, at, end):
            self.work.characters += token.end() - at
            at = token.end()
            yield token
        self.work.characters += end - at

    def sub(self, new: Any, text: str) -> str:
        self.work.characters += len(text)
        return self.pattern.sub(new, text)


def counted(patch: pytest.MonkeyPatch) -> Work:
    """From here on, what is looked at is counted."""
    work = Work()
    for name in ("_BLANK", "_KEY", "_SCALAR", "_BORDER", "_BRACKET", "_FAULT"):
        patch.setattr(pages, name, Counted(getattr(pages, name), work))
    parse = pages.parse

    def parsed(text: str) -> object:
        work.characters += len(text)
        return parse(text)

    patch.setattr(pages, "parse", parsed)
    return work


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return counted(monkeypatch)


MANY = 1500
HOSTILE = {
    "objects of nothing": HEAD + "{}," * MANY,
    "objects of nothing, and one border behind them": HEAD + "{}," * MANY + f"{RECORD},{RECORD}",
    "no JSON": HEAD + "{1}," * MANY,
    "lists": HEAD + "[]," * MANY + "]}",
    "scalars": HEAD + "1," * MANY + "x",
    "open at every record": HEAD + '{"a":[{"b":1},' * MANY,
    "never closed": HEAD + '{"a":{"b":1},' * MANY,
    "a stray quote in each": HEAD + '{"a":"b"c"},' * MANY + "]}",
    "closed more often than opened": HEAD + '{"a":1}}]},' * MANY,
    "records that hold records": HEAD + '{"a":[{"b":1},{"c":x},{"d":1}]},' * MANY + "]}",
    "borders inside of strings": HEAD + '{"a":"},{\\"b\\":"},' * MANY + "]}",
    "commas": HEAD + "," * 5 * MANY,
    "blanks and commas": HEAD + "{} ,\n , " * MANY,
    "zeros": HEAD + '{"a":' + "0" * 5 * MANY + "x},{}]}",
    "backslashes": HEAD + '{"a":"' + "\\" * 5 * MANY,
    "escapes": HEAD + '{"a":"' + "\\ud800" * MANY,
    "keys": "{" + '"a":x,' * MANY,
    "half of it closed": "{" * MANY + "}" * (MANY // 2) + f",{RECORD}",
    "brackets": "[" * 5 * MANY,
    "quotes": '"' * 5 * MANY,
    "pages in a row": (HEAD + RECORD + "]}") * (MANY // 20),
    "cut": HEAD + f"{RECORD}," * (MANY // 10) + RECORD[:20],
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HOSTILE.items()])
@pytest.mark.parametrize("decode", [eums.decode_reports, eums.decode_inbound, eums.decode_submit])
def test_the_work_grows_with_the_page_and_no_faster(decode: Any, text: str, work: Work) -> None:
    with contextlib.suppress(eums.Malformed, eums.Refused):
        decode(text.encode(), PLAIN)

    assert work.characters <= MOST * len(text)


pieces = st.sampled_from(
    ["{", "}", "[", "]", ",", ":", '"', "\\", "{}", '{"a":', '},{"a":', RECORD, '{"a":"b"c"}', "x", " ", "0", "true"]
)


@given(st.lists(pieces, min_size=1, max_size=8), st.integers(100, 300))
def test_so_it_does_for_whatever_comes_again_and_again(unit: list[str], times: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        work = counted(patch)
        text = HEAD + "".join(unit) * times

        pages.walk(text)

    assert work.characters <= MOST * len(text)


@pytest.mark.parametrize("between", ["{},", "{1},", '{"a":"b"c"},', "[]", "1,", "{:},", '{"a":[{"b":1},{"c":x}]},'])
@pytest.mark.parametrize(("decode", "good"), [(eums.decode_reports, RECORD), (eums.decode_inbound, MESSAGE)])
def test_good_records_are_found_among_any_number_of_bad_ones(decode: Any, good: str, between: str) -> None:
    bad = between * 300
    page = decode(f"{HEAD}{good},{bad}{',' * (not bad.endswith(','))}{good},{bad}{good}]}}".encode(), PLAIN)

    assert len(page.records) == 3
    assert len(page.quarantined) >= 600
    assert not page.cut


SEALED = eums.Account(base_url="http://gateway.test", name="test", password="x", version=17, aes_key="k" * 16)
WHOLE = f"{HEAD}{RECORD},{MESSAGE},{RECORD}]}}"
PAGES = {PLAIN: WHOLE.encode(), SEALED: eums.encrypt_hex(WHOLE, b"k" * 16).encode()}
junk = st.sampled_from(
    [b"", b"\0", b"g", b"0", b'"', b"\\", b"\xff", b"\xed\xa0\x80", b"1e999", b"\n", b"}]}", b"[" * 5000]
)


@pytest.mark.parametrize("decode", [eums.decode_reports, eums.decode_inbound])
@pytest.mark.parametrize("account", PAGES, ids=["ver 1", "ver 17"])
@given(data=st.data())
def test_a_page_that_was_mangled_is_read_as_far_as_it_goes(
    decode: Any, account: eums.Account, data: st.DataObject
) -> None:
    body = PAGES[account]
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(begin, min(begin + 40, len(body))))
        body = body[:begin] + data.draw(junk) + body[end:]
    body = data.draw(st.sampled_from([body, body + body, gzip.compress(body), gzip.compress(body)[:-12], body.upper()]))

    with contextlib.suppress(eums.Malformed, eums.Refused):
        page = decode(body, account)
        assert all(part.reason and part.raw.encode() for part in page.quarantined)


def test_a_second_page_in_one_answer_is_kept_apart() -> None:
    page = eums.decode_reports(f"{HEAD}{RECORD}]}}{HEAD}{RECORD}]}}".encode(), PLAIN)

    assert len(page.records) == 1
    (apart,) = page.quarantined
    assert apart.raw == f"{HEAD}{RECORD[:-1]}"  # without the brackets at the end, which an answer may have too many of


# --- bounds


def test_a_page_of_more_values_than_can_be_kept_is_quarantined_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_MOST_VALUES", 100)
    whole = f"{HEAD}{','.join([RECORD] * 20)}]}}".encode()
    assert len(eums.decode_reports(whole, PLAIN).records) == 20

    for text in (HEAD + "{}," * 100, HEAD + "[" * 101, "," * 101):
        with pytest.raises(eums.Malformed, match="more values"):
            eums.decode_reports(text.encode(), PLAIN)


def test_a_page_larger_than_can_be_read_is_quarantined_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_LARGEST", 1000)
    fits = (HEAD + "]}").ljust(1000).encode()
    assert eums.decode_reports(fits, PLAIN) == eums.Page(0, ())

    over = f'{HEAD}"{"x" * 1000}"]}}'.encode()
    for body in (over, gzip.compress(over)):
        with pytest.raises(eums.Malformed, match="larger") as caught:
            eums.decode_reports(body, PLAIN)
        assert caught.value.raw == body


def test_a_broken_page_of_very_many_records_is_kept_apart_from_there_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_MOST_RECORDS", 50)

    page = eums.decode_reports(f"{HEAD}{','.join([RECORD] * 60)},{{}}]}}".encode(), PLAIN)

    assert len(page.records) == 50
    assert page.cut
    assert "".join(part.raw for part in page.quarantined).count("message_id") == 10


def test_the_bounds_are_far_above_the_pages_that_there_are() -> None:
    report = {"message_id": "0" * 20, "dest_number": "1" * 11, "report_status": "DELIVRD"}
    report |= {"report_time": "2021-01-02 13:45:56", "reference": "0" * 50}
    text = json.dumps({"code": 0, "data": [report] * 100_000})

    assert len(text) < bodies._LARGEST
    assert sum(map(text.count, ",[{")) < bodies._MOST_VALUES
    assert pages._MOST_RECORDS >= 100_000
