"""`endpoints`: where events are delivered to."""

from typing import Final

import typer

from local.cli.session import session
from local.cli.times import short

HELP: Final = "Webhook endpoints, where events are delivered to."


def listed(context: typer.Context) -> None:
    """List the key's webhook endpoints."""
    at = session(context)
    answer = at.api.get("webhook-endpoints")

    def show() -> None:
        if not answer["items"]:
            at.screen.note("No webhook endpoints.")
            return
        at.screen.table(
            ["id", "status", "created", "~url", "~events"],
            (
                [each["id"], each["status"], short(each.get("created_at")), each["url"], " ".join(each["event_types"])]
                for each in answer["items"]
            ),
        )

    at.screen.result(answer, show)


COMMANDS: Final = {"list": listed}
