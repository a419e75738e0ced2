"""`make run` with somebody else's gateway: the events page is served by itself, or it is said why it is not."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.console import Console
from local.gateway import Gateway
from local.places import Places
from local.ports import find_free
from local.run import Run
from local.settings import Account, Settings


def run(folder: Path, port: int, said: io.StringIO) -> Run:
    settings = Settings(
        account=Account(name="a", password="b"), base_url="http://gateway.example", aws_port=1, gateway_port=port
    )
    return Run(settings, Places(folder), Console(said, {}), 0.0)


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    with io.StringIO() as stream:
        yield stream


def test_it_is_there_until_the_run_ends(tmp_path: Path, said: io.StringIO) -> None:
    port = find_free()
    with run(tmp_path, port, said) as running:
        pages = running._events_alone()
        assert pages == f"http://127.0.0.1:{port}"
        assert httpx.get(f"{pages}/events", trust_env=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{pages}/events", trust_env=False)


def test_a_taken_port_stops_nothing(tmp_path: Path, said: io.StringIO) -> None:
    with Gateway() as other:
        port = int(other.url.rpartition(":")[2])
        with run(tmp_path, port, said) as running:
            assert running._events_alone() is None
    assert f"no events page: port {port} (GATEWAY_PORT) is not free" in said.getvalue()
