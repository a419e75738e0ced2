"""What holds for every page, not only for those that somebody thought of.

The pages are written by an encoder of the tests' own, so that a mistake shared by both directions would show.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad
from hypothesis import example, given, settings
from hypothesis import strategies as st

import eums

if TYPE_CHECKING:
    from collections.abc import Callable

SHANGHAI = ZoneInfo("Asia/Shanghai")
KEY = b"0123456789abcdef"
PLAIN = eums.Account(base_url="http://gateway.test", name="test", password="123456")
SEALED = eums.Account(base_url="http://gateway.test", name="test", password="123456", version=17, aes_key=KEY.decode())
ACCOUNTS = [pytest.param(PLAIN, id="ver 1"), pytest.param(SEALED, id="ver 17")]


def seal(account: eums.Account, text: str) -> bytes:
    if account.version == 1:
        return text.encode()
    return AES.new(KEY, AES.MODE_ECB).encrypt(pad(text.encode(), 16)).hex().encode()


def write_page(account: eums.Account, records: list[dict[str, Any]]) -> bytes:
    return seal(account, json.dumps({"code": 0, "data": records}, ensure_ascii=False))


text = st.text(st.characters(codec="utf-8"), max_size=40)
identity = st.text("0123456789", min_size=1, max_size=20)
times = st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1)).map(  # noqa: DTZ001 - the wire's times have no zone
    lambda time: time.replace(microsecond=0)
)
statuses = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda value: not value.isspace())
reports = st.fixed_dictionaries(
    {
        "message_id": identity,
        "dest_number": identity,
        "report_status": statuses.filter(lambda value: bool(value.strip())),
        "report_time": times.map(lambda time: time.isoformat(" ")),
        "reference": text,
    }
)
messages = st.fixed_dictionaries(
    {
        "dest": identity,
        "src": identity,
        "content": text,
        "receive_time": times.map(lambda time: time.isoformat(" ")),
        "binary_content": st.sampled_from(["", "WX12hA=="]),
        "msg_fmt": st.sampled_from([0, 8, 15]),
        "reference": text,
        "sign": text,
    }
)


def as_report(ordinal: int, record: dict[str, Any]) -> eums.Report:
    time = datetime.fromisoformat(record["report_time"]).replace(tzinfo=SHANGHAI)
    return eums.Report(
        ordinal,
        record["message_id"],
        record["dest_number"],
        record["report_status"],
        time,
        record["report_time"],
        record["reference"],
    )


def as_inbound(ordinal: int, record: dict[str, Any]) -> eums.Inbound:
    time = datetime.fromisoformat(record["receive_time"]).replace(tzinfo=SHANGHAI)
    return eums.Inbound(
        ordinal,
        record["dest"],
        record["src"],
        record["content"],
        time,
        record["receive_time"],
        record["binary_content"],
        record["msg_fmt"],
        record["reference"],
        record["sign"],
    )


@pytest.mark.parametrize("account", ACCOUNTS)
@given(records=st.lists(reports, max_size=8))
def test_reports_come_back_as_they_were_written(account: eums.Account, records: list[dict[str, Any]]) -> None:
    expected = tuple(as_report(ordinal, record) for ordinal, record in enumerate(records))

    assert eums.decode_reports(write_page(account, records), account) == eums.Page(0, expected)


# Texts with blanks around them, of blanks alone, and what is no text at all: of the last, a page is read one by one.
odd = st.sampled_from(
    ["", " ", " 12 ", "DELIVRD\t", "2021-01-02 13:45:56", " 2021-01-02 13:45:56 ", "2021-02-30 00:00:00"]
)
odd_reports = st.lists(
    st.fixed_dictionaries(
        {"message_id": odd, "dest_number": odd, "report_status": odd, "report_time": odd, "reference": odd}
    ),
    min_size=1,
    max_size=4,
)


@given(records=odd_reports | st.lists(reports, max_size=3), spoiled=st.sampled_from([{}, "x", 1, {"message_id": 1}]))
def test_a_page_is_read_the_same_at_once_and_one_by_one(records: list[dict[str, Any]], spoiled: object) -> None:
    whole = eums.decode_reports(write_page(PLAIN, records), PLAIN)
    among = eums.decode_reports(write_page(PLAIN, [*records, spoiled]), PLAIN)  # type: ignore[list-item]

    assert among.records == whole.records
    assert [part.ordinal for part in among.quarantined] == [
        *(part.ordinal for part in whole.quarantined),
        len(records),
    ]


@pytest.mark.parametrize("account", ACCOUNTS)
@given(records=st.lists(messages, max_size=8))
def test_inbound_messages_come_back_as_they_were_written(account: eums.Account, records: list[dict[str, Any]]) -> None:
    expected = tuple(as_inbound(ordinal, record) for ordinal, record in enumerate(records))

    assert eums.decode_inbound(write_page(account, records), account) == eums.Page(0, expected)


@pytest.mark.parametrize("account", ACCOUNTS)
@given(records=st.lists(reports, max_size=8), data=st.data())
def test_the_slow_way_reads_what_the_fast_way_reads(
    account: eums.Account, records: list[dict[str, Any]], data: st.DataObject
) -> None:
    whole = json.dumps({"code": 0, "data": records}, ensure_ascii=False, indent=data.draw(st.sampled_from([None, 1])))
    trailing_comma = whole[: whole.rindex("]")] + ("," if records else "") + "]}"

    assert eums.decode_reports(seal(account, trailing_comma), account) == eums.decode_reports(
        seal(account, whole), account
    )


BAD_RECORDS = [
    '{"message_id":"1","dest_number":tru,"report_status":"X"}',
    '{"message_id":"1","dest_number":"2","report_status":"5" screen"}',
    '{"message_id":"1","dest_number":"2","report_status":he said "hi"}',
    '{"message_id":"1","dest_number":"2"}',
    '{"message_id":null,"dest_number":"2","report_status":"DELIVRD"}',
    '{"message_id":["1"],"dest_number":{"a":[{"b":"]},{"}]},"report_status":"DELIVRD"}',
    '{"message_id":NaN,"dest_number":"2","report_status":"DELIVRD"}',
    '{"message_id":"1","parts":[{"part":1},{"part":x},{"part":3}]}',
    "{}",
    "{:}",
    "null",
    "17",
    '"text"',
    "[[1],{}]",
]


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("bad", BAD_RECORDS)
@given(before=st.lists(reports, max_size=3), after=st.lists(reports, min_size=1, max_size=3))
@settings(max_examples=30)
def test_one_bad_record_costs_no_other(
    account: eums.Account, bad: str, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    written = [
        *(json.dumps(record, ensure_ascii=False) for record in before),
        bad,
        *(json.dumps(record, ensure_ascii=False) for record in after),
    ]
    text = f'{{"code":0,"data":[{",".join(written)}]}}'

    page = eums.decode_reports(seal(account, text), account)

    good = [*enumerate(before), *enumerate(after, len(before) + 1)]
    assert page.records == tuple(as_report(ordinal, record) for ordinal, record in good)
    assert [(apart.ordinal, apart.raw) for apart in page.quarantined] == [(len(before), bad)]
    assert not page.cut


FIFTY: list[dict[str, Any]] = [
    {
        "message_id": f"0603015522454756{number:03}",
        "dest_number": "13812345678",
        "report_status": "DELIVRD",
        "report_time": "2021-01-02 13:45:56",
        # What looks like the border of two records, and is the inside of a string.
        "reference": f'好的"}},{{"{number}":}}]}}',
    }
    for number in range(50)
]


def fifty_records() -> tuple[str, list[int]]:
    """Return a page of fifty, and the offset in bytes behind each of its records."""
    written, ends = '{"code":0,"data":[', []
    for record in FIFTY:
        written += json.dumps(record, ensure_ascii=False)
        ends.append(len(written.encode()))
        written += ","
    return written[:-1] + "]}", ends


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_page_cut_at_any_byte_yields_its_complete_records(account: eums.Account) -> None:
    text, ends = fifty_records()
    whole, size = seal(account, text), len(text.encode())
    expected = tuple(as_report(ordinal, record) for ordinal, record in enumerate(FIFTY))
    assert eums.decode_reports(whole, account) == eums.Page(0, expected)

    for length in range(len(whole)):
        # Of version 17, whole blocks of 16 bytes, each 32 digits, can be read.
        readable = length if account.version == 1 else min(length // 32 * 16, size)
        complete = sum(end <= readable for end in ends)
        page = page_or_nothing(whole[:length], account)
        assert page.records == expected[:complete], length
        assert page.cut == (readable < size), length


def page_or_nothing(body: bytes, account: eums.Account) -> eums.Page[eums.Report]:
    """A text that ends before its first record and before its code tells nothing, and says so with an error."""
    try:
        return eums.decode_reports(body, account)
    except eums.Malformed:
        return eums.Page(0, (), cut=True)


DECODERS = [eums.decode_submit, eums.decode_reports, eums.decode_inbound, eums.decode_balance, eums.decode_statistics]

FRAGMENTS = """
{"code":0  "code":  "data":  [  ]  {  }  ,  :  "  \\  \\ud83d  \\u0000  null  NaN  -0017  1e999  130  好
"message_id":"1"  "dest_number":"2"  "report_status":"X"  {"message_id":"1",
"src":"1"  "dest":"1"  "binary_content":"WX1"  "msg_fmt":8  "balance_item":  "date":"20210203"  "date":"20211399"
"""
fragments = st.sampled_from([*FRAGMENTS.split(), " ", "\ufeff", "9" * 5000])
almost_json = st.lists(fragments, max_size=25).map("".join)


def check(decode: Callable[[bytes, eums.Account], object], body: bytes, account: eums.Account) -> None:
    answer: object = None
    error: eums.EumsError | None = None
    try:
        answer = decode(body, account)
    except (eums.Refused, eums.Ambiguous) as caught:
        error = caught
    if error is not None:
        assert getattr(error, "raw", body) == body
    # Whatever was read can be written again: no half of a surrogate pair comes through.
    repr(answer).encode()
    if isinstance(answer, eums.Page):
        for apart in answer.quarantined:
            apart.raw.encode()
        for record in answer.records:
            str(getattr(record, "text", "")).encode()


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("decode", DECODERS)
@given(body=st.binary(max_size=400))
@example(body=b"")
@example(body=b"\x1f\x8b")
@example(body=b"[" * 200_000)
@example(body=b'{"a":' * 200_000)
@example(body=b'{"code":0,"data":' + b"[" * 200_000)
@example(body=b'{"code":0,"data":[' + b'{"a":[' * 100_000)
@example(body=b'{"code":0,"data":[{"message_id":' + b"9" * 100_000 + b',"dest_number":1,"report_status":1}]}')
@example(body=b'{"code":' + b"9" * 100_000 + b"}")
@example(body=b'{"code":0,"data":[{"message_id":"\\ud83d","dest_number":"1","report_status":"\\udc00\\ud83d"}]}')
@example(body=b'{"code":0,"data":[{"message_id":"\xff","dest_number":"1","report_status":"\xed\xa0\x80"}]}')
@example(body=b'{"code":1e5}')
@example(body=b'{"code":Infinity,"balance_item":NaN}')
def test_any_bytes_at_all_end_well(
    account: eums.Account, decode: Callable[[bytes, eums.Account], object], body: bytes
) -> None:
    check(decode, body, account)


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("decode", DECODERS)
@given(text=almost_json)
@example(text='[{"a":"1",:"data":{"b":{"c":"1",}{"code":0"')
@example(text='{"code":0,"data":[{"a":1}{"b":2}{"c":')
def test_anything_like_json_ends_well(
    account: eums.Account, decode: Callable[[bytes, eums.Account], object], text: str
) -> None:
    check(decode, seal(account, text), account)


@given(content=st.text(st.characters(codec="utf-8"), max_size=300), key=st.sampled_from([KEY, KEY + KEY[:8], KEY * 2]))
def test_the_cipher_gives_back_what_it_took(content: str, key: bytes) -> None:
    sealed = eums.encrypt_hex(content, key)

    assert bytes.fromhex(sealed) == AES.new(key, AES.MODE_ECB).encrypt(pad(content.encode(), 16))
    assert eums.decrypt_hex(sealed.upper(), key).decode() == content


@given(status=st.text(max_size=20))
def test_any_status_has_an_outcome(status: str) -> None:
    outcome = eums.classify(status)

    assert (outcome.state == "undelivered") == (outcome.error_class in eums.ERROR_CLASSES)
    assert (outcome.state == "pending") != outcome.final
