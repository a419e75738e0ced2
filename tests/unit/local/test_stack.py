"""What the emulated AWS is given in place of the values that it does not hand to SAM."""

from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

from local.places import PROJECT
from local.stack import _seen_by_sam


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
