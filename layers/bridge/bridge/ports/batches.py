"""The batches, and what they are made of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bridge.domain.batches import Batch, BatchEntry, BatchStanding
from bridge.domain.messages import Once, Status


class Batches(Protocol):
    """What is known of the batches beside their messages."""

    def add(self, batch: Batch, once: Once | None = None) -> BatchStanding | None:
        """Accept a batch. With `once`, only where no request of the last 24 h had the same key; else what it left.

        Raises StillInFlight where another request with the key is at it at this very moment.
        """

    def standing(self, once: Once, *, now: datetime) -> BatchStanding | None:
        """What `add` would find with this key at `now`, where it would add nothing; None where it would."""

    def get(self, batch_id: str) -> Batch | None:
        """The batch, if there is one."""

    def planned(self, batch: Batch, submits: int, *, at: datetime) -> None:
        """Write down that its messages are there, so many of them. Where that is known already, nothing."""

    def walked(self, batch: Batch, up_to: int, *, at: datetime) -> bool:
        """Write down that the submits up to this one were begun; with the last of them the batch is finished.

        False, and nothing is written, where somebody else wrote something since `batch` was read. A batch that is not
        finished is found by the minute of the last such writing, for whoever looks for what was left behind.
        """

    def counts(self, batch_id: str) -> Mapping[Status, int]:
        """How many recipients of its messages have which status. What was written in the last second may be missing."""


class BatchBodies(Protocol):
    """What is to be sent to whom, from when a batch is accepted until its messages are there."""

    def keep(self, batch: Batch, entries: Sequence[BatchEntry]) -> None:
        """Keep it. Doing it again writes the same again."""

    def read(self, batch: Batch) -> tuple[BatchEntry, ...]:
        """What was kept, in order. Raises NotFound."""

    def forget(self, batch: Batch) -> None:
        """Its messages have it. One that is not there is no error."""
