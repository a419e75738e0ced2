"""What must be found nowhere, and every way in which it might be written there."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import quote, quote_plus


class Sort(StrEnum):
    """How far a mark may go."""

    NUMBER = "number"  # in answers to whoever named it, and in the data of events
    TEXT = "text"  # in answers and, of replies, in the data of events
    SECRET = "secret"  # nowhere


TO: Final = "13987654021"
FROM: Final = "13765840912"
CODE: Final = "Kq7-4410-Zw"
TEXT: Final = f"【京东】验证码{CODE}，切勿外传"
REPLY: Final = "回复Vx9-5521-Mn收到"
PASSWORD: Final = "pa55-Wd/Lt8842+ü"
PASSWORD_MD5: Final = hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest()
PREVIOUS_PASSWORD: Final = "0ld-pa55/Rr6613"
AES_KEY: Final = "Ae5K-93kq-77zzQx"
PREVIOUS_AES_KEY: Final = "0lAe-44pp-21yyWv"
API_KEY: Final = "eb_Nh2Kq8Lm4Rt6Vw0Xz1Bc3Df5Gj7Pl9Qs2Uy4Wa6Ec8"
ACCOUNT_SID: Final = "AC" + "5d" * 16
AUTH_TOKEN: Final = "7e91c0ffee55aa2244886600deadb33f"
HOOK_SECRET: Final = "hook-Secret/Tr55+Uu66"
_SHORTEST_BASE64: Final = 8


@dataclass
class Marks:
    """All of them; those that are made on the way, such as signatures, are added."""

    forms: dict[str, tuple[Sort, str]] = field(default_factory=dict)
    passing: set[str] = field(default_factory=set)  # signatures of now: they are written in one way

    def __post_init__(self) -> None:
        self.add(Sort.NUMBER, TO, FROM, TO[-8:], FROM[-8:])
        self.add(Sort.TEXT, TEXT, CODE, REPLY, REPLY[2:-2])
        self.add(Sort.SECRET, PASSWORD, PASSWORD_MD5, PREVIOUS_PASSWORD, AES_KEY, PREVIOUS_AES_KEY)
        self.add(Sort.SECRET, API_KEY, AUTH_TOKEN, HOOK_SECRET)

    def add(self, sort: Sort, *marks: str) -> None:
        """Look for these as well."""
        for mark in marks:
            for form in _forms(mark):
                self.forms[form] = sort, mark

    def found(self, text: str, *sorts: Sort) -> Iterator[str]:
        """The marks of these sorts that a text has in it, in whatever form."""
        for form, (sort, mark) in self.forms.items():
            if sort in sorts and form in text:
                yield f"{sort} {mark!r} as {form!r}"
        yield from (f"signature {each}" for each in self.passing if each in text)


def _forms(mark: str) -> Iterable[str]:
    octets = mark.encode()
    wide = (mark.encode("utf-16-be"), mark.encode("utf-16-le"))
    yield from {mark, quote(mark, safe=""), quote(mark), quote_plus(mark), json.dumps(mark)[1:-1], repr(octets)[2:-1]}
    for each in (octets, *wide):
        yield from {each.hex(), each.hex().upper(), *_base64(each)}


def _base64(octets: bytes) -> Iterator[str]:
    """What stands in the Base64 of anything that has these octets in it, wherever they begin."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + octets).decode().rstrip("=")
        # The first characters hold bits of what stands before, the last one of what comes behind.
        inner = encoded[(0, 2, 3)[before] : -1]
        if len(inner) >= _SHORTEST_BASE64:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")


QUOTED: Final = (
    f"{TO} {FROM} {TEXT} {REPLY} {PASSWORD} {PASSWORD_MD5} {PREVIOUS_PASSWORD} {AES_KEY} {API_KEY} {AUTH_TOKEN} "
    f"{HOOK_SECRET}"
)
"""What an error may quote, by bad luck."""
