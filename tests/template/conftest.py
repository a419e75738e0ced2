"""The template as written, and the stack that CloudFormation would make of it; see `local.gates.stack`."""

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

from local.gates.stack import PARTITIONS, Stack, resolve
from local.gates.template import translate
from local.places import PROJECT

TEMPLATE = PROJECT / "template.yaml"
LOOKED_INTO = {"ApiAuthorization"}
"""Parameters that decide what SAM itself makes of the template."""


@cache
def _source() -> Any:
    return yaml_parse(TEMPLATE.read_text(encoding="utf-8"))


@cache
def _translated(region: str, for_sam: tuple[tuple[str, Any], ...]) -> Any:
    return translate(TEMPLATE, region, dict(for_sam))


@cache
def _stack(region: str, account: str, overrides: tuple[tuple[str, Any], ...]) -> Stack:
    for_sam = tuple(each for each in overrides if each[0] in LOOKED_INTO)
    return resolve(_translated(region, for_sam), region, account, dict(overrides))


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


@pytest.fixture(params=sorted(PARTITIONS))
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
