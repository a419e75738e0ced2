"""`make run` as a person has it: the whole story, and that nothing of it stays."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import ports, queues
from local.aws import Aws
from local.places import PROJECT

READY_SECONDS = 180.0
STOP_SECONDS = 30.0

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="who is left is looked up in /proc")


@dataclass
class Running:
    """A run, as a child in a session of its own."""

    process: subprocess.Popen[bytes]
    state: Path
    aws_port: int

    @property
    def said(self) -> str:
        return (self.state.parent / "said").read_text(encoding="utf-8")

    def wait_for(self, text: str) -> None:
        self.until(lambda: text in self.said, text)

    def until(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + READY_SECONDS
        while not condition():
            assert self.process.poll() is None, f"ended before {what!r}:\n{self.said}"
            assert time.monotonic() < end, f"no {what!r}:\n{self.said}"
            time.sleep(0.05)

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def left(self) -> list[str]:
        """Processes whose environment names the run's folder; the dead that nobody buried have none."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != self.process.pid:
                try:
                    if os.fsencode(self.state) in (folder / "environ").read_bytes():
                        found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:  # it ended meanwhile
                    continue
        return found

    def assert_nobody_left(self) -> None:
        end = time.monotonic() + STOP_SECONDS
        while self.left():
            assert time.monotonic() < end, self.left()
            time.sleep(0.05)
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((ports.LOOPBACK, self.aws_port))


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def begin(settings: dict[str, str] | None = None) -> Running:
        aws_port = ports.find_free()
        gateway_port = next(port for port in iter(ports.find_free, 0) if port != aws_port)
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("EUMS_", "AWS_"))}
        environ |= {"AWS_PORT": str(aws_port), "GATEWAY_PORT": str(gateway_port), "PULL_SECONDS": "1"}
        with (tmp_path / "said").open("wb") as said:
            process = subprocess.Popen(  # noqa: S603 - this project's own command
                [sys.executable, "-m", "local.run", "--state", tmp_path / "state"],
                cwd=PROJECT,
                env=environ | (settings or {}),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(Running(process, tmp_path / "state", aws_port))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def test_the_whole_story(start: Start) -> None:
    running = start()
    running.wait_for("Serving")

    path = running.state / "outputs.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    outputs: dict[str, str] = json.loads(path.read_text())
    assert set(outputs) == {
        "api_url",
        "api_key",
        "region",
        "aws_endpoint",
        "aws_access_key_id",
        "aws_secret_access_key",
        "delivery_queue_url",
        "inbound_queue_url",
        "topic_arn",
        "journal_bucket",
        "gateway_url",
        "stack_name",
    }
    said = running.said
    assert "\x1b" not in said
    for shown in ("Ready", "first-message", "sms.message.delivered", "sms.inbound.received", "好的"):
        assert shown in said
    for value in outputs.values():
        assert value in said

    # What an application sends meanwhile is shown, and left in the queue for the application.
    key = {"Authorization": f"Bearer {outputs['api_key']}"}
    body = {"to": "13812345678", "text": "【京东】您好", "client_reference": "second-message"}
    sent = httpx.post(f"{outputs['api_url']}/messages", json=body, headers=key, timeout=40, trust_env=False).json()
    running.wait_for("client_reference=second-message")
    sqs = Aws(running.aws_port).sqs
    taken: list[Any] = []

    def ours(event: queues.Event) -> bool:
        return bool(event["data"].get("message_id") == sent["id"])

    def take() -> bool:
        taken.append(queues.take(sqs, outputs["delivery_queue_url"], ours))
        return taken[-1] is not None

    running.until(take, "the second message's event in the delivery queue")
    assert taken[-1]["type"] == "sms.message.delivered"

    # Both pages have it too: the phone as it came from the gateway's side, the event with the message's life.
    pages = outputs["gateway_url"]
    assert f"phones             {pages}/\n" in said
    assert f"events             {pages}/events\n" in said
    phones = httpx.get(f"{pages}/changes", trust_env=False).json()["items"]
    assert [item["value"]["text"] for item in phones if item["kind"] == "message"][-1] == "【京东】您好"
    shown = httpx.get(f"{pages}/events/changes", trust_env=False).json()["items"]
    assert sent["id"] in [item["value"]["message_id"] for item in shown]
    life = httpx.get(f"{pages}/events/messages/{sent['id']}", trust_env=False)
    assert [step["title"] for step in life.json()["lines"][0]["steps"]] == ["accepted", "submitted", "delivered"]
    assert outputs["api_key"] not in life.text

    # A second run in the same folder is refused, and does no harm to the first.
    second = subprocess.run(  # noqa: S603 - likewise
        [sys.executable, "-m", "local.run", "--state", running.state],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"process {running.process.pid}" in second.stderr
    assert path.exists()

    assert running.stop(signal.SIGINT) in {0, 130}
    running.assert_nobody_left()
    assert not path.exists()
    assert "Traceback" not in running.said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_deploying_ends_everything(start: Start, number: signal.Signals) -> None:
    running = start()
    running.wait_for("Deploying")
    running.until(lambda: any("deploy" in command for command in running.left()), "sam deploy")

    assert running.stop(number) in {0, 130}
    running.assert_nobody_left()
    assert not (running.state / "outputs.json").exists()
    assert "Traceback" not in running.said


def test_a_killed_run_takes_everything_with_it(start: Start) -> None:
    running = start()
    running.wait_for("Deploying")
    running.stop(signal.SIGKILL)

    running.assert_nobody_left()


def failure(running: Running) -> str:
    assert running.process.wait(STOP_SECONDS) == 1
    running.assert_nobody_left()
    return running.said.splitlines()[-1]


def test_a_taken_port_is_named_with_its_variable(start: Start) -> None:
    with socket.socket() as listener:
        listener.bind((ports.LOOPBACK, 0))
        listener.listen()
        port = str(listener.getsockname()[1])

        assert "AWS_PORT" in failure(_taken(start, "AWS_PORT", port))
        assert "GATEWAY_PORT" in failure(_taken(start, "GATEWAY_PORT", port))


def _taken(start: Start, variable: str, port: str) -> Running:
    running = start({variable: port})
    running.aws_port = ports.find_free() if variable == "AWS_PORT" else running.aws_port
    return running


def test_a_gateway_that_is_not_there_is_named(start: Start) -> None:
    nowhere = f"http://127.0.0.1:{ports.find_free()}"

    said = failure(start({"EUMS_BASE_URL": nowhere, "EUMS_NAME": "a", "EUMS_PASSWORD": "b"}))

    assert "EUMS_BASE_URL" in said


def test_bad_settings_are_named_all_at_once(start: Start) -> None:
    said = failure(start({"EUMS_VERSION": "18", "PULL_SECONDS": "never"}))

    assert "EUMS_VERSION" in said
    assert "PULL_SECONDS" in said
