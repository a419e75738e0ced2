"""Starting and stopping, and the command."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.gateway import Gateway, GatewayAccount

ROOT = Path(__file__).parents[3]


def gateway_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("eums-")]


def test_stopping_leaves_nothing_behind() -> None:
    before = len(gateway_threads())
    gateway = Gateway()
    for _ in range(2):  # it can start again
        gateway.start()
        url = httpx.URL(gateway.url)
        # Connections in every state: idle before and after a request, and in the middle of one.
        silent = socket.create_connection((url.host, url.port or 0), timeout=30)
        halfway = socket.create_connection((url.host, url.port or 0), timeout=30)
        halfway.sendall(b"POST / HTTP/1.1\r\nContent-Le")
        with silent, halfway, httpx.Client(trust_env=False) as http:
            assert http.get(gateway.url).status_code == 200
            gateway.stop()
            assert silent.recv(1) == b""
            with pytest.raises(httpx.ConnectError):
                http.get(str(url))
        with pytest.raises(RuntimeError):
            _ = gateway.url
        gateway.stop()  # twice is once
    deadline = time.monotonic() + 30
    while len(gateway_threads()) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(gateway_threads()) == before


def test_a_running_gateway_does_not_start_again() -> None:
    with Gateway() as gateway, pytest.raises(RuntimeError):
        gateway.start()


def test_a_taken_port() -> None:
    with Gateway() as first, pytest.raises(OSError, match="in use"):
        Gateway(port=int(first.url.rpartition(":")[2])).start()


def test_it_listens_on_loopback_only() -> None:
    with Gateway() as gateway:
        assert gateway.url.startswith("http://127.0.0.1:")


def test_an_answer_that_fails_is_a_plain_500(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    with Gateway() as gateway, httpx.Client(trust_env=False) as http:
        monkeypatch.setattr(gateway._state, "account", fail)
        response = http.get(f"{gateway.url}/eums/sms/utf8/json/balance.do")
        assert (response.status_code, response.text) == (500, "internal error\n")
    assert "secret detail" in caplog.text


def test_two_accounts_of_one_name() -> None:
    with pytest.raises(ValueError, match="different names"):
        Gateway([GatewayAccount(), GatewayAccount()])


def test_concurrent_requests_on_many_connections() -> None:
    with Gateway() as gateway:

        def ask(_: int) -> int:
            return httpx.get(f"{gateway.url}/eums/sms/utf8/json/balance.do", trust_env=False, timeout=30).status_code

        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(ask, range(64))) == {200}
        assert gateway.counters()["balance"]["requests"] == 64


@contextmanager
def command(*arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - this interpreter and literal options
        [sys.executable, "-m", "local.gateway", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "GATEWAY_PORT"} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_until_a_signal(signum: signal.Signals) -> None:
    options = [
        "--name",
        "shop",
        "--password",
        "geheim",
        "--aes-key",
        "00" * 16,
        "--aes-key-format",
        "hex",
        "--balance",
        "5",
    ]
    with command(*options, GATEWAY_PORT="0") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "account shop" in line
        assert "geheim" not in line
        url = line.split()[3].rstrip(",")
        accounts = httpx.get(f"{url}/admin/accounts", trust_env=False).json()["accounts"]
        assert [(account["name"], account["balance"]) for account in accounts] == [("shop", 5)]
        process.send_signal(signum)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "", "")


def test_the_command_says_that_the_port_is_taken() -> None:
    with Gateway() as gateway:
        port = gateway.url.rpartition(":")[2]
        with command("--port", port) as process:
            out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert out == ""
    assert err == f"port {port} is taken: choose another with GATEWAY_PORT or --port\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "70000"],
        ["--port", "x"],
        ["--aes-key", "short"],
        ["--versions", "2"],
        ["--report-delay", "-1"],
        ["--empty", "x"],
    ],
)
def test_the_command_refuses_wrong_options(options: list[str]) -> None:
    with command(*options) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert out == ""
    assert "error: " in err
    assert "Traceback" not in err
