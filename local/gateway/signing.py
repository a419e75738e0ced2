"""Why a key is right or wrong: what the gateway hashed, and which usual mistake would give the key that came."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Any
from urllib.parse import quote

from local.gateway.accounts import GatewayAccount
from local.gateway.exchange import sent_bytes
from local.gateway.specification import ENCRYPTED, Call

MASK = "•" * 32
"""Stands for md5(password), which is as good as the password itself."""
SHOWN_CHARACTERS = 4_000


@dataclass(frozen=True)
class Signing:
    """How a request was signed.

    Attributes:
        given: the key as it came.
        expected: the key that the gateway computed; None without a known account.
        hashed: the string behind `expected`, with md5(password) masked; its beginning, where it is long.
        right: whether the two are equal.
        remarks: what a person should look at.
    """

    given: str
    expected: str | None
    hashed: str
    right: bool
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Write it for the page."""
        return {
            "given": self.given,
            "expected": self.expected,
            "hashed": self.hashed,
            "right": self.right,
            "remarks": list(self.remarks),
        }


def explain(call: Call, fields: Mapping[str, str], account: GatewayAccount | None, data: str | None) -> Signing:
    """Compare the key of a request with what it should be (下行协议, key).

    Args:
        call: only a submit's key covers data.
        fields: the parameters as decoded.
        account: the account that `name` means, if there is one.
        data: `data` in plain text, as far as it could be read.
    """
    given, seed = fields.get("key", ""), fields.get("seed", "")
    covered = fields.get("data", "") if call is Call.SEND else ""
    hashed = f"{MASK}{seed}{covered}"[:SHOWN_CHARACTERS]
    if account is None:
        name = fields.get("name")
        what = f"there is no account {name!r}, so there is no password to compute with" if name else "no name was sent"
        return Signing(given, None, hashed, right=False, remarks=(what,))
    # Not by request_key, which takes no seed that is no text: here every request is explained.
    expected = _hex(_hex(account.password.encode()).encode() + sent_bytes(seed + covered))
    if hmac.compare_digest(sent_bytes(given), expected.encode()):
        return Signing(given, expected, hashed, right=True)
    return Signing(given, expected, hashed, right=False, remarks=tuple(_remarks(call, fields, account, data)))


def _remarks(call: Call, fields: Mapping[str, str], account: GatewayAccount, data: str | None) -> list[str]:
    given = fields.get("key", "")
    if not given:
        return ["no key was sent"]
    found = [what for what, key in _mistakes(call, fields, account, data) if given.lower() == key.lower()]
    if given != given.lower():
        found.append("the key has upper-case letters; both hashes are written in lower case (转为小写)")
    if len(given) != len(MASK):
        found.append(f"the key has {len(given)} characters; an MD5 in hexadecimal digits has {len(MASK)}")
    return found or [
        "none of the usual mistakes gives this key: compare the string below byte by byte, then the password"
    ]


def _mistakes(
    call: Call, fields: Mapping[str, str], account: GatewayAccount, data: str | None
) -> list[tuple[str, str]]:
    """What went wrong, and the key that one then gets."""
    seed, sent = fields.get("seed", "").encode("utf-8", "surrogateescape"), sent_bytes(fields.get("data", ""))
    covered = sent if call is Call.SEND else b""
    password = account.password.encode()
    hashed = _hex(password).encode()
    mistakes: list[tuple[str, Callable[[], bytes]]] = [
        (
            "the password was not hashed before it was joined: md5(password) comes first",
            lambda: password + seed + covered,
        ),
        ("md5(password) was in upper case when it was joined", lambda: hashed.upper() + seed + covered),
        (
            "the raw 16 bytes of md5(password) were joined, not its hexadecimal digits",
            lambda: md5(password, usedforsecurity=False).digest() + seed + covered,
        ),
        (
            "the seed comes behind md5(password) and before the data; it was joined last",
            lambda: hashed + covered + seed,
        ),
        ("the seed was left out", lambda: hashed + covered),
    ]
    if call is Call.SEND:
        mistakes += [
            ("data was left out: the key of a submit covers it", lambda: hashed + seed),
            (
                "data was percent-encoded before it was hashed: the key covers the text itself",
                lambda: hashed + seed + quote(sent, safe="").encode(),
            ),
            (
                "data was in the other case: the hexadecimal digits count as they are sent",
                lambda: hashed + seed + sent.swapcase(),
            ),
        ]
        if data is not None and fields.get("ver") == ENCRYPTED:
            mistakes.append(
                (
                    "the plain data was hashed: for version 17 the key covers the hexadecimal digits",
                    lambda: hashed + seed + data.encode(),
                )
            )
    elif fields.get("data"):
        mistakes.append(("data was hashed: only a submit's key covers it", lambda: hashed + seed + sent))
    return [(what, _hex(joined())) for what, joined in mistakes]


def _hex(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()  # the protocol's choice, not ours
