"""What every command has at hand: the screen, the stack that is meant, its API. Made when it is first needed."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import typer

from local.cli.failures import of_aws
from local.cli.screen import Screen
from local.cli.stacks import Stack, Wanted, choose

if TYPE_CHECKING:
    from local.cli.api import Api


class Session:
    """One run of the command.

    Attributes:
        wanted: what the flags say of the stack.
        closing: what is undone at the end, however it comes.
        exit_code: what a command that did not fail ends with.
    """

    def __init__(self) -> None:
        self.screen = Screen()
        self.wanted = Wanted()
        self.closing = ExitStack()
        self.exit_code = 0

    @cached_property
    def stack(self) -> Stack:
        """The stack. Raises Failure."""
        return choose(self.wanted, os.environ)

    @cached_property
    def api(self) -> "Api":
        """Its API. Raises Failure."""
        from local.cli.api import Api

        with self.aws():
            stack = self.stack
            signer = stack.signer() if stack.signs else None
            key = None if signer else stack.api_key
            api = Api(stack.api_url, key, auth=signer, local=stack.local, note=self.screen.note)
        self.closing.callback(api.close)
        return api

    @contextmanager
    def aws(self) -> Iterator[Stack]:
        """The stack, while its AWS is talked to: what boto3 raises becomes a Failure."""
        stack = self.stack
        try:
            yield stack
        except Exception as error:
            # Named only now: whoever talks to the API alone never loads botocore.
            from botocore.exceptions import BotoCoreError, ClientError

            if isinstance(error, BotoCoreError | ClientError):
                raise of_aws(error, region=stack.region, local=stack.local) from error
            raise


def session(context: typer.Context) -> Session:
    """The session of a command."""
    found: Session = context.obj
    return found
