"""What a synchronous send costs in calls and connections, counted where they arrive."""

import importlib.util
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from bridge import wiring
from bridge.adapters import aws as clients
from tests.fakes import endpoints
from tests.fakes.endpoints import Endpoint

APP: Final = Path(__file__).parents[3] / "functions/messages/app.py"
EVENT: Final = json.loads((APP.parents[2] / "events/messages.json").read_text())
SENDS: Final = 1000

# The calls of AWS that one warm send makes, and no others; the first one of a process also reads the accounts.
A_SEND: Final = {"GetItem": 1, "PutItem": 1, "UpdateItem": 1}
THE_FIRST: Final = {**A_SEND, "GetSecretValue": 1}

Send = Callable[[], Any]


@pytest.fixture
def gateway() -> Iterator[Endpoint]:
    with endpoints.gateway() as gateway:
        yield gateway


@pytest.fixture
def aws(gateway: Endpoint) -> Iterator[Endpoint]:
    with endpoints.aws(endpoints.gateway_account(gateway.url)) as aws:
        yield aws


def forget() -> None:
    """Make the next send a process's first."""
    for cached in (*vars(wiring).values(), *vars(clients).values()):
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


@pytest.fixture
def send(aws: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Send]:
    """`functions/messages` as Lambda runs it, with real clients of everything."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    for name, value in endpoints.environment(aws.url).items():
        monkeypatch.setenv(name, value)
    # So that a machine that stalls for seconds does not decide what is counted.
    monkeypatch.setattr("eums.client._KEEPALIVE_SECONDS", 3600.0)
    monkeypatch.setattr("bridge.adapters.accounts_secret._FRESH", 3600.0)
    forget()
    spec = importlib.util.spec_from_file_location("app", APP)
    assert spec
    assert spec.loader
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    context = SimpleNamespace(
        function_name="messages", memory_limit_in_mb=256, invoked_function_arn="arn", aws_request_id="a-request"
    )

    def send() -> Any:
        return app.handler(EVENT, context)

    yield send
    wiring.gateway().close()
    clients.dynamodb().close()
    clients.secretsmanager().close()
    forget()


def test_a_thousand_warm_sends_make_one_connection_and_two_writes_each(
    send: Send, gateway: Endpoint, aws: Endpoint
) -> None:
    assert send()["statusCode"] == 201
    assert aws.requests == THE_FIRST

    aws.requests.clear()
    gateway.requests.clear()
    answers = Counter(send()["statusCode"] for _ in range(SENDS))

    assert answers == {201: SENDS}
    assert gateway.connections == 1
    assert gateway.requests == {"/eums/sms/utf8/json/send.do": SENDS}
    assert aws.requests == {operation: count * SENDS for operation, count in A_SEND.items()}
