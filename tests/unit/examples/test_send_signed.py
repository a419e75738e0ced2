"""examples/python/send_signed.py: its signature is right, for whoever checks it as API Gateway does."""

import importlib.util
import sys
from typing import Any

import boto3
import httpx
import pytest

from local.places import PROJECT
from tests.fakes.sigv4 import Verifier

URL = "https://abc123.execute-api.cn-north-1.amazonaws.com.cn/v1"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (
        ("BRIDGE_API_URL", URL),
        ("AWS_REGION", "cn-north-1"),
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ):
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("send_signed", PROJECT / "examples" / "python" / "send_signed.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def verifier() -> Verifier:
    return Verifier({"AKIATEST": "secret"})


def test_it_sends_once_and_signed(
    example: Any, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"id": "01JDCKQ3V9T4M3W5Y8Z7N6P2QR", "status": "submitted"})

    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: real(transport=httpx.MockTransport(answer), **more))
    monkeypatch.setattr(sys, "argv", ["send_signed.py", "+8613812345678", "【京东】您的验证码是123456"])

    assert example.main() == 0

    [request] = seen
    assert verifier.problem(request) is None
    assert request.headers["X-Amz-Security-Token"] == "token"
    assert request.headers["Idempotency-Key"]
    assert capsys.readouterr().out == "01JDCKQ3V9T4M3W5Y8Z7N6P2QR submitted\n"


def test_a_query_is_signed_as_it_goes_out(example: Any, verifier: Verifier) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    auth = example.SigV4(boto3.Session(region_name="cn-north-1"))
    with httpx.Client(base_url=URL, auth=auth, transport=httpx.MockTransport(answer)) as api:
        api.get("messages", params={"to": "+8613812345678", "client_reference": "a b:c~d订单", "cursor": ""})

    assert verifier.problem(seen[0]) is None
    assert seen[0].url.params["client_reference"] == "a b:c~d订单"


def test_without_credentials_it_says_what_is_missing(example: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(SystemExit, match="AWS_PROFILE"):
        example.SigV4(boto3.Session(region_name="cn-north-1"))
