"""The stack as CloudFormation would make it: translated from SAM, with parameters, conditions and Sub resolved.

References between resources stay readable: `!Ref Topic` is "Topic", `!GetAtt Queue.Arn` is "Queue.Arn".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

PARTITIONS: Final = {"cn-north-1": ("aws-cn", "amazonaws.com.cn"), "us-east-1": ("aws", "amazonaws.com")}
"""Region → partition and suffix of its host names."""
_NOTHING: Final = object()  # AWS::NoValue


@dataclass(frozen=True)
class Stack:
    """A resolved stack.

    Attributes:
        resources: those whose condition holds, by logical id.
        outputs: by name.
    """

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
        """The properties of a resource."""
        return self.resources[name]["Properties"]


class _Resolver:
    """Puts values in place of intrinsic functions."""

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


_FUNCTIONS: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], Any]]] = {
    "Fn::Equals": lambda argument, _: argument[0] == argument[1],
    "Fn::Not": lambda argument, _: not argument[0],
    "Fn::And": lambda argument, _: all(argument),
    "Fn::Select": lambda argument, _: argument[1][int(argument[0])],
    "Fn::Join": lambda argument, _: argument[0].join(argument[1]),
    "Fn::GetAtt": lambda argument, _: ".".join(argument),
    "Fn::Sub": _sub,
}


def resolve(translated: Mapping[str, Any], region: str, account: str, overrides: Mapping[str, Any]) -> Stack:
    """Make a stack of a translated template.

    Args:
        translated: as `local.gates.template.translate` makes it.
        region: one of `PARTITIONS`.
        account: the AWS account's number.
        overrides: values of parameters; of the others, their defaults.
    """
    partition, url_suffix = PARTITIONS[region]
    pseudo = {
        "AWS::Region": region,
        "AWS::Partition": partition,
        "AWS::URLSuffix": url_suffix,
        "AWS::AccountId": account,
        "AWS::StackName": "stack",
        "AWS::NoValue": _NOTHING,
    }
    parameters = {name: declared["Default"] for name, declared in translated["Parameters"].items()} | dict(overrides)
    for name, declared in translated["Parameters"].items():
        if declared["Type"] == "CommaDelimitedList":
            parameters[name] = parameters[name].split(",")
    resolver = _Resolver(translated, parameters | pseudo)
    kept = {
        name: resource
        for name, resource in translated["Resources"].items()
        if "Condition" not in resource or resolver.condition(resource["Condition"])
    }
    return Stack(region, partition, url_suffix, resolver(kept), resolver(translated["Outputs"]))
