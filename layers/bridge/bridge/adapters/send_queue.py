"""SendQueue: pointers to what is to be submitted."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bridge.adapters.sqs_messages import send_messages
from bridge.domain.work import Work

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


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
        send_messages(self._client(), self._queue_url, ((one.body(), delay) for one in work), sleep=self._sleep)
