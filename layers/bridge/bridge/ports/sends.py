"""What is to be submitted, when, and how fast."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bridge.domain.pace import Turn
from bridge.domain.work import Work


class SendQueue(Protocol):
    """The queue of what is to be submitted."""

    def send(self, work: Sequence[Work], *, delay: float = 0) -> None:
        """Ask for each of these to be done, not before so many seconds; at most 900, the longest that SQS waits.

        Raises NotQueued where some were not taken after retries; the others were.
        """


class Schedules(Protocol):
    """What is to be submitted at a time that is further away than a queue can wait."""

    def create(self, message_id: str, at: datetime) -> None:
        """Ask for this message to be submitted then, or in the minute after. Doing it again does nothing."""

    def delete(self, message_id: str) -> None:
        """Ask for nothing any more. One that has come, or never was, is no error."""


class Pace(Protocol):
    """How fast the recipients of an account may follow each other, kept across Lambdas."""

    def reserve(self, account: str, count: int, *, rate: float, now: datetime, within: float) -> Turn:
        """Keep the account for so many recipients, at `rate` a second, where they may begin within so many seconds.

        They may go at once when their turn has come: over any window, no more go than `rate` allows, and the count of
        one reservation. Nothing is reserved where others have the account for longer than `within`, or where too many
        ask at this very moment. What is reserved and not used is lost: the account stands still for as long.
        """
