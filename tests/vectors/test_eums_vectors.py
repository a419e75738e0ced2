"""The specification's own bytes, both ways. Nothing here was made by the code under test."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import eums

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("eums.json").read_text(encoding="utf-8"))
ANSWERS: dict[str, str] = VECTORS["answers"]
SEALED: dict[str, str] = VECTORS["cipher"]["sealed"]
NOW = datetime.fromisoformat(VECTORS["time"])
SHANGHAI = ZoneInfo("Asia/Shanghai")
THEN = datetime(2021, 1, 2, 13, 45, 56, tzinfo=SHANGHAI)

PLAIN = eums.Account(base_url="http://101.201.66.112:8080", name="test", password=VECTORS["password"])


def encrypted(key_format: str) -> eums.Account:
    return eums.Account(
        base_url="http://101.201.66.112:8080",
        name="test",
        password=VECTORS["password"],
        version=17,
        aes_key_format=key_format,
    )


def body(name: str) -> bytes:
    return ANSWERS[name].encode()


def test_the_seed_is_the_gateways_clock() -> None:
    assert eums.format_seed(NOW.astimezone(UTC), SHANGHAI) == VECTORS["seed"]


def test_the_key_of_a_pull_is_the_printed_one() -> None:
    assert eums.sign(eums.digest_password(VECTORS["password"]), VECTORS["seed"]) == VECTORS["pull_key"]


@pytest.mark.parametrize("call", [eums.Call.REPORT, eums.Call.MO, eums.Call.BALANCE])
def test_a_pull_is_the_printed_request(call: eums.Call) -> None:
    account = eums.Account(base_url=PLAIN.base_url, name="test", password=VECTORS["password"], method="GET")

    request = eums.build_request(account, call, NOW)

    assert f"{request.url}?{request.query}" == (
        f"http://101.201.66.112:8080/eums/sms/utf8/json/{call}.do"
        "?name=test&seed=20130806102030&key=cd6e1aa6b89e8e413867b33811e70153&ver=1"
    )


def test_a_query_of_statistics_is_the_printed_request() -> None:
    account = eums.Account(base_url=PLAIN.base_url, name="test", password=VECTORS["password"], method="GET")

    request = eums.build_request(account, eums.Call.STATISTICS, NOW, start=date(2021, 2, 3), end=date(2021, 2, 28))

    assert f"{request.url}?{request.query}" == (
        "http://101.201.66.112:8080/eums/sms/utf8/json/statistic_app.do"
        "?name=test&seed=20130806102030&key=cd6e1aa6b89e8e413867b33811e70153&ver=1"
        "&start_date=20210203&end_date=20210228"
    )


def test_a_submit_signs_the_data_that_it_sends() -> None:
    submit = eums.Submit(("13812345678",), "【京东】您的验证码是 123456", ext="1234")

    fields = dict(eums.build_request(PLAIN, eums.Call.SEND, NOW, submit=submit).fields)

    assert fields["data"] == VECTORS["send_data"]
    assert fields["key"] == VECTORS["send_key_computed"]


@pytest.mark.parametrize("key_format", SEALED)
def test_the_cipher_both_ways(key_format: str) -> None:
    key = encrypted(key_format).cipher_key
    assert key is not None

    assert eums.encrypt_hex(VECTORS["cipher"]["plain"], key) == SEALED[key_format]
    assert eums.decrypt_hex(SEALED[key_format], key) == VECTORS["cipher"]["plain"].encode()


@pytest.mark.parametrize("key_format", SEALED)
def test_an_encrypted_refusal(key_format: str) -> None:
    with pytest.raises(eums.Refused) as refused:
        eums.decode_reports(SEALED[key_format].encode(), encrypted(key_format))

    assert refused.value.code.number == 101


@pytest.mark.parametrize(
    "decode",
    [
        eums.decode_submit,
        eums.decode_reports,
        eums.decode_inbound,
        eums.decode_balance,
        eums.decode_statistics,
    ],
)
def test_the_printed_refusal(decode: Any) -> None:
    with pytest.raises(eums.Refused) as refused:
        decode(body("refused"), PLAIN)

    assert refused.value.code == eums.CODES[101]


def test_the_printed_answer_to_a_submit() -> None:
    assert eums.decode_submit(body("send"), PLAIN) == (
        eums.Accepted("13812345678", "0603015522454756885", 1),
        eums.Accepted("13000000001", "0603015522454756886", 2),
    )


def test_the_printed_reports() -> None:
    page = eums.decode_reports(body("report"), PLAIN)

    raw = "2021-01-02 13:45:56"
    assert page == eums.Page(
        0,
        (
            eums.Report(0, "1203110100547341956", "13812345678", "DELIVRD", THEN, raw, "abc"),
            eums.Report(1, "1203110100547341956", "13800001234", "DELIVRD", THEN, raw, ""),
        ),
    )


def inbound(ordinal: int, src: str, content: str, binary: str, sign: str) -> eums.Inbound:
    return eums.Inbound(ordinal, "1069012345678", src, content, THEN, "2021-01-02 13:45:56", binary, 8, "", sign)


def test_the_inbound_messages_as_they_were_meant() -> None:
    assert eums.decode_inbound(body("mo_whole"), PLAIN) == eums.Page(
        0,
        (
            inbound(0, "13812345678", "好的", "WX12hA==", "京东"),
            inbound(1, "13800001234", "收到", "ZTZSMA==", "中通快递"),
        ),
    )


def test_the_inbound_messages_as_they_are_printed_lose_nothing() -> None:
    # A page break of the document closes the page in the middle of its first record.
    page = eums.decode_inbound(body("mo"), PLAIN)

    assert page.records == (inbound(0, "13812345678", "好的", "WX12hA==", ""),)
    assert not page.cut
    (apart,) = page.quarantined
    assert apart.ordinal is None
    assert "收到" in apart.raw


@pytest.mark.parametrize(("binary", "text"), [("WX12hA==", "好的"), ("ZTZSMA==", "收到")])
def test_binary_content_in_format_8_is_utf_16_big_endian(binary: str, text: str) -> None:
    assert eums.Inbound(0, "1069", "138", "", None, "", binary, 8, "", "").text == text


def test_the_printed_balance() -> None:
    assert eums.decode_balance(body("balance"), PLAIN) == 100


def test_the_printed_statistics() -> None:
    assert eums.decode_statistics(body("statistic_app"), PLAIN) == (
        eums.DayStatistics(date(2021, 2, 3), 100, 90, 6, 4),
        eums.DayStatistics(date(2021, 2, 4), 200, 180, 12, 8),
    )


LISTED = """101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 121 122 123 124 125 126 127 128 129
130 131 201 202 203 204 205 206 301 302 303 304 305 306 307 308 309 401 999"""


def test_every_code_of_the_specification_is_known() -> None:
    assert sorted(eums.CODES) == [int(number) for number in LISTED.split()]
