"""Runs one function of the running stack: `python -m local.invoke pull-reports events/pull_reports.json`."""

import base64
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import Aws, forget
from local.console import Console
from local.errors import LocalError
from local.outputs import Outputs
from local.places import Places

_PULLS = frozenset({"pullreports", "pullinbound"})
_USAGE = "usage: make invoke FUNCTION=messages EVENT=events/messages.json"


def plain(name: str) -> str:
    """What `pull_reports`, `pull-reports` and `PullReportsFunction` have in common."""
    return "".join(filter(str.isalnum, name)).lower().removesuffix("function")


def choose(wanted: str, functions: Mapping[str, str]) -> str:
    """Find a function.

    Args:
        wanted: as a person writes it.
        functions: physical names by logical id.

    Raises:
        LocalError: there is none, or more than one; it lists them.
    """
    found = [name for logical_id, name in functions.items() if plain(logical_id) == plain(wanted)]
    if len(found) == 1:
        return found[0]
    raise LocalError(f"no function {wanted!r}: there are {', '.join(_spoken(functions))}")


def _spoken(functions: Iterable[str]) -> list[str]:
    names = (logical_id.removesuffix("Function") for logical_id in functions)
    return sorted("".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-") for name in names)


def deployed(aws: Aws, stack_name: str) -> dict[str, str]:
    """The functions of a stack: physical names by logical id."""
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function" and "PhysicalResourceId" in resource
    }


def start_pulls(aws: Aws, stack_name: str) -> None:
    """Run both pulls now, which the schedules would do within a minute; one that is already pulling shares the work."""
    for logical_id, name in deployed(aws, stack_name).items():
        if plain(logical_id) in _PULLS:
            aws.functions.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")


def _event(path: Path) -> bytes:
    try:
        return json.dumps(json.loads(path.read_text(encoding="utf-8"))).encode()
    except OSError as exc:
        raise LocalError(f"{path}: {exc.strerror}") from exc
    except ValueError as exc:
        raise LocalError(f"{path} is not JSON: {exc}") from exc


def main(arguments: Sequence[str]) -> int:
    """Print the function's answer on standard output, the end of its log on standard error."""
    forget(os.environ)
    if len(arguments) != 2 or not all(arguments):  # noqa: PLR2004 - the function and the event
        sys.stderr.write(f"{_USAGE}\n")
        return 2
    name, path = arguments[0], Path(arguments[1])
    try:
        payload = _event(path)
        outputs = Outputs.read(Places.default().outputs)
        aws = Aws(urlsplit(outputs.aws_endpoint).port or 0)
        function = choose(name, deployed(aws, outputs.stack_name))
        answer = aws.functions.invoke(FunctionName=function, Payload=payload, LogType="Tail")
    except (LocalError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace"))
    result = answer["Payload"].read().decode()
    with suppress(ValueError):  # as it came, then
        result = json.dumps(json.loads(result), ensure_ascii=False, indent=2)
    Console().say(result)
    return 1 if answer.get("FunctionError") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
