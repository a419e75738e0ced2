"""Real connections, from one loopback address to another."""

import socket
import sys
from collections.abc import Iterator

import pytest

from local import ports
from local.errors import PortTaken
from local.forwarding import Forwarding, address_of

ELSEWHERE = "127.0.0.2"  # Linux has the whole network 127.0.0.0/8 on its loopback
SECONDS = 20.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have 127.0.0.1 alone")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        server.settimeout(SECONDS)
        yield server


def test_bytes_go_both_ways_and_an_end_is_passed_on(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with Forwarding(ELSEWHERE, port), socket.create_connection((ELSEWHERE, port), SECONDS) as caller:
        served, _ = listener.accept()
        with served:
            served.settimeout(SECONDS)
            caller.sendall(b"a question")
            caller.shutdown(socket.SHUT_WR)
            with served.makefile("rb") as asked:
                assert asked.read() == b"a question"
            served.sendall(b"an answer")
        with caller.makefile("rb") as answered:
            assert answered.read() == b"an answer"


def test_a_port_where_nobody_listens_ends_the_connection() -> None:
    port = ports.find_free()
    with Forwarding(ELSEWHERE, port), socket.create_connection((ELSEWHERE, port), SECONDS) as caller:
        assert caller.recv(1) == b""


def test_nobody_listens_afterwards_or_on_another_address(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with Forwarding(ELSEWHERE, port), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.3", port), SECONDS)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ELSEWHERE, port), SECONDS)


def test_a_taken_port_is_named(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with pytest.raises(PortTaken, match=str(port)):
        Forwarding(ports.LOOPBACK, port)


def test_an_interface_has_an_address_or_is_not_there() -> None:
    assert address_of("lo") == ports.LOOPBACK
    assert address_of("no-such-bridge") is None
