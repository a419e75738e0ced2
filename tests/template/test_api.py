"""The API: its routes, who may call them, and what API Gateway itself answers."""

import json
import re
from typing import Any

import pytest

from local.openapi import document
from local.openapi.problems import GATEWAY_RESPONSES

KEYED = {
    ("/messages", "post"): "MessagesFunction",
    ("/messages", "get"): "MessagesFunction",
    ("/messages/{id}", "get"): "MessagesFunction",
    ("/messages/{id}/cancel", "post"): "MessagesFunction",
    ("/messages/estimate", "post"): "MessagesFunction",
    ("/batches", "post"): "BatchesFunction",
    ("/batches/{id}", "get"): "BatchesFunction",
    ("/balance", "get"): "AccountFunction",
    ("/statistics", "get"): "AccountFunction",
    ("/limits", "get"): "AccountFunction",
    ("/2010-04-01/Accounts/{account}/Messages.json", "post"): "TwilioFunction",
    ("/2010-04-01/Accounts/{account}/Messages.json", "get"): "TwilioFunction",
    ("/2010-04-01/Accounts/{account}/Messages/{message}", "get"): "TwilioFunction",
    ("/2010-04-01/Accounts/{account}/Messages/{message}", "post"): "TwilioFunction",
    ("/opt-outs", "get"): "OptOutsFunction",
    ("/opt-outs", "post"): "OptOutsFunction",
    ("/opt-outs/{number}", "delete"): "OptOutsFunction",
    ("/hook-sources", "get"): "HookSourcesFunction",
    ("/hook-sources/{source}", "put"): "HookSourcesFunction",
    ("/hook-sources/{source}", "get"): "HookSourcesFunction",
    ("/hook-sources/{source}", "delete"): "HookSourcesFunction",
    ("/hook-sources/{source}/dry-run", "post"): "HookSourcesFunction",
    **dict.fromkeys(
        (
            ("/webhook-endpoints", "post"),
            ("/webhook-endpoints", "get"),
            ("/webhook-endpoints/{id}", "get"),
            ("/webhook-endpoints/{id}", "patch"),
            ("/webhook-endpoints/{id}", "delete"),
            ("/webhook-endpoints/{id}/rotate-secret", "post"),
            ("/webhook-endpoints/{id}/test", "post"),
            ("/webhook-endpoints/{id}/deliveries", "get"),
            ("/webhook-endpoints/{id}/deliveries/{delivery}/replay", "post"),
            ("/webhook-endpoints/{id}/replay", "post"),
        ),
        "WebhookEndpointsFunction",
    ),
}
OPEN = {
    ("/health", "get"): "DocsFunction",
    ("/openapi.json", "get"): "DocsFunction",
    ("/docs", "get"): "DocsFunction",
    ("/hooks/{source}", "post"): "HooksFunction",  # whose senders have no key of ours: the source authenticates them
}
RESPONSES = {
    "UNAUTHORIZED": (401, "unauthorized"),
    "ACCESS_DENIED": (403, "not-allowed"),
    # What API Gateway says of a route that is not there; with a bearer key it is about the signature.
    "RESOURCE_NOT_FOUND": (404, "not-found"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "not-found"),
    "INVALID_SIGNATURE": (404, "not-found"),
    "EXPIRED_TOKEN": (403, "not-signed"),
    "BAD_REQUEST_BODY": (400, "bad-request"),
    "BAD_REQUEST_PARAMETERS": (400, "bad-request"),
    "REQUEST_TOO_LARGE": (413, "request-too-large"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "unsupported-media-type"),
    "THROTTLED": (429, "too-many-requests"),
    "QUOTA_EXCEEDED": (429, "quota-exceeded"),
    "AUTHORIZER_FAILURE": (500, "internal"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "internal"),
    "API_CONFIGURATION_ERROR": (500, "internal"),
    "INTEGRATION_FAILURE": (502, "no-answer"),
    "INTEGRATION_TIMEOUT": (504, "timeout"),
}
# A status on these would become that of every answer without one, so neither they nor their bodies name any.
FALLBACKS = {"DEFAULT_4XX": "request-refused", "DEFAULT_5XX": "internal"}


@pytest.fixture
def body(stack: Any) -> Any:
    return stack["Api"]["Body"]


def test_these_are_all_routes_and_each_goes_to_its_function(body: Any) -> None:
    found = {
        (path, verb): re.search(r"functions/(\w+)\.Arn/invocations", method["x-amazon-apigateway-integration"]["uri"])
        for path, methods in body["paths"].items()
        for verb, method in methods.items()
    }
    assert {route: function and function[1] for route, function in found.items()} == KEYED | OPEN


@pytest.mark.parametrize(("path", "verb"), KEYED)
def test_a_route_wants_a_key(body: Any, path: str, verb: str) -> None:
    assert body["paths"][path][verb]["security"] == [{"KeyAuthorizer": []}]


