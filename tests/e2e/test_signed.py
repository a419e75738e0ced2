"""A stack that knows its callers by IAM, whose emulated API Gateway checks each signature and the caller's policy."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from botocore.credentials import Credentials

from local import accounts, ports, stack
from local.aws import REGION, Aws
from local.cli.signing import SigV4
from local.clients import Client, Clients
from local.emulator import Emulator
from local.gateway import Gateway, GatewayAccount
from local.places import PROJECT, Places
from local.principals import Principals
from local.settings import Account

ACCOUNT_ID = "000000000000"
NUMBER = "+8613812345678"
TEXT = "【京东】您的验证码是123456"
SHOP = Client(client="webshop", accounts=("default",), default_account="default", scopes=("send", "read"))
OPEN = ("health", "openapi.json", "docs")


@dataclass(frozen=True)
class Signed:
    """The running stack."""

    aws: Aws
    outputs: dict[str, str]

    @property
    def url(self) -> str:
        return self.aws.api_url(self.outputs["ApiId"], stack.STAGE)

    @property
    def principals(self) -> Principals:
        return Principals(self.aws.dynamodb, self.outputs["ClientsTableName"])

    def role(self, name: str, *calls: str) -> tuple[str, Credentials]:
        """A role that may make these calls, `POST/messages` for instance, and credentials of a session of it."""
        iam = self.aws.session.client("iam", endpoint_url=self.aws.endpoint)
        trust = [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]
        role = iam.create_role(
            RoleName=name,
            Path="/apps/",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        )["Role"]["Arn"]
        api = f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{self.outputs['ApiId']}/{stack.STAGE}"
        rights = [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": [f"{api}/{call}" for call in calls]}]
        iam.put_role_policy(
            RoleName=name,
            PolicyName="calls",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": rights}),
        )
        sts = self.aws.session.client("sts", endpoint_url=self.aws.endpoint)
        made = sts.assume_role(RoleArn=role, RoleSessionName="e2e")["Credentials"]
        return role, Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    def caller(self, credentials: Credentials | None = None, **headers: str) -> httpx.Client:
        auth = SigV4(credentials, REGION) if credentials else None
        return httpx.Client(base_url=self.url, auth=auth, headers=headers, timeout=40, trust_env=False)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, _no_real_aws: None) -> Iterator[Signed]:
    places = Places(tmp_path_factory.mktemp("signed"))
    aws = Aws(ports.find_free())
    with Gateway([GatewayAccount(name="test")]) as gateway:
        emulator = Emulator(aws, places)
        try:
            stack.build(places, aws)
            emulator.wait()
            secret = accounts.create(aws, {"default": (gateway.url, Account(name="test", password="123456"))})
            outputs = stack.deploy(places, aws, {"ApiAuthorization": "AWS_IAM", "AccountsSecretArn": secret})
            yield Signed(aws, outputs)
        finally:
            emulator.stop()


@pytest.fixture(scope="module")
def webshop(signed: Signed) -> Credentials:
    """Those of a role that calls for the client of the same name, and may do so for sends and messages."""
    role, credentials = signed.role("webshop", "POST/messages", "GET/messages*", "GET/health", "DELETE/opt-outs/*")
    signed.principals.add(role, SHOP)
    return credentials


def test_a_role_sends_for_its_client(signed: Signed, webshop: Credentials) -> None:
    with signed.caller(webshop) as api:
        sent = api.post("messages", json={"to": NUMBER, "text": TEXT, "client_reference": "a b/c"})
        assert sent.status_code == 201, sent.text
        found = api.get("messages", params={"to": NUMBER, "client_reference": "a b/c"})
        assert [each["id"] for each in found.json()["items"]] == [sent.json()["id"]]


def test_a_role_is_held_to_its_clients_scopes(signed: Signed, webshop: Credentials) -> None:
    with signed.caller(webshop) as api:
        answer = api.delete("opt-outs/13812345678")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "the client of this principal lacks the scope 'admin'"


def test_who_signs_as_nobody_or_wrongly_gets_nowhere(signed: Signed, webshop: Credentials) -> None:
    key = Clients(signed.aws.dynamodb, signed.outputs["ClientsTableName"]).create(SHOP)
    forged = Credentials(webshop.access_key, "x" * 40, webshop.token)
    wrong: list[Callable[[], httpx.Client]] = [
        signed.caller,
        lambda: signed.caller(Authorization=f"Bearer {key}"),
        lambda: signed.caller(forged),
        lambda: signed.caller(Userarn=f"arn:aws:iam::{ACCOUNT_ID}:role/webshop"),
    ]
    for caller in wrong:
        with caller() as api:
            assert api.post("messages", json={"to": NUMBER, "text": TEXT}).status_code == 403
            for path in OPEN:
                assert api.get(path).status_code == 403
            assert api.post("hooks/alerts", json={}).status_code == 403


def test_iam_and_the_table_must_both_know_a_role(signed: Signed) -> None:
    stranger, stranded = signed.role("stranger", "POST/messages")
    _, limited = signed.role("limited", "GET/health")
    signed.principals.add(f"arn:aws:iam::{ACCOUNT_ID}:role/limited", SHOP)
    with signed.caller(stranded) as api:
        answer = api.post("messages", json={"to": NUMBER, "text": TEXT})
        assert answer.status_code == 403
        assert stranger.replace("/apps", "") in answer.json()["detail"]
    with signed.caller(limited) as api:
        assert api.get("health").status_code == 200
        assert api.post("messages", json={"to": NUMBER, "text": TEXT}).status_code == 403


def test_the_example_and_the_command_line_sign(signed: Signed, webshop: Credentials) -> None:
    environ: dict[str, Any] = {
        "PATH": os.environ.get("PATH", os.defpath),
        "NO_PROXY": "127.0.0.1",
        "BRIDGE_API_URL": signed.url,
        "EUMS_BRIDGE_API_URL": signed.url,
        "EUMS_BRIDGE_AUTH": "iam",
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": webshop.access_key,
        "AWS_SECRET_ACCESS_KEY": webshop.secret_key,
        "AWS_SESSION_TOKEN": webshop.token,
    }
    example = [str(PROJECT / "examples" / "python" / "send_signed.py"), NUMBER, TEXT, "signed"]
    command = [str(PROJECT / "local" / "cli" / "__main__.py"), "send", NUMBER, "-t", TEXT]
    for arguments in (example, command):
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, *arguments], env=environ, capture_output=True, check=False, timeout=120, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "submitted" in done.stdout
