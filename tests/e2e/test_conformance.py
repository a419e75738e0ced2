"""The running API against its own description: generated requests, every answer one that is described."""

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi import checks

from local.clients import Client
from local.places import PROJECT
from tests.e2e.deployed import Deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = 12
DESCRIPTION = PROJECT / "layers" / "bridge" / "bridge" / "api" / "openapi.json"
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]

api = schemathesis.openapi.from_path(DESCRIPTION)


@pytest.fixture(scope="session")
def fuzzer(deployed: Deployed) -> "Iterator[httpx.Client]":
    """An application with an account that nothing else uses."""
    client = Client(client="fuzzer", accounts=("fuzzed",), default_account="fuzzed", scopes=("send", "read"))
    with deployed.client(client) as caller:
        yield caller


def test_the_served_description_is_the_one_tested_here(nobody: httpx.Client, deployed: Deployed) -> None:
    served = nobody.get("openapi.json").json()

    assert served.pop("servers") == [{"url": deployed.api_url}]
    assert served == {name: value for name, value in json.loads(DESCRIPTION.read_bytes()).items() if name != "servers"}


@api.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: Any, deployed: Deployed, fuzzer: httpx.Client) -> None:
    response = case.call(
        base_url=deployed.api_url, headers={"Authorization": fuzzer.headers["Authorization"]}, timeout=40
    )

    case.validate_response(response, checks=CHECKS)
