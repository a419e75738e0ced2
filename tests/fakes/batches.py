"""Batches and what they are to send, in memory."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from bridge.domain.batches import Batch, BatchEntry, BatchStanding, BatchStatus
from bridge.domain.errors import NotFound
from bridge.domain.messages import Message, Once, Status


class Kept(Protocol):
    """What `tests.fakes.messages.FakeMessages` has."""

    messages: dict[str, Message]
    once: dict[str, tuple[str, str, datetime]]

    @property
    def find(self) -> Callable[[str], Message | None]: ...


@dataclass
class FakeBatchBodies:
    """Bodies by batch."""

    kept: dict[str, tuple[BatchEntry, ...]] = field(default_factory=dict)

    def keep(self, batch: Batch, entries: Sequence[BatchEntry]) -> None:
        self.kept[batch.id] = tuple(entries)

    def read(self, batch: Batch) -> tuple[BatchEntry, ...]:
        if batch.id not in self.kept:
            raise NotFound("nothing is kept")
        return self.kept[batch.id]

    def forget(self, batch: Batch) -> None:
        self.kept.pop(batch.id, None)


@dataclass
class FakeBatches:
    """Batches by id; their idempotency keys are those of the messages, too."""

    messages: Kept
    batches: dict[str, Batch] = field(default_factory=dict)

    def add(self, batch: Batch, once: Once | None = None) -> BatchStanding | None:
        if once is not None:
            found, request_hash, until = self.messages.once.get(once.key_hash, (None, "", batch.created_at))
            if found is not None and until > batch.created_at:
                return BatchStanding(batch=self.batches[found], request_hash=request_hash)
            self.messages.once[once.key_hash] = (batch.id, once.request_hash, batch.created_at + timedelta(hours=24))
        self.batches[batch.id] = batch
        return None

    def standing(self, once: Once, *, now: datetime) -> BatchStanding | None:
        found, request_hash, until = self.messages.once.get(once.key_hash, (None, "", now))
        return BatchStanding(batch=self.batches[found], request_hash=request_hash) if found and until > now else None

    def get(self, batch_id: str) -> Batch | None:
        return self.batches.get(batch_id)

    def planned(self, batch: Batch, submits: int, *, at: datetime) -> None:
        standing = self.batches[batch.id]
        if standing.status is BatchStatus.ACCEPTED:
            self.batches[batch.id] = replace(standing, status=BatchStatus.SENDING, submits=submits, progress_at=at)

    def walked(self, batch: Batch, up_to: int, *, at: datetime) -> bool:
        standing = self.batches[batch.id]
        if standing != batch or standing.status is BatchStatus.FINISHED:
            return False
        status = BatchStatus.FINISHED if up_to == standing.submits else standing.status
        self.batches[batch.id] = replace(standing, walked=up_to, progress_at=at, status=status)
        return True

    def counts(self, batch_id: str) -> Mapping[Status, int]:
        counts: Counter[Status] = Counter()
        for message_id, message in self.messages.messages.items():
            if message.batch_id == batch_id:
                found = self.messages.find(message_id)
                counts.update(recipient.status for recipient in (found or message).recipients)
        return counts
