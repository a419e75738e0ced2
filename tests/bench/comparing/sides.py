"""Who is compared. Each is opened in the process of a caller, and then hands over a message as often as it is asked to.

All hand over the same text to the same number by the same account; what a message is called at the gateway tells them
apart.
"""

import contextlib
import http.client
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol
from urllib.parse import urlencode, urlsplit

from tests.bench.comparing.account import NAME, PASSWORD, PATIENCE
from tests.bench.comparing.kannel import PASSWORD as KANNEL_PASSWORD
from tests.bench.comparing.kannel import USER as KANNEL_USER
from tests.bench.comparing.plain_script import send, signed

TO: Final = "13812345678"
TEXT: Final = "【京东】您的验证码是123456"

Send = Callable[[], str]
"""Hands over one message; returns its reference at the gateway once its side has said that it has it."""


class Side(Protocol):
    """One way to send.

    Attributes:
        needs: the modules that it is worth to import once for all callers.
    """

    needs: ClassVar[tuple[str, ...]]

    def opened(self) -> AbstractContextManager[Send]:
        """Make ready what is kept between messages."""
        ...


def _references() -> Iterator[str]:
    return (f"{os.getpid()}-{number}" for number in itertools.count())


@dataclass(frozen=True)
class Script:
    """The plain script."""

    needs: ClassVar[tuple[str, ...]] = ("requests",)
    gateway: str

    @contextlib.contextmanager
    def opened(self) -> Iterator[Send]:
        import requests  # noqa: PLC0415 - in the callers' processes alone

        references = _references()
        with requests.Session() as session:

            def hand_over() -> str:
                reference = next(references)
                send(session, self.gateway, signed(NAME, PASSWORD, TO, TEXT, reference))
                return reference

            yield hand_over


@dataclass(frozen=True)
class Handler:
    """The function `messages` in the caller's own process, as Lambda runs it; an AWS that answers at once."""

    needs: ClassVar[tuple[str, ...]] = ("tests.bench.sending", "bridge.wiring")
    aws: str

    @contextlib.contextmanager
    def opened(self) -> Iterator[Send]:
        from tests.bench.sending import handler, without_logs  # noqa: PLC0415 - it brings boto3 and the bridge
        from tests.fakes.endpoints import environment  # noqa: PLC0415

        os.environ.update(environment(self.aws))
        with without_logs():
            post = handler()
            yield lambda: str(json.loads(post()["body"])["id"])


@dataclass(frozen=True)
class Kannel:
    """Kannel's sendsms interface.

    Attributes:
        sendsms: its port.
        signing: whether the caller signs what is to be sent; if not, somebody does between Kannel and the gateway.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    sendsms: int
    signing: bool

    @contextlib.contextmanager
    def opened(self) -> Iterator[Send]:
        login = {"username": KANNEL_USER, "password": KANNEL_PASSWORD, "coding": "2", "charset": "UTF-8"}
        references = _references()
        with _connected(f"http://127.0.0.1:{self.sendsms}") as ask:

            def hand_over() -> str:
                reference = next(references)
                query = {**login, "to": TO, "text": TEXT, "binfo": reference}
                if self.signing:
                    form = signed(NAME, PASSWORD, TO, TEXT, reference)
                    query |= {"from": form["seed"], "account": form["key"], "binfo": form["data"]}
                answer = ask("GET", f"/cgi-bin/sendsms?{urlencode(query)}", None, {})
                if not answer.startswith(b"0:"):
                    raise RuntimeError(f"Kannel answered {answer!r}")
                return reference

            yield hand_over


@dataclass(frozen=True)
class Deployed:
    """The API of a deployed stack.

    Attributes:
        api: its URL with the stage.
        key: a client's.
        queued: whether it is asked to answer before it has sent.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    api: str
    key: str
    queued: bool = False

    @contextlib.contextmanager
    def opened(self) -> Iterator[Send]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if self.queued:
            headers["Prefer"] = "respond-async"
        body = json.dumps({"to": f"+86{TO}", "text": TEXT}).encode()
        path = urlsplit(self.api).path.rstrip("/")
        with _connected(self.api) as ask:
            yield lambda: str(json.loads(ask("POST", f"{path}/messages", body, headers))["id"])


@dataclass(frozen=True)
class Nothing:
    """A raw socket with one ready-made request: as fast as the simulated gateway goes."""

    needs: ClassVar[tuple[str, ...]] = ("tests.bench.calling",)
    gateway: str

    @contextlib.contextmanager
    def opened(self) -> Iterator[Send]:
        from tests.bench.calling import Raw, connected  # noqa: PLC0415 - it brings the bridge's client

        form = signed(NAME, PASSWORD, TO, TEXT, f"{os.getpid()}-all")
        url = f"{self.gateway}/eums/sms/utf8/json/send.do"
        with connected(url) as connection:
            raw = Raw(connection, url, urlencode(form).encode())

            def hand_over() -> str:
                if b'"code":0' not in raw.post():
                    raise RuntimeError("the gateway refused it")
                return ""

            yield hand_over


@contextlib.contextmanager
def _connected(url: str) -> Iterator[Callable[[str, str, bytes | None, Mapping[str, str]], bytes]]:
    """A kept connection, and how to ask by it; what is not 2xx is an error."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)

    def ask(method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        said = answer.read()
        if answer.status // 100 != 2:
            raise RuntimeError(f"{method} {urlsplit(target).path}: {answer.status} {said[:200]!r}")
        return said

    with contextlib.closing(connection):
        yield ask
