"""`.local/env.json`: the deployed functions' variables, for `sam local invoke … --env-vars .local/env.json`.

`make run` writes it for the local stack, with addresses as a container sees them. Of a stack on AWS, with the
environment's region and credentials:

    python -m local.env_file --stack eums-bridge > env.json
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import accounts
from local.aws import Aws
from local.console import Console
from local.settings import Account

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_lambda import LambdaClient

HOST: Final = "host.docker.internal"
"""This machine's name in a container: Docker Desktop knows it, elsewhere `--add-host` does (see samconfig.toml)."""
SECRET_NAME: Final = "eums-bridge/accounts-for-containers"  # noqa: S105 - the name of one

Variables = dict[str, dict[str, str]]
"""What `sam local --env-vars` reads: for each function's logical id its variables."""


def seen_from_container(url: str) -> str:
    """An address of this machine's loopback as a container has to call it; any other as it is.

    Args:
        url: with a scheme, as `http://127.0.0.1:8090`.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not _is_loopback(host):
        return url
    return parts._replace(netloc=HOST if parts.port is None else f"{HOST}:{parts.port}").geturl()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def deployed(cloudformation: "CloudFormationClient", functions: "LambdaClient", stack: str) -> Variables:
    """The variables of a stack's functions, as they are deployed.

    Raises:
        ClientError: there is no such stack.
    """
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    physical = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function" and "PhysicalResourceId" in resource
    }
    return {
        logical_id: functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        for logical_id, name in sorted(physical.items())
    }


def for_containers(aws: Aws, stack: str, gateways: Mapping[str, tuple[str, Account]]) -> Variables:
    """The variables of the local stack's functions, when they run in containers of this machine.

    Two things are elsewhere for them: the emulated AWS, and the gateways on this machine's loopback. The accounts are
    therefore stored a second time, with the other addresses.

    Args:
        aws: the emulated AWS that the stack runs on.
        stack: its name.
        gateways: for each account's name, the gateway's address and the account there.
    """
    secret = accounts.create(
        aws,
        {name: (seen_from_container(url), account) for name, (url, account) in gateways.items()},
        name=SECRET_NAME,
    )
    elsewhere = {"AWS_ENDPOINT_URL": seen_from_container(aws.endpoint), "ACCOUNTS_SECRET_ARN": secret}
    found = deployed(aws.cloudformation, aws.functions, stack)
    return {logical_id: variables | elsewhere for logical_id, variables in found.items()}


def write(path: Path, variables: Variables) -> None:
    """Write the file at once and whole."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(as_json(variables) + "\n", encoding="utf-8")
    unfinished.replace(path)


def as_json(variables: Variables) -> str:
    """The file's content."""
    return json.dumps(variables, indent=2, sort_keys=True)


def main(arguments: Sequence[str]) -> int:
    """Print the file for a stack on AWS."""
    parser = argparse.ArgumentParser(prog="python -m local.env_file", description=__doc__)
    parser.add_argument("--stack", required=True, help="the stack's name")
    given = parser.parse_args(arguments)
    try:
        variables = deployed(boto3.client("cloudformation"), boto3.client("lambda"), given.stack)
    except (ClientError, BotoCoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    Console().say(as_json(variables))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
