"""One gateway serves every test, from the same moment and with nothing remembered."""

from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest

from local.gateway import CHINA, Gateway, GatewayAccount, GatewaySettings, ManualClock
from tests.integration.gateway.plain_client import PlainClient

MOMENT = datetime(2013, 8, 6, 10, 20, 30, tzinfo=CHINA)
SEED = "20130806102030"


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[Gateway, ManualClock, httpx.Client]]:
    accounts = [
        GatewayAccount(),
        GatewayAccount(name="plain", aes_key=None),
        GatewayAccount(name="old", versions=frozenset({1})),
    ]
    settings = GatewaySettings(report_delay=5, late_report_delay=600)
    clock = ManualClock(MOMENT)
    with (
        Gateway(accounts, settings=settings, clock=clock) as gateway,
        httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as http,
    ):
        yield gateway, clock, http


@pytest.fixture
def clock(running: tuple[Gateway, ManualClock, httpx.Client]) -> ManualClock:
    running[1].set(MOMENT)
    return running[1]


@pytest.fixture
def gateway(running: tuple[Gateway, ManualClock, httpx.Client], clock: ManualClock) -> Gateway:
    assert clock() == MOMENT
    running[0].reset()
    return running[0]


@pytest.fixture
def http(running: tuple[Gateway, ManualClock, httpx.Client], gateway: Gateway) -> httpx.Client:
    assert not gateway.submits()
    return running[2]


@pytest.fixture
def client(http: httpx.Client) -> PlainClient:
    return PlainClient(http, SEED)


@pytest.fixture(params=[("GET", 1), ("POST", 1), ("GET", 17), ("POST", 17)], ids=lambda p: f"{p[0]}-{p[1]}")
def any_client(client: PlainClient, request: pytest.FixtureRequest) -> PlainClient:
    method, version = request.param
    return client.but(method=method, version=version)
