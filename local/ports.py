"""Ports of this machine, and of the gateway."""

import socket
from urllib.parse import urlsplit

from local.errors import GatewayUnreachable, PortTaken

LOOPBACK = "127.0.0.1"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def require_free(port: int, variable: str) -> None:
    """Check that we can listen there.

    Raises:
        PortTaken: it names the variable that moves the port.
    """
    with socket.socket() as listener:
        # As a server does: connections that linger after an earlier run are in nobody's way.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except PermissionError:
            raise PortTaken(f"port {port} needs privileges: set {variable} to a number above 1023") from None
        except OSError:
            raise PortTaken(
                f"port {port} is taken: stop what listens there, or set {variable} to another port"
            ) from None


def find_free() -> int:
    """A port that is free now."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Whether somebody takes connections on a port of the loopback."""
    with socket.socket() as asking:
        return asking.connect_ex((LOOPBACK, port)) == 0


def require_reachable(url: str, timeout: float = 5.0) -> None:
    """Check that somebody takes connections there; nothing is sent.

    Raises:
        GatewayUnreachable: it says why.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError as exc:
        raise GatewayUnreachable(
            f"no gateway at {host} port {port}, where EUMS_BASE_URL points: {exc.strerror or exc}"
        ) from exc
