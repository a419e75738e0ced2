"""Version 17: AES/ECB/PKCS5Padding, written as hex (下行协议, `ver`).

ECB is the protocol's choice. It hides no patterns and authenticates nothing; use HTTPS where the gateway has it.
Its one merit: each block of 16 bytes stands alone, so a page that was cut short can be read up to the cut.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from string import whitespace
from typing import Protocol

from eums.errors import Malformed

__all__ = ["decrypt_hex", "encrypt_hex", "salvage_hex"]

_BLOCK = 16
_BLANK = whitespace.encode()
_HEX = re.compile(rb"[0-9a-fA-F]*")


class _Cipher(Protocol):
    def encrypt(self, plain: bytes, /) -> bytes: ...
    def decrypt(self, sealed: bytes, /) -> bytes: ...


def _ecb(key: bytes) -> _Cipher:
    # Takes 10 ms to import, for which whoever reads nothing encrypted need not wait.
    from Crypto.Cipher import AES  # noqa: PLC0415

    return AES.new(key, AES.MODE_ECB)


def encrypt_hex(text: str, key: bytes) -> str:
    """Return the AES/ECB/PKCS5 encryption of the UTF-8 of `text`, in lower-case hex.

    Args:
        text: what to encrypt.
        key: 16, 24 or 32 bytes.
    """
    plain = text.encode()
    padding = _BLOCK - len(plain) % _BLOCK
    return _ecb(key).encrypt(plain + bytes([padding]) * padding).hex()


def decrypt_hex(text: bytes | str, key: bytes) -> bytes:
    """Return the bytes that `encrypt_hex` encrypted. Any case; white space between the digits does not matter.

    Raises:
        Malformed: not hex, not whole blocks, or no valid padding: a wrong key, or a text that was cut.
    """
    plain, cut = salvage_hex(text, key)
    if cut:
        raise Malformed("the hex of an encrypted answer is cut short, or the key is not the account's")
    return plain


def salvage_hex(text: bytes | str, key: bytes) -> tuple[bytes, bool]:
    """Decrypt as many whole blocks as there are, up to the first character that is no hex digit.

    Returns:
        The bytes without their padding, and whether the text was cut: something was left over that makes no
        block, or the padding that ends every whole text is missing. A wrong key looks the same: the caller
        sees it by what the bytes are.
    """
    digits = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        sealed = unhexlify(digits)
    except ValueError:
        digits = digits.translate(None, _BLANK)
        whole = _HEX.match(digits)
        end = whole.end() if whole else 0
        sealed = unhexlify(digits[: end - end % 2])
        over = len(digits) - len(sealed) * 2
    else:
        over = 0
    over += len(sealed) % _BLOCK
    sealed = sealed[: len(sealed) - len(sealed) % _BLOCK]
    plain = _ecb(key).decrypt(sealed)
    padding = plain[-1] if plain else 0
    if over or not 1 <= padding <= _BLOCK or not plain.endswith(bytes([padding]) * padding):
        return plain, True
    return plain[:-padding], False
