"""Webhooks over real sockets: what a receiver gets, and what a hostile one can do."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks.webhooks import Webhook
from svix.webhooks import Webhook as SvixWebhook

from bridge.adapters.webhook_client import PublicWebhookClient
from bridge.domain.events import suspended
from bridge.domain.webhooks import Answer, DeliveryStatus
from bridge.services.calling_back import CallingBack
from bridge.services.delivering import Delivering
from bridge.services.fanning_out import FanningOut
from tests.bench.delivering import LIVE, run
from tests.fakes.callbacks import FakeAuthTokens, FakeCallbacks
from tests.fakes.clients import FakeClients
from tests.fakes.clock import FakeClock
from tests.fakes.counters import FakeCounters
from tests.fakes.events import FakeTopic
from tests.fakes.webhooks import SECRET, FakeDeliveries, FakeDeliverQueue, FakeWebhookEndpoints, endpoint
from tests.fakes.world import NOON

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
Speak = Callable[[socket.socket], None]


@dataclass
class Peer:
    """A server that says what it is told to, byte by byte, and keeps what it heard."""

    speak: Speak
    heard: list[bytes] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"

    def close(self) -> None:
        self.gone.set()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, self.tls.wrap_socket(connection, server_side=True) if self.tls else connection as talking:
                self.heard.append(_request(talking))
                self.speak(talking)
        except OSError:
            pass


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    (length,) = (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def peers() -> Iterator[Callable[..., Peer]]:
    made: list[Peer] = []

    def make(speak: Speak | bytes, tls: ssl.SSLContext | None = None) -> Peer:
        said = speak
        made.append(Peer((lambda connection: connection.sendall(said)) if isinstance(said, bytes) else said, tls=tls))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


@pytest.fixture
def client() -> PublicWebhookClient:
    return PublicWebhookClient(allow_loopback=True, seconds=1.0)


def dripping(peer: list[Peer], first: bytes, drop: bytes) -> Speak:
    def speak(connection: socket.socket) -> None:
        connection.sendall(first)
        while not peer[0].gone.wait(0.05):
            connection.sendall(drop)

    return speak


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (OK, 204),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.0 200 OK\r\n\r\nok", 200),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202),
        (b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 301),
        (b"HTTP/1.1 307 Moved\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", 307),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 410),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 500),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 300_000, 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", 200),  # the status stands
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200),
    ],
)
def test_the_status_is_what_counts(
    peers: Callable[..., Peer], client: PublicWebhookClient, said: bytes, status: int
) -> None:
    peer = peers(said)

    assert client.post(peer.url, {"webhook-id": "1"}, b"body") == Answer(status=status)

    (heard,) = peer.heard
    assert heard.startswith(b"POST /hook?x=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{peer.port}".encode() in heard
    assert b"webhook-id: 1" in heard
    assert heard.endswith(b"\r\n\r\nbody")


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 2", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000]
)
def test_what_is_no_answer(peers: Callable[..., Peer], client: PublicWebhookClient, said: bytes) -> None:
    answer = client.post(peers(said).url, {}, b"body")

    assert answer.status is None
    assert answer.error in {"protocol", "broken_off"}


@pytest.mark.parametrize(
    ("first", "drop", "status"),
    [
        (b"", b"", None),  # hangs
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", None),
        (b"HTTP/1.1 200 OK", b" ", None),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 200),
    ],
)
def test_an_attempt_ends_in_its_time_whatever_drips(
    peers: Callable[..., Peer], first: bytes, drop: bytes, status: int | None
) -> None:
    client = PublicWebhookClient(allow_loopback=True, seconds=0.5)
    own: list[Peer] = []
    own.append(peers(dripping(own, first, drop)))
    began = time.monotonic()

    answer = client.post(own[0].url, {}, b"body")

    assert answer == (Answer(status=status) if status else Answer(error="timeout"))
    assert time.monotonic() - began < 10  # not for as long as it drips, which is for ever


def test_a_flood_of_early_answers_is_cut_off(peers: Callable[..., Peer]) -> None:
    client = PublicWebhookClient(allow_loopback=True, seconds=60)

    assert client.post(peers(b"HTTP/1.1 103 x\r\n\r\n" * 100_000).url, {}, b"body").status is None


def test_a_peer_that_reads_nothing_holds_nobody_up() -> None:
    client = PublicWebhookClient(allow_loopback=True, seconds=0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answer = client.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, b"x" * 20_000_000)

    assert answer.error == "timeout"


def test_nobody_there(client: PublicWebhookClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    assert client.post(f"http://127.0.0.1:{port}/", {}, b"x").error == "unreachable"


def test_a_name_that_nobody_resolves_in_time() -> None:
    done = threading.Event()

    def slow(_host: str, _port: int) -> tuple[str, ...]:
        done.wait(5)
        return ("127.0.0.1",)

    client = PublicWebhookClient(allow_loopback=True, seconds=0.2, resolve=slow)
    assert client.post("https://slow.example.com/", {}, b"x").error == "timeout"
    done.set()


def test_proxies_of_the_environment_are_not_asked(
    peers: Callable[..., Peer], client: PublicWebhookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, peer = peers(OK), peers(OK)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    assert client.post(peer.url, {}, b"x").taken
    assert proxy.heard == []


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A key and a certificate for hook.example.com, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook.example.com")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("hook.example.com"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    key_path, path = tmp_path / "key.pem", tmp_path / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return key_path, path


def test_tls_keeps_the_name_while_the_address_is_ours(
    peers: Callable[..., Peer], certificate: tuple[Path, Path]
) -> None:
    key, path = certificate
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path, key)
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    peer = peers(OK, server)
    contexts: list[ssl.SSLContext] = []

    def trusting() -> ssl.SSLContext:
        contexts.append(ssl.create_default_context(cafile=str(path)))
        return contexts[-1]

    client = PublicWebhookClient(
        allow_loopback=True, seconds=5, resolve=lambda _host, _port: ("127.0.0.1",), tls=trusting
    )

    for _ in range(2):
        assert client.post(f"https://hook.example.com:{peer.port}/", {}, b"x") == Answer(status=204)
    assert client.post(f"https://other.example.com:{peer.port}/", {}, b"x").error == "tls"
    assert asked[:2] == ["hook.example.com"] * 2
    assert f"Host: hook.example.com:{peer.port}".encode() in peer.heard[0]
    assert len(contexts) == 1
    strange = PublicWebhookClient(allow_loopback=True, seconds=5, resolve=lambda _host, _port: ("127.0.0.1",))
    assert strange.post(f"https://hook.example.com:{peer.port}/", {}, b"x").error == "tls"


def test_a_receiver_that_fails_twice_gets_the_same_id_a_third_time(peers: Callable[..., Peer]) -> None:
    said = [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"] * 2 + [OK]
    peer = peers(lambda connection: connection.sendall(said.pop(0)))
    clock, deliveries, endpoints = FakeClock(dt.datetime.now(dt.UTC)), FakeDeliveries(), FakeWebhookEndpoints()
    queue = FakeDeliverQueue(clock.monotonic)
    endpoints.add(endpoint(url=peer.url))
    counters = FakeCounters()
    calling_back = CallingBack(callbacks=FakeCallbacks(), endpoints=endpoints, clock=clock)
    fanning_out = FanningOut(
        endpoints=endpoints, queue=queue, calling_back=calling_back, clients=FakeClients(), counters=counters
    )
    fanning_out.fan_out(suspended("default", NOON).body(), None, endpoints.all())
    delivering = Delivering(
        endpoints=endpoints,
        deliveries=deliveries,
        queue=queue,
        client=PublicWebhookClient(allow_loopback=True),
        tokens=FakeAuthTokens(),
        topic=FakeTopic(),
        clock=clock,
        counters=counters,
        chance=lambda: 0.5,
    )

    while (at := queue.next_time()) is not None:
        clock.advance(max(at - clock.elapsed, 0))
        handed = queue.event()
        queue.settle(handed, delivering.deliver(handed, time_left=lambda: 60.0))

    assert deliveries.only().status is DeliveryStatus.DELIVERED
    headers, bodies = zip(*map(_taken_apart, peer.heard), strict=True)
    assert len(headers) == 3
    assert len({one["webhook-id"] for one in headers}) == 1
    assert len(set(bodies)) == 1
    times = [int(one["webhook-timestamp"]) for one in headers]
    assert [times[1] - times[0], times[2] - times[1]] == [5, 300]
    assert len({one["webhook-signature"] for one in headers}) == 3
    # The first is now; the libraries refuse what is five minutes off.
    assert Webhook(SECRET).verify(bodies[0], headers[0])["id"] == headers[0]["webhook-id"]
    SvixWebhook(SECRET).verify(bodies[0], headers[0])  # raises


def _taken_apart(request: bytes) -> tuple[dict[str, str], str]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body.decode()


def test_dead_endpoints_hold_nobody_up_and_the_live_ones_have_each_event_once() -> None:
    """1,000 events are `make bench`'s; here counts decide, not time."""
    events = 60

    outcome = run(events, dead=True, patience=1.0, limit=120)

    live = {key: times for key, times in outcome.got.items() if key[0].startswith("/live")}
    assert len(live) == events * LIVE
    assert set(live.values()) == {1}
    assert sum(times for (path, _), times in outcome.got.items() if path == "/down") <= 12
    assert outcome.hung == 3
    assert outcome.errors == []
