"""What stands between the functions and the emulated AWS: it passes calls on, or does something worse to them.

Each call goes to AWS over a connection of its own, so that one that AWS closed meanwhile makes no second call.
"""

import http.client
import re
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, SO_LINGER, SOL_SOCKET, socket
from socketserver import TCPServer
from typing import Any, Self, cast
from urllib.parse import parse_qs

from local.ports import LOOPBACK
from tests.soak.callers import Caller, caller_at

_SERVICE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_SECONDS = 60
_NOT_PASSED_ON = frozenset({"expect", "connection", "transfer-encoding", "keep-alive", "proxy-connection"})


class Harm(StrEnum):
    """What is done to a call. `after` means that it took effect."""

    REFUSE = "refused with 503"
    THROTTLE = "throttled"
    FAIL_AFTER = "answered with 500 after its effect"
    DROP_BEFORE = "dropped before its effect"
    DROP_AFTER = "dropped after its effect"
    SLOW_BEFORE = "late to begin"
    SLOW_AFTER = "late to be answered"
    KILL_BEFORE = "its caller killed before its effect"
    KILL_AFTER = "its caller killed after its effect"


@dataclass(frozen=True)
class Blow:
    """A harm, and how many seconds a slow one takes."""

    harm: Harm
    seconds: float = 0.0


@dataclass(frozen=True)
class AwsCall:
    """A call of a function.

    Attributes:
        service: as signatures name it: dynamodb, s3, sqs, sns, secretsmanager, scheduler.
        operation: what is asked, as far as the request says it in one word.
        invocation: the same for the tries of one call of an SDK.
        caller: finds the process that asks, which takes a while.
    """

    service: str
    operation: str
    invocation: str
    caller: Callable[[], Caller | None]


Decide = Callable[[AwsCall], Blow | None]


class Between:
    """Serves on the loopback until it is stopped.

    Args:
        upstream: the emulated AWS's port.
        decide: what becomes of a call; it is asked in many threads at once.
    """

    def __init__(self, upstream: int, decide: Decide) -> None:
        self._server = _Server(upstream, decide)
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: int, decide: Decide) -> None:
        self.upstream = upstream
        self.decide = decide
        self.ending = threading.Event()
        self.open: set[socket] = set()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="between")
        super().__init__((LOOPBACK, 0), _Handler)

    def server_bind(self) -> None:
        """Bind without asking a name server for the address's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever calls may be dead, and AWS may be on its way out."""

    def stop(self) -> None:
        self.ending.set()
        self.shutdown()
        self.thread.join()
        for connection in list(self.open):
            with suppress(OSError):  # gone already
                connection.shutdown(SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        server = cast("_Server", self.server)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = call_of(self.command, self.path, headers, body, self.client_address[1])
        blow = server.decide(call)
        harm = blow.harm if blow else None
        if blow and harm is Harm.SLOW_BEFORE:
            server.ending.wait(blow.seconds)
        if harm in {Harm.REFUSE, Harm.THROTTLE}:
            self._refuse(call.service, throttled=harm is Harm.THROTTLE)
            return
        if harm is Harm.DROP_BEFORE:
            self._drop()
            return
        if harm is Harm.KILL_BEFORE:
            self._kill(call)
            return
        answer = self._ask(server.upstream, body)
        if blow and harm is Harm.SLOW_AFTER:
            server.ending.wait(blow.seconds)
        if harm is Harm.FAIL_AFTER:
            self._answer(500, {"content-type": "text/plain"}, b"")
        elif harm is Harm.DROP_AFTER:
            self._drop()
        elif harm is Harm.KILL_AFTER:
            self._kill(call)
        else:
            self._answer(*answer)

    # http.server looks methods up by these names.
    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _ask(self, port: int, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        upstream = http.client.HTTPConnection(LOOPBACK, port, timeout=_SECONDS)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _NOT_PASSED_ON:
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            upstream.close()

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name not in _NOT_PASSED_ON and not (name == "content-length" and self.command != "HEAD"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, service: str, *, throttled: bool) -> None:
        """As the service itself would, so that its SDK knows what to make of it."""
        name = _THROTTLED.get(service, "ThrottlingException") if throttled else "ServiceUnavailable"
        if service in {"s3", "sns"}:
            text = f"<ErrorResponse><Error><Code>{name}</Code><Message>injected</Message></Error></ErrorResponse>"
            text = f"<Error><Code>{name}</Code><Message>injected</Message></Error>" if service == "s3" else text
            kind = "text/xml"
        else:
            text = f'{{"__type": "com.amazonaws#{name}", "message": "injected"}}'
            kind = "application/x-amz-json-1.0"
        status = 503 if service == "s3" or not throttled else 400
        self._answer(status, {"content-type": kind}, text.encode())

    def _drop(self) -> None:
        # Lingering for no time at all makes close() send a reset.
        self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _kill(self, call: AwsCall) -> None:
        caller = call.caller()
        if caller is not None:
            caller.kill()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Keep quiet: addresses hold the names of things, and there are thousands."""


_THROTTLED = {"dynamodb": "ProvisionedThroughputExceededException", "s3": "SlowDown", "sns": "Throttling"}


def call_of(method: str, path: str, headers: Mapping[str, str], body: bytes, port: int) -> AwsCall:
    """Read out of a request what is asked of which service."""
    signed = _SERVICE.search(headers.get("authorization", ""))
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    action = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0] if form else ""
    return AwsCall(
        service=signed[1] if signed else "",
        operation=target or action or method,
        invocation=headers.get("amz-sdk-invocation-id", f"{port} {time.monotonic_ns()} {path}"),
        caller=lambda: caller_at(port),
    )
