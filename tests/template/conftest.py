"""The stack as CloudFormation would make it: translated from SAM, with parameters, conditions and Sub resolved.

References between resources stay readable: `!Ref Topic` is "Topic", `!GetAtt Queue.Arn` is "Queue.Arn".
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

from local.gates.template import translate

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_REGIONS = {"cn-north-1": ("aws-cn", "amazonaws.com.cn"), "us-east-1": ("aws", "amazonaws.com")}
_NOTHING = object()  # AWS::NoValue


@cache
def _source() -> Any:
    return yaml_parse(TEMPLATE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Stack:
    """A resolved stack."""

    region: str
    partition: str
    url_suffix: str
    resources: Mapping[str, Any]
    outputs: Mapping[str, Any]

    def of_type(self, kind: str) -> dict[str, Any]:
        """The properties of every resource of a type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def __getitem__(self, name: str) -> Any:
        return self.resources[name]["Properties"]


class _Resolver:
    def __init__(self, document: Any, values: Mapping[str, Any]) -> None:
        self._values = values
        self._conditions = document.get("Conditions", {})

    def condition(self, name: str) -> bool:
        return bool(self(self._conditions[name]))

    def __call__(self, node: Any) -> Any:
        if isinstance(node, list):
            return [item for item in map(self, node) if item is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function == "Ref":
                return self._values.get(argument, argument)
            if function.startswith("Fn::"):
                return self._call(function, argument)
        resolved = {key: self(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not _NOTHING}

    def _call(self, function: str, argument: Any) -> Any:
        if function == "Fn::If":  # the other branch may name what is not there
            return self(argument[1 if self.condition(argument[0]) else 2])
        return _FUNCTIONS[function](self(argument), self._values)


def _sub(argument: Any, values: Mapping[str, Any]) -> str:
    text, names = argument if isinstance(argument, list) else (argument, {})
    known = {**values, **names}
    return re.sub(r"\$\{([^}]+)\}", lambda found: str(known.get(found[1], found[1])), text)


_FUNCTIONS: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "Fn::Equals": lambda argument, _: argument[0] == argument[1],
    "Fn::Not": lambda argument, _: not argument[0],
    "Fn::And": lambda argument, _: all(argument),
    "Fn::Select": lambda argument, _: argument[1][int(argument[0])],
    "Fn::Join": lambda argument, _: argument[0].join(argument[1]),
    "Fn::GetAtt": lambda argument, _: ".".join(argument),
    "Fn::Sub": _sub,
}


@cache
def _translated(region: str) -> Any:
    return translate(TEMPLATE, region)


@cache
def _stack(region: str, account: str, overrides: tuple[tuple[str, Any], ...]) -> Stack:
    partition, url_suffix = _REGIONS[region]
    pseudo = {
        "AWS::Region": region,
        "AWS::Partition": partition,
        "AWS::URLSuffix": url_suffix,
        "AWS::AccountId": account,
        "AWS::StackName": "stack",
        "AWS::NoValue": _NOTHING,
    }
    parameters = {name: declared["Default"] for name, declared in _source()["Parameters"].items()} | dict(overrides)
    for name, declared in _source()["Parameters"].items():
        if declared["Type"] == "CommaDelimitedList":
            parameters[name] = parameters[name].split(",")
    translated = _translated(region)
    resolve = _Resolver(translated, parameters | pseudo)
    kept = {
        name: resource
        for name, resource in translated["Resources"].items()
        if "Condition" not in resource or resolve.condition(resource["Condition"])
    }
    return Stack(region, partition, url_suffix, resolve(kept), resolve(translated["Outputs"]))


@pytest.fixture
def source() -> Any:
    """The template as written; intrinsic functions in their long form."""
    return copy.deepcopy(_source())


@pytest.fixture
def stack_with() -> Callable[..., Stack]:
    """The stack with some parameters."""

    def make(region: str = "cn-north-1", account: str = "123456789012", **parameters: Any) -> Stack:
        return copy.deepcopy(_stack(region, account, tuple(parameters.items())))

    return make


@pytest.fixture(params=sorted(_REGIONS))
def stack(request: pytest.FixtureRequest, stack_with: Callable[..., Stack]) -> Stack:
    """The stack with its defaults, in each partition."""
    return stack_with(request.param)


@pytest.fixture
def strings() -> Callable[[Any], Iterator[tuple[str, str]]]:
    """Every string below a node, keys too, with the path to it."""

    def walk(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
        if isinstance(node, dict):
            for key, value in node.items():
                yield path, str(key)
                yield from walk(value, f"{path}/{key}")
        elif isinstance(node, list):
            for number, value in enumerate(node):
                yield from walk(value, f"{path}/{number}")
        elif isinstance(node, str):
            yield path, node

    return walk
