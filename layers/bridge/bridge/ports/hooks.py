"""Somebody else's webhooks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bridge.domain.hook_sources import HookSource, ListedSource
from bridge.domain.sns_messages import SnsMessage


class HookSources(Protocol):
    """The hook sources, with their secrets."""

    def find(self, name: str) -> HookSource | None:
        """A source, as it was last written."""

    def put(self, source: HookSource, *, instead_of: HookSource | None) -> bool:
        """Write a source, new or instead of one that was found. False, and nothing is written, where it has changed."""

    def remove(self, source: HookSource) -> bool:
        """Forget a source of this name and owner. False where there is none."""

    def list(self, client: str, after: str, limit: int) -> Sequence[ListedSource]:
        """A client's sources behind a name, at most so many, by name. "" begins."""


class HookUses(Protocol):
    """What was used of hook sources, kept across Lambdas."""

    def was_seen(self, source: str, once: str) -> bool:
        """Whether a signed request was marked as seen."""

    def mark_seen(self, source: str, once: str, *, until: datetime) -> None:
        """Remember a signed request, at least until then."""

    def first(self, source: str, dedup: str, *, now: datetime, window: int) -> datetime:
        """When calls with this in common first came, not longer than so many seconds ago; else now, which is kept."""

    def take(self, source: str, span: str, count: int, *, limit: int, until: datetime) -> bool:
        """Count so many in a span of time that ends then. False, and none is counted, where it would be too many."""

    def give_back(self, source: str, span: str, count: int) -> None:
        """Count so many fewer, of those that were taken."""


class SnsSignatures(Protocol):
    """Amazon SNS, as far as its endpoints must ask it."""

    def verifies(self, message: SnsMessage) -> bool:
        """Whether the signature is SNS's own. Raises NotVerifiable where its certificate is out of reach."""

    def confirm(self, message: SnsMessage) -> None:
        """Confirm a subscription. Raises NotVerifiable where that failed."""