@pytest.mark.parametrize(("path", "verb"), OPEN)
def test_the_documentation_and_the_hooks_want_no_key(body: Any, path: str, verb: str) -> None:
    assert body["paths"][path][verb]["security"] == [{"NONE": []}]


def test_the_authorizer_sees_the_request_and_answers_for_a_minute(body: Any) -> None:
    scheme = body["components"]["securitySchemes"]["KeyAuthorizer"]
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert authorizer["type"] == "request"
    assert authorizer["identitySource"] == "method.request.header.Authorization"
    assert authorizer["authorizerResultTtlInSeconds"] == 60
    assert "functions/AuthorizerFunction.Arn/invocations" in authorizer["authorizerUri"]


def test_the_stage_is_throttled_and_measured_and_logs_no_bodies(stack_with: Any) -> None:
    stack = stack_with(ApiRateLimit=7, ApiBurstLimit=9)
    (stage,) = stack.of_type("AWS::ApiGateway::Stage").values()
    assert stage["StageName"] == "v1"
    assert stage["MethodSettings"] == [
        {
            "ResourcePath": "/*",
            "HttpMethod": "*",
            "ThrottlingRateLimit": 7,
            "ThrottlingBurstLimit": 9,
            "MetricsEnabled": True,
            "DataTraceEnabled": False,
        }
    ]


def problem(response: Any) -> Any:
    headers = response["responseParameters"]
    assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    # The one key that API Gateway picks whatever a client accepts.
    assert set(response["responseTemplates"]) == {"application/json"}
    return json.loads(response["responseTemplates"]["application/json"])


def test_these_are_all_gateway_responses(body: Any) -> None:
    assert set(body["x-amazon-apigateway-gateway-responses"]) == {*RESPONSES, *FALLBACKS}


@pytest.mark.parametrize(("kind", "expected"), RESPONSES.items())
def test_api_gateways_own_answer_is_a_problem(body: Any, kind: str, expected: tuple[int, str]) -> None:
    response = body["x-amazon-apigateway-gateway-responses"][kind]
    found = problem(response)
    status, slug = expected
    assert response["statusCode"] == str(status)
    assert found["status"] == status
    assert found["type"] == f"urn:eums-bridge:problem:{slug}"
    assert found["request_id"] == "$context.requestId"
    assert set(found) == {"type", "title", "status", "detail", "request_id"}
    assert found["detail"].endswith(".")


@pytest.mark.parametrize(("kind", "slug"), FALLBACKS.items())
def test_a_fallback_names_no_status(body: Any, kind: str, slug: str) -> None:
    response = body["x-amazon-apigateway-gateway-responses"][kind]
    assert "statusCode" not in response
    found = problem(response)
    assert found["type"] == f"urn:eums-bridge:problem:{slug}"
    assert set(found) == {"type", "title", "detail", "request_id"}


@pytest.mark.parametrize("kind", ["THROTTLED", "QUOTA_EXCEEDED"])
def test_who_must_wait_is_told_how_long(body: Any, kind: str) -> None:
    parameters = body["x-amazon-apigateway-gateway-responses"][kind]["responseParameters"]
    assert re.fullmatch(r"'\d+'", parameters["gatewayresponse.header.Retry-After"])


def test_who_lacks_a_key_is_told_which_kind(body: Any) -> None:
    parameters = body["x-amazon-apigateway-gateway-responses"]["UNAUTHORIZED"]["responseParameters"]
    assert parameters["gatewayresponse.header.WWW-Authenticate"] == "'Bearer'"


@pytest.mark.parametrize("kind", ["INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "DEFAULT_5XX"])
def test_an_answer_after_the_function_began_does_not_say_that_nothing_was_sent(body: Any, kind: str) -> None:
    detail = problem(body["x-amazon-apigateway-gateway-responses"][kind])["detail"]
    assert "not known" in detail
    assert "Idempotency-Key" in detail


@pytest.mark.parametrize("name", GATEWAY_RESPONSES)
def test_the_documents_examples_of_api_gateways_own_answers_are_those_answers(body: Any, name: str) -> None:
    kind, _, expected = GATEWAY_RESPONSES[name]
    found = problem(body["x-amazon-apigateway-gateway-responses"][kind])
    assert {**expected, "request_id": "$context.requestId"} == found


def test_every_documented_operation_is_a_route_that_wants_a_key_where_it_says_so() -> None:
    documented = {
        (path, verb): bool(operation["security"])
        for path, operations in document()["paths"].items()
        for verb, operation in operations.items()
    }
    assert {route for route, keyed in documented.items() if keyed} <= set(KEYED)
    assert {route for route, keyed in documented.items() if not keyed} <= OPEN.keys()
