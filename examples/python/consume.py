"""Reads delivery events from the queue QUEUE_URL until SIGTERM or Ctrl-C."""

import json
import os
import signal
import sys
import threading
from collections import OrderedDict
from contextlib import suppress
from types import FrameType
from typing import Any

import boto3

LONG_POLL = 20  # seconds: the longest that SQS waits for a message, and the cheapest
REMEMBERED = 100_000  # ids


class Stopped(BaseException):
    """Asked to end while there was nothing to do. No Exception: botocore would take it for a failure, and try again."""


class Consumer:
    """Takes events from a queue, and handles each once as far as this process remembers."""

    def __init__(self, queue_url: str) -> None:
        """Nothing is read yet."""
        self._queue_url = queue_url
        self._sqs = boto3.client("sqs")
        self._stopping = threading.Event()
        self._waiting = False
        # Events come at least once. A real application keeps the ids where it keeps what handling changes, and writes
        # both in one transaction; this forgets them when it ends.
        self._handled: OrderedDict[str, None] = OrderedDict()

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """End when the message at hand is handled, or at once where there is none."""
        self._stopping.set()
        if self._waiting:
            raise Stopped

    def run(self) -> None:
        """Read until told to stop."""
        with suppress(Stopped):  # what was on its way then comes again
            while not self._stopping.is_set():
                for message in self._receive():
                    if self._stopping.is_set():
                        break  # it comes again when its visibility ends
                    self._work(message)

    def _receive(self) -> list[Any]:
        self._waiting = True
        try:
            if self._stopping.is_set():  # just before it could be interrupted
                return []
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=LONG_POLL
            )
        finally:
            self._waiting = False
        return list(answer.get("Messages", []))

    def _work(self, message: Any) -> None:
        try:
            self._take(json.loads(message["Body"]))
        except Exception as error:  # noqa: BLE001 - one event must not stop the others
            # Not deleted, it comes again, and in the end it is in the dead-letter queue.
            print(f"not handled: {type(error).__name__}", file=sys.stderr, flush=True)
        else:
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])

    def _take(self, event: dict[str, Any]) -> None:
        if event["id"] in self._handled:
            return
        handle(event)
        self._handled[event["id"]] = None
        if len(self._handled) > REMEMBERED:
            self._handled.popitem(last=False)


def handle(event: dict[str, Any]) -> None:
    """Whatever your application does. Events come in no order: let nothing undo what `data.final` said was the last."""
    data = event["data"]
    match event["type"]:
        case "sms.message.delivered" | "sms.message.undelivered" | "sms.message.rejected":
            say(event["type"], data["client_reference"], data["status"], data["error_class"])
        case "sms.message.unknown":
            say(event["type"], data["client_reference"], "nobody knows yet: a report may still come; do not resend")
        case "sms.inbound.received":
            answered = (data["in_reply_to"] or {}).get("client_reference")
            say(event["type"], answered, data["text"])
        case other:  # new types may come: ignore what you do not know
            say(other)


def say(*words: str | None) -> None:
    """Write a line."""
    print(*(word or "-" for word in words), flush=True)


def main() -> None:
    """Consume the queue that the environment names."""
    consumer = Consumer(os.environ["QUEUE_URL"])
    signal.signal(signal.SIGTERM, consumer.stop)
    signal.signal(signal.SIGINT, consumer.stop)
    consumer.run()


if __name__ == "__main__":
    main()
