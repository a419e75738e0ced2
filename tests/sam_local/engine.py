"""A Docker Engine of our own: Debian's `docker.io`, started for these tests, and gone with them.

It runs in a process and a mount namespace of its own, as their first process: when that one ends, however it does, the
kernel ends everything below it, containerd and containers, and what they mounted was never seen outside: its data too,
which are in memory. It listens on a Unix socket, and changes no firewall rule.
"""

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from local.errors import LocalError, end_of
from local.processes import Process
from tests.sam_local.bridge import Bridge, made

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
# On a disk an image's thousands of files take most of the time: to write, and to delete again.
_IN_MEMORY = 'mount -t tmpfs -o size=2g tmpfs "$0" && exec "$@"'
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoEngine(LocalError):
    """No engine can be had here; the message says why."""


@dataclass(frozen=True)
class Engine:
    """A running engine."""

    socket: Path
    bridge: Bridge

    @property
    def host(self) -> str:
        """As the variable DOCKER_HOST has it."""
        return f"unix://{self.socket}"

    def ask(self, method: str, path: str, content: IO[bytes] | None = None) -> httpx.Response:
        """One request of the engine's API."""
        transport = httpx.HTTPTransport(uds=str(self.socket))
        with httpx.Client(transport=transport, timeout=120, base_url="http://engine") as client:
            return client.request(method, path, content=content)


@contextmanager
def running(folder: Path) -> Iterator[Engine]:
    """Start an engine, and stop it with all that it runs.

    Args:
        folder: emptied, and where its log is.

    Raises:
        NoEngine: it cannot run here.
    """
    dockerd = _dockerd()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    # Unix sockets have short names only: they are not in the project's folder.
    with ExitStack() as started:
        short = started.enter_context(tempfile.TemporaryDirectory(prefix="engine-"))
        try:
            bridge = started.enter_context(made())
        except OSError as exc:
            raise NoEngine(f"the kernel makes no network bridge here: {exc}") from exc
        engine = Engine(Path(short, "docker.sock"), bridge)
        process = started.enter_context(
            Process(
                _command(dockerd, folder, Path(short), bridge),
                environment={"PATH": PATH, "HOME": short, "TMPDIR": short},
                log=folder / "dockerd.log",
                folder=folder,
                grace=STOP_SECONDS,
            )
        )
        _wait(engine, process)
        yield engine


def _dockerd() -> str:
    if sys.platform != "linux":
        raise NoEngine("a Docker Engine of our own needs Linux")
    if os.geteuid() != 0:
        raise NoEngine("a Docker Engine of our own needs root")
    missing = [name for name in ("dockerd", "containerd", "runc", "unshare") if not shutil.which(name, path=PATH)]
    if missing:
        raise NoEngine(f"no {', '.join(missing)} here: install Debian's docker.io")
    return shutil.which("dockerd", path=PATH) or ""


def _command(dockerd: str, folder: Path, short: Path, bridge: Bridge) -> list[str | Path]:
    settings = folder / "daemon.json"
    settings.write_text("{}", encoding="ascii")  # not this machine's own
    return [
        *("unshare", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child"),
        *("sh", "-c", _IN_MEMORY, folder / "data"),
        *(dockerd, "--config-file", settings),
        *("--data-root", folder / "data", "--exec-root", short / "exec", "--pidfile", short / "pid"),
        *("--host", f"unix://{short / 'docker.sock'}"),
        *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
        *("--bridge", bridge.name, "--host-gateway-ip", bridge.address),
    ]


def _is_taken(path: Path) -> bool:
    """Whether somebody listens there: httpx leaves a socket open where nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        return asking.connect_ex(str(path)) == 0


def _wait(engine: Engine, process: Process) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        if process.status() is not None:
            raise NoEngine(f"dockerd does not run here:\n{end_of(process.log)}")
        if _is_taken(engine.socket) and engine.ask("GET", "/_ping").is_success:
            return
        if time.monotonic() > deadline:
            raise NoEngine(f"dockerd does not answer within {READY_SECONDS:g} s:\n{end_of(process.log)}")
        time.sleep(0.05)
