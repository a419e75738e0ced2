"""The OpenAPI document: valid, complete, and true of the functions that it describes."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate

from bridge.domain.clients import Scope
from local.openapi import PATH, document, rendered
from local.places import PROJECT

VERBS: Final = frozenset({"get", "put", "post", "delete", "patch"})
DOCUMENT: Final = document()
OPERATIONS: Final = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for verb, operation in path.items()
    if verb in VERBS
}
REDOCLY: Final = PROJECT / ".tools" / "node" / "node_modules" / ".bin" / "redocly"


def resolved(value: Any) -> Any:
    """What a reference of the document leads to; anything else as it is."""
    while isinstance(value, dict) and set(value) == {"$ref"}:
        found: Any = DOCUMENT
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def problems_of(value: object, schema: Any) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def media(operation: Any) -> Iterator[tuple[str, str, Any]]:
    """Every body of an operation: (where, media type, media type object)."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", kind, content
    for status, response in operation["responses"].items():
        for kind, content in resolved(response).get("content", {}).items():
            yield status, kind, content


def schemas(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Every property of a schema, however deep."""
    if isinstance(value, dict):
        for name, field in value.get("properties", {}).items():
            yield f"{at}.{name}", field
        for name, part in value.items():
            yield from schemas(part, f"{at}.{name}")
    elif isinstance(value, list):
        for part in value:
            yield from schemas(part, at)


def test_the_document_is_valid_openapi() -> None:
    validate(document())


def test_the_file_is_what_the_models_say() -> None:
    assert PATH.read_text(encoding="utf-8") == rendered(), "the models changed: run `make openapi` and commit the file"


def test_the_document_says_whose_it_is_and_where() -> None:
    [server] = DOCUMENT["servers"]
    assert set(server["variables"]) == set(re.findall(r"{(\w+)}", server["url"]))
    assert all(variable["default"] and variable["description"] for variable in server["variables"].values())
    assert DOCUMENT["info"]["contact"]["name"]
    assert DOCUMENT["info"]["license"]["identifier"] == "MIT"
    assert all(tag["description"] for tag in DOCUMENT["tags"])


def test_an_operation_has_a_name_that_is_its_own() -> None:
    count = sum(1 for path in DOCUMENT["paths"].values() for verb in path if verb in VERBS)
    assert len(OPERATIONS) == count
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_described(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["description"].endswith(".")
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    assert all(resolved(response)["description"] for response in operation["responses"].values())


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_parameter_is_described_and_its_examples_are_valid(name: str) -> None:
    for parameter in map(resolved, OPERATIONS[name].get("parameters", [])):
        assert parameter["description"].endswith("."), parameter["name"]
        assert parameter["examples"], parameter["name"]
        for example in parameter["examples"].values():
            assert not problems_of(resolved(example)["value"], parameter["schema"]), parameter["name"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_body_has_named_examples_that_are_valid(name: str) -> None:
    for where, kind, content in media(OPERATIONS[name]):
        assert "example" not in content, where
        assert content["examples"], where
        for label, example in content["examples"].items():
            found = resolved(example)
            assert found["summary"], label
            assert not problems_of(found["value"], content["schema"]), (where, kind, label)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_error_is_a_problem_of_one_schema_and_of_its_status(name: str) -> None:
    for status, response in OPERATIONS[name]["responses"].items():
        if int(status) < 400:
            continue
        problem = response["content"]["application/problem+json"]
        assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
        values = [resolved(example)["value"] for example in problem["examples"].values()]
        assert {value["status"] for value in values} == {int(status)}


@pytest.mark.parametrize("name", OPERATIONS)
def test_who_must_wait_is_told_so(name: str) -> None:
    for status, response in OPERATIONS[name]["responses"].items():
        waits = "Retry-After" in response["description"]
        assert waits <= ("Retry-After" in response.get("headers", {})), status
        assert all(resolved(header)["description"] for header in response.get("headers", {}).values())


def test_no_list_is_a_set() -> None:
    # A generated client for TypeScript takes a Set for it, and writes that as {}.
    assert "uniqueItems" not in json.dumps(DOCUMENT)


def test_a_send_names_its_headers() -> None:
    send = OPERATIONS["send_message"]
    assert {parameter["name"] for parameter in send["parameters"]} == {"Idempotency-Key", "Prefer"}
    assert set(send["responses"]["201"]["headers"]) == {"Location", "Idempotent-Replayed"}
    assert set(send["responses"]["202"]["headers"]) == {"Location", "Idempotent-Replayed", "Preference-Applied"}
    assert set(send["responses"]["429"]["headers"]) == {"Retry-After"}


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_a_schema_and_its_fields_are_described(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    assert schema["description"]
    assert "bridge." not in schema["description"], "a reader of the document has no modules"
    bare = [at for at, field in schemas(schema, name) if not field.get("description")]
    assert not bare


def test_no_field_is_named_by_a_title() -> None:
    # Generators name classes after titles: `To` and `Status` would be those of whatever comes first.
    assert '"title":' not in json.dumps(DOCUMENT["components"]["schemas"]).replace('"title": {', "")


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_scopes_of_an_operation_are_some_that_there_are(name: str) -> None:
    operation = OPERATIONS[name]
    security = operation["security"]
    # By key with one of its scopes; or signed, which an operation that wants no key has to be no more than that.
    assert [requirement for requirement in security if "key" not in requirement] == [{"sigv4": []}] * bool(security)
    scopes = {scope for requirement in security for scope in requirement.get("key", ())}
    assert scopes <= {scope.value for scope in Scope}
    assert all(f"`{scope}`" in operation["description"] for scope in scopes)


def test_the_key_says_what_scopes_are() -> None:
    said = DOCUMENT["components"]["securitySchemes"]["key"]["description"]
    assert all(f"`{scope.value}`" in said for scope in Scope)


@pytest.mark.skipif(not REDOCLY.exists(), reason="redocly is not here: it takes node, npm and `make environments`")
@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine")
@pytest.mark.enable_socket  # node's own, within its process
def test_redocly_finds_nothing() -> None:
    done = subprocess.run(  # noqa: S603 - a tool of this project's
        [str(REDOCLY), "lint", "--config", str(PROJECT / "redocly.yaml"), "--format", "json", str(PATH)],
        cwd=PROJECT,
        env={"PATH": str(REDOCLY.parent) + ":/usr/local/bin:/usr/bin:/bin", "REDOCLY_TELEMETRY": "off", "CI": "1"},
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )

    found = json.loads(done.stdout)
    assert [(each["ruleId"], each["message"]) for each in found["problems"]] == []
    assert done.returncode == 0, done.stderr
