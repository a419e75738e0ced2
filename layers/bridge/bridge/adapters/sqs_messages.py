"""Messages to a queue of SQS: as many a call as it takes by count and by size, each failed entry tried again."""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from bridge.domain.errors import NotQueued

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH: Final = 10
_BATCH_BYTES: Final = 250 * 1024  # of 256 KiB; one message may be larger than this, and is sent by itself
_LONGEST: Final = 900  # seconds, SQS's most
_ROUNDS: Final = 4
_FIRST_PAUSE: Final = 0.1  # seconds, doubled each round


def send_messages(
    client: "SQSClient", queue_url: str, messages: Iterable[tuple[str, float]], *, sleep: Callable[[float], None]
) -> None:
    """Send bodies, each not before so many seconds (at most 900, the longest that SQS waits).

    Raises NotQueued where some were not taken after retries; the others were.
    """
    failed = 0
    batch: list[Any] = []
    size = 0
    for number, (body, delay) in enumerate(messages):
        weight = len(body.encode())
        if batch and (len(batch) == _BATCH or size + weight > _BATCH_BYTES):
            failed += _send(client, queue_url, batch, sleep)
            batch, size = [], 0
        # Rounded up: nothing comes before its time.
        seconds = min(max(math.ceil(delay), 0), _LONGEST)
        batch.append({"Id": str(number), "MessageBody": body, "DelaySeconds": seconds})
        size += weight
    failed += _send(client, queue_url, batch, sleep) if batch else 0
    if failed:
        raise NotQueued(failed)


def _send(client: "SQSClient", queue_url: str, entries: list[Any], sleep: Callable[[float], None]) -> int:
    pause = _FIRST_PAUSE
    for round_number in range(_ROUNDS):
        if round_number:
            sleep(pause)
            pause *= 2
        # send_message_batch answers 200 for a batch of which some or all entries failed.
        answer = client.send_message_batch(QueueUrl=queue_url, Entries=entries)
        failed = {entry["Id"] for entry in answer.get("Failed", [])}
        entries = [entry for entry in entries if entry["Id"] in failed]
        if not entries:
            return 0
    return len(entries)
