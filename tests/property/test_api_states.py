"""What follows from an answer: schemathesis goes from each to what it links to, and on, as a client would.

In this process, so that a few hundred requests take seconds; `EXAMPLES` makes it more.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.specs.openapi import checks
from werkzeug.wrappers import Request, Response

from local.openapi import document
from tests.fakes.stack import Stack, stack

CHECKS: Final = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.use_after_free,
    checks.ensure_resource_availability,
]
SCENARIOS: Final = int(os.environ.get("EXAMPLES", "6"))
STEPS: Final = 8

NUMBER: Final = "13812345678"
GOOD: Final[dict[str, dict[str, Any]]] = {
    "send_message": {"to": NUMBER, "text": "hi", "category": "transactional", "send_at": "2026-12-01T09:00:00+08:00"},
    "accept_batch": {"messages": [{"to": NUMBER, "text": "hi"}]},
    "add_opt_outs": {"numbers": [NUMBER]},
    "put_hook_source": {"auth": {"kind": "bearer", "secret": "choose-one-of-your-own"}, "preset": "plain"},
    "create_webhook_endpoint": {"url": "https://shop.example.com/", "event_types": ["sms.message.*"]},
}
"""Bodies of what makes something."""

# By the first part of their paths, the operations that are tried together, and what a client does one after the other.
WAYS: Final = {
    "messages|batches": {
        ("POST /messages", "GET /messages/{id}"),
        ("POST /messages", "POST /messages/{id}/cancel"),
        ("POST /batches", "GET /batches/{id}"),
        ("POST /batches", "GET /messages"),
    },
    "opt-outs": {("POST /opt-outs", "DELETE /opt-outs/{number}")},
    "hook-sources|hooks": {
        ("GET /hook-sources", "PUT /hook-sources/{source}"),
        ("GET /hook-sources", "POST /hooks/{source}"),
        ("GET /hook-sources", "DELETE /hook-sources/{source}"),
    },
    "webhook-endpoints": {
        ("GET /webhook-endpoints", "POST /webhook-endpoints/{id}/rotate-secret"),
        ("POST /webhook-endpoints", "POST /webhook-endpoints/{id}/test"),
        ("POST /webhook-endpoints", "DELETE /webhook-endpoints/{id}"),
    },
}


@pytest.fixture(scope="module")
def api() -> Iterator[Stack]:
    with stack() as api:
        wanted = json.dumps(GOOD["put_hook_source"]).encode()
        for name in ("alerts", "orders", "tickets"):
            assert api.ask("PUT", f"/hook-sources/{name}", wanted).status == HTTPStatus.CREATED
        yield api


def served(api: Stack) -> Any:
    """The API as a WSGI application."""

    @Request.application
    def application(request: Request) -> Response:
        query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
        said = api.ask(
            request.method, request.path, request.get_data(), headers=list(request.headers.items()), query=query
        )
        return Response(said.body, said.status, said.headers)

    return application


@pytest.mark.parametrize("parts", WAYS)
def test_every_state_that_answers_lead_to_is_described(api: Stack, parts: str) -> None:
    described = document()
    described["servers"] = [{"url": "/"}]
    whole = schemathesis.openapi.from_dict(described)
    whole.app = served(api)
    schema = whole.include(path_regex=f"^/({parts})(/|$)")
    gone: Counter[tuple[str, str]] = Counter()

    class Client(schema.as_state_machine()):  # type: ignore[misc] # made at run time
        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            case.validate_response(response, checks=CHECKS)

        def before_call(self, case: Any) -> None:
            # What is only made up is refused nearly always, and leads nowhere.
            case.body = GOOD.get(case.operation.definition.raw["operationId"], case.body)

        def step(self, input: Any) -> Any:  # noqa: A002 - schemathesis's own name
            output = super().step(input)
            if input.transition:
                before, _, after = input.transition.id.split(" -> ")
                gone[before, after] += 1
            return output

    run_state_machine_as_test(
        Client,
        settings=settings(
            max_examples=SCENARIOS,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="EXAMPLES" not in os.environ,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    # Which of them, a change of the description decides: that links are followed at all is what has to be seen.
    assert WAYS[parts] & gone.keys()
