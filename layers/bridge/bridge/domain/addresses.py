"""Addresses that anybody may have named: which of them the bridge connects to.

Sources: the IANA registries of special-purpose addresses (RFC 6890 and what followed it), and the metadata services
of clouds that stand outside of those.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import quote, urlsplit

import idna

from bridge.domain.errors import BridgeError

Address = IPv4Address | IPv6Address

_LONGEST: Final = 2048
_HTTPS: Final = 443
_FIRST_FREE_PORT: Final = 1024
_LAST_PORT: Final = 65535
_CLOSED: Final[tuple[IPv4Network | IPv6Network, ...]] = (
    *map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' own, with 100.100.100.200: a cloud's metadata
            "127.0.0.0/8",
            "168.63.129.16/32",  # a cloud's platform services, at an address that looks public
            "169.254.0.0/16",  # link-local, with metadata
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    ),
    *map(
        IPv6Network,
        (
            "2001::/23",  # Teredo, benchmarks, ORCHID and other protocols' own
            "2001:db8::/32",
            "2002::/16",  # 6to4: an IPv4 address inside
            "2620:4f:8000::/48",
            "3fff::/20",
            "5f00::/16",
        ),
    ),
)
# Beside it: unspecified, loopback, IPv4 mapped and compatible, NAT64 (64:ff9b::), unique local, link-local, multicast.
_OPEN_V6: Final = IPv6Network("2000::/3")
# As browsers judge it: a name whose last label is a number is an IPv4 address, in one of its many spellings.
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_PRINTABLE: Final = re.compile(r"[!-\[\]^-~\u00a1-\uffff\U00010000-\U0010ffff]+")  # neither blank nor backslash
_SAFE: Final = "/?:@!$&'()*+,;=~-._%"


class RefusedAddress(BridgeError):
    """The bridge does not connect there; the text says why, and quotes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a URL leads.

    Attributes:
        host: a name in its ASCII form, or an address; without brackets and without a dot at its end.
        target: path and query, as they go over the wire.
    """

    secure: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (_HTTPS if self.secure else 80) else f"{host}:{self.port}"


def destination(url: str, *, allow_loopback: bool) -> Destination:
    """Take a URL apart, strictly. Raises RefusedAddress.

    What has more than one reading is refused, so that nobody else's reading matters; what is left is connected to
    as it was read here.
    """
    if len(url) > _LONGEST or not _PRINTABLE.fullmatch(url):
        raise RefusedAddress("must be a URL without blanks or backslashes, of at most 2,048 characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise RefusedAddress("must be a URL") from exc
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_loopback):
        raise RefusedAddress("must begin with https://")
    if "@" in parts.netloc or "%" in parts.netloc:
        raise RefusedAddress("must have neither a user nor escapes beside its host")
    if parts.fragment or url.endswith("#"):
        raise RefusedAddress("must have no fragment")
    secure = parts.scheme == "https"
    known = _HTTPS if secure else 80
    port = known if port is None else port
    if port != known and not _FIRST_FREE_PORT <= port <= _LAST_PORT:
        raise RefusedAddress("must have the port 443, or one from 1024 on")
    name = _address(host) if "[" in parts.netloc or ":" in host else _name(host)
    here = name == "localhost" or name.endswith(".localhost")
    if here and not allow_loopback:
        raise RefusedAddress("must be reachable from the internet")
    literal = _literal(name)
    if not secure and not here and literal is None:
        raise RefusedAddress("must begin with https://")
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    found = Destination(secure=secure, host=name, port=port, target=target)
    if literal is not None:
        judged((str(literal),), allow_loopback=allow_loopback, only_loopback=not secure)
    return found


def judged(addresses: Sequence[str], *, allow_loopback: bool, only_loopback: bool = False) -> Sequence[Address]:
    """The addresses of a name, all of which may be connected to. Raises RefusedAddress where one may not.

    Args:
        addresses: all of them: a name that has a forbidden one too is somebody's trick.
        allow_loopback: whether this machine may be connected to.
        only_loopback: whether nothing else may: what is not encrypted.
    """
    found = []
    for text in addresses:
        address = _literal(text)
        if address is None or not _is_open(address, allow_loopback=allow_loopback, only_loopback=only_loopback):
            raise RefusedAddress("must be reachable from the internet")
        found.append(address)
    return found


def _is_open(address: Address, *, allow_loopback: bool, only_loopback: bool) -> bool:
    if address.is_loopback:
        return allow_loopback
    if only_loopback or getattr(address, "scope_id", None):
        return False
    if isinstance(address, IPv6Address) and address not in _OPEN_V6:
        return False
    if any(address in network for network in _CLOSED if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _literal(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _address(host: str) -> str:
    address = _literal(host)
    if not isinstance(address, IPv6Address) or address.scope_id:
        raise RefusedAddress("must have an address in its brackets")
    return str(address)


def _name(host: str) -> str:
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as exc:
        raise RefusedAddress("must have a host") from exc
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):  # noqa: PLR2004 - RFC 1035, 2.3.4
        raise RefusedAddress("must have a host")
    if _NUMBER.fullmatch(labels[-1]):
        if _literal(name) is None:
            raise RefusedAddress("must have an address in its usual form")
    elif len(labels) == 1 and name != "localhost":
        raise RefusedAddress("must have a host with a dot")
    return name
