"""The `key` of a request and the AES of version 17 (下行协议, 安全加密)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Literal

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

AES_KEY_SIZES = frozenset({16, 24, 32})
AesKeyFormat = Literal["text", "hex", "base64"]

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()  # the protocol's choice, not ours


def request_key(password: str, seed: str, data: bytes = b"") -> str:
    """Compute md5(md5(password) + seed + data) in lower case; a pull has no data.

    `data` is the exact string of the request: JSON for version 1, the hexadecimal digits for version 17.
    """
    return _md5(_md5(password.encode()).encode() + seed.encode() + data)


def key_matches(given: str, expected: str) -> bool:
    """Compare in constant time. Upper case is wrong: 两次 md5 加密后字符串都需转为小写."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def encrypt(plain: bytes, key: bytes) -> str:
    """Encrypt with AES/ECB/PKCS5Padding into lower-case hexadecimal digits."""
    padder = PKCS7(algorithms.AES.block_size).padder()  # PKCS5 as Java says it is PKCS7 with 16-byte blocks
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the protocol's mode
    return (encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()).hex()


def decrypt(text: str, key: bytes) -> bytes:
    """Undo `encrypt`; hexadecimal digits of either case.

    Raises:
        ValueError: not hexadecimal, not whole blocks, or the padding does not come out.
    """
    # bytes.fromhex alone would skip white space, which the key of the request does not.
    if not _HEX.fullmatch(text):
        raise ValueError("not hexadecimal")
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305 - the protocol's mode
    padded = decryptor.update(bytes.fromhex(text)) + decryptor.finalize()
    unpadder = PKCS7(algorithms.AES.block_size).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def read_aes_key(text: str, form: AesKeyFormat = "text") -> bytes:
    """Read an AES key given as text (its UTF-8 bytes), hexadecimal digits or base64.

    Raises:
        ValueError: it is not in that form, or not 16, 24 or 32 bytes long.
    """
    if form not in _KEY_READERS:
        raise ValueError(f"an AES key is given as {', '.join(_KEY_READERS)}, not {form}")
    try:
        key = _KEY_READERS[form](text)
    except ValueError as exc:
        raise ValueError(f"the AES key is not {form}") from exc
    check_aes_key(key)
    return key


_KEY_READERS: dict[str, Callable[[str], bytes]] = {
    "text": str.encode,
    "hex": bytes.fromhex,
    "base64": lambda text: base64.b64decode(text, validate=True),
}


def check_aes_key(key: bytes) -> None:
    """Raise ValueError unless the key has a length that AES knows."""
    if len(key) not in AES_KEY_SIZES:
        raise ValueError(f"an AES key has 16, 24 or 32 bytes, this one has {len(key)}")
