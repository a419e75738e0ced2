"""A page of 50 records, cut at every byte: what came is kept, every whole record is published, and the cut is said."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import httpx
import pytest
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad

from bridge.domain.events import Event, EventType
from bridge.domain.pulls import Kind
from bridge.services.pulling import Ended
from eums import Account, Client, Reply
from tests.fakes.world import World

KEY = b"0123456789abcdef"
RECORDS = [
    {
        "message_id": f"{number:04}",
        "dest_number": "13812345678",
        "report_status": "DELIVRD",
        "report_time": "2026-11-23 11:59:00",
        "reference": "",
    }
    for number in range(50)
]
TEXT = json.dumps({"code": 0, "data": RECORDS}, ensure_ascii=False, separators=(",", ":")).encode()
PAGES = {1: TEXT, 17: AES.new(KEY, AES.MODE_ECB).encrypt(pad(TEXT, 16)).hex().encode()}  # ver 17: AES-ECB, as hex
ENDS = [at + 1 for at, byte in enumerate(TEXT) if byte == ord("}")][:-1]  # of each record


def account(version: int, base_url: str = "http://127.0.0.1:9") -> Account:
    return Account(
        base_url=base_url,
        name="test",
        password="123456",
        version=version,
        aes_key=KEY.decode() if version == 17 else None,
    )


class Topic:
    """Counts; the events' form is tested elsewhere, once for each."""

    def __init__(self) -> None:
        self.types: Counter[EventType] = Counter()

    def publish(self, events: Sequence[Event]) -> None:
        self.types.update(event.type for event in events)


def readable(version: int, cut_at: int) -> int:
    """How many records are whole in the first bytes of a page: of ver 17, whole AES blocks of them count."""
    length = cut_at if version == 1 else cut_at // 32 * 16
    return sum(end <= length for end in ENDS)


def pull(world: World, reply: Reply) -> Counter[EventType]:
    """One pull that brings this, and what is published of it."""
    world.gateway.pages = [reply]
    topic = Topic()
    pulling = world.pulling(topic)
    publishing = world.publishing(topic)
    assert pulling.pull("default", Kind.REPORTS) is Ended.RECORDS
    publishing.publish(world.pointers.keys[-1])
    return topic.types


def judge(world: World, reply: Reply, version: int, cut_at: int) -> int:
    events = pull(world, reply)
    [entry] = world.journal.entries.values()
    assert entry.body == reply.body
    assert events[EventType.DELIVERED] >= readable(version, cut_at), cut_at
    if cut_at < len(PAGES[version]) and events[EventType.DELIVERED] < len(RECORDS):
        assert events[EventType.PULL_LOST] or events[EventType.PULL_QUARANTINED], cut_at
    return events[EventType.DELIVERED]


@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "until-close"])
@pytest.mark.parametrize("version", [1, 17])
def test_a_page_cut_at_every_byte(version: int, announced: bool, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001
    whole, published = PAGES[version], 0

    def answer(request: httpx.Request) -> httpx.Response:  # noqa: ARG001 - httpx's signature
        return httpx.Response(200, stream=Cut(whole[:cut_at], announced=announced), headers=headers)

    headers = {"Content-Length": str(len(whole))} if announced else {}
    settings = account(version)
    with httpx.Client(transport=httpx.MockTransport(answer)) as http, Client(settings, http=http) as client:
        for cut_at in range(len(whole) + 1):
            reply = client.pull(Kind.REPORTS.call)
            assert reply.body == whole[:cut_at]
            world = World()
            world.accounts.accounts["default"] = settings
            published += judge(world, reply, version, cut_at)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point
            f"\nver {version}, {'with' if announced else 'without'} Content-Length: {len(whole) + 1} cuts, "
            f"{len(whole) + 1} kept to the byte, {published} records published"
        )


class Cut(httpx.SyncByteStream):
    """A body that ends early; as over a socket, that is an error only where its length was announced."""

    def __init__(self, body: bytes, *, announced: bool) -> None:
        self._body = body
        self._announced = announced

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        if self._announced and len(self._body) < max(map(len, PAGES.values())):
            whole = next(len(page) for page in PAGES.values() if page.startswith(self._body))
            if len(self._body) < whole:
                raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


@contextmanager
def gateway(answers: list[bytes]) -> Iterator[str]:
    """A server that gives one answer a connection and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                for answer in answers:
                    connection, _ = server.accept()
                    with connection:
                        received = b""
                        while b"\r\n\r\n" not in received:
                            received += connection.recv(65536)
                        connection.sendall(answer)
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):
                            pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "until-close"])
@pytest.mark.parametrize("version", [1, 17])
def test_over_a_socket(version: int, announced: bool) -> None:  # noqa: FBT001
    whole = PAGES[version]
    cuts = sorted({0, 1, 2, len(whole) - 1, len(whole), *range(0, len(whole), 97)})
    length = f"Content-Length: {len(whole)}\r\n" if announced else ""
    head = f"HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n".encode()
    with gateway([head + whole[:cut_at] for cut_at in cuts]) as url:
        settings = account(version, url)
        for cut_at in cuts:
            with Client(settings) as client:
                reply = client.pull(Kind.REPORTS.call)
            assert reply.body == whole[:cut_at]
            assert reply.cut == (announced and cut_at < len(whole))
            world = World()
            world.accounts.accounts["default"] = replace(settings)
            judge(world, reply, version, cut_at)
