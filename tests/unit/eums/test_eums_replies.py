from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

import eums
from eums import Account, Ambiguous, Call, Malformed, Page, Refused, Report

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = b"0123456789abcdef"
PLAIN = Account(base_url="http://gateway.test", name="test", password="123456")
SEALED = replace(PLAIN, version=17, aes_key=KEY.decode())
SHANGHAI = ZoneInfo("Asia/Shanghai")

RECORD = {
    "message_id": "0603015522454756885",
    "dest_number": "13812345678",
    "report_status": "DELIVRD",
    "report_time": "2021-01-02 13:45:56",
    "reference": "abc",
}
REPORT = Report(
    0,
    "0603015522454756885",
    "13812345678",
    "DELIVRD",
    datetime(2021, 1, 2, 13, 45, 56, tzinfo=SHANGHAI),
    "2021-01-02 13:45:56",
    "abc",
)
ONE = Page(0, (REPORT,))
WHOLE = json.dumps({"code": 0, "data": [RECORD]})
HEX = eums.encrypt_hex(WHOLE, KEY)

DECODERS: list[Callable[[bytes, Account], object]] = [
    eums.decode_submit,
    eums.decode_reports,
    eums.decode_inbound,
    eums.decode_balance,
    eums.decode_statistics,
]
PULLS = DECODERS[1:3]


def page_of(**changes: Any) -> Page[Report]:
    record = {name: value for name, value in (RECORD | changes).items() if value is not ...}
    return eums.decode_reports(json.dumps({"code": 0, "data": [record]}).encode(), PLAIN)


# How a page may look -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["0", '"0"', '"000"', " 0 ", '" 0 "', "0.0", "000"])
@pytest.mark.parametrize("decode", PULLS)
def test_success_in_any_form_and_no_data_is_an_empty_page(
    decode: Callable[[bytes, Account], object], code: str
) -> None:
    for rest in ("", ',"data":null', ',"data":[]', ',"data":""', ',"data":[ ]', ","):
        assert decode(f'{{"code":{code}{rest}}}'.encode(), PLAIN) == Page(0, ())


@pytest.mark.parametrize("code", ["130", '"130"'])
@pytest.mark.parametrize("decode", PULLS)
def test_code_130_is_an_empty_page(decode: Callable[[bytes, Account], object], code: str) -> None:
    assert decode(f'{{"code":{code}}}'.encode(), PLAIN) == Page(130, ())


@pytest.mark.parametrize(
    "body",
    [
        WHOLE,
        "\ufeff" + WHOLE,
        f"\r\n {WHOLE}\n\0",
        WHOLE.replace('"abc"}', '"abc",}').replace("}]}", "},]}"),
        WHOLE[:-1] + ",}",
        WHOLE + "}",
        WHOLE.replace('"0603015522454756885"', "0603015522454756885"),
        WHOLE.replace('"code": 0', '"code":"00","code":"0","more":{"data":[{"message_id":"9"}]}'),
        '{"data":' + json.dumps([RECORD]) + ',"code":0}',
        '{"data":' + json.dumps([RECORD]) + "}",
        '{"code":0,"data":' + json.dumps(RECORD) + "}",
        json.dumps(WHOLE),
        json.dumps([RECORD]),
        WHOLE.replace('"reference": "abc"', '"reference": "abc", "operator": "a\tb\n", "cost": 1e999, "x": NaN'),
        WHOLE.replace('"reference": "abc"', r'"reference": "abc", "path": "C:\dir\x"'),
    ],
)
@pytest.mark.parametrize("sealed", [False, True])
def test_the_same_page_in_many_forms(body: str, sealed: bool) -> None:  # noqa: FBT001 - two cases of a table
    octets = eums.encrypt_hex(body, KEY).encode() if sealed else body.encode()

    assert eums.decode_reports(octets, SEALED if sealed else PLAIN) == ONE


