"""Who is at the other end of a connection on this machine, and its sudden death.

Linux tells through /proc. Elsewhere nobody is found, so that nobody is killed, and the report says that none was.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PREFIX = "AWS_LAMBDA_FUNCTION_NAME="
_LOCAL, _INODE = 1, 9  # columns of /proc/net/tcp


@dataclass(frozen=True)
class Caller:
    """A process of a function: below this one, and with the function's name in its environment."""

    pid: int
    function: str

    def kill(self) -> None:
        """End it as a machine that fails would: nothing in it sees that."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def caller_at(port: int) -> Caller | None:
    """The function's process that holds the local end `port` of a connection over the loopback."""
    inode = _inode_of(port)
    if inode is None:
        return None
    for pid in descendants(os.getpid()):
        if _holds(pid, f"socket:[{inode}]"):
            function = _function_of(pid)
            return Caller(pid, function) if function else None
    return None


def descendants(pid: int) -> Iterator[int]:
    """The processes that a process started, and those that these started. Nobody else's is ever looked at."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError, IndexError):
            # The name, which is in brackets, may hold anything.
            parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    waiting = children.get(pid, [])
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(children.get(found, []))


def _inode_of(port: int) -> str | None:
    with suppress(OSError):
        for line in (_PROC / "net" / "tcp").read_text(encoding="ascii").splitlines()[1:]:
            columns = line.split()
            if int(columns[_LOCAL].rpartition(":")[2], 16) == port and columns[_INODE] != "0":
                return columns[_INODE]
    return None


def _holds(pid: int, name: str) -> bool:
    with suppress(OSError):
        for entry in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if str(entry.readlink()) == name:
                    return True
    return False


def _function_of(pid: int) -> str | None:
    with suppress(OSError):
        for value in (_PROC / str(pid) / "environ").read_text(encoding="utf-8", errors="replace").split("\0"):
            if value.startswith(_PREFIX):
                return value.removeprefix(_PREFIX)
    return None
