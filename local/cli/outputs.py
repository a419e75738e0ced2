"""`outputs`: what is where."""

import typer

from local.cli.session import session
from local.cli.stacks import LocalStack


def outputs(context: typer.Context) -> None:
    """Show what is where: the API's address, the queues, the topic, the journal. Keys are not shown."""
    at = session(context)
    with at.aws() as stack:
        found = dict(sorted(stack.outputs.items()))
        if isinstance(stack, LocalStack):
            # What AWS would call it is no address on this machine.
            found |= {"ApiUrl": stack.api_url, "GatewayUrl": stack.running.gateway_url}
    found = {"StackName": stack.name, **found}
    at.screen.result(found, lambda: at.screen.say("\n".join(f"{name:<18} {value}" for name, value in found.items())))