@pytest.mark.parametrize(
    "body",
    [
        HEX,
        HEX.upper(),
        f'"{HEX}"',
        f"\ufeff {HEX}\r\n",
        "\n".join(HEX[at : at + 75] for at in range(0, len(HEX), 75)),
        WHOLE,
    ],
)
def test_an_encrypted_page_in_many_forms(body: str) -> None:
    assert eums.decode_reports(body.encode(), SEALED) == ONE


def test_a_compressed_page_is_read_as_far_as_it_goes() -> None:
    body = gzip.compress(WHOLE.encode())

    assert eums.decode_reports(body, PLAIN) == ONE
    assert eums.decode_reports(body[:-9], PLAIN).records == (REPORT,)
    with pytest.raises(Malformed):
        eums.decode_reports(b"\x1f\x8b" + b"\xff" * 20, PLAIN)


def test_a_missing_comma_between_records_costs_none() -> None:
    record = json.dumps(RECORD)

    page = eums.decode_reports(f'{{"code":0,"data":[{record}{record}\n{record}]}}'.encode(), PLAIN)

    assert page.records == (REPORT, REPORT._replace(ordinal=1), REPORT._replace(ordinal=2))
    assert page.quarantined == ()


def test_what_follows_a_page_is_kept_apart() -> None:
    page = eums.decode_reports((WHOLE + WHOLE).encode(), PLAIN)

    assert page.records == (REPORT,)
    assert [(apart.ordinal, apart.raw) for apart in page.quarantined] == [(None, WHOLE.rstrip("]}"))]


def test_data_that_is_no_array_is_kept_apart() -> None:
    page = eums.decode_reports(b'{"code":0,"data":"what is this"}', PLAIN)

    assert [(apart.ordinal, apart.raw) for apart in page.quarantined] == [(None, "what is this")]


def test_the_record_at_the_cut_is_kept_apart() -> None:
    page = eums.decode_reports(f'{{"code":0,"data":[{json.dumps(RECORD)},{{"message_id":"77'.encode(), PLAIN)

    assert page.records == (REPORT,)
    assert page.cut
    assert [(apart.ordinal, apart.raw) for apart in page.quarantined] == [(1, '{"message_id":"77')]


NOTHING = [b"", b"null", b"17", b"true", b"[]", b"{}", b'"{}"', b"<html>502 Bad Gateway</html>", b"\xff\xfe"]
NO_CODE = [b'{"code":null}', b'{"code":true}', b'{"code":"abc"}', b'{"code":1.5}', b'{"code":[0]}', b'{"code":0']


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("body", [*NOTHING, *NO_CODE, b'{"code":10'])
def test_what_has_neither_code_nor_records_is_malformed(
    decode: Callable[[bytes, Account], object], body: bytes
) -> None:
    with pytest.raises(Malformed) as error:
        decode(body, PLAIN)

    assert error.value.raw == body
    assert "Bad Gateway" not in str(error.value) + repr(error.value)


@pytest.mark.parametrize("decode", DECODERS)
def test_another_key_is_malformed(decode: Callable[[bytes, Account], object]) -> None:
    with pytest.raises(Malformed, match="cannot be decrypted"):
        decode(HEX.encode(), replace(SEALED, aes_key="another key 1234"))
    with pytest.raises(Malformed, match="has no key"):
        decode(HEX.encode(), PLAIN)


@pytest.mark.parametrize("decode", DECODERS)
def test_a_refusal_names_its_code_and_its_call(decode: Callable[[bytes, Account], object]) -> None:
    for body in (b'{"code":107}', b'{"code":"107","data":null}', b'{"code":107,"da', b'{"code":107}}'):
        with pytest.raises(Refused) as error:
            decode(body, PLAIN)
        assert error.value.code is eums.CODES[107]
        assert error.value.call is list(Call)[DECODERS.index(decode)]


def test_999_leaves_a_submit_open_and_refuses_a_query() -> None:
    with pytest.raises(Ambiguous) as error:
        eums.decode_submit(b'{"code":999}', PLAIN)
    assert error.value.code is eums.CODES[999]
    assert not isinstance(error.value, Malformed)

    for decode in DECODERS[1:]:
        with pytest.raises(Refused) as refused:
            decode(b'{"code":999}', PLAIN)
        assert not refused.value.code.definite


