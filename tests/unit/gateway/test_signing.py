"""What the page says about a wrong key: the mistake that was made, and nothing of the password."""

import hashlib
from urllib.parse import quote

import pytest

from local.gateway.accounts import GatewayAccount
from local.gateway.signing import MASK, explain
from local.gateway.specification import Call

SEED = "20130806102030"
DATA = '{"dest": "13812345678", "content": "您好 & tschüs"}'
ACCOUNT = GatewayAccount(password="geheim")


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the protocol's


PASSWORD = md5("geheim")
RIGHT = md5(PASSWORD + SEED + DATA)


def fields(key: str, **more: str) -> dict[str, str]:
    return {"name": "test", "seed": SEED, "ver": "1", "key": key, "data": DATA} | more


def test_a_right_key_needs_no_remark() -> None:
    signing = explain(Call.SEND, fields(RIGHT), ACCOUNT, DATA)
    assert signing.right
    assert signing.expected == RIGHT
    assert signing.remarks == ()
    assert signing.hashed == MASK + SEED + DATA


@pytest.mark.parametrize(
    ("key", "remark"),
    [
        ("", "no key was sent"),
        (RIGHT.upper(), "upper-case"),
        (RIGHT[:16], "16 characters"),
        (md5("geheim" + SEED + DATA), "the password was not hashed"),
        (md5(PASSWORD.upper() + SEED + DATA), "in upper case when it was joined"),
        (hashlib.md5(bytes.fromhex(PASSWORD) + (SEED + DATA).encode()).hexdigest(), "raw 16 bytes"),  # noqa: S324
        (md5(PASSWORD + DATA + SEED), "joined last"),
        (md5(PASSWORD + DATA), "the seed was left out"),
        (md5(PASSWORD + SEED), "data was left out"),
        (md5(PASSWORD + SEED + quote(DATA, safe="")), "percent-encoded"),
        (md5("something else"), "none of the usual mistakes"),
    ],
)
def test_a_mistake_is_named(key: str, remark: str) -> None:
    signing = explain(Call.SEND, fields(key), ACCOUNT, DATA)
    assert not signing.right
    assert remark in signing.remarks[0]
    assert len(signing.remarks) == 1


def test_version_17_hashes_the_digits_as_sent() -> None:
    digits = "00ffee"
    for key, remark in ((md5(PASSWORD + SEED + DATA), "plain data"), (md5(PASSWORD + SEED + digits.upper()), "case")):
        (said,) = explain(Call.SEND, fields(key, data=digits, ver="17"), ACCOUNT, DATA).remarks
        assert remark in said


def test_a_pull_hashes_no_data() -> None:
    assert explain(Call.MO, fields(md5(PASSWORD + SEED)), ACCOUNT, None).right
    (said,) = explain(Call.MO, fields(RIGHT), ACCOUNT, None).remarks
    assert "only a submit's key covers it" in said


def test_without_an_account_there_is_nothing_to_compute_with() -> None:
    signing = explain(Call.MO, fields(RIGHT, name="nobody"), None, None)
    assert signing.expected is None
    assert "nobody" in signing.remarks[0]
    assert explain(Call.MO, {}, None, None).remarks == ("no name was sent",)


def test_the_password_is_nowhere() -> None:
    for key in (RIGHT, "wrong"):
        shown = str(explain(Call.SEND, fields(key), ACCOUNT, DATA).as_json())
        assert "geheim" not in shown
        assert PASSWORD not in shown


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert not explain(Call.SEND, fields("\udcff", seed="\udcfe", data="\udcfd"), ACCOUNT, None).right
