"""Posts webhooks to addresses that anybody may have named, and to nothing inside.

The name is resolved here, every address that it has is judged, and one of those that were judged is connected to; TLS
and the Host header keep the name. No proxy, no redirect, no connection that is used twice: each attempt is judged anew.
"""

import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import certifi
import httpcore

from bridge.domain.addresses import Address, RefusedAddress, destination, judged
from bridge.domain.webhooks import SECONDS_FOR_AN_ANSWER, Answer

_MOST_READ: Final = 64 * 1024  # bytes of an answer; its status is all that counts
_MOST_RECEIVED: Final = 256 * 1024  # bytes with the headers, and whatever comes before them
_SECONDS_FOR_THE_REST: Final = 2.0  # once the status is there
_RESOLVERS: Final = 8

Resolve = Callable[[str, int], Iterable[str]]


class _TooMuchError(httpcore.RemoteProtocolError):
    """More came than anybody needs."""


class _UnresolvedError(httpcore.ConnectError):
    """The name has no address."""


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, in the order in which to try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


# The first that fits.
_WORDS: Final[Mapping[type[Exception], str]] = {
    RefusedAddress: "refused_address",
    _UnresolvedError: "unresolved",
    httpcore.TimeoutException: "timeout",
    httpcore.ConnectError: "unreachable",
    httpcore.NetworkError: "broken_off",
    httpcore.ProtocolError: "protocol",
    httpcore.UnsupportedProtocol: "protocol",
}


@dataclass
class _Deadline:
    """What is left of an attempt's time, and of what it may receive."""

    ends: float
    monotonic: Callable[[], float]
    received: int = 0

    def left(self, kind: type[Exception]) -> float:
        """Seconds; raises `kind` where there are none."""
        left = self.ends - self.monotonic()
        if left <= 0:
            raise kind("the attempt took too long")
        return left


class _Stream(httpcore.NetworkStream):
    """A connection, all of whose waits end when the attempt does: who drips an answer gains nothing."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the attempt's own bound
        data = self._stream.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))
        self._deadline.received += len(data)
        if self._deadline.received > _MOST_RECEIVED:
            raise _TooMuchError("the answer is too large")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - likewise
        self._stream.write(buffer, self._deadline.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Connects to addresses that were judged, and to nothing else."""

    def __init__(
        self,
        connect: httpcore.NetworkBackend,
        resolved: Callable[[str, int, float], Sequence[str]],
        deadline: _Deadline,
        judge: Callable[[Sequence[str]], Sequence[Address]],
    ) -> None:
        self._connect = connect
        self._resolved = resolved
        self._deadline = deadline
        self._judge = judge

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the attempt's own bound
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left
        addresses = self._judge(self._resolved(host, port, left(httpcore.ConnectTimeout)))
        for place, address in enumerate(addresses, 1):
            try:
                stream = self._connect.connect_tcp(
                    str(address), port, left(httpcore.ConnectTimeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if place == len(addresses):
                    raise
            else:
                return _Stream(stream, self._deadline)
        raise _UnresolvedError("the name has no address")


class PublicWebhookClient:
    """`bridge.ports.WebhookClient` over httpcore."""

    def __init__(  # noqa: PLR0913 - what the tests replace
        self,
        *,
        allow_loopback: bool,
        seconds: float = SECONDS_FOR_AN_ANSWER,
        resolve: Resolve = resolve,
        connect: httpcore.NetworkBackend | None = None,
        tls: Callable[[], ssl.SSLContext] = lambda: ssl.create_default_context(cafile=certifi.where()),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take how the world is reached.

        Args:
            allow_loopback: whether this machine may be posted to, over http too: for the deployment on one machine.
            seconds: that an attempt may last, all in all.
            resolve: a name and port → addresses.
            connect: opens connections to addresses.
            tls: makes the context, once.
            monotonic: a clock.
        """
        self._allow_loopback = allow_loopback
        self._seconds = seconds
        self._resolve = resolve
        self._connect = connect or httpcore.SyncBackend()
        self._make_tls = tls
        self._context: ssl.SSLContext | None = None
        self._lock = Lock()
        self._monotonic = monotonic
        # getaddrinfo knows no time-out. The pool has no thread before somebody asks.
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")

    def _tls(self) -> ssl.SSLContext:
        """The context, made once, by the first of the threads that need it."""
        with self._lock:
            if self._context is None:
                self._context = self._make_tls()
            return self._context

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See `bridge.ports.WebhookClient`."""
        try:
            return Answer(status=self._post(url, headers, body))
        except tuple(_WORDS) as exc:
            if isinstance(exc, httpcore.ConnectError) and isinstance(exc.__cause__ or exc.__context__, ssl.SSLError):
                return Answer(error="tls")
            return Answer(error=next(word for kind, word in _WORDS.items() if isinstance(exc, kind)))

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        to = destination(url, allow_loopback=self._allow_loopback)
        deadline = _Deadline(self._monotonic() + self._seconds, self._monotonic)

        def judge(addresses: Sequence[str]) -> Sequence[Address]:
            return judged(addresses, allow_loopback=self._allow_loopback, only_loopback=not to.secure)

        backend = _Backend(self._connect, self._resolved, deadline, judge)
        origin = httpcore.Origin(b"https" if to.secure else b"http", to.host.encode("ascii"), to.port)
        with httpcore.HTTPConnection(
            origin, ssl_context=self._tls() if to.secure else None, network_backend=backend
        ) as connection:
            request = httpcore.Request(
                "POST",
                httpcore.URL(
                    scheme=origin.scheme, host=origin.host, port=origin.port, target=to.target.encode("ascii")
                ),
                headers=[
                    (b"Host", to.authority.encode("ascii")),
                    (b"Connection", b"close"),
                    (b"Content-Length", str(len(body)).encode("ascii")),
                    *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()),
                ],
                content=body,
            )
            response = connection.handle_request(request)
            try:
                deadline.ends = min(deadline.ends, self._monotonic() + _SECONDS_FOR_THE_REST)
                self._read(response)
            finally:
                response.close()
            return response.status

    def _read(self, response: httpcore.Response) -> None:
        """Some of the answer, so that its sender is done with it; the status stands, whatever comes then."""
        left = _MOST_READ
        with contextlib.suppress(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
            for chunk in response.iter_stream():
                left -= len(chunk)
                if left <= 0:
                    return

    def _resolved(self, host: str, port: int, seconds: float) -> Sequence[str]:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            return (str(address),)
        try:
            return tuple(self._resolvers.submit(self._resolve, host, port).result(timeout=seconds))
        except NotInTime as exc:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from exc
        except (OSError, UnicodeError) as exc:
            raise _UnresolvedError("the name is not known") from exc
