"""Real processes: what is promised is that none of them stays."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.errors import AlreadyRunning, CommandFailed
from local.lock import hold
from local.places import PROJECT
from local.processes import Process, run

DEADLINE = 20.0
# A leader that ignores SIGTERM and has a child that does, too; both write down who they are.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
child.stdout.readline()
with open(sys.argv[1] + ".part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
time.sleep(600)
"""


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Neither running nor waiting to be buried by us; a container without an init may leave others' dead unburied."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def pids(path: Path) -> list[int]:
    until(path.exists, "it did not start")
    return [int(pid) for pid in path.read_text().split()]


@pytest.fixture
def stubborn(tmp_path: Path) -> Path:
    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN)
    return script


def test_stopping_ends_a_child_and_its_children_even_those_that_ignore_sigterm(stubborn: Path, tmp_path: Path) -> None:
    process = Process(
        [sys.executable, stubborn, tmp_path / "pids"],
        environment=os.environ,
        log=tmp_path / "log",
        folder=tmp_path,
        grace=0.2,
    )
    started = pids(tmp_path / "pids")
    process.stop()

    assert len(started) == 2
    until(lambda: all(map(gone, started)), "somebody stayed")


def test_when_the_owner_is_killed_nobody_stays(stubborn: Path, tmp_path: Path) -> None:
    owner = textwrap.dedent(f"""
        import os, time
        from pathlib import Path
        from local.processes import Process
        Process([{sys.executable!r}, {str(stubborn)!r}, {str(tmp_path / "pids")!r}],
                environment=os.environ, log=Path({str(tmp_path / "log")!r}), folder=Path("."), grace=0.2)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", owner], cwd=PROJECT) as owning:  # noqa: S603 - the code above
        started = pids(tmp_path / "pids")
        owning.send_signal(signal.SIGKILL)

    until(lambda: all(map(gone, started)), "somebody stayed")


def test_children_that_a_command_leaves_behind_end_with_it(tmp_path: Path) -> None:
    code = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("pid", "w").write(str(child.pid))
os._exit(0)
"""
    run([sys.executable, "-c", code], environment=os.environ, log=tmp_path / "log", folder=tmp_path, timeout=DEADLINE)

    left_behind = int((tmp_path / "pid").read_text())
    until(lambda: gone(left_behind), "the child stayed")


def test_a_failed_command_shows_the_end_of_its_log(tmp_path: Path) -> None:
    code = "print('first'); print('the reason'); raise SystemExit(3)"

    with pytest.raises(CommandFailed, match="status 3") as caught:
        run([sys.executable, "-c", code], environment=os.environ, log=tmp_path / "a.log", folder=tmp_path, timeout=60)

    assert "the reason" in str(caught.value)
    assert str(tmp_path / "a.log") in str(caught.value)


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]

    with pytest.raises(CommandFailed, match="took more than"):
        run(command, environment=os.environ, log=tmp_path / "a.log", folder=tmp_path, timeout=0.3)


def test_a_missing_command_is_a_failure_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"no-such-tool: No such file"):
        run(["no-such-tool"], environment=os.environ, log=tmp_path / "a.log", folder=tmp_path, timeout=60)


def test_a_command_has_no_standard_input(tmp_path: Path) -> None:
    run(
        [sys.executable, "-c", "import sys; assert sys.stdin.read() == ''"],
        environment=os.environ,
        log=tmp_path / "a.log",
        folder=tmp_path,
        timeout=60,
    )


def test_what_is_heard_is_in_the_log_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(
        [sys.executable, "-c", "print('好的')"],
        environment=os.environ | {"PYTHONUTF8": "1"},
        log=tmp_path / "a.log",
        folder=tmp_path,
        timeout=60,
        heard=True,
    )

    assert "好的" in capsys.readouterr().out
    assert "好的" in (tmp_path / "a.log").read_text(encoding="utf-8")


def test_a_second_run_in_a_folder_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    with (
        hold(tmp_path / "lock"),
        pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"),
        hold(tmp_path / "lock"),
    ):
        pass


def test_after_a_run_the_next_may_begin(tmp_path: Path) -> None:
    with hold(tmp_path / "lock"):
        pass
    with hold(tmp_path / "lock"):
        pass
