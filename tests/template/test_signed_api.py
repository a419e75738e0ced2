"""The API where IAM says who calls: the parameter ApiAuthorization, both of its values."""

import json
from typing import Any

import pytest

from tests.template.test_api import KEYED, OPEN, RESPONSES, problem

GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"


@pytest.fixture
def signed(stack_with: Any) -> Any:
    return stack_with(ApiAuthorization="AWS_IAM")


@pytest.fixture
def body(signed: Any) -> Any:
    return signed["Api"]["Body"]


def test_the_default_is_keys(source: Any) -> None:
    assert source["Parameters"]["ApiAuthorization"]["Default"] == "KeyAuthorizer"
    assert source["Parameters"]["ApiAuthorization"]["AllowedValues"] == ["KeyAuthorizer", "AWS_IAM"]


@pytest.mark.parametrize(("path", "verb"), KEYED | OPEN)
def test_every_route_is_signed_and_none_is_open(body: Any, path: str, verb: str) -> None:
    assert body["paths"][path][verb]["security"] == [{"AWS_IAM": []}]


def test_the_routes_are_the_same(body: Any) -> None:
    assert {(path, verb) for path, methods in body["paths"].items() for verb in methods} == set(KEYED | OPEN)


def test_the_scheme_is_sigv4(body: Any) -> None:
    assert body["components"]["securitySchemes"]["AWS_IAM"] == {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    }


@pytest.mark.parametrize("authorization", ["KeyAuthorizer", "AWS_IAM"])
def test_functions_are_invoked_with_the_apis_rights_and_not_with_the_callers(
    stack_with: Any, authorization: str
) -> None:
    stack = stack_with(ApiAuthorization=authorization)
    for methods in stack["Api"]["Body"]["paths"].values():
        for method in methods.values():
            assert "credentials" not in method["x-amazon-apigateway-integration"]
    permitted = {
        permission["FunctionName"]
        for permission in stack.of_type("AWS::Lambda::Permission").values()
        if permission["Principal"] == "apigateway.amazonaws.com"
    }
    assert set((KEYED | OPEN).values()) <= permitted


def test_the_functions_know_by_what_callers_are_known(signed: Any) -> None:
    for name, function in signed.of_type("AWS::Lambda::Function").items():
        assert function["Environment"]["Variables"]["API_AUTHORIZATION"] == "AWS_IAM", name
    assert signed.outputs["ApiAuthorization"]["Value"] == "AWS_IAM"


def test_another_value_is_another_deployment_of_the_api(stack_with: Any) -> None:
    """A stage keeps the deployment that it has; SAM makes another one where its own part of the API differs."""
    deployments = {
        value: set(stack_with(ApiAuthorization=value).of_type("AWS::ApiGateway::Deployment"))
        for value in ("KeyAuthorizer", "AWS_IAM")
    }
    assert not deployments["KeyAuthorizer"] & deployments["AWS_IAM"]


@pytest.mark.parametrize("kind", ["MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN"])
def test_what_is_not_signed_is_told_so(body: Any, kind: str) -> None:
    response = body[GATEWAY_RESPONSES][kind]
    found = problem(response)
    assert (response["statusCode"], found["status"]) == ("403", 403)
    assert found["type"] == "urn:eums-bridge:problem:not-signed"
    assert found["request_id"] == "$context.requestId"
    assert "sign" in found["detail"].lower()


def test_who_may_not_call_is_told_of_the_policy_and_not_of_keys(body: Any) -> None:
    found = problem(body[GATEWAY_RESPONSES]["ACCESS_DENIED"])
    assert found["status"] == 403
    assert "execute-api:Invoke" in found["detail"]
    assert "key" not in found["detail"]


def test_all_other_answers_are_the_same(stack_with: Any, body: Any) -> None:
    keyed = stack_with()["Api"]["Body"][GATEWAY_RESPONSES]
    other = {kind for kind, response in body[GATEWAY_RESPONSES].items() if response != keyed[kind]}
    assert other == {"MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "ACCESS_DENIED"}
    assert set(body[GATEWAY_RESPONSES]) == set(keyed) > set(RESPONSES)
    assert json.dumps(body).count("KeyAuthorizer") == json.dumps(body["components"]).count("KeyAuthorizer")


@pytest.mark.parametrize("authorization", ["KeyAuthorizer", "AWS_IAM"])
def test_throttling_stands_before_every_route(stack_with: Any, authorization: str) -> None:
    stack = stack_with(ApiAuthorization=authorization)
    (stage,) = stack.of_type("AWS::ApiGateway::Stage").values()
    (settings,) = stage["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["ThrottlingRateLimit"] == 50
    assert settings["ThrottlingBurstLimit"] == 100


def test_throttling_can_be_neither_switched_off_nor_be_above_what_api_gateway_has(source: Any) -> None:
    """10,000 a second and 5,000 at once is what API Gateway gives an account and region; 0 would let nobody in."""
    rate, burst = (source["Parameters"][name] for name in ("ApiRateLimit", "ApiBurstLimit"))
    assert (rate["MinValue"], rate["MaxValue"]) == (1, 10_000)
    assert (burst["MinValue"], burst["MaxValue"]) == (1, 5000)
    assert rate["MinValue"] <= rate["Default"] <= rate["MaxValue"]
    assert burst["MinValue"] <= burst["Default"] <= burst["MaxValue"]


def test_sam_is_told_not_to_hand_on_the_callers_rights(source: Any) -> None:
    """What it would do by itself depends on whether it has put the parameter's value in by then."""
    assert source["Resources"]["Api"]["Properties"]["Auth"]["InvokeRole"] == "NONE"
