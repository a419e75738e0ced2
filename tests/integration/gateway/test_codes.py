"""Every code that a request can earn, by both methods and in both versions."""

import hashlib
from typing import Any

import httpx
import pytest

from local.gateway import Gateway, ManualClock
from tests.integration.gateway.plain_client import PlainClient, encrypt, md5

CALLS = ["send", "report", "mo", "balance", "statistic_app"]
GOOD = {"dest": "13812345678", "content": "【京东】您的验证码是 123456"}
DATES = {"start_date": "20130801", "end_date": "20130831"}


def fields_of(client: PlainClient, call: str) -> dict[str, str]:
    return client.signed(client.data(GOOD)) if call == "send" else client.signed(**DATES)


@pytest.mark.parametrize("call", CALLS)
def test_a_right_request_is_taken(any_client: PlainClient, call: str) -> None:
    # There are no statistics before there is a message.
    any_client.send("13812345678")
    assert any_client.read(any_client.request(call, fields_of(any_client, call)))["code"] == 0


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize(("name", "code"), [("name", 101), ("seed", 102), ("key", 103), ("ver", 124)])
def test_missing_parameters(any_client: PlainClient, call: str, name: str, value: str | None, code: int) -> None:
    fields = fields_of(any_client, call)
    fields.pop(name)
    if value is not None:
        fields[name] = value
    response = any_client.request(call, fields)
    # Only with a name and a version is there a key to encrypt with.
    reader = any_client if name in {"seed", "key"} else any_client.but(version=1)
    assert reader.read(response) == {"code": code}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": "nobody"}, 201),
        ({"ver": "2"}, 124),
        ({"ver": "01"}, 124),
        ({"ver": "x"}, 124),
    ],
)
def test_without_a_key_the_refusal_is_plain(
    any_client: PlainClient, call: str, wrong: dict[str, str], code: int
) -> None:
    response = any_client.request(call, fields_of(any_client, call) | wrong)
    assert response.json() == {"code": code}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "seed",
    [
        "2013080610203",
        "201308061020300",
        "20130806102030 ",
        " 20130806102030",
        "20131306102030",
        "2013-08-06 1020",
        "１" * 14,
    ],
)
def test_a_malformed_seed_is_106(any_client: PlainClient, call: str, seed: str) -> None:
    client = any_client.but(seed=seed)
    assert client.read(client.request(call, fields_of(client, call))) == {"code": 106}


@pytest.mark.parametrize("seconds", [-1800, -1799, 0, 1799, 1800, 1800.9])
def test_exactly_thirty_minutes_are_within_the_window(client: PlainClient, clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds)
    assert client.call("balance")["code"] == 0


@pytest.mark.parametrize("seconds", [-1801, 1801, -8 * 3600, 8 * 3600])
def test_beyond_thirty_minutes_is_106(any_client: PlainClient, clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds)
    assert any_client.call("balance") == {"code": 106}


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_key_is_107(any_client: PlainClient, call: str) -> None:
    fields = fields_of(any_client, call)
    for wrong in (fields["key"].upper(), md5("x"), "x", "密"):
        assert any_client.read(any_client.request(call, fields | {"key": wrong})) == {"code": 107}
    client = any_client.but(password="wrong")
    assert client.read(client.request(call, fields_of(client, call))) == {"code": 107}


def test_the_key_covers_the_data_exactly_as_sent(any_client: PlainClient) -> None:
    fields = any_client.signed(any_client.data(GOOD))
    assert any_client.read(any_client.request("send", fields | {"data": fields["data"] + " "})) == {"code": 107}
    unsigned = any_client.signed() | {"data": fields["data"]}
    assert any_client.read(any_client.request("send", unsigned)) == {"code": 107}


def test_the_printed_pull_key(http: httpx.Client) -> None:
    printed = "name=test&seed=20130806102030&key=cd6e1aa6b89e8e413867b33811e70153&ver=1"
    assert http.get(f"/eums/sms/utf8/json/balance.do?{printed}").json() == {"code": 0, "balance_item": 100000}


