"""A network bridge of our own for the containers, made and removed by the kernel's calls: no `ip` is needed.

Its name has the process that made it, so that what a killed run left is told from what another run uses.
"""

import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PREFIX = "eumssl"
_BRIDGE_ADD, _BRIDGE_DELETE = 0x89A0, 0x89A1  # linux/sockios.h
_FLAGS_GET, _FLAGS_SET, _ADDRESS_SET, _NETMASK_SET = 0x8913, 0x8914, 0x8916, 0x891C
_UP = 0x1  # IFF_UP
_POOL = ipaddress.IPv4Network("10.213.0.0/16")
_INTERFACES = Path("/sys/class/net")


@dataclass(frozen=True)
class Bridge:
    """An interface of this machine with an address, and nothing else on it yet."""

    name: str
    address: str


@contextmanager
def made() -> Iterator[Bridge]:
    """Make a bridge, and remove it.

    Raises:
        OSError: the kernel refuses.
    """
    remove_leftovers()
    name = f"{PREFIX}{os.getpid()}"
    network = _free_network()
    address = str(next(network.hosts()))
    _ask(_BRIDGE_ADD, name.encode() + b"\0")
    try:
        for request, value in ((_ADDRESS_SET, address), (_NETMASK_SET, str(network.netmask))):
            _ask(request, struct.pack("16sH2x4s16x", name.encode(), socket.AF_INET, socket.inet_aton(value)))
        _switch(name, up=True)
        yield Bridge(name, address)
    finally:
        remove(name)


def remove(name: str) -> None:
    """Remove a bridge; what hung on it is free."""
    with suppress(OSError):  # it is gone
        _switch(name, up=False)
        _ask(_BRIDGE_DELETE, name.encode() + b"\0")


def remove_leftovers() -> None:
    """Remove the bridges whose makers are dead."""
    for path in _INTERFACES.glob(f"{PREFIX}*"):
        maker = path.name.removeprefix(PREFIX)
        if maker.isdigit() and not Path("/proc", maker).exists():
            remove(path.name)


def _switch(name: str, *, up: bool) -> None:
    flags = struct.unpack("16sh", _ask(_FLAGS_GET, struct.pack("16sh", name.encode(), 0)))[1]
    _ask(_FLAGS_SET, struct.pack("16sh", name.encode(), flags | _UP if up else flags & ~_UP))


def _ask(request: int, argument: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        return fcntl.ioctl(asking, request, argument)


def _free_network() -> ipaddress.IPv4Network:
    """A network that no route leads to."""
    routes = [line.split() for line in Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]]
    taken = [
        ipaddress.IPv4Network((_address(fields[1]), str(_address(fields[7]))))
        for fields in routes
        if int(fields[7], 16)  # the default route leads everywhere
    ]
    for network in _POOL.subnets(new_prefix=24):
        if not any(network.overlaps(other) for other in taken):
            return network
    raise OSError(f"every network of {_POOL} is in use")


def _address(little_endian: str) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(little_endian), "little"))
