"""Connections to one address of this machine, passed on to its loopback."""

import fcntl
import socket
import socketserver
import struct
import sys
import threading
from contextlib import suppress
from typing import Final, Self

from local.errors import PortTaken
from local.ports import LOOPBACK

_CHUNK: Final = 65536
_CONNECT_SECONDS: Final = 5.0
_SIOCGIFADDR: Final = 0x8915  # netdevice(7)
_INTERFACE: Final = struct.Struct("16sH2x4s16x")  # a struct ifreq: the name, and as sockaddr_in the address


def address_of(interface: str) -> str | None:
    """The IPv4 address of a network interface; None where there is no such, as Docker's bridge with Docker Desktop."""
    if sys.platform != "linux":
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, _SIOCGIFADDR, _INTERFACE.pack(interface.encode()[:15], 0, bytes(4)))
        except OSError:
            return None
    return socket.inet_ntoa(_INTERFACE.unpack(answer)[2])


class Forwarding:
    """A port of an address, passed on to the same port of the loopback as long as the context lasts."""

    def __init__(self, address: str, port: int) -> None:
        """Listen; nothing is taken before the context begins.

        Args:
            address: of this machine; no other is listened on.
            port: at both ends.

        Raises:
            PortTaken: somebody else listens there, or the address is not this machine's.
        """
        try:
            self._server = _Server((address, port), _Connection)
        except OSError as exc:
            raise PortTaken(f"cannot listen on {address} port {port}: {exc.strerror or exc}") from exc
        self._serving = threading.Thread(target=self._server.serve_forever, name=f"forwarding {port}", daemon=True)

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


class _Connection(socketserver.BaseRequestHandler):
    """One connection: bytes both ways, each end closed when the other one is."""

    def handle(self) -> None:
        port: int = self.request.getsockname()[1]
        try:
            inner = socket.create_connection((LOOPBACK, port), _CONNECT_SECONDS)
        except OSError:  # nobody is there: the caller sees the connection end, as it would see it refused
            return
        with inner:
            inner.settimeout(None)
            back = threading.Thread(target=_copy, args=(inner, self.request), daemon=True)
            back.start()
            _copy(self.request, inner)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # either end may go at any moment; the other one then hears of it
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
