"""The whole bridge, deployed on the emulated AWS of one machine, beside the simulated gateway."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local import accounts, ports, stack
from local.aws import Aws, forget
from local.clients import Client, Clients
from local.emulator import Emulator
from local.invoke import start_pulls
from local.places import Places
from local.settings import Account
from tests.bench.comparing.account import NAME, PASSWORD

# The API's limits are for all callers together.
_PARAMETERS = {"PullSeconds": 1, "ApiRateLimit": 5_000, "ApiBurstLimit": 5_000}


@dataclass(frozen=True)
class Stacked:
    """A running one.

    Attributes:
        aws: the emulated AWS.
        api: its URL with the stage.
        key: a client's.
        outputs: the stack's.
    """

    aws: Aws
    api: str
    key: str
    outputs: dict[str, str]


@contextlib.contextmanager
def stacked(gateway: str) -> Iterator[Stacked]:
    """Build, deploy, and pull from the gateway until it is no longer needed; it runs where this process does."""
    with tempfile.TemporaryDirectory() as state, _no_real_aws():
        places, aws = Places(Path(state)), Aws(ports.find_free())
        stack.build(places, aws)
        emulator = Emulator(aws, places)
        try:
            emulator.wait()
            secret = accounts.create(aws, {"default": (gateway, Account(name=NAME, password=PASSWORD))})
            outputs = stack.deploy(places, aws, {**_PARAMETERS, "AccountsSecretArn": secret})
            start_pulls(aws, stack.STACK_NAME)
            client = Client(client="shop", accounts=("*",), default_account="default", scopes=("send", "read"))
            key = Clients(aws.dynamodb, outputs["ClientsTableName"]).create(client)
            yield Stacked(aws, aws.api_url(outputs["ApiId"], stack.STAGE), key, outputs)
        finally:
            emulator.stop()


@contextlib.contextmanager
def _no_real_aws() -> Iterator[None]:
    before = dict(os.environ)
    forget(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
