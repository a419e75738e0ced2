"""The functions against the OpenAPI document: the scopes that it names are those that they ask for."""

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from bridge import wiring
from local.openapi import document

FUNCTIONS = {
    "messages": "messages",
    "batches": "batches",
    "opt-outs": "opt_outs",
    "hook-sources": "hook_sources",
    "webhook-endpoints": "webhook_endpoints",
    "balance": "account",
    "statistics": "account",
    "limits": "account",
}
KEYED = [
    pytest.param(path, verb, operation, id=operation["operationId"])
    for path, operations in document()["paths"].items()
    for verb, operation in operations.items()
    if operation["security"]
]


@pytest.fixture
def call(load: Any, rest: Callable[..., Any], context: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Call an operation with a key that has no scope; what comes behind the check is nobody."""
    for service in ("configuring", "replaying"):
        monkeypatch.setattr(wiring, service, Mock())

    def call(verb: str, path: str) -> Any:
        event = rest(verb.upper(), path, path.replace("{", "").replace("}", ""))
        event["requestContext"]["authorizer"]["scopes"] = "none"
        return load(FUNCTIONS[path.split("/")[1]]).handler(event, context)

    return call


@pytest.mark.parametrize(("path", "verb", "operation"), KEYED)
def test_a_key_without_the_scopes_of_an_operation_lacks_just_those(
    path: str, verb: str, operation: Any, call: Callable[..., Any]
) -> None:
    response = call(verb, path)

    assert response["statusCode"] == 403, response
    scopes = [scope for requirement in operation["security"] for scope in requirement.get("key", ())]
    assert json.loads(response["body"])["detail"] == f"this key lacks the scope {' or '.join(map(repr, scopes))}"
