"""From the bytes of an answer to its text."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from eums.cipher import salvage_hex
from eums.errors import Malformed, Undecipherable

if TYPE_CHECKING:
    from eums.account import Account

__all__ = ["text_of"]

_GZIP = b"\x1f\x8b"
# Of a text. The specification's own pages have 1,000 records; one of 100,000 reports has a half and a third of these.
# What is beyond them is kept, and not read: it could take more memory than there is.
_LARGEST = 32 * 1024 * 1024  # bytes
_MOST_VALUES = 2_000_000  # of JSON, and at least as many commas and opening brackets

_HEAD = 16  # bytes: a block
_BROKEN = 2
_BLANK = b" \t\r\n\0"
_BOM = b"\xef\xbb\xbf"
_CIPHERTEXT = re.compile(rb"(?:[0-9a-fA-F]\s*){32}")


def text_of(body: bytes, account: Account) -> str:
    """Decompress, decrypt and decode an answer, as far as it goes.

    The account's key is tried first, then those it had before: an answer may be read long after it came.

    Raises:
        Undecipherable: it is encrypted, and the account has no key, or others.
        Malformed: it cannot be decompressed, or is too much to be read.
    """
    plain = _bare(_inflate(body) if body.startswith(_GZIP) else body)
    unquoted = plain.strip(b"\"'")
    # Decided by what came, not by the version: some gateways answer an encrypted request in plain JSON.
    if _CIPHERTEXT.match(unquoted):
        keys = account.cipher_keys
        if not keys:
            raise Undecipherable("the answer is encrypted, and the account has no key", body)
        attempts = (_bare(salvage_hex(unquoted, key)[0]) for key in keys)
        found = next(filter(_is_plain, attempts), None)
        if found is None:
            raise Undecipherable("the answer cannot be decrypted with the account's key", body)
        plain = found
    if len(plain) > _LARGEST:
        raise Malformed(f"the answer is larger than {_LARGEST} bytes", body)
    if len(plain) > _MOST_VALUES and sum(map(plain.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise Malformed(f"the answer has more values than {_MOST_VALUES}", body)
    try:
        return plain.decode()
    except UnicodeDecodeError:
        # One broken character must not cost the others. What it was, the raw bytes still say.
        return plain.decode("utf-8", "replace")


def _is_plain(octets: bytes) -> bool:
    """Whether this is the beginning of JSON. Of what another key makes of a page, one in some ten thousand is."""
    if not octets.startswith((b"{", b"[", b'"')):
        return False
    # A broken character or two are no reason to give up a page. What a wrong key makes is broken all over.
    head = octets[:_HEAD].decode("utf-8", "replace")
    return sum(letter == "\ufffd" or (letter < " " and not letter.isspace()) for letter in head) <= _BROKEN


def _bare(octets: bytes) -> bytes:
    return octets.strip(_BLANK).removeprefix(_BOM).strip(_BLANK)


def _inflate(body: bytes) -> bytes:
    # Asked for identity, a server may compress all the same. As much as there is of a stream that was cut.
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _LARGEST + 1)
    except zlib.error as exc:
        raise Malformed("the answer cannot be decompressed", body) from exc
