"""The command in this process, an API that answers what a test says, and an AWS of moto's."""

import functools
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from local.cli import api as api_module
from local.cli.app import run
from tests.fakes.commands import Cli, StubApi

TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Publish": {"Type": "AWS::SQS::Queue"},
        "Journal": {"Type": "AWS::S3::Bucket"},
        "Clients": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            },
        },
        "Webhooks": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            },
        },
    },
    "Outputs": {
        "ApiUrl": {"Value": "https://api.test/v1"},
        "EventsTopicArn": {"Value": {"Ref": "Topic"}},
        "PublishQueueUrl": {"Value": {"Ref": "Publish"}},
        "JournalBucketName": {"Value": {"Ref": "Journal"}},
        "ClientsTableName": {"Value": {"Ref": "Clients"}},
        "WebhooksTableName": {"Value": {"Ref": "Webhooks"}},
    },
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "EUMS_"))]:
        monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("EUMS_BRIDGE_STATE", str(tmp_path / "state"))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return Cli(call)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> StubApi:
    stub = StubApi()
    monkeypatch.setenv("EUMS_BRIDGE_API_URL", "http://api.test/v1")
    monkeypatch.setenv("EUMS_BRIDGE_API_KEY", "eb_secret")
    wired = functools.partial(api_module.Api, transport=httpx.MockTransport(stub.respond), sleep=stub.pauses.append)
    monkeypatch.setattr(api_module, "Api", wired)
    return stub


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A stack `bridge` with what the commands need of it; its outputs."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    monkeypatch.setenv("EUMS_BRIDGE_STACK", "bridge")
    with mock_aws():
        secrets = boto3.client("secretsmanager", region_name="cn-north-1")
        arn = secrets.create_secret(Name="accounts", SecretString="{}")["ARN"]
        outputs = TEMPLATE["Outputs"] | {"AccountsSecretArn": {"Value": arn}}
        cloudformation = boto3.client("cloudformation", region_name="cn-north-1")
        cloudformation.create_stack(StackName="bridge", TemplateBody=json.dumps(TEMPLATE | {"Outputs": outputs}))
        [stack] = cloudformation.describe_stacks(StackName="bridge")["Stacks"]
        yield {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
