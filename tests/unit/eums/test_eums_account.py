from __future__ import annotations

import base64
import pickle
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from eums import Account, AccountError, Call

SECRETS = {"password": "hunter2hunter2", "aes_key": "0123456789abcdefX"}
DIGEST = "e10adc3949ba59abbe56e057f20f883e"


def account(**changes: Any) -> Account:
    return Account(**({"base_url": "http://gateway.test:8080", "name": "test", "password": "123456"} | changes))


def problems(**changes: Any) -> tuple[str, ...]:
    with pytest.raises(AccountError) as error:
        account(**changes)
    return error.value.problems


@pytest.mark.parametrize(
    ("base_url", "folder"),
    [
        ("http://h", "http://h/eums/sms/utf8/json"),
        ("http://h/", "http://h/eums/sms/utf8/json"),
        ("http://h:8080/eums", "http://h:8080/eums/sms/utf8/json"),
        ("http://h/eums/sms/", "http://h/eums/sms/utf8/json"),
        ("https://h/eums/sms/utf8/json", "https://h/eums/sms/utf8/json"),
        ("https://h/eums/sms/utf8/json//", "https://h/eums/sms/utf8/json"),
        ("http://h/eum", "http://h/eum"),
        ("http://h/sms", "http://h/sms"),
        ("http://h/proxy/eums/sms/utf8/json/", "http://h/proxy/eums/sms/utf8/json"),
        ("http://h/eums/sms/utf8/json/v2", "http://h/eums/sms/utf8/json/v2"),
        ("http://[::1]:8090/x", "http://[::1]:8090/x"),
        ("HTTP://h", "http://h/eums/sms/utf8/json"),
    ],
)
def test_the_address_is_completed_only_where_it_is_the_specifications(base_url: str, folder: str) -> None:
    assert account(base_url=base_url).url(Call.SEND) == f"{folder}/send.do"


@pytest.mark.parametrize("call", Call)
def test_each_call_has_its_file(call: Call) -> None:
    assert account().url(call) == f"http://gateway.test:8080/eums/sms/utf8/json/{call.value}.do"


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "gateway",
        "ftp://h",
        "http://",
        "http://h:0",
        "http://h:99999",
        "http://h:x",
        "http://h?a=1",
        "http://h/?",
        "http://h#x",
        "http://user:secret@h",
        "http://h /x",
        "http://h\n.evil.test",
        "http://短信.test",
        f"http://{'a' * 64}.test",
        "http://a..b",
        "http://[::1",
        "http://h/eums/sms/utf8/json/send.do",
        "http://h" + ".aaaaaaa" * 40,
    ],
)
def test_an_address_that_cannot_be_meant(base_url: str) -> None:
    (problem,) = problems(base_url=base_url)

    assert problem.startswith("base_url")
    assert "secret" not in problem


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"aes_key": "0123456789abcdef"}, b"0123456789abcdef"),
        ({"aes_key": "0123456789abcdef01234567"}, b"0123456789abcdef01234567"),
        ({"aes_key": "密钥密钥密A"}, "密钥密钥密A".encode()),
        ({"aes_key": "00" * 31 + "fF", "aes_key_format": "hex"}, bytes(31) + b"\xff"),
        ({"aes_key": base64.b64encode(bytes(24)).decode(), "aes_key_format": "base64"}, bytes(24)),
        ({"aes_key_format": "password-md5-raw"}, bytes.fromhex(DIGEST)),
        ({"aes_key_format": "password-md5-hex16"}, b"e10adc3949ba59ab"),
        ({"aes_key_format": "password-md5-hex32"}, DIGEST.encode()),
        ({"aes_key_format": "password-md5-raw", "password": None, "password_md5": DIGEST}, bytes.fromhex(DIGEST)),
    ],
)
def test_keys(changes: dict[str, Any], key: bytes) -> None:
    assert account(version=17, **changes).cipher_key == key


def test_version_1_needs_no_key() -> None:
    assert account().cipher_key is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"version": 17}, "aes_key"),
        ({"version": 17, "aes_key": "short"}, "aes_key"),
        ({"aes_key": "0123456789abcde"}, "aes_key"),
        ({"aes_key": "xx", "aes_key_format": "hex"}, "aes_key"),
        ({"aes_key": "%%%", "aes_key_format": "base64"}, "aes_key"),
        ({"aes_key": "ключ", "aes_key_format": "base64"}, "aes_key"),
        ({"aes_key": "0123456789abcdef", "aes_key_format": "password-md5-raw"}, "aes_key"),
        ({"aes_key_format": "rot13"}, "aes_key_format"),
        ({"version": 2}, "version"),
        ({"version": "17", "aes_key": "0123456789abcdef"}, "version"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "\ud83d"}, "name"),
        ({"password": ""}, "password"),
        ({"password": "\udc00"}, "password"),
        ({"password": None}, "exactly one of password and password_md5"),
        ({"password_md5": DIGEST}, "exactly one of password and password_md5"),
        ({"password": None, "password_md5": "123"}, "password_md5"),
        ({"method": "PUT"}, "method"),
        ({"zone": "Asia/Nowhere"}, "zone"),
        ({"zone": "../etc/passwd"}, "zone"),
        ({"zone": ""}, "zone"),
        ({"zone": "Asia"}, "zone"),
        ({"post_recipients": 0}, "post_recipients"),
        ({"get_recipients": True}, "get_recipients"),
        ({"read_timeout": 0}, "read_timeout"),
        ({"connect_timeout": float("inf")}, "connect_timeout"),
        ({"write_timeout": float("nan")}, "write_timeout"),
    ],
)
def test_each_problem_is_named(changes: dict[str, Any], named: str) -> None:
    (problem,) = problems(**changes)

    assert problem.startswith(named + " ")


