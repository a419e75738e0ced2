"""Replaying: deliveries are listed, and begun anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bridge.domain.clients import Caller
from bridge.domain.errors import FieldProblem, InvalidRequest, NotFound
from bridge.domain.ids import ulids_between
from bridge.domain.lists import END, FIRST
from bridge.domain.webhooks import Delivery, DeliveryStatus
from bridge.ports import Deliveries, DeliverQueue
from bridge.services.subscribing import Subscribing

MOST_REPLAYED: Final = 500
"""By one request; the answer says where to go on."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaying:
    """Shows what was delivered, and delivers it again: the same event under the same id, from the first attempt on."""

    subscribing: Subscribing
    deliveries: Deliveries
    queue: DeliverQueue

    def listed(
        self, caller: Caller, endpoint_id: str, *, status: DeliveryStatus | None, before: str | None, limit: int
    ) -> Sequence[Delivery]:
        """Deliveries to an endpoint, the newest event first: those before the id `before`. Raises NotFound."""
        self.subscribing.get(caller, endpoint_id)
        return self.deliveries.newest(endpoint_id, status=status, first=FIRST, end=before or END, limit=limit)

    def one(self, caller: Caller, endpoint_id: str, delivery_id: str) -> None:
        """Deliver one again. Raises NotFound, InvalidRequest."""
        self._enabled(caller, endpoint_id)
        delivery = self.deliveries.find(endpoint_id, delivery_id)
        if delivery is None:
            raise NotFound(f"there is no delivery {delivery_id!r} to this endpoint")
        self.queue.send([(delivery.pointer.again(), 0.0)])

    def several(  # noqa: PLR0913 - a range and where to go on
        self,
        caller: Caller,
        endpoint_id: str,
        *,
        failed: bool,
        since: datetime | None,
        until: datetime | None,
        before: str | None = None,
    ) -> tuple[int, str | None]:
        """Deliver again what failed, or all events of a time, the newest first; a later page for the id `before`.

        Returns how many are on their way, and the id to go on before; None where those are all.

        Raises:
            NotFound: no such endpoint.
            InvalidRequest: it is disabled.
            NotQueued: some are on their way, and others are not.
        """
        self._enabled(caller, endpoint_id)
        first, end = FIRST, END
        if since is not None:
            first, _ = ulids_between(max(since, _EPOCH), max(since, _EPOCH))
        if until is not None:
            end, _ = ulids_between(max(until, _EPOCH), max(until, _EPOCH))
        if before is not None:
            end = min(end, before)
        if first >= end:
            return 0, None
        status = DeliveryStatus.FAILED if failed else None
        found = self.deliveries.newest(endpoint_id, status=status, first=first, end=end, limit=MOST_REPLAYED)
        self.queue.send([(delivery.pointer.again(), 0.0) for delivery in found])
        return len(found), found[-1].id if len(found) == MOST_REPLAYED else None

    def _enabled(self, caller: Caller, endpoint_id: str) -> None:
        if not self.subscribing.get(caller, endpoint_id).enabled:
            raise InvalidRequest((FieldProblem("id", "names a disabled endpoint; change it to enabled first"),))
