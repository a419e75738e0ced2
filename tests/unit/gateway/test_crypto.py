"""Vectors of the specification and of other implementations, and what is no ciphertext."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.gateway import crypto

# Time never decides a test.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PASSWORD_MD5 = hashlib.md5(b"123456", usedforsecurity=False)


def test_the_printed_pull_key() -> None:
    assert crypto.request_key("123456", "20130806102030") == "cd6e1aa6b89e8e413867b33811e70153"


def test_the_key_of_the_printed_submit() -> None:
    data = '{"dest":"13812345678","content":"【京东】您的验证码是 123456","ext":"1234"}'
    assert crypto.request_key("123456", "20130806102030", data.encode()) == "44f145d5ca85587e9654e268acf3407f"


@pytest.mark.parametrize(
    ("key", "cipher"),
    [
        (PASSWORD_MD5.digest(), "2ece866177078a92bc100f92e4e54aa9"),
        (PASSWORD_MD5.hexdigest()[:16].encode(), "6fdee484378fd691a89c2c15af475573"),
        (PASSWORD_MD5.hexdigest().encode(), "4206c35ae7fd5ec98ebbfc323e85e568"),
    ],
)
def test_aes_vectors(key: bytes, cipher: str) -> None:
    assert crypto.encrypt(b'{"code":101}', key) == cipher
    assert crypto.decrypt(cipher, key) == b'{"code":101}'
    assert crypto.decrypt(cipher.upper(), key) == b'{"code":101}'


@relaxed
@given(st.binary(), st.sampled_from([16, 24, 32]))
def test_decryption_undoes_encryption(plain: bytes, size: int) -> None:
    key = bytes(range(size))
    assert crypto.decrypt(crypto.encrypt(plain, key), key) == plain


@pytest.mark.parametrize("text", ["", "a", "zz", "00", "00" * 17, "00 " * 16, "00" * 16 + "\n", "０" * 32])
def test_what_is_no_ciphertext(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        crypto.decrypt(text, b"0123456789abcdef")


@pytest.mark.parametrize(("given", "matches"), [("ab", True), ("AB", False), ("", False), ("密\udcff", False)])
def test_keys_are_compared_exactly(given: str, *, matches: bool) -> None:
    assert crypto.key_matches(given, "ab") is matches


@pytest.mark.parametrize(
    ("text", "form"),
    [("0123456789abcdef", "text"), ("30313233343536373839616263646566", "hex"), ("MDEyMzQ1Njc4OWFiY2RlZg==", "base64")],
)
def test_aes_keys_in_every_form(text: str, form: crypto.AesKeyFormat) -> None:
    assert crypto.read_aes_key(text, form) == b"0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        ("short", "text", "16, 24 or 32"),
        ("0g", "hex", "not hex"),
        ("00" * 15, "hex", "this one has 15"),
        ("!!!!", "base64", "not base64"),
    ],
)
def test_wrong_aes_keys(text: str, form: crypto.AesKeyFormat, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        crypto.read_aes_key(text, form)
