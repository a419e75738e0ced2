"""One stack for all tests: the simulated gateway, the emulated AWS under AUTH=true, the template as it is deployed.

What cannot start fails the tests. Ports are free ones and the state is in a folder of its own, so that a `make run` in
the same checkout is in nobody's way; the build for this machine is shared, and not repeated while it is fresh.
"""

import os
from collections.abc import Iterator

import httpx
import pytest

from local import accounts, ports, stack
from local.aws import Aws, forget
from local.clients import SCOPES, Client
from local.emulator import Emulator
from local.gateway import Gateway, GatewayAccount, GatewaySettings
from local.invoke import start_pulls
from local.places import Places
from local.settings import Account
from tests.e2e.deployed import Deployed, Inbox

AES_KEY = "0123456789abcdef"
# Each account of the bridge has an account of the gateway to itself: a report is handed out once, to whoever asks.
GATEWAY_ACCOUNTS = ("test", "encrypted", "impatient", "counted", "fuzzed", "bulk")

# The API's limits are for all callers together, and the tests are many callers at once.
PARAMETERS: dict[str, str | int] = {"PullSeconds": 1, "LogLevel": "INFO", "ApiRateLimit": 1000, "ApiBurstLimit": 2000}

# Recipients a second: what is left to the pace where an emulated AWS on two cores takes somewhat more.
BULK_RATE = 100


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long comes first: begun last, it would be waited for by a machine that has nothing else to do."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session", autouse=True)
def _no_real_aws() -> Iterator[None]:
    before = dict(os.environ)
    forget(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory, _no_real_aws: None) -> Iterator[Deployed]:
    places = Places(tmp_path_factory.mktemp("state"))
    aws = Aws(ports.find_free())
    gateway_accounts = [GatewayAccount(name=name) for name in GATEWAY_ACCOUNTS]
    with Gateway(gateway_accounts, settings=GatewaySettings(report_delay=0.5)) as gateway:
        emulator = Emulator(aws, places)
        try:
            stack.build(places, aws)
            emulator.wait()
            secret = accounts.create(aws, bridge_accounts(gateway.url))
            outputs = stack.deploy(places, aws, {**PARAMETERS, "AccountsSecretArn": secret})
            start_pulls(aws, stack.STACK_NAME)
            yield Deployed(
                aws=aws,
                gateway=gateway,
                places=places,
                outputs=outputs,
                deliveries=Inbox(aws, outputs["DeliveryQueueUrl"]),
                inbound=Inbox(aws, outputs["InboundQueueUrl"]),
            )
        finally:
            emulator.stop()


def bridge_accounts(gateway_url: str) -> dict[str, tuple[str, Account]]:
    """What the secret holds, by the bridge's names."""
    nobody = f"http://127.0.0.1:{ports.find_free()}"
    return {
        "default": (gateway_url, Account(name="test", password="123456")),
        "encrypted": (gateway_url, Account(name="encrypted", password="123456", version=17, aes_key=AES_KEY)),
        "impatient": (gateway_url, Account(name="impatient", password="123456", read_timeout=1)),
        "counted": (gateway_url, Account(name="counted", password="123456")),
        "fuzzed": (gateway_url, Account(name="fuzzed", password="123456")),
        "bulk": (gateway_url, Account(name="bulk", password="123456", rate=BULK_RATE)),
        "down": (nobody, Account(name="test", password="123456")),
    }


@pytest.fixture(scope="session")
def shop(deployed: Deployed) -> Iterator[httpx.Client]:
    """An application that may use every account."""
    with deployed.client(Client(client="shop", accounts=("*",), default_account="default", scopes=SCOPES)) as client:
        yield client


@pytest.fixture(scope="session")
def bank(deployed: Deployed) -> Iterator[httpx.Client]:
    """Another application."""
    bank = Client(client="bank", accounts=("default",), default_account="default", scopes=("send", "read"))
    with deployed.client(bank) as client:
        yield client


@pytest.fixture(scope="session")
def reader(deployed: Deployed) -> Iterator[httpx.Client]:
    """An application that may not send."""
    reader = Client(client="reader", accounts=("default",), default_account="default", scopes=("read",))
    with deployed.client(reader) as client:
        yield client


@pytest.fixture(scope="session")
def nobody(deployed: Deployed) -> Iterator[httpx.Client]:
    """Somebody without a key."""
    with deployed.caller(None) as client:
        yield client


@pytest.fixture
def gateway(deployed: Deployed) -> Iterator[Gateway]:
    """The simulated gateway, in good order again afterwards."""
    yield deployed.gateway
    deployed.gateway.clear_faults()
