"""Kannel: Debian's package unpacked into .tools/kannel, and a bearerbox with its smsbox while they are needed.

Nothing is installed and no service is started, so that this needs no privileges. `python -m
tests.bench.comparing.kannel` brings it, and says where it is.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.errors import end_of
from local.places import PROJECT
from local.ports import LOOPBACK, find_free, is_taken
from local.processes import Process

HOME: Final = PROJECT / ".tools" / "kannel"
USER: Final = "bench"
PASSWORD: Final = "bench"
SIGNED: Final = "/eums/sms/utf8/json/send.do?name={name}&ver=1&seed=%P&key=%o&data=%B"
"""Where Kannel sends what its caller has signed: a message's sender, account and billing text carry what EUMS asks for,
since no escape of Kannel's computes an MD5."""

_NEEDED: Final = 120.0  # seconds that a program may take to start, or apt to answer
_APT: Final = ("-q", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10")
_HELD: Final = re.compile(r"SMS: .*sent [0-9]+ \(([0-9]+) queued\), store size (-?[0-9]+)")
_WITH_THE_GATEWAY: Final = re.compile(r"queued ([0-9]+) msgs")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

_CONFIGURATION: Final = """\
group = core
admin-port = {admin}
admin-interface = {loopback}
admin-password = {password}
smsbox-port = {boxes}
smsbox-interface = {loopback}
box-allow-ip = {loopback}
{store}

group = smsc
smsc = http
system-type = generic
smsc-id = eums
port = {inbound}
connect-allow-ip = {loopback}
send-url = "{send_url}"
status-success-regex = "\\"code\\" ?: ?0[,}}]"
status-permfail-regex = "\\"code\\" ?: ?[1-9]"
alt-charset = UTF-8

group = smsbox
bearerbox-host = {loopback}
sendsms-port = {sendsms}
sendsms-interface = {loopback}

group = sendsms-user
username = {user}
password = {password}
default-sender = 1069012345678
"""


class NotToBeHad(Exception):
    """There is no Kannel on this machine, and it cannot be brought; the message says why."""


def bring(home: Path = HOME) -> Path:
    """Find Kannel, or unpack it; returns the folder below which its programs are in usr/sbin.

    Raises:
        NotToBeHad: it says why.
    """
    for there in (Path("/"), home):
        if (there / "usr/sbin/bearerbox").exists() and _runs(there):
            return there
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise NotToBeHad("there is no Kannel, and no apt-get to bring Debian's package with")
    sys.stderr.write("Unpacking Debian's kannel into .tools/kannel\n")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as made:
        fresh = Path(made)
        try:
            _unpack(fresh)
        except NotToBeHad as exc:
            try:
                _run("apt-get", *_APT, "update", folder=fresh)  # its lists may be old, or never have been there
                _unpack(fresh)
            except NotToBeHad:
                raise exc from None
        if not _runs(fresh):
            raise NotToBeHad("Debian's kannel was unpacked, and does not run")
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(fresh, home, symlinks=True)
    return home


def _unpack(into: Path) -> None:
    """Download what apt would install of Kannel here, and unpack it."""
    said = _run("apt-get", *_APT, "install", "--simulate", "--no-install-recommends", "kannel", folder=into)
    packages = re.findall(r"^Inst (\S+)", said, re.MULTILINE) or ["kannel"]
    _run("apt-get", *_APT, "download", *packages, folder=into)
    for package in into.glob("*.deb"):
        _run("dpkg-deb", "--extract", package.name, ".", folder=into)
        package.unlink()


def _run(*command: str, folder: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - apt and dpkg, by constants
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_NEEDED, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise NotToBeHad(f"Kannel cannot be brought: {exc}") from exc
    if done.returncode:
        raise NotToBeHad(f"Kannel cannot be brought: {(done.stderr.strip() or command[0]).splitlines()[-1]}")
    return done.stdout


def _runs(home: Path) -> bool:
    command = [str(home / "usr/sbin/bearerbox"), "--version"]
    done = subprocess.run(  # noqa: S603 - Kannel
        command, env=_environment(home), capture_output=True, text=True, check=False, timeout=_NEEDED
    )
    return "bearerbox version" in done.stdout + done.stderr


def _environment(home: Path) -> dict[str, str]:
    libraries = [*home.glob("usr/lib/*-linux-gnu*"), *home.glob("lib/*-linux-gnu*")]
    found = {"LD_LIBRARY_PATH": ":".join(map(str, libraries))} if home != Path("/") else {}
    return {"PATH": os.environ.get("PATH", ""), **found}


@dataclass
class Kannel:
    """A running one.

    Attributes:
        home: what `bring` returned.
        folder: what it writes goes there.
        send_url: where it sends, with Kannel's escapes.
        store: what the core group says of the store; without any, what was accepted is in memory alone.
    """

    home: Path
    folder: Path
    send_url: str
    store: str = ""
    sendsms: int = field(default_factory=find_free)
    _admin: int = field(default_factory=find_free)
    _boxes: int = field(default_factory=find_free)
    _bearerbox: Process | None = None

    @property
    def log(self) -> Path:
        """What bearerbox says, at the level that Kannel calls info."""
        return self.folder / "bearerbox.log"

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes, while it runs."""
        return tuple(int((self.folder / f"{program}.pid").read_text("ascii")) for program in ("bearerbox", "smsbox"))

    @contextlib.contextmanager
    def running(self) -> Iterator["Kannel"]:
        """Run bearerbox and smsbox."""
        # Kannel's port for what comes in has no setting for its interface: it takes connections of the loopback alone.
        text = _CONFIGURATION.format(
            loopback=LOOPBACK,
            admin=self._admin,
            boxes=self._boxes,
            inbound=find_free(),
            sendsms=self.sendsms,
            user=USER,
            password=PASSWORD,
            store=self.store,
            send_url=self.send_url,
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "kannel.conf").write_text(text, "ascii")
        try:
            self.start()
            with self._box("smsbox"):
                self._wait(lambda: is_taken(self.sendsms) and "No boxes" not in self._status())
                yield self
        finally:
            if self._bearerbox is not None:
                self._bearerbox.stop()

    def start(self) -> None:
        """Start bearerbox, the part that holds the messages."""
        self._bearerbox = self._box("bearerbox")
        self._wait(lambda: is_taken(self._boxes) and is_taken(self._admin))

    def kill(self) -> None:
        """End bearerbox with SIGKILL, in the middle of whatever it does."""
        if self._bearerbox is None:
            raise RuntimeError("bearerbox does not run")
        os.kill(self.pids[0], signal.SIGKILL)
        self._bearerbox.wait(_NEEDED)
        self._bearerbox.stop()
        # While it is there none starts: whoever starts a killed Kannel again has to do this.
        (self.folder / "bearerbox.pid").unlink()

    def waiting(self) -> int:
        """How many messages it still holds, of those too that it is just sending."""
        said = self._status()
        held, sending = _HELD.search(said), _WITH_THE_GATEWAY.search(said)
        if held is None or sending is None:
            raise RuntimeError(f"Kannel's status has no queue:\n{said}")
        return max(int(held[1]) + int(sending[1]), int(held[2]))

    def _status(self) -> str:
        with _direct.open(f"http://{LOOPBACK}:{self._admin}/status.txt", timeout=_NEEDED) as response:
            said: str = response.read().decode()
        return said

    def _box(self, program: str) -> Process:
        return Process(
            [self.home / "usr/sbin" / program, "-v", "1", "--pid-file", f"{program}.pid", "kannel.conf"],
            environment=_environment(self.home),
            log=self.folder / f"{program}.log",
            folder=self.folder,
        )

    def _wait(self, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + _NEEDED
        while not ready():
            if time.monotonic() > end or self._bearerbox is None or self._bearerbox.status() is not None:
                raise TimeoutError(f"Kannel does not start:\n{end_of(self.log)}")
            time.sleep(0.05)


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{bring()}\n")
    except NotToBeHad as reason:
        sys.exit(str(reason))