def test_the_siblings_500_is_131_for_queries_alone() -> None:
    for decode in DECODERS[1:]:
        with pytest.raises(Refused) as error:
            decode(b'{"code":500}', PLAIN)
        assert error.value.code.number == 131
    with pytest.raises(Refused) as error:
        eums.decode_submit(b'{"code":500}', PLAIN)
    assert error.value.code.number == 500


# Fields ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["message_id", "dest_number", "report_status"])
@pytest.mark.parametrize("value", [..., None, "", " ", [], {}, True])
def test_a_report_without_what_makes_it_one_is_kept_apart(missing: str, value: object) -> None:
    page = page_of(**{missing: value})

    (apart,) = page.quarantined
    assert page.records == ()
    assert apart.ordinal == 0
    assert apart.reason == f"{missing} is missing"
    assert RECORD["report_time"] in apart.raw


@pytest.mark.parametrize("value", [1203110100547341956, 12031101005473419561203110100547341956])
def test_a_number_for_an_id_keeps_its_digits(value: int) -> None:
    assert page_of(message_id=value, dest_number=13812345678).records[0].message_id == str(value)


@pytest.mark.parametrize("value", [..., None, "", [], False])
def test_a_report_needs_no_reference(value: object) -> None:
    assert page_of(reference=value).records == (REPORT._replace(reference=""),)


@pytest.mark.parametrize(
    "raw", ["", "yesterday", "2021-13-02 13:45:56", "0000-01-01 00:00:00", "２０２１-01-02 13:45:56"]
)
def test_a_time_that_is_none_is_kept_as_it_came(raw: str) -> None:
    assert page_of(report_time=raw).records == (REPORT._replace(report_time=None, report_time_raw=raw),)


def test_times_are_the_accounts_and_may_have_fractions() -> None:
    body = json.dumps({"code": 0, "data": [RECORD | {"report_time": "2021-01-02 13:45:56.5"}]}).encode()

    (report,) = eums.decode_reports(body, replace(PLAIN, zone="UTC")).records

    assert report.report_time == datetime(2021, 1, 2, 13, 45, 56, 500_000, tzinfo=ZoneInfo("UTC"))


def test_half_of_a_surrogate_pair_becomes_a_replacement_and_a_pair_stays_one() -> None:
    body = WHOLE.replace('"abc"', r'"\ud83d\ude00 \ud83d \ude00 \\ud83d"').encode()

    assert eums.decode_reports(body, PLAIN).records[0].reference == "😀 \ufffd \ufffd \\ud83d"


def test_bytes_that_are_no_utf_8_cost_one_character() -> None:
    body = WHOLE.encode().replace(b"abc", b"a\xffc")

    assert eums.decode_reports(body, PLAIN).records == (REPORT._replace(reference="a\ufffdc"),)


MESSAGE = {"dest": "1069012345678", "src": "13812345678", "content": "好的", "receive_time": "2021-01-02 13:45:56"}


def inbound_of(**changes: Any) -> Page[eums.Inbound]:
    message = {name: value for name, value in (MESSAGE | changes).items() if value is not ...}
    return eums.decode_inbound(json.dumps({"code": 0, "data": [message]}).encode(), PLAIN)


def test_an_inbound_message_needs_no_more_than_its_numbers_and_a_text() -> None:
    (message,) = inbound_of(reference=None, sign=None, msg_fmt=None).records

    assert (message.reference, message.sign, message.binary_content, message.msg_fmt) == ("", "", "", None)
    assert message.text == "好的"
    assert inbound_of(content="").records[0].text == ""


@pytest.mark.parametrize("missing", ["dest", "src", "content"])
def test_an_inbound_message_without_them_is_kept_apart(missing: str) -> None:
    page = inbound_of(**{missing: ...})

    assert [apart.reason for apart in page.quarantined] == [f"{missing} is missing"]


