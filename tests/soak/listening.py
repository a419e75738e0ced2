"""Applications that read their queues: each event is kept once, by its id, and how often it came is counted."""

import json
import threading
from collections import Counter
from contextlib import suppress
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import Aws
from tests.fakes.schemas import hold_against_schema

Event = dict[str, Any]
_WAIT: Final = 1  # seconds of a long poll


class Listener(threading.Thread):
    """Empties one queue until it is told to end."""

    def __init__(self, aws: Aws, url: str, name: str) -> None:
        super().__init__(name=f"listener-{name}")
        self._aws, self._url = aws, url
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._events: dict[str, Event] = {}
        self.came: Counter[str] = Counter()
        self.unsound: list[str] = []
        """Ids of events that their schema does not allow."""

    def events(self) -> list[Event]:
        """Those that came so far; of one that came again, as it came last."""
        with self._lock:
            return list(self._events.values())

    @property
    def repeated(self) -> int:
        """How often an event came that had come before."""
        with self._lock:
            return sum(self.came.values()) - len(self.came)

    def run(self) -> None:
        while not self._ending.is_set():
            with suppress(BotoCoreError, ClientError):  # the next poll finds it
                self._take()

    def end(self) -> None:
        """Read no more."""
        self._ending.set()
        if self.ident is not None:
            self.join()

    def _take(self) -> None:
        received = self._aws.sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT)
        for message in received.get("Messages", []):
            event = json.loads(message["Body"])
            sound = True
            try:
                hold_against_schema(message["Body"])
            except Exception:  # noqa: BLE001 - whatever its validator says
                sound = False
            with self._lock:
                self._events[event["id"]] = event
                self.came[event["id"]] += 1
                if not sound:
                    self.unsound.append(event["id"])
            self._aws.sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
