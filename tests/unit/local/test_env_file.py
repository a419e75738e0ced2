"""What `sam local` is given beside a running stack."""

import difflib
import json
from collections import Counter
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

from local import env_file, stack
from local.containers import ports_of
from local.outputs import Outputs
from local.places import PROJECT

NAMES = ("api_url", "api_key", "region", "aws_access_key_id", "aws_secret_access_key", "delivery_queue_url")
MORE = ("inbound_queue_url", "topic_arn", "journal_bucket", "stack_name")


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("http://127.0.0.1:4566", "http://host.docker.internal:4566"),
        ("http://127.0.0.2/eums", "http://host.docker.internal/eums"),
        ("http://localhost:8090/eums/sms", "http://host.docker.internal:8090/eums/sms"),
        ("http://[::1]:8090", "http://host.docker.internal:8090"),
        ("http://192.0.2.7:8090", "http://192.0.2.7:8090"),
        ("https://gateway.example:8443/eums", "https://gateway.example:8443/eums"),
    ],
)
def test_only_this_machines_loopback_is_called_otherwise_in_a_container(here: str, there: str) -> None:
    assert env_file.seen_from_container(here) == there


def test_the_file_has_the_functions_variables_and_leaves_nothing_else(tmp_path: Path) -> None:
    env_file.write(tmp_path / "env.json", {"MessagesFunction": {"STATE_TABLE": "state-1"}})

    assert json.loads((tmp_path / "env.json").read_text()) == {"MessagesFunction": {"STATE_TABLE": "state-1"}}
    assert [path.name for path in tmp_path.iterdir()] == ["env.json"]


@pytest.mark.parametrize(
    ("gateway", "expected"), [("http://127.0.0.1:8090", [4566, 8090]), ("http://gateway.example:8090", [4566])]
)
def test_only_what_is_on_the_loopback_is_passed_on(gateway: str, expected: list[int]) -> None:
    named = dict.fromkeys((*NAMES, *MORE), "-")
    outputs = Outputs(**named, aws_endpoint="http://127.0.0.1:4566", gateway_url=gateway)

    assert ports_of(outputs) == expected


def test_every_variable_that_a_container_is_given_is_declared() -> None:
    """`sam local --env-vars` leaves out what the template does not name."""
    template = yaml_parse((PROJECT / "template.yaml").read_text(encoding="utf-8"))

    declared = template["Globals"]["Function"]["Environment"]["Variables"]

    assert {"AWS_ENDPOINT_URL", "ACCOUNTS_SECRET_ARN"} <= declared.keys()
    assert declared["AWS_ENDPOINT_URL"] == {"Ref": "AWS::NoValue"}  # no deployment sets it


def test_the_template_for_containers_differs_in_processor_authorizer_and_open_routes_only(tmp_path: Path) -> None:
    copied = stack._template(PROJECT, tmp_path / "containers", "x86_64")

    theirs = copied.read_text(encoding="utf-8").splitlines()
    ours = (PROJECT / "template.yaml").read_text(encoding="utf-8").splitlines()
    differing = Counter(line for line in difflib.ndiff(ours, theirs) if line.startswith("+ "))
    openness = {"+             Auth:", "+               Authorizer: NONE"}
    assert {line.removeprefix("+ ").strip() for line in differing.keys() - openness} == {
        "Architectures: [x86_64]",
        "CompatibleArchitectures: [x86_64]",
        "FunctionArn: arn:aws:lambda:us-east-1:000000000000:function:AuthorizerFunction",
    }
    assert [differing[line] for line in openness] == [4, 4]
    assert stack._template(PROJECT, tmp_path / "build", None) == PROJECT / "template.yaml"
