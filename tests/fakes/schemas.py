"""The JSON Schemas of the events, for whatever publishes or receives one."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def hold_against_schema(body: str) -> dict[str, Any]:
    """The event, when its envelope and its data are as documented; an assertion that says what is not, else."""
    event: dict[str, Any] = json.loads(body)
    problems = [f"{error.json_path}: {error.message}" for error in _validator("cloudevent").iter_errors(event)]
    problems += [
        f"data{error.json_path[1:]}: {error.message}" for error in _validator(event["type"]).iter_errors(event["data"])
    ]
    assert not problems, problems
    return event
