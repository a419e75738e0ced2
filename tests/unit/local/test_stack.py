"""The template as the emulated AWS and `sam local` need it: what they cannot work out is written out for them."""

from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

from local.places import PROJECT
from local.stack import _seen_by_sam, _template
from tests.template.test_api import KEYED, OPEN


@pytest.fixture
def template(tmp_path: Path) -> Path:
    copy = tmp_path / "template.yaml"
    copy.write_bytes((PROJECT / "template.yaml").read_bytes())
    return copy


@pytest.mark.parametrize("values", [{}, {"PullSeconds": 1}, {"ApiAuthorization": "KeyAuthorizer"}])
def test_the_template_is_taken_as_it_is_where_sam_sees_the_defaults(template: Path, values: dict[str, object]) -> None:
    assert _seen_by_sam(template, values) == template
    assert list(template.parent.iterdir()) == [template]


def test_what_sam_looks_into_becomes_the_default_and_nothing_else_changes(template: Path) -> None:
    copy = _seen_by_sam(template, {"ApiAuthorization": "AWS_IAM", "PullSeconds": 1})

    assert copy.parent == template.parent, "the code's folders are beside it"
    before, after = (yaml_parse(path.read_text("utf-8")) for path in (template, copy))
    assert after["Parameters"]["ApiAuthorization"].pop("Default") == "AWS_IAM"
    assert before["Parameters"]["ApiAuthorization"].pop("Default") == "KeyAuthorizer"
    assert after == before


def test_sam_local_finds_the_open_routes_where_it_looks_for_them(tmp_path: Path) -> None:
    copy = yaml_parse(_template(PROJECT, tmp_path / "build", "x86_64").read_text("utf-8"))

    events = [
        event["Properties"]
        for resource in copy["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "Api"
    ]
    routes = {(event["Path"], event["Method"].lower()): event.get("Auth") for event in events}
    assert {route for route, auth in routes.items() if auth == {"Authorizer": "NONE"}} == set(OPEN)
    assert {route for route, auth in routes.items() if auth is None} == set(KEYED)
