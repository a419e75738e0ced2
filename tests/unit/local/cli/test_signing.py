"""Calls where IAM says who calls: signed so that whoever checks the signature finds it right."""

import functools
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import httpx
import pytest
from botocore.credentials import Credentials

from local.cli import api as api_module
from local.cli.failures import Failure
from local.cli.signing import SigV4, signer
from tests.fakes.commands import Cli, StubApi, message
from tests.fakes.sigv4 import Verifier

URL = "https://abc123.execute-api.cn-north-1.amazonaws.com.cn/v1"
KEYS = {"AKIATEST": "secret"}


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(KEYS)


def sent(method: str, path: str, *, auth: SigV4, **more: Any) -> httpx.Request:
    """A request as it goes out."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    with httpx.Client(base_url=URL, auth=auth, transport=httpx.MockTransport(answer)) as client:
        client.request(method, path, **more)
    return seen[0]


def auth(token: str | None = None, key: str = "secret", region: str = "cn-north-1") -> SigV4:
    return SigV4(Credentials("AKIATEST", key, token), region)


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "messages", {"json": {"to": "+8613812345678", "text": "【京东】您的验证码是123456"}}),
    ("POST", "messages/01JDCKQ3V9T4M3W5Y8Z7N6P2QR/cancel", {}),
    ("GET", "messages", {}),
    ("GET", "messages", {"params": {"to": "+8613812345678", "created_after": "2026-11-23T13:09:00+08:00"}}),
    ("GET", "messages", {"params": {"client_reference": "a b&c=d/e~f*g!'()订单%41", "limit": "1", "cursor": ""}}),
    ("DELETE", "opt-outs/+8613812345678", {"params": {"account": "default"}}),
    ("DELETE", "opt-outs/%2B8613812345678", {}),
]


@pytest.mark.parametrize(("method", "path", "more"), CALLS)
@pytest.mark.parametrize("token", [None, "session-token"])
def test_the_signature_is_right(
    verifier: Verifier, method: str, path: str, more: dict[str, Any], token: str | None
) -> None:
    request = sent(method, path, auth=auth(token), **more)

    assert verifier.problem(request) is None
    assert request.headers.get("X-Amz-Security-Token") == token


def test_parameters_arrive_as_they_were_meant(verifier: Verifier) -> None:
    meant = {"client_reference": "a b&c=d/e~f*g!'()订单%41", "to": "+86"}

    request = sent("GET", "messages", auth=auth(), params=meant)

    assert dict(request.url.params) == meant
    assert verifier.problem(request) is None


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"key": "another"}, "signature"),
        ({"region": "cn-northwest-1"}, "scope"),
    ],
)
def test_another_signers_is_not(verifier: Verifier, changed: dict[str, str], problem: str) -> None:
    assert verifier.problem(sent("GET", "messages", auth=auth(**changed))) == problem


def test_what_is_changed_on_its_way_is_found(verifier: Verifier) -> None:
    request = sent("POST", "messages", auth=auth(), json={"to": "+8613812345678", "text": "a"})
    other = httpx.Request("POST", request.url, headers=request.headers, content=request.content.replace(b"a", b"b"))
    moved = httpx.Request("POST", f"{request.url}/estimate", headers=request.headers, content=request.content)

    assert [verifier.problem(each) for each in (request, other, moved)] == [None, "signature", "signature"]
    assert verifier.problem(request, datetime.now(UTC) + timedelta(minutes=6)) == "time"


def test_the_region_is_that_of_the_address_or_else_the_sessions() -> None:
    session = boto3.Session("AKIATEST", "secret", region_name="eu-central-1")
    assert signer(session, URL)._region == "cn-north-1"
    assert signer(session, "https://a1.execute-api.us-east-1.amazonaws.com/v1")._region == "us-east-1"
    assert signer(session, "https://sms.example.com/v1")._region == "eu-central-1"
    assert signer(session, f"https://sms.example.com/{URL}")._region == "eu-central-1"


def test_without_a_region_or_credentials_it_says_so() -> None:
    with pytest.raises(Failure, match="No region is set"):
        signer(boto3.Session("AKIATEST", "secret"), "https://sms.example.com/v1")
    with pytest.raises(Failure, match="no AWS credentials"):
        signer(boto3.Session(region_name="cn-north-1"), URL)


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch, api: StubApi) -> StubApi:  # the API alone, and the usual variables
    for name, value in (
        ("EUMS_BRIDGE_AUTH", "iam"),
        ("EUMS_BRIDGE_API_URL", URL),
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("EUMS_BRIDGE_API_KEY")
    return api


def test_a_send_is_signed_where_the_environment_says_so(cli: Cli, signing: StubApi, verifier: Verifier) -> None:
    signing.will(httpx.Response(201, json=message("submitted")))

    cli("send", "+8613812345678", "-t", "您好")

    [request] = signing.requests
    assert verifier.problem(request) is None
    assert json.loads(request.content)["to"] == ["+8613812345678"]


def test_each_repeat_is_signed_anew(cli: Cli, signing: StubApi, verifier: Verifier) -> None:
    signing.will(httpx.Response(503), httpx.Response(201, json=message("submitted")))

    cli("send", "+8613812345678", "-t", "您好")

    assert [verifier.problem(request) for request in signing.requests] == [None, None]


def test_a_key_is_what_counts_where_the_environment_says_that(
    cli: Cli, signing: StubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EUMS_BRIDGE_AUTH", "key")
    assert "EUMS_BRIDGE_AUTH=iam" in cli("balance", expect=2).err
    monkeypatch.setenv("EUMS_BRIDGE_API_KEY", "eb_k")
    signing.will(httpx.Response(200, json={"account": "default", "balance": 5, "as_of": "2026-11-23T13:09:00+08:00"}))

    cli("balance")

    assert signing.requests[0].headers["Authorization"] == "Bearer eb_k"


def test_anything_else_is_refused(cli: Cli, signing: StubApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EUMS_BRIDGE_AUTH", "oauth")
    assert "It is iam or key" in cli("balance", expect=2).err
    assert not signing.requests


@pytest.mark.parametrize("authorization", ["AWS_IAM", "KeyAuthorizer"])
def test_a_stack_on_aws_says_itself_how_it_is_called(
    cli: Cli,
    deployed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    authorization: str,
) -> None:
    stub = StubApi()
    stub.will(httpx.Response(200, json={"account": "default", "balance": 5, "as_of": "2026-11-23T13:09:00+08:00"}))
    wired = functools.partial(api_module.Api, transport=httpx.MockTransport(stub.respond))
    monkeypatch.setattr(api_module, "Api", wired)
    monkeypatch.setenv("EUMS_BRIDGE_API_KEY", "eb_k")
    outputs = {**deployed, "ApiAuthorization": authorization}
    monkeypatch.setattr("local.cli.stacks.AwsStack.outputs", outputs)

    cli("balance")

    signed = stub.requests[0].headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
    assert signed == (authorization == "AWS_IAM")
    if signed:
        keys = {os.environ["AWS_ACCESS_KEY_ID"]: os.environ["AWS_SECRET_ACCESS_KEY"]}
        assert Verifier(keys).problem(stub.requests[0]) is None
