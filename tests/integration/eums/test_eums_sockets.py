"""The client over real sockets, against a server that says exactly the bytes it is told to."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Literal

import httpx
import pytest

from eums import Account, Ambiguous, Call, Client, Malformed, NotSent, Submit

SUBMIT = Submit(("13812345678",), "【京东】您的验证码是123456")
ACCEPTED = b'{"code":0,"data":[{"dest_number":"13812345678","message_id":"0603","charge_item":1}]}'
REPORTS = b'{"code":0,"data":[{"message_id":"1","dest_number":"2","report_status":"DELIVRD"},{"message_id":"2'

Script = Callable[["Connection"], None]


class Connection:
    """One accepted connection: reads whole requests, sends any bytes."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self._unread = b""

    def request(self) -> bytes:
        """Read a request with its body; empty when the client closed."""
        while b"\r\n\r\n" not in self._unread:
            if not self._more():
                return b""
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(self._unread) < length and self._more():
            pass
        body, self._unread = self._unread[:length], self._unread[length:]
        self.server.requests.append(head + b"\r\n\r\n" + body)
        return self.server.requests[-1]

    def _more(self) -> bool:
        try:
            chunk = self.sock.recv(65536)
        except OSError:
            return False
        self._unread += chunk
        return bool(chunk)

    def answer(self, body: bytes, *headers: bytes, length: int | None = None) -> None:
        lines = [b"HTTP/1.1 200 OK", *headers, b"Content-Length: %d" % (len(body) if length is None else length)]
        self.sock.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def reset(self) -> None:
        # A lingering time of 0 makes close() send RST instead of FIN.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Server:
    """Runs one script for each connection, in order; the last one again for all that follow."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.requests: list[bytes] = []
        self.done = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def connects(self) -> int:
        return len(self._connections)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                script = self._scripts[min(self.connects, len(self._scripts) - 1)]
                self._connections.append(sock)
                thread = threading.Thread(target=self._run, args=(script, sock), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _run(self, script: Script, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            script(Connection(self, sock))

    def close(self) -> None:
        self.done.set()
        # Wakes accept(), which close() alone does not everywhere.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        for sock in self._connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with contextlib.ExitStack() as stack:

        def start(*scripts: Script) -> Server:
            server = Server(*scripts)
            stack.callback(server.close)
            return server

        yield start


def client_of(port: int, **settings: float) -> Client:
    account = Account(
        base_url=f"http://127.0.0.1:{port}",
        name="test",
        password="123456",
        read_timeout=settings.get("read_timeout", 30.0),
        connect_timeout=30.0,
    )
    return Client(account)


@pytest.fixture(autouse=True)
def _connections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    # So that a machine that stalls for seconds does not decide how many connections there are.
    monkeypatch.setattr("eums.client._KEEPALIVE_SECONDS", 3600.0)


def always(body: bytes) -> Script:
    def script(connection: Connection) -> None:
        while connection.request():
            connection.answer(body)

    return script


def test_a_refused_port_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    with client_of(port) as client, pytest.raises(NotSent):
        client.send(SUBMIT)


def test_many_calls_share_one_connection(serve: Callable[..., Server]) -> None:
    server = serve(always(ACCEPTED))

    with client_of(server.port) as client:
        for _ in range(50):
            assert len(client.send(SUBMIT)) == 1

    assert server.connects == 1
    assert len(server.requests) == 50


def test_threads_share_one_client(serve: Callable[..., Server]) -> None:
    server = serve(always(ACCEPTED))

    with client_of(server.port) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.send(SUBMIT), range(80)))

    assert len(answers) == len(server.requests) == 80
    assert server.connects <= 8


def test_the_request_on_the_wire(serve: Callable[..., Server]) -> None:
    server = serve(always(ACCEPTED))

    with client_of(server.port) as client:
        client.send(SUBMIT)

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /eums/sms/utf8/json/send.do HTTP/1.1"
    assert b"accept-encoding: identity" in [line.lower() for line in lines]
    assert body.startswith(b"name=test&seed=")


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_client_that_was_handed_in_sends_the_same_and_what_it_always_adds(
    serve: Callable[..., Server], method: Literal["POST", "GET"]
) -> None:
    server = serve(always(ACCEPTED))
    account = Account(base_url=f"http://127.0.0.1:{server.port}", name="test", password="123456", method=method)

    def clock() -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)

    with Client(account, clock=clock) as own:
        own.send(SUBMIT)
    with httpx.Client(trust_env=False) as plain:
        Client(account, http=plain, clock=clock).send(SUBMIT)
    with httpx.Client(trust_env=False, headers={"Via": "a proxy", "Connection": "close"}) as proxy:
        Client(account, http=proxy, clock=clock).send(SUBMIT)

    first, same, more = (sorted(request.replace(b"\r\n\r\n", b"\r\n").split(b"\r\n")) for request in server.requests)
    assert same == first
    assert set(more) - set(first) == {b"Via: a proxy", b"Connection: close"}


def test_the_environments_proxy_is_not_used(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, gateway = serve(always(b"")), serve(always(ACCEPTED))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    with client_of(gateway.port) as client:
        client.send(SUBMIT)

    assert (proxy.connects, gateway.connects) == (0, 1)


def test_a_reset_after_the_request_is_ambiguous_and_nothing_is_sent_again(serve: Callable[..., Server]) -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.reset()

    server = serve(script)

    with client_of(server.port) as client, pytest.raises(Ambiguous) as error:
        client.send(SUBMIT)

    assert not isinstance(error.value, Malformed)
    assert len(server.requests) == server.connects == 1


def test_a_gateway_that_hangs_is_ambiguous(serve: Callable[..., Server]) -> None:
    received = threading.Event()

    def script(connection: Connection) -> None:
        connection.request()
        received.set()
        connection.server.done.wait()

    server = serve(script)

    with client_of(server.port, read_timeout=0.05) as client, pytest.raises(Ambiguous):
        client.send(SUBMIT)

    assert received.wait(30)
    assert len(server.requests) == server.connects == 1


@pytest.mark.parametrize("length", [None, 10_000])
def test_a_body_cut_short_yields_its_records(serve: Callable[..., Server], length: int | None) -> None:
    def script(connection: Connection) -> None:
        connection.request()
        if length is None:
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + REPORTS)
        else:
            connection.answer(REPORTS, length=length)

    server = serve(script)
    with client_of(server.port) as client:
        reply, page = client.pull(Call.REPORT), client.report()

    # Without a length, the end of the connection is the end of the body: the page itself shows the cut.
    assert (reply.body, reply.cut) == (REPORTS, length is not None)
    assert [report.message_id for report in page.records] == ["1"]
    assert page.cut


def test_a_chunked_body_cut_short_is_cut(serve: Callable[..., Server]) -> None:
    def script(connection: Connection) -> None:
        connection.request()
        chunk = b"%x\r\n%s\r\n" % (len(REPORTS), REPORTS)
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)

    with client_of(serve(script).port) as client:
        reply = client.pull(Call.REPORT)

    assert (reply.body, reply.cut) == (REPORTS, True)


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b""])
def test_an_answer_that_is_no_http_is_ambiguous(serve: Callable[..., Server], noise: bytes) -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.sock.sendall(noise)

    server = serve(script)
    with client_of(server.port) as client, pytest.raises(Ambiguous):
        client.send(SUBMIT)

    assert len(server.requests) == 1


def test_a_kept_connection_that_closes_under_a_submit_is_ambiguous(serve: Callable[..., Server]) -> None:
    def closes_under_the_second(connection: Connection) -> None:
        connection.request()
        connection.answer(ACCEPTED)
        # The second request is read, and the connection ends without an answer: the client cannot tell this
        # from a server that closed an idle connection in the same moment, so neither may it send again.
        connection.request()

    server = serve(closes_under_the_second, always(ACCEPTED))

    with client_of(server.port) as client:
        client.send(SUBMIT)
        with pytest.raises(Ambiguous):
            client.send(SUBMIT)
        assert (server.connects, len(server.requests)) == (1, 2)

        # The next call makes a new connection.
        client.send(SUBMIT)

    assert (server.connects, len(server.requests)) == (2, 3)


def test_a_kept_connection_that_was_closed_before_is_noticed_before_anything_is_sent(
    serve: Callable[..., Server],
) -> None:
    closed = threading.Event()

    def closes_when_idle(connection: Connection) -> None:
        connection.request()
        connection.answer(ACCEPTED)
        connection.sock.shutdown(socket.SHUT_RDWR)
        closed.set()

    server = serve(closes_when_idle, always(ACCEPTED))

    with client_of(server.port) as client:
        client.send(SUBMIT)
        assert closed.wait(30)
        client.send(SUBMIT)

    assert (server.connects, len(server.requests)) == (2, 2)


def test_no_tls_is_loaded_for_http_and_none_would_be_trusted() -> None:
    with client_of(1) as client:
        context = client._http()._pool._ssl_context  # type: ignore[union-attr]  # httpx keeps it hidden

    assert context.cert_store_stats()["x509_ca"] == 0
    assert context.check_hostname


def test_a_gateway_that_does_not_speak_tls_is_not_sent_to(serve: Callable[..., Server]) -> None:
    def script(connection: Connection) -> None:
        connection.sock.recv(1)
        connection.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = serve(script)
    account = Account(base_url=f"https://127.0.0.1:{server.port}", name="test", password="123456")

    with Client(account) as client, pytest.raises(NotSent):
        client.send(SUBMIT)
