"""From the bytes of an answer to its text."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from eums.cipher import salvage_hex
from eums.errors import Malformed

if TYPE_CHECKING:
    from eums.account import Account

__all__ = ["text_of"]

_GZIP = b"\x1f\x8b"
# Of a text. The specification's own pages have 1,000 records; one of 100,000 reports has a half and a third of these.
# What is beyond them is kept, and not read: it could take more memory than there is.
_LARGEST = 32 * 1024 * 1024  # bytes
_MOST_VALUES = 2_000_000  # of JSON, and at least as many commas and opening brackets

_BLANK = b" \t\r\n\0"
_BOM = b"\xef\xbb\xbf"
_CIPHERTEXT = re.compile(rb"(?:[0-9a-fA-F]\s*){32}")


def text_of(body: bytes, account: Account) -> str:
    """Decompress, decrypt and decode an answer, as far as it goes.

    Raises:
        Malformed: there is nothing that could be read: encrypted without a key, or with another one; or too much.
    """
    plain = _bare(_inflate(body) if body.startswith(_GZIP) else body)
    unquoted = plain.strip(b"\"'")
    # Decided by what came, not by the version: some gateways answer an encrypted request in plain JSON.
    if _CIPHERTEXT.match(unquoted):
        key = account.cipher_key
        if key is None:
            raise Malformed("the answer is encrypted, and the account has no key", body)
        plain = _bare(salvage_hex(unquoted, key)[0])
        if not plain.startswith((b"{", b"[", b'"')):
            raise Malformed("the answer cannot be decrypted with the account's key", body)
    if len(plain) > _LARGEST:
        raise Malformed(f"the answer is larger than {_LARGEST} bytes", body)
    if len(plain) > _MOST_VALUES and sum(map(plain.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise Malformed(f"the answer has more values than {_MOST_VALUES}", body)
    try:
        return plain.decode()
    except UnicodeDecodeError:
        # One broken character must not cost the others. What it was, the raw bytes still say.
        return plain.decode("utf-8", "replace")


def _bare(octets: bytes) -> bytes:
    return octets.strip(_BLANK).removeprefix(_BOM).strip(_BLANK)


def _inflate(body: bytes) -> bytes:
    # Asked for identity, a server may compress all the same. As much as there is of a stream that was cut.
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _LARGEST + 1)
    except zlib.error as exc:
        raise Malformed("the answer cannot be decompressed", body) from exc
