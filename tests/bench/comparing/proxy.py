"""Signs for Kannel: takes its plain GET, posts what EUMS asks for, hands the gateway's answer back as it is.

Kannel's escapes know no MD5, so somebody has to. It is written as the plain script is, and with that one's signing; it
counts as a part of Kannel, and shares its processor.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qs, urlsplit

import requests

from tests.bench.comparing.account import NAME, PASSWORD
from tests.bench.comparing.plain_script import signed
from tests.fakes.endpoints import Endpoint, elsewhere, response

PROXIED: Final = "/send?to=%p&text=%b&reference=%B"
"""Where Kannel sends what the proxy is to sign."""


@contextlib.contextmanager
def proxy(gateway: str, *, processor: int | None) -> Iterator[tuple[str, int]]:
    """Run one in a process of its own, and say its URL and which process it is."""
    with elsewhere(functools.partial(_serving, gateway), processor=processor) as said:
        yield said


@contextlib.contextmanager
def _serving(gateway: str) -> Iterator[tuple[str, int]]:
    kept = threading.local()

    def answer(head: bytes, _: bytes) -> tuple[str, bytes]:
        asked = parse_qs(urlsplit(head.split(b" ", 2)[1].decode()).query)
        if not hasattr(kept, "session"):
            kept.session = requests.Session()
        form = signed(NAME, PASSWORD, *(asked[name][0] for name in ("to", "text", "reference")))
        said = kept.session.post(f"{gateway}/eums/sms/utf8/json/send.do", data=form, timeout=30)
        return "send", response(said.content, "Content-Type: application/json;charset=UTF-8")

    with Endpoint(answer) as endpoint:
        yield endpoint.url, os.getpid()
