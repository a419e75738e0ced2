"""What is wrong with an account, against a gateway and against things that are none."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.cli.diagnosis import Finding, directly
from local.gateway import CHINA, AccountStatus, Gateway, GatewayAccount, ManualClock
from local.ports import find_free

PASSWORD = "123456"
KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    accounts = [
        GatewayAccount(name="test"),
        GatewayAccount(name="plain", versions=frozenset({1})),
        GatewayAccount(name="suspended", status=AccountStatus.SUSPENDED),
        GatewayAccount(name="elsewhere", allowed_ips=("192.0.2.1",)),
    ]
    with Gateway(accounts) as running:
        yield running


def found(url: str, **fields: Any) -> Finding:
    return directly("default", {"base_url": url, "name": "test", "password": PASSWORD} | fields)


def test_an_account_that_is_right(gateway: Gateway) -> None:
    finding = found(gateway.url)

    assert finding.ok
    assert finding.balance is not None
    assert finding.clock_offset is not None
    assert abs(finding.clock_offset) < 5
    assert finding.clock_note == ""
    assert finding.address == f"{gateway.url}/eums/sms/utf8/json/balance.do"
    assert found(gateway.url, version=17, aes_key=KEY).ok


@pytest.mark.parametrize(
    ("fields", "kind", "said", "code"),
    [
        ({"password": "wrong"}, "password", "password is wrong", 107),
        ({"name": "nobody"}, "name", "no account of this name", 201),
        ({"name": "suspended"}, "suspended", "suspended", 202),
        ({"name": "elsewhere"}, "address-not-allowed", "does not allow the address", 204),
        ({"name": "plain", "version": 17, "aes_key": KEY}, "version", "protocol version", 124),
        ({"version": 17, "aes_key": "another key 1234"}, "aes-key", "cannot be decrypted", None),
        ({"version": 17, "aes_key": "30" * 16, "aes_key_format": "hex"}, "aes-key", "cannot be decrypted", None),
        # What it was before a rotation opens the answer, and hides that the new one would not.
        (
            {"version": 17, "aes_key": "another key 1234", "previous": [{"aes_key": KEY}]},
            "aes-key",
            "cannot be decrypted",
            None,
        ),
        ({"base_url": "http://x/", "pasword": "s3cret!"}, "settings", "pasword is no setting", None),
    ],
)
def test_what_is_wrong_with_it(
    gateway: Gateway, *, fields: dict[str, Any], kind: str, said: str, code: int | None
) -> None:
    finding = found(gateway.url, **fields)

    assert (finding.problem, finding.gateway_code) == (kind, code)
    assert said in finding.sentence
    assert finding.advice
    assert "s3cret!" not in str(finding.document())
    assert PASSWORD not in str(finding.document())


def test_a_gateway_that_refuses_the_time_while_the_clocks_agree_means_the_zone(gateway: Gateway) -> None:
    finding = found(gateway.url, zone="UTC")

    assert (finding.problem, finding.gateway_code) == ("clock", 106)
    assert "zone" in finding.advice
    assert "UTC" in finding.advice


@contextmanager
def answering(
    status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None, *, date: datetime | None = None
) -> Iterator[str]:
    """A web server that has one answer for everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(date, usegmt=True) if date else super().date_time_string(timestamp)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "said"),
    [
        (200, b"<html>Sign in</html>", {}, "html", "web page"),
        (200, b"", {}, "empty", "empty"),
        (200, b"certainly not JSON", {}, "answer", "cannot be read"),
        (200, b"0123456789abcdef" * 4, {}, "aes-key", "no AES key"),
        (404, b"not found", {}, "path", "no such path"),
        (302, b"", {"Location": "https://login.example/?secret=1"}, "redirect", "https://login.example/"),
        (403, b"", {}, "http-refused", "HTTP 403"),
        (503, b"", {}, "http", "broken or starting"),
        (418, b"", {}, "http", "is this the gateway?"),
    ],
)
def test_something_else_answers(*, status: int, body: bytes, headers: dict[str, str], kind: str, said: str) -> None:
    with answering(status, body, headers) as url:
        finding = found(url)

    assert finding.problem == kind
    assert said in finding.sentence
    assert "secret=1" not in finding.sentence


@pytest.mark.parametrize(("minutes", "said"), [(47, "47 min 0 s behind"), (-125, "2 h 5 min ahead of")])
def test_a_clock_that_is_off_is_told_by_how_much(minutes: int, said: str) -> None:
    date = datetime.now(UTC) + timedelta(minutes=minutes)
    with answering(body=b'{"code": 106}', date=date) as url:
        finding = found(url)

    assert finding.problem == "clock"
    assert "clock" in finding.advice
    assert finding.clock_offset == pytest.approx(-minutes * 60, abs=3)
    rounded = Finding(account="a", clock_offset=-minutes * 60.0)
    assert said in rounded.clock_note


def test_a_simulated_gateway_of_another_time_refuses_the_time() -> None:
    clock = ManualClock(datetime.now(CHINA) + timedelta(hours=1))
    with Gateway([GatewayAccount(name="test")], clock=clock) as gateway:
        assert found(gateway.url).gateway_code == 106


def test_a_dead_port() -> None:
    finding = found(f"http://127.0.0.1:{find_free()}")

    assert finding.problem == "refused"
    assert "nobody listens" in finding.sentence


def test_an_unknown_host() -> None:
    assert found("http://no-such-host.invalid").problem == "dns"


def test_https_where_http_is_spoken(gateway: Gateway) -> None:
    finding = found(gateway.url.replace("http:", "https:"))

    assert finding.problem == "tls"
    assert "http://" in finding.advice


@contextmanager
def listening(act: Callable[[socket.socket], object]) -> Iterator[str]:
    """A socket that takes one connection and does something with it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                act(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join()


def test_who_closes_without_a_word() -> None:
    with listening(lambda connection: connection.recv(10_000)) as url:
        finding = found(url)

    assert finding.problem == "broken"
    assert "https" in finding.advice


def test_who_never_answers() -> None:
    gone = threading.Event()
    with listening(lambda _: gone.wait(30)) as url:
        finding = found(url, read_timeout=0.2)
        gone.set()

    assert finding.problem == "no-answer"
    assert "within 0.2 s" in finding.sentence
