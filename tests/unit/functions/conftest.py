import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FUNCTIONS = Path(__file__).parents[3] / "functions"


class Context:
    """What Lambda gives a handler beside the event."""

    function_name = "eums-bridge-test"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:test"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 100_000


Load = Callable[[str], ModuleType]


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Import `functions/<name>/app.py` anew, as Lambda does: as a module named app."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "eums-bridge")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "EumsBridge")

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location("app", FUNCTIONS / name / "app.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load
    sys.modules.pop("app", None)


def rest_event(method: str, resource: str, path: str, **more: Any) -> dict[str, Any]:
    """A proxy event of API Gateway's REST API, as far as the functions look at it."""
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "request-1",
            "path": f"/v1{path}",
            "stage": "v1",
            "authorizer": {
                "client": "shop",
                "accounts": "default",
                "default_account": "default",
                "scopes": "read,send",
                "principalId": "shop",
            },
        },
        **more,
    }


@pytest.fixture
def rest() -> Callable[..., dict[str, Any]]:
    return rest_event
