"""What stands between passes calls on unharmed, and harms them as it is told; the right process is found and killed."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.soak.between import AwsCall, Between, Blow, Harm
from tests.soak.callers import caller_at

_QUICK = Config(connect_timeout=2, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})


class _Aws(BaseHTTPRequestHandler):
    """Takes everything, and answers as DynamoDB does."""

    protocol_version = "HTTP/1.1"
    taken: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(body.decode())
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def taken() -> list[str]:
    return []


@pytest.fixture
def upstream(taken: list[str]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Aws", (_Aws,), {"taken": taken})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def dynamodb(url: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=_QUICK,
    )


def ask(url: str) -> None:
    client = dynamodb(url)
    try:
        client.describe_table(TableName="messages")
    finally:
        client.close()


def test_a_call_passes_and_is_told_apart(upstream: int, taken: list[str]) -> None:
    calls: list[AwsCall] = []
    with Between(upstream, _noting(calls)) as between:
        ask(between.url)

    assert [(call.service, call.operation) for call in calls] == [("dynamodb", "DescribeTable")]
    assert [json.loads(body) for body in taken] == [{"TableName": "messages"}]


@pytest.mark.parametrize(
    ("harm", "effects", "error"),
    [
        (Harm.REFUSE, 0, "ServiceUnavailable"),
        (Harm.THROTTLE, 0, "ProvisionedThroughputExceededException"),
        (Harm.FAIL_AFTER, 1, "500"),
        (Harm.DROP_BEFORE, 0, None),
        (Harm.DROP_AFTER, 1, None),
        (Harm.SLOW_AFTER, 1, None),
    ],
)
def test_a_harm_strikes_before_or_after_the_effect(
    upstream: int, taken: list[str], harm: Harm, effects: int, error: str | None
) -> None:
    with Between(upstream, lambda _: Blow(harm, 3.0)) as between, pytest.raises((ClientError, BotoCoreError)) as raised:
        ask(between.url)

    assert len(taken) == effects
    if error is not None:
        assert isinstance(raised.value, ClientError)
        assert raised.value.response["Error"]["Code"] == error


def test_what_is_late_to_begin_happens_though_nobody_waits_any_more(upstream: int, taken: list[str]) -> None:
    with Between(upstream, lambda _: Blow(Harm.SLOW_BEFORE, 2.0)) as between:
        with pytest.raises(BotoCoreError):
            ask(between.url)
        assert taken == []
        _wait(lambda: len(taken) == 1)


_ASK = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], data=b"{}", headers={"Authorization":
    "AWS4-HMAC-SHA256 Credential=local/20261123/us-east-1/dynamodb/aws4_request, Signature=x"})
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells who holds a connection")
@pytest.mark.parametrize(("harm", "effects"), [(Harm.KILL_BEFORE, 0), (Harm.KILL_AFTER, 1)])
def test_the_function_that_calls_is_killed_and_nobody_else(
    upstream: int, taken: list[str], harm: Harm, effects: int
) -> None:
    found = []

    def decide(call: AwsCall) -> Blow:
        found.append(call.caller())
        return Blow(harm)

    with Between(upstream, decide) as between:
        dead = subprocess.run(  # noqa: S603 - this interpreter, and what stands above
            [sys.executable, "-c", _ASK, between.url],
            env={"AWS_LAMBDA_FUNCTION_NAME": "stack-track"},
            check=False,
            timeout=60,
            capture_output=True,
        )

    assert dead.returncode == -9
    assert [caller.function for caller in found if caller] == ["stack-track"]
    assert len(taken) == effects


def test_who_is_no_function_is_left_alone(upstream: int) -> None:
    with Between(upstream, lambda call: Blow(Harm.KILL_AFTER) if call.caller() is None else None) as between:
        with pytest.raises(BotoCoreError):
            ask(between.url)
        assert caller_at(1) is None


def _noting(calls: list[AwsCall]) -> Callable[[AwsCall], None]:
    """Harms nothing."""
    return calls.append


def _wait(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
