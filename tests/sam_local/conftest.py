"""The running stack as `make run` serves it, an engine, an image, and `make sam-local` in between.

The commands are those that a person gives. Only the image differs from what they have: no registry is asked.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from local import ports, stack
from local.aws import Aws
from local.errors import end_of
from local.lock import hold
from local.outputs import Outputs
from local.places import PROJECT, Places
from local.processes import Process
from tests.sam_local import base_image, engine

WORK = PROJECT / ".local" / "test-sam-local"
IMAGE = "eums-bridge-python"
READY_SECONDS = 240.0
INVOKE_SECONDS = 180.0
STOP_SECONDS = 30.0


def until(look: Callable[[], bool], process: Process, what: str) -> None:
    """Look until something is there, as long as the process that is to bring it runs."""
    deadline = time.monotonic() + READY_SECONDS
    while not look():
        assert process.status() is None, f"ended before {what}:\n{end_of(process.log)}"
        assert time.monotonic() < deadline, f"no {what} within {READY_SECONDS:g} s:\n{end_of(process.log)}"
        time.sleep(0.05)


@dataclass(frozen=True)
class Sam:
    """`sam local`, as a person has it beside a running stack."""

    places: Places
    docker_host: str
    outputs: Outputs

    def command(self, what: str, *more: str | Path) -> list[str | Path]:
        return [
            *(self.places.tool("sam", "sam"), "local", what, *more),
            *("--config-file", PROJECT / "samconfig.toml", "--config-env", "local"),
            *("--template-file", self.places.container_build / "template.yaml"),
            *("--env-vars", self.places.env_file),
            *("--invoke-image", f"{IMAGE}:latest", "--skip-pull-image"),
        ]

    def environment(self) -> dict[str, str]:
        aws = Aws(int(self.outputs.aws_endpoint.rpartition(":")[2]))
        return stack._environment(self.places, aws) | {
            "DOCKER_HOST": self.docker_host,
            "TMPDIR": str(self.places.state),  # it leaves its locks there
        }


@pytest.fixture(scope="session")
def docker() -> Iterator[engine.Engine]:
    with ExitStack() as started:
        started.enter_context(hold(WORK / "lock"))
        for left in WORK.glob("state-*"):  # of a run that was killed
            shutil.rmtree(left)
        try:
            yield started.enter_context(engine.running(WORK / "engine"))
        except engine.NoEngine as exc:
            pytest.skip(str(exc))


@pytest.fixture(scope="session")
def state(docker: engine.Engine) -> Iterator[Places]:  # noqa: ARG001 - no stack is started where there is no engine
    """The folder of the stack that runs beside."""
    with tempfile.TemporaryDirectory(prefix="state-", dir=WORK) as folder:
        yield Places(Path(folder))


@pytest.fixture(scope="session")
def served(state: Places) -> Iterator[Process]:
    """`make run`, on its way."""
    gateway_port = ports.find_free()
    aws_port = next(port for port in iter(ports.find_free, 0) if port != gateway_port)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EUMS_"))}
    with Process(
        [sys.executable, "-m", "local.run", "--state", state.state],
        environment=environ | {"AWS_PORT": str(aws_port), "GATEWAY_PORT": str(gateway_port)},
        log=state.state / "run.log",
        folder=PROJECT,
        grace=STOP_SECONDS,
    ) as process:
        yield process
    assert not state.env_file.exists()  # nothing that it names is there any more


@pytest.fixture(scope="session")
def image(docker: engine.Engine, served: Process, state: Places) -> str:  # noqa: ARG001 - made while the stack starts
    """The base image's Python, as `3.11`."""
    runtime = state.tool("runtime", "python")
    with tempfile.TemporaryFile(dir=WORK) as file:
        base_image.write(file, runtime)
        file.seek(0)
        answer = docker.ask("POST", f"/images/create?fromSrc=-&repo={IMAGE}&tag=latest", content=file)
    assert "error" not in answer.text, answer.text
    return stack._version(runtime)


@pytest.fixture(scope="session")
def sam(docker: engine.Engine, served: Process, image: str, state: Places) -> Iterator[Sam]:
    until(state.outputs.exists, served, str(state.outputs))
    until(state.env_file.exists, served, str(state.env_file))
    command = [sys.executable, "-m", "local.containers", "--state", str(state.state)]
    with Process(
        [*command, "--bridge", docker.bridge.name, "--python", image],
        environment=dict(os.environ),
        log=state.state / "containers-run.log",
        folder=PROJECT,
        grace=STOP_SECONDS,
    ) as forwarding:
        until(lambda: "Ready" in forwarding.log.read_text(encoding="utf-8"), forwarding, "Ready")
        assert served.status() is None, end_of(served.log)
        yield Sam(state, docker.host, Outputs.read(state.outputs))


@pytest.fixture(scope="session")
def api(sam: Sam) -> Iterator[httpx.Client]:
    """`sam local start-api`, and an application with its key."""
    port = ports.find_free()
    with Process(
        sam.command("start-api", "--port", str(port)),
        environment=sam.environment(),
        log=sam.places.state / "start-api.log",
        folder=PROJECT,
        grace=STOP_SECONDS,
    ) as process:
        until(lambda: _listens(port), process, f"port {port}")
        with httpx.Client(
            base_url=f"http://{ports.LOOPBACK}:{port}",
            headers={"Authorization": f"Bearer {sam.outputs.api_key}"},
            timeout=INVOKE_SECONDS,
            trust_env=False,
        ) as client:
            yield client


def _listens(port: int) -> bool:
    try:
        return bool(httpx.get(f"http://{ports.LOOPBACK}:{port}/nowhere", timeout=5, trust_env=False))
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def submits(sam: Sam) -> Callable[[str], list[dict[str, object]]]:
    """What the simulated gateway was asked to send to a number."""

    def look(dest: str) -> list[dict[str, object]]:
        url = f"{sam.outputs.gateway_url}/admin/submits"
        found = httpx.get(url, params={"dest": dest}, timeout=10, trust_env=False).json()["submits"]
        assert isinstance(found, list)
        return found

    return look