def test_the_printed_submit(http: httpx.Client) -> None:
    answer = http.post(
        "/eums/sms/utf8/json/send.do",
        data={
            "name": "test",
            "seed": "20130806102030",
            "key": "44f145d5ca85587e9654e268acf3407f",
            "ver": "1",
            "data": '{"dest":"13812345678","content":"【京东】您的验证码是 123456","ext":"1234"}',
        },
    ).json()
    assert answer["code"] == 0
    (record,) = answer["data"]
    assert record["dest_number"] == "13812345678"
    assert record["charge_item"] == 1
    assert record["message_id"].startswith("0")
    assert record["message_id"].isdigit()
    assert len(record["message_id"]) <= 20


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "suspended"}, 202),
        ({"status": "deleted"}, 203),
        ({"allowed_ips": ["10.0.0.0/8"]}, 204),
        ({"http_allowed": False}, 116),
    ],
)
@pytest.mark.parametrize("call", CALLS)
def test_accounts_that_may_not_call(
    gateway: Gateway, any_client: PlainClient, call: str, changes: dict[str, Any], code: int
) -> None:
    gateway.configure_account("test", **changes)
    assert any_client.read(any_client.request(call, fields_of(any_client, call))) == {"code": code}


def test_a_registered_ip_may_call(gateway: Gateway, client: PlainClient) -> None:
    gateway.configure_account("test", allowed_ips=["10.1.2.3", "127.0.0.1"])
    assert client.call("balance")["code"] == 0


def test_a_version_that_the_account_lacks_is_124_in_plain(client: PlainClient) -> None:
    old = client.but(name="old", version=17)
    assert old.request("balance", old.signed()).json() == {"code": 124}
    assert client.but(name="old").call("balance")["code"] == 0


def test_version_17_without_an_aes_key_is_121_in_plain(client: PlainClient) -> None:
    plain = client.but(name="plain", version=17)
    assert plain.request("balance", plain.signed()).json() == {"code": 121}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"dest": None}, 104),
        ({"dest": ""}, 104),
        ({"dest": ",,"}, 104),
        ({"dest": "12345"}, 104),
        ({"dest": 13812345678}, 122),
        ({"dest": ["13812345678"]}, 122),
        ({"content": None}, 105),
        ({"content": ""}, 105),
        ({"content": 1}, 123),
        ({"content": "字" * 501}, 109),
        ({"ext": "12a"}, 108),
        ({"ext": "１２"}, 108),
        ({"ext": "-1"}, 108),
        ({"ext": "12345678"}, 108),
        ({"ext": 1234}, 108),
        ({"reference": "a,b"}, 999),
        ({"reference": "a;b"}, 999),
        ({"reference": "r" * 51}, 999),
        ({"reference": 7}, 999),
    ],
)
def test_wrong_data(any_client: PlainClient, changes: dict[str, Any], code: int) -> None:
    assert any_client.submit(GOOD | changes) == {"code": code}


@pytest.mark.parametrize(
    "changes",
    [
        {"content": "字" * 500},
        {"ext": "1234567"},
        {"ext": None},
        {"reference": "参" * 50},
        {"reference": None},
        {"reference": "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"},
    ],
)
def test_data_at_the_limits(client: PlainClient, changes: dict[str, Any]) -> None:
    assert client.submit(GOOD | changes)["code"] == 0


@pytest.mark.parametrize(
    "data",
    ["{", "[]", "1", "null", '"x"', '{"dest": NaN}', '{"content": "\\ud800"}', "[" * 100_000, "\ufeff{}", "1" * 5000],
)
def test_data_that_is_no_json_object_is_126(client: PlainClient, data: str) -> None:
    assert client.submit(data) == {"code": 126}
    encrypted = client.but(version=17)
    assert encrypted.submit(data) == {"code": 126}


@pytest.mark.parametrize(
    "data", ["zz", "abc", "00" * 15, "00" * 16, encrypt('{"dest":""}', b"another key here"), "{}", " " + "00" * 16, "é"]
)
def test_what_cannot_be_decrypted_is_126(client: PlainClient, data: str) -> None:
    encrypted = client.but(version=17)
    assert encrypted.read(encrypted.request("send", encrypted.signed(data))) == {"code": 126}


def test_upper_case_hex_is_decrypted(client: PlainClient) -> None:
    encrypted = client.but(version=17)
    assert encrypted.read(encrypted.request("send", encrypted.signed(encrypted.data(GOOD).upper())))["code"] == 0