@pytest.mark.parametrize(
    ("binary", "msg_fmt", "text"),
    [
        ("WX12hA==", 8, "好的"),
        ("WX12hA", "8", "好的"),
        ("WX12\nhA==", 8, "好的"),
        ("WX12", 8, "好\ufffd"),
        ("usO1xA==", 15, "好的"),
        ("aGk=", 0, "hi"),
        ("aGk=", None, "hi"),
        ("5aW955qE", None, "好的"),
        ("usO1xA==", None, "好的"),
        ("usO1xA==", 99, "好的"),
        ("/w==", 0, "\ufffd"),
        ("A", 8, ""),
        ("好", 8, ""),
        ("\ud83d", 8, ""),
    ],
)
def test_an_empty_content_is_read_from_the_bytes(binary: str, msg_fmt: object, text: str) -> None:
    (message,) = inbound_of(content=None, binary_content=binary, msg_fmt=msg_fmt).records

    assert message.text == text


def test_the_answer_to_a_submit_is_read_whole_or_not_at_all() -> None:
    good = {"dest_number": "13812345678", "message_id": "0603", "charge_item": "2"}
    answer = {"code": "0", "data": [good, good | {"charge_item": None}]}

    accepted = eums.decode_submit(json.dumps(answer).encode(), PLAIN)

    assert accepted == (eums.Accepted("13812345678", "0603", 2), eums.Accepted("13812345678", "0603", None))
    unreadable: list[object] = [{"dest_number": "1"}, {"message_id": "1"}, None, []]
    for bad in unreadable:
        body = json.dumps({"code": 0, "data": [good, bad]}).encode()
        with pytest.raises(Malformed) as error:
            eums.decode_submit(body, PLAIN)
        assert error.value.raw == body


def test_the_answer_to_a_submit_may_name_no_number() -> None:
    for body in (b'{"code":0}', b'{"code":0,"data":null}', b'{"code":0,"data":[]}'):
        assert eums.decode_submit(body, PLAIN) == ()


def test_the_answer_to_a_submit_is_malformed_at_every_cut() -> None:
    whole = b'{"code":0,"data":[{"dest_number":"13812345678","message_id":"0603","charge_item":1}]}'
    assert len(eums.decode_submit(whole, PLAIN)) == 1
    for length in range(len(whole)):
        with pytest.raises(Malformed):
            eums.decode_submit(whole[:length], PLAIN)


@pytest.mark.parametrize(("value", "balance"), [("100", 100), ('"100"', 100), ("0", 0), ("-5", -5)])
def test_the_balance(value: str, balance: int) -> None:
    assert eums.decode_balance(f'{{"code":0,"balance_item":{value}}}'.encode(), PLAIN) == balance


@pytest.mark.parametrize("rest", ["", ',"balance_item":null', ',"balance_item":"many"', ',"balance_item":1.5'])
def test_a_balance_that_is_none(rest: str) -> None:
    with pytest.raises(Malformed):
        eums.decode_balance(f'{{"code":0{rest}}}'.encode(), PLAIN)


DAY = {"date": "20210203", "submit": 100, "delivrd": "90", "undeliv": 6, "unknown": 4}


def test_statistics() -> None:
    body = json.dumps({"code": 0, "data": [DAY, DAY | {"date": "2021-02-04"}]}).encode()

    assert eums.decode_statistics(body, PLAIN) == (
        eums.DayStatistics(date(2021, 2, 3), 100, 90, 6, 4),
        eums.DayStatistics(date(2021, 2, 4), 100, 90, 6, 4),
    )
    assert eums.decode_statistics(b'{"code":130}', PLAIN) == ()


@pytest.mark.parametrize("bad", [DAY | {"date": "20210230"}, DAY | {"date": "x"}, DAY | {"submit": None}, None, {}])
def test_a_day_that_is_none(bad: object) -> None:
    with pytest.raises(Malformed):
        eums.decode_statistics(json.dumps({"code": 0, "data": [DAY, bad]}).encode(), PLAIN)
    with pytest.raises(Malformed):
        eums.decode_statistics(b'{"code":0,"data":"x"}', PLAIN)
