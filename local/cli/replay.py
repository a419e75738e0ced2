"""`replay`: what the journal kept is published again."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from local.cli.session import session
from local.cli.times import moment
from local.replay import Range, keys, point


class Kind(StrEnum):
    """See `bridge.domain.pulls.Kind`."""

    REPORTS = "reports"
    INBOUND = "inbound"


def replay(
    context: typer.Context,
    *,
    begin: Annotated[datetime, typer.Option("--from", parser=moment, metavar="TIME", help="The first moment.")],
    end: Annotated[datetime, typer.Option("--to", parser=moment, metavar="TIME", help="The first moment after.")],
    account: Annotated[str | None, typer.Option(help="Of one account of the bridge only.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Of one kind only.", show_default=False)] = None,
    quarantined: Annotated[
        bool, typer.Option("--quarantined", help="Only what could not be read: a key or the decoder was put right.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
) -> None:
    """Publish again what the journal kept of a time range; the events have the same ids as before.

    Times are those at which pulls were begun. One without an offset is China's, whatever this machine's zone is.
    """
    at = session(context)
    wanted = Range(begin=begin, end=end, account=account, kind=kind.value if kind else None, quarantined=quarantined)
    with at.aws() as stack, at.screen.progress("looking") as update:
        bucket, queue = stack.output("JournalBucketName"), stack.output("PublishQueueUrl")
        found = []
        for key in keys(stack.services.s3, bucket, wanted):
            found.append(key)
            update(completed=len(found))
        count = len(found)
        if not dry_run:
            update(title="asking for", completed=0, total=count)
            count = point(stack.services.sqs, queue, iter(found), progress=lambda sent: update(completed=sent))
    what = f"{'quarantined ' if quarantined else ''}pull{'' if count == 1 else 's'}"
    said = "would be published again" if dry_run else "will be published again"
    at.screen.result(
        {
            "pulls": count,
            "from": begin.isoformat(),
            "to": end.isoformat(),
            "account": account,
            "kind": kind.value if kind else None,
            "quarantined": quarantined,
            "dry_run": dry_run,
        },
        lambda: at.screen.say(f"{count} {what} of {begin.isoformat()} to {end.isoformat()} {said}"),
    )
