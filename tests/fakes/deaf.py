"""A way to a server on which answers get lost: what was asked has been done, and the one who asked does not hear it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from local.ports import LOOPBACK

# Of one connection, and not of the request; httpx sets its own.
_OF_THE_CONNECTION = frozenset({"host", "connection", "content-length", "accept-encoding", "transfer-encoding"})


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that was passed on, and what the server answered to it."""

    body: bytes
    headers: dict[str, str]
    status: int
    answer: Any
    lost: bool


@dataclass
class Deaf:
    """Passes every POST on, and answers the first ones with 503 whatever the server said."""

    origin: str
    lost: int
    asked: list[Asked] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: "_Server | None" = None

    def url(self, target: str) -> str:
        """The address of something of the server's, by this way."""
        assert self._server is not None
        return f"http://{LOOPBACK}:{self._server.server_port}{urlsplit(target).path}"

    def heard(self) -> list[Asked]:
        """What was asked, and the answer came back."""
        return [each for each in list(self.asked) if not each.lost]

    def pass_on(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        answer = httpx.post(f"{self.origin}{path}", content=body, headers=headers, timeout=40, trust_env=False)
        with self._lock:
            lost = len(self.asked) < self.lost
            self.asked.append(
                Asked(body=body, headers=headers, status=answer.status_code, answer=answer.json(), lost=lost)
            )
        return (HTTPStatus.SERVICE_UNAVAILABLE, b"") if lost else (answer.status_code, answer.content)


@contextmanager
def deaf(target: str, *, lost: int) -> Iterator[Deaf]:
    """A way to where a URL points, on which so many answers get lost."""
    parts = urlsplit(target)
    way = Deaf(origin=f"{parts.scheme}://{parts.netloc}", lost=lost)
    with _Server(way) as server:
        way._server = server
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield way
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # who was asked something answers before the test ends

    def __init__(self, way: Deaf) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.way = way

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that hangs up is in its right."""


class _Handler(BaseHTTPRequestHandler):
    timeout = 40

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_CONNECTION}
        status, answer = cast("_Server", self.server).way.pass_on(self.path, headers, body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Keep quiet: `asked` has everything."""
