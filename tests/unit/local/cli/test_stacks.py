import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import httpx
import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from local.cli.failures import of_aws
from local.cli.stacks import Wanted, choose
from local.interrupts import Interrupted
from local.outputs import Outputs
from local.places import PROJECT
from tests.fakes.commands import Cli, StubApi

RUNNING = Outputs(
    api_url="http://127.0.0.1:1/v1",
    api_key="eb_local",
    region="us-east-1",
    aws_endpoint="http://127.0.0.1:1",
    aws_access_key_id="local",
    aws_secret_access_key="local",
    delivery_queue_url="d",
    inbound_queue_url="i",
    topic_arn="t",
    journal_bucket="j",
    gateway_url="g",
    stack_name="eums-bridge-local",
)


@pytest.mark.parametrize("arguments", [("balance",), ("keys", "list"), ("events", "tail")])
def test_where_nothing_runs_it_says_how_to_start_it(cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli(*arguments, expect=1)

    assert done.out == ""
    assert "`make run`" in done.err
    assert "--stack" in done.err


def test_outputs_that_cannot_be_read_are_said(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "outputs.json").write_text("{")

    assert "cannot be read" in cli("balance", expect=1).err


def test_without_a_flag_it_is_the_local_stack(tmp_path: Path) -> None:
    RUNNING.write(tmp_path / "outputs.json")
    state = {"EUMS_BRIDGE_STATE": str(tmp_path)}

    stack = choose(Wanted(), state)

    assert (stack.local, stack.name, stack.api_url, stack.api_key) == (
        True,
        "eums-bridge-local",
        "http://127.0.0.1:1/v1",
        "eb_local",
    )
    assert choose(Wanted(), state | {"EUMS_BRIDGE_API_KEY": "eb_other"}).api_key == "eb_other"
    assert not choose(Wanted(stack="s"), state).local
    assert choose(Wanted(stack="s"), state | {"EUMS_BRIDGE_STACK": "t"}).name == "s"
    assert choose(Wanted(), state | {"EUMS_BRIDGE_STACK": "t"}).name == "t"


@pytest.mark.usefixtures("api")
def test_an_address_and_a_key_are_enough_for_the_api_and_for_nothing_else(cli: Cli) -> None:
    assert "--stack" in cli("keys", "list", expect=2).err


def test_an_address_without_a_key(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EUMS_BRIDGE_API_URL", "http://api.test/v1")

    assert "EUMS_BRIDGE_API_KEY is not set" in cli("balance", expect=2).err


def test_a_key_that_is_none_and_an_address_of_something_else(
    cli: Cli, api: StubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.will(httpx.Response(200, text="<html>Welcome</html>"))
    assert "Is it the API's address?" in cli("balance", expect=1).err
    monkeypatch.setenv("EUMS_BRIDGE_API_KEY", "ключ")
    assert "is no key" in cli("balance", expect=2).err


def test_the_script_works_through_a_link_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "eb").symlink_to(PROJECT / ".venv" / "bin" / "eums-bridge")

    done = subprocess.run(  # noqa: S603 - this project's own command
        [tmp_path / "eb", "balance"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "EUMS_BRIDGE_STATE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "`make run`" in done.stderr


def test_a_profile_without_a_stack(cli: Cli) -> None:
    assert "--stack" in cli("balance", "--profile", "p", expect=2).err


def test_a_stack_on_aws_tells_its_address(deployed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # AWS_REGION goes before it
    environ = {"AWS_REGION": "cn-north-1", "EUMS_BRIDGE_API_KEY": "eb_k"}

    stack = choose(Wanted(stack="bridge"), environ)

    assert (stack.region, stack.api_url, stack.api_key) == ("cn-north-1", deployed["ApiUrl"], "eb_k")
    assert (
        choose(Wanted(stack="bridge"), environ | {"EUMS_BRIDGE_API_URL": "https://own/v1/"}).api_url == "https://own/v1"
    )
    assert choose(Wanted(stack="bridge", region="cn-northwest-1"), environ).region == "cn-northwest-1"


@pytest.mark.usefixtures("deployed")
def test_the_stack_may_be_named_before_and_behind(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EUMS_BRIDGE_STACK")

    before = cli("--json", "--stack", "bridge", "outputs").document
    behind = cli("outputs", "--stack", "bridge", "--json").document

    assert before == behind
    assert before["StackName"] == "bridge"
    assert cli("keys", "--stack", "bridge", "list", "--json").document == {"items": []}


@pytest.mark.usefixtures("deployed")
def test_a_stack_that_is_not_there_or_another(cli: Cli) -> None:
    other = {"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}
    boto3.client("cloudformation", region_name="cn-north-1").create_stack(
        StackName="other", TemplateBody=json.dumps(other)
    )

    assert "There is no stack nothing in cn-north-1" in cli("keys", "list", "--stack", "nothing", expect=1).err
    assert "Is it eums-bridge?" in cli("keys", "list", "--stack", "other", expect=1).err


def test_without_a_region_or_credentials_or_a_profile(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EUMS_BRIDGE_STACK", "bridge")

    assert "No region is set" in cli("keys", "list", expect=1).err
    assert "no AWS credentials" in cli("keys", "list", "--region", "cn-north-1", expect=1).err
    assert "nobody" in cli("keys", "list", "--region", "cn-north-1", "--profile", "nobody", expect=1).err


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (client_error("ExpiredToken"), "have expired"),
        (client_error("ExpiredTokenException"), "have expired"),
        (client_error("InvalidClientTokenId"), "separate accounts and keys"),
        (client_error("UnrecognizedClientException"), "separate accounts and keys"),
        (client_error("AccessDenied"), "may not DescribeStacks"),
        (client_error("Throttling"), "AWS refused DescribeStacks: Throttling: no"),
        (boto.EndpointConnectionError(endpoint_url="https://x"), "cannot be reached"),
        (boto.UnauthorizedSSOTokenError(), "aws sso login"),
        (boto.TokenRetrievalError(provider="sso", error_msg="no"), "aws sso login"),
        (boto.ParamValidationError(report="x"), "AWS: "),
    ],
)
def test_what_boto_says_is_a_sentence(error: Exception, said: str) -> None:
    assert said in str(of_aws(error, region="cn-north-1", local=False).document["detail"])


def test_an_emulator_that_is_gone_is_no_aws() -> None:
    error = boto.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566")

    assert "make run" in of_aws(error, region=None, local=True).advice


def test_usage_is_two_also_in_json(cli: Cli) -> None:
    for arguments in (("nonsense",), ("send",), ("list", "--limit", "0"), ("list", "--nonsense")):
        cli(*arguments, expect=2)
        assert cli(*arguments, "--json", expect=2).document["exit_code"] == 2
    cli(expect=2)


def test_an_interrupt_ends_with_130_and_a_word(cli: Cli, api: StubApi) -> None:
    api.will(Interrupted())

    assert cli("balance", expect=130).err == "Interrupted.\n"
    api.will(KeyboardInterrupt())
    cli("balance", expect=130)


def test_the_help_loads_nothing_that_is_slow() -> None:
    code = (
        "import sys; from local.cli.app import run; run(['--help']);"
        "print([name for name in ('boto3', 'botocore', 'httpx', 'pydantic', 'eums', 'bridge') if name in sys.modules])"
    )

    done = subprocess.run(  # noqa: S603 - this project's own code
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.splitlines()[-1] == "[]"
    assert "statistics" in done.stdout
