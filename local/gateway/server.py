"""HTTP/1.1 over sockets: reads a request whole, lets it be answered, writes the reply byte for byte as asked.

Keeps connections alive, and keeps track of them, so that stopping ends every thread and closes every socket.
"""

import contextlib
import logging
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, cast

from local.gateway.exchange import Reply, Request, text_reply

LONGEST_BODY = 1024 * 1024
"""Bytes of a request body; a submit to 1000 numbers needs a fiftieth of it."""
_DRAINED_BODY = 16 * LONGEST_BODY

MOST_STREAMS = 32
"""Streams at a time; each keeps a thread."""

_IDLE_SECONDS = 60
_JOIN_SECONDS = 10

logger = logging.getLogger(__name__)

Responder = Callable[[Request], Reply]


class GatewayServer(ThreadingHTTPServer):
    """Serves a responder until it is stopped."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], responder: Responder) -> None:
        self.responder = responder
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._resets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.ending = threading.Event()
        self.streams = threading.BoundedSemaphore(MOST_STREAMS)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="eums-gateway", daemon=True
        )
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without asking a name server for the address's name, as HTTPServer would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]  # IPv4 only

    def start(self) -> None:
        """Serve in a daemon thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, end every stream, cut every connection, wait for every thread."""
        self.ending.set()
        self.shutdown()
        self._thread.join(_JOIN_SECONDS)
        with self._lock:
            remaining = dict(self._connections)
        for connection in remaining:
            with contextlib.suppress(OSError):  # already gone
                connection.shutdown(socket.SHUT_RDWR)
        for thread in remaining.values():
            thread.join(_JOIN_SECONDS)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, on the list until it ends."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="eums-connection", daemon=True
        )
        with self._lock:
            self._connections[request] = thread
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end, then take it off the list."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections.pop(request, None)

    def reset_on_close(self, connection: socket.socket) -> None:
        """Let a connection end with a TCP reset."""
        with self._lock:
            self._resets.add(connection)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection: in order, or with a reset."""
        with self._lock:
            reset = request in self._resets
            self._resets.discard(request)
        if reset:
            # Lingering for no time at all makes close() send RST; the usual shutdown() would send FIN first.
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's
        """Say nothing about clients that hang up; log the rest."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            logger.error("connection from %s:%s", *client_address, exc_info=error)


class _UnreadableError(Exception):
    """The request cannot be read; the reply says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "EUMS-simulator"
    sys_version = ""
    timeout = _IDLE_SECONDS
    wbufsize = -1  # headers and body leave together
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        try:
            body = self._read_body()
        except _UnreadableError as unreadable:
            self.close_connection = True
            self._write(unreadable.reply)
            return
        if body is None:
            self.close_connection = True
            return
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=query,
            body=body,
            content_type=self.headers.get("Content-Type", ""),
            accept=self.headers.get("Accept", ""),
            client_ip=self.client_address[0],
            host=self.headers.get("Host", ""),
            origin=self.headers.get("Origin", ""),
            fetch_site=self.headers.get("Sec-Fetch-Site", ""),
            last_event_id=self.headers.get("Last-Event-ID", ""),
        )
        try:
            reply = cast("GatewayServer", self.server).responder(request)
        except Exception:
            logger.exception("%s %s", request.method, request.path)
            reply = text_reply("internal error\n", HTTPStatus.INTERNAL_SERVER_ERROR)
        if reply.stream is None:
            self._write(reply)
        else:
            self._stream(reply, reply.stream)

    # http.server looks methods up by these names.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    def _read_body(self) -> bytes | None:
        """Read the body; None when the client hangs up before its end."""
        if self.headers.get("Transfer-Encoding"):
            raise _UnreadableError(text_reply("a Content-Length is required\n", HTTPStatus.LENGTH_REQUIRED))
        lengths = set(self.headers.get_all("Content-Length", ["0"]))
        text = lengths.pop()
        if lengths or not (text.isascii() and text.isdigit()) or len(text) > _LENGTH_DIGITS:
            raise _UnreadableError(text_reply("bad Content-Length\n", HTTPStatus.BAD_REQUEST))
        length = int(text)
        if length > LONGEST_BODY:
            # Closing with unread bytes resets the connection, and the client would never see the reply.
            self._drain(min(length, _DRAINED_BODY))
            raise _UnreadableError(text_reply("body too large\n", HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def _drain(self, length: int) -> None:
        while length > 0:
            chunk = self.rfile.read(min(length, 65536))
            if not chunk:
                return
            length -= len(chunk)

    def _write(self, reply: Reply) -> None:
        if reply.close:
            self.close_connection = True
        if reply.drop:
            if reply.reset:
                cast("GatewayServer", self.server).reset_on_close(self.connection)
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        if reply.allow:
            self.send_header("Allow", ", ".join(reply.allow))
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.declared is not None:
            self.send_header("Content-Length", str(reply.declared))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _stream(self, reply: Reply, pieces: Callable[[threading.Event], Iterator[bytes]]) -> None:
        server = cast("GatewayServer", self.server)
        if not server.streams.acquire(blocking=False):
            self._write(text_reply("too many streams\n", HTTPStatus.SERVICE_UNAVAILABLE))
            return
        try:
            self._write(reply)
            self.wfile.flush()
            if self.command != "HEAD":
                for piece in pieces(server.ending):
                    self.wfile.write(piece)
                    self.wfile.flush()
        finally:
            server.streams.release()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Keep quiet: the journal has everything."""


_LENGTH_DIGITS = 18
