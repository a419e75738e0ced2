"""The lines to the gateway: one that is whole, one that breaks as it is told, and one on which nobody listens.

A broken line is a relay of bytes, so that a request or an answer can end at any byte, its headers included, whatever
the simulated gateway itself would do. Both are real sockets on this machine's loopback interface.
"""

import contextlib
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

_LARGEST = 1 << 16
_PATIENCE = 2.0  # seconds that the relay waits for either side
_LINGER_NONE = struct.pack("ii", 1, 0)  # close() then sends RST instead of FIN


class End(StrEnum):
    """How a broken line ends."""

    CLOSE = "closed"
    RESET = "reset"
    HANG = "hangs"  # until the other side hangs up


@dataclass(frozen=True, kw_only=True)
class Break:
    """Where a line breaks: after so many bytes of the request, or else of the answer; None: all of it passes."""

    request: int | None = None
    answer: int | None = None
    end: End = End.CLOSE


class BrokenLine:
    """Relays each connection to the gateway, up to the next break on order."""

    def __init__(self, gateway_url: str) -> None:
        self._gateway = (urlsplit(gateway_url).hostname, urlsplit(gateway_url).port)
        self._breaks: deque[Break] = deque()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, name="broken-line", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(_PATIENCE)
        self._listener.close()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def order(self, one: Break) -> None:
        """The next connection breaks so."""
        self._breaks.append(one)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._relay, args=(connection,), name="broken-line", daemon=True)
            self._threads = [running for running in self._threads if running.is_alive()] + [thread]
            thread.start()

    def _relay(self, near: socket.socket) -> None:
        one = self._breaks.popleft() if self._breaks else Break()
        with near, contextlib.suppress(OSError):
            near.settimeout(_PATIENCE)
            if one.request == 0:  # nothing of it is even read
                _end(near, one.end)
                return
            request = _message(near)
            with socket.create_connection(self._gateway, timeout=_PATIENCE) as far:
                far.sendall(request[: one.request])
                if one.request is None or one.request >= len(request):
                    near.sendall(_message(far)[: one.answer])
            _end(near, one.end)


def _end(connection: socket.socket, end: End) -> None:
    if end is End.HANG:
        while connection.recv(_LARGEST):
            pass
    if end is End.RESET:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)


def _message(connection: socket.socket) -> bytes:
    """One HTTP message, as far as it comes."""
    read = b""
    while True:
        head, found, body = read.partition(b"\r\n\r\n")
        if found:
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if lengths and len(body) >= int(lengths[0].partition(b":")[2]):
                return read
        piece = connection.recv(_LARGEST)
        if not piece:
            return read
        read += piece


def unused_url() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
