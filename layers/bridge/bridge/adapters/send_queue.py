"""SendQueue: pointers to what is to be submitted, ten at a time, each failed entry tried again."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from bridge.domain.errors import NotQueued
from bridge.domain.work import Work

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH: Final = 10
_LONGEST: Final = 900  # seconds, SQS's most
_ROUNDS: Final = 4
_FIRST_PAUSE: Final = 0.1  # seconds, doubled each round


class SendQueue:
    """`bridge.ports.SendQueue` on SQS."""

    def __init__(
        self, client: "Callable[[], SQSClient]", queue_url: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Take the client as something to call: a send that somebody waits for needs none."""
        self._client = client
        self._queue_url = queue_url
        self._sleep = sleep

    def send(self, work: Sequence[Work], *, delay: float = 0) -> None:
        """See `bridge.ports.SendQueue`."""
        # Rounded up: nothing comes before its time.
        seconds = min(max(math.ceil(delay), 0), _LONGEST)
        entries: list[Any] = [
            {"Id": str(number), "MessageBody": one.body(), "DelaySeconds": seconds} for number, one in enumerate(work)
        ]
        failed = sum(self._send(entries[at : at + _BATCH]) for at in range(0, len(entries), _BATCH))
        if failed:
            raise NotQueued(failed)

    def _send(self, entries: list[Any]) -> int:
        pause = _FIRST_PAUSE
        for round_number in range(_ROUNDS):
            if round_number:
                self._sleep(pause)
                pause *= 2
            # send_message_batch answers 200 for a batch of which some or all entries failed.
            answer = self._client().send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            failed = {entry["Id"] for entry in answer.get("Failed", [])}
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries:
                return 0
        return len(entries)