def test_all_problems_are_named_at_once_and_no_secret_is_quoted() -> None:
    found = problems(**SECRETS, version=17, base_url="x", name="", zone="?", password_md5="secret-digest")

    assert [problem.split()[0] for problem in found] == [
        "base_url", "name", "zone", "exactly", "password_md5", "aes_key"
    ]  # fmt: skip
    assert not any(secret in " ".join(found) for secret in (*SECRETS.values(), "secret-digest"))


def test_secrets_stay_out_of_the_repr() -> None:
    shown = repr(account(password="hunter2", aes_key="0123456789abcdef"))

    assert "hunter2" not in shown
    assert "0123456789abcdef" not in shown
    assert DIGEST not in repr(account(password=None, password_md5=DIGEST))


def test_a_digest_of_any_case_is_the_password() -> None:
    upper = account(password=None, password_md5=DIGEST.upper())

    assert upper.password_digest == upper.password_md5 == account().password_digest == DIGEST


def test_the_limits_follow_the_method() -> None:
    assert account().max_recipients == 1000
    assert account(method="GET").max_recipients == 50


def test_the_zone_is_chinas_unless_told_otherwise() -> None:
    assert account().tzinfo == ZoneInfo("Asia/Shanghai")
    assert account(zone="UTC").tzinfo == ZoneInfo("UTC")


def test_a_mapping_may_hold_numbers_as_strings() -> None:
    built = Account.from_mapping(
        {
            "base_url": "http://gateway.test:8080",
            "name": "test",
            "password": "123456",
            "password_md5": None,
            "version": "17",
            "aes_key": "0123456789abcdef",
            "post_recipients": "200",
            "read_timeout": "2.5",
        }
    )

    assert built == account(version=17, aes_key="0123456789abcdef", post_recipients=200, read_timeout=2.5)


def test_a_mapping_names_all_its_problems_at_once() -> None:
    with pytest.raises(AccountError) as error:
        Account.from_mapping(
            {"name": 7, "passwort": "hunter2", "Hunter2!": "", "version": "one", "post_recipients": [], "method": "GET"}
        )

    assert error.value.problems == (
        "passwort is no setting of an account",
        "one name is no setting of an account",
        "base_url is missing",
        "name must be a string",
        "version must be a whole number",
        "post_recipients must be a whole number",
        "exactly one of password and password_md5 must be given",
    )


def test_accounts_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(account())) == account()  # noqa: S301 - our own bytes


WHOLE = {"base_url": "http://gw", "name": "n", "password": "new", "version": 17, "aes_key": "n" * 16}


def test_what_an_account_had_before_says_what_was_otherwise() -> None:
    found = Account.from_mapping(
        WHOLE
        | {"previous": [{"password_md5": "0" * 32}, {"aes_key": "o" * 16}, {"aes_key_format": "password-md5-raw"}]}
    )

    first, second, third = found.previous
    assert (first.password, first.password_digest, first.cipher_key) == (None, "0" * 32, b"n" * 16)
    assert (second.password, second.cipher_key) == ("new", b"o" * 16)
    assert third.cipher_key == bytes.fromhex(found.password_digest)
    assert found.cipher_keys == (b"n" * 16, b"o" * 16, third.cipher_key)
    assert "'new'" not in repr(found)
    assert hash(found) != hash(Account.from_mapping(WHOLE))


@pytest.mark.parametrize(
    ("previous", "said"),
    [
        ("s3cret", "previous must be a list of objects"),
        (["s3cret"], "previous must be a list of objects"),
        ([{"s3cret": 1}], "previous 1 may have password"),
        ([{"name": "s3cret"}], "previous 1 may have password"),
        ([{"aes_key": "s3cret"}], "previous 1: aes_key must have 16"),
        ([{"password": "ok"}, {"version": "s3cret"}], "previous 2: version must be"),
        ([{"password": ""}], "previous 1: password is empty"),
    ],
)
def test_what_is_wrong_with_what_was_before_is_said_without_quoting_it(previous: object, said: str) -> None:
    with pytest.raises(AccountError) as caught:
        Account.from_mapping(WHOLE | {"previous": previous})

    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_previous_is_a_tuple_of_accounts() -> None:
    with pytest.raises(AccountError, match="previous must be a tuple"):
        Account(base_url="http://gw", name="n", password="p", previous=({},))  # type: ignore[arg-type]
