"""Publishes again what the journal kept of a time range: the same events, with the same ids.

The stack's own publish function does the work, with its own role; this only sends it the pointers.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

KINDS: Final = ("reports", "inbound")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_LENGTH = 10  # characters of a ULID that tell its time
_BATCH = 10  # messages that SQS takes in one call
_ROUNDS = 5
_LONGEST = timedelta(days=3660)  # JournalRetentionDays' most


@dataclass(frozen=True, kw_only=True)
class Range:
    """Which pulls: by when they were begun, of whom, of what.

    Attributes:
        begin: aware; a pull begun at this moment is in the range.
        end: aware; a pull begun at this moment is not.
        account: of all accounts where None.
        kind: of both where None.
        quarantined: what could not be read, instead of everything.
    """

    begin: datetime
    end: datetime
    account: str | None = None
    kind: str | None = None
    quarantined: bool = False

    def __post_init__(self) -> None:
        if self.begin >= self.end:
            raise LocalError("--from is not before --to")
        if self.end - self.begin > _LONGEST:
            raise LocalError(f"the range is longer than {_LONGEST.days} days, which nothing is kept for")

    @property
    def folder(self) -> str:
        """Where in the bucket."""
        return "quarantine/" if self.quarantined else "raw/"

    def covers(self, key: str) -> bool:
        """Whether the pull of this key is in the range: its id, a ULID, begins with its time."""
        return _ulid_time(self.begin) <= key.rpartition("/")[2][:_TIME_LENGTH] < _ulid_time(self.end)


def _ulid_time(at: datetime) -> str:
    milliseconds = int(at.timestamp() * 1000)
    return "".join(_CROCKFORD[(milliseconds >> shift) & 31] for shift in range(5 * (_TIME_LENGTH - 1), -1, -5))


def keys(s3: "S3Client", bucket: str, wanted: Range) -> Iterator[str]:
    """List the objects of a range, of each account and kind in the order of time. Reads no other day than the range's.

    The days are in the keys. A pull that was begun just before midnight may have an id of just after it, so the
    listing begins a day early.
    """
    accounts = [wanted.account] if wanted.account else _accounts(s3, bucket, wanted.folder)
    first = wanted.begin.astimezone(UTC).date() - timedelta(days=1)
    last = wanted.end.astimezone(UTC).date()
    pages = s3.get_paginator("list_objects_v2")
    for account in accounts:
        for kind in (wanted.kind,) if wanted.kind else KINDS:
            prefix = f"{wanted.folder}{account}/{kind}/"
            for page in pages.paginate(Bucket=bucket, Prefix=prefix, StartAfter=f"{prefix}{first}"):
                found = [entry["Key"] for entry in page.get("Contents", [])]
                yield from filter(wanted.covers, found)
                if found and found[-1][len(prefix) :] > f"{last}/~":
                    break


def _accounts(s3: "S3Client", bucket: str, folder: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder, Delimiter="/")
    prefixes = [prefix["Prefix"] for page in pages for prefix in page.get("CommonPrefixes", [])]
    return [prefix.removeprefix(folder).rstrip("/") for prefix in prefixes]


def point(
    sqs: "SQSClient",
    queue_url: str,
    found: Iterator[str],
    *,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Ask for these objects to be published, ten in a call; return how many there were.

    Raises:
        LocalError: the queue did not take some, after several tries. Those before were taken: running it again
            publishes them twice, with the same ids.
    """
    count = 0
    while batch := list(islice(found, _BATCH)):
        _send(sqs, queue_url, batch, sleep, count)
        count += len(batch)
        progress(count)
    return count


def _send(sqs: "SQSClient", queue_url: str, batch: Sequence[str], sleep: Callable[[float], None], before: int) -> None:
    entries: list[SendMessageBatchRequestEntryTypeDef] = [
        {"Id": str(number), "MessageBody": json.dumps({"journal_key": key})} for number, key in enumerate(batch)
    ]
    for round_number in range(_ROUNDS):
        if round_number:
            sleep(0.2 * 2**round_number)
        failed = {
            entry["Id"] for entry in sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed", [])
        }
        entries = [entry for entry in entries if entry["Id"] in failed]
        if not entries:
            return
    raise LocalError(f"the queue refuses pointers; about {before} were sent. Run the same again")
