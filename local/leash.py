"""Runs a command that cannot outlive the process that asked for it.

`python -I -S leash.py GRACE COMMAND…` starts the command in a process group of its own and holds on to standard
input. When that ends – because the owner closed it, or because the owner is gone, however it went, SIGKILL included –
or on SIGTERM, the whole group is asked to stop, and killed after GRACE seconds. It is killed, too, when the command
ended and left children behind: MiniStack runs each Lambda as a child in its own group.

It imports nothing of the project and next to nothing else: one of these stands beside every child.
"""

import contextlib
import os
import signal
import sys
import threading

_BROKEN_COMMAND = 127


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM where only a zombie is left
        os.killpg(group, number)


def _start(command: list[str]) -> int:
    pid = os.fork()
    if pid:
        with contextlib.suppress(OSError):  # it has done so itself, and begun already
            os.setpgid(pid, pid)
        return pid
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as exc:
        os.write(2, f"{command[0]}: {exc.strerror}\n".encode())
    os._exit(_BROKEN_COMMAND)


def _stop(pid: int, grace: float, ended: threading.Event) -> None:
    _signal_group(pid, signal.SIGTERM)
    if not ended.wait(grace):
        _signal_group(pid, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Run the command; return its exit status, as a shell would."""
    grace, command = float(arguments[0]), arguments[1:]
    let_go, ended = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: let_go.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    pid = _start(command)

    def hold() -> None:
        while os.read(0, 1):
            pass
        let_go.set()

    def watch() -> None:
        let_go.wait()
        _stop(pid, grace, ended)

    for job in (hold, watch):
        threading.Thread(target=job, daemon=True).start()
    if hasattr(os, "waitid"):  # macOS has it from Python 3.13
        # Look before reaping: as long as the leader is there, even dead, its group's number belongs to nobody else.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        ended.set()
        _signal_group(pid, signal.SIGKILL)
    raw_status = os.waitpid(pid, 0)[1]
    ended.set()
    _signal_group(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(raw_status)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