def test_bytes_that_are_no_utf8_are_126_when_the_key_is_right(http: httpx.Client) -> None:
    data = b'{"dest":"13812345678","content":"\xb5\xc4"}'
    hashed = md5_of(md5("123456").encode() + b"20130806102030" + data)
    body = b"name=test&seed=20130806102030&ver=1&key=" + hashed.encode() + b"&data=" + data
    answer = http.post(
        "/eums/sms/utf8/json/send.do", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.json() == {"code": 126}


def md5_of(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_empty_data_is_125(any_client: PlainClient) -> None:
    assert any_client.read(any_client.request("send", any_client.signed())) == {"code": 125}
    assert any_client.read(any_client.request("send", any_client.signed(""))) == {"code": 125}


def test_signatures(gateway: Gateway, any_client: PlainClient) -> None:
    gateway.configure_account("test", signature_required=True, signatures=["京东"])
    assert any_client.send("13812345678", content="【京东】好")["code"] == 0
    assert any_client.send("13812345678", content="好【京东】")["code"] == 0
    assert any_client.send("13812345678", content="好") == {"code": 111}
    assert any_client.send("13812345678", content="好【京东】的") == {"code": 111}
    assert any_client.send("13812345678", content="【】好") == {"code": 113}
    assert any_client.send("13812345678", content="【中通快递】好") == {"code": 113}


def test_extensions_where_the_channel_has_none(gateway: Gateway, any_client: PlainClient) -> None:
    gateway.configure_account("test", ext_allowed=False)
    assert any_client.send("13812345678", ext="1") == {"code": 108}
    assert any_client.send("13812345678", ext="")["code"] == 0


def test_blocked_words(gateway: Gateway, any_client: PlainClient) -> None:
    gateway.configure_account("test", blocked_words=["赌博"])
    assert any_client.send("13812345678", content="【京东】赌博") == {"code": 401}


def test_balance(gateway: Gateway, any_client: PlainClient) -> None:
    gateway.set_balance(3)
    long = "字" * 71
    assert any_client.send("13812345678", "13812345679", content=long) == {"code": 205}
    assert any_client.call("balance") == {"code": 0, "balance_item": 3}
    assert any_client.send("13812345678", content=long)["data"][0]["charge_item"] == 2
    assert any_client.call("balance") == {"code": 0, "balance_item": 1}
    assert any_client.send("13812345678")["code"] == 0
    assert any_client.call("balance") == {"code": 0, "balance_item": 0}
    assert any_client.send("13812345678") == {"code": 205}
    assert len(gateway.submits()) == 2


@pytest.mark.parametrize(("method", "limit"), [("GET", 50), ("POST", 1000)])
def test_numbers_in_one_submit(client: PlainClient, method: str, limit: int) -> None:
    numbers = [str(13800000000 + ordinal) for ordinal in range(limit + 1)]
    sender = client.but(method=method)
    assert len(sender.send(*numbers[:limit])["data"]) == limit
    assert sender.send(*numbers) == {"code": 999}


def test_only_valid_numbers_are_listed_and_each_once(any_client: PlainClient, gateway: Gateway) -> None:
    answer = any_client.send(
        "13812345678", "12812345678", "1381234567", " 13812345679", "", "13000000001", "13812345678"
    )
    assert [record["dest_number"] for record in answer["data"]] == ["13812345678", "13000000001"]
    assert len({record["message_id"] for record in answer["data"]}) == 2
    assert gateway.balance() == 99_998


@pytest.mark.parametrize(
    ("dates", "code"),
    [
        ({}, 127),
        ({"start_date": "2013-08-01", "end_date": "20130831"}, 127),
        ({"start_date": "20130230", "end_date": "20130301"}, 127),
        ({"start_date": "20130801"}, 128),
        ({"start_date": "20130801", "end_date": "20130832"}, 128),
        ({"start_date": "20130801", "end_date": "20130901"}, 129),
        ({"start_date": "20130802", "end_date": "20130801"}, 129),
        ({"start_date": "20130801", "end_date": "20130831"}, 130),
    ],
)
def test_statistics_of_wrong_dates(any_client: PlainClient, dates: dict[str, str], code: int) -> None:
    assert any_client.call("statistic_app", **dates) == {"code": code}
