"""Fanning out: each event becomes a delivery to every endpoint that wants it, whatever becomes of the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.domain.webhooks import Endpoint, Pointer, happened
from bridge.ports import Counters, DeliverQueue, WebhookEndpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class FanningOut:
    """Points the deliveries to what happened. Doing it again points again, and each delivery is made once."""

    endpoints: WebhookEndpoints
    queue: DeliverQueue
    counters: Counters

    def known(self) -> Sequence[Endpoint]:
        """All endpoints, as they are now: read once for several events."""
        return self.endpoints.all()

    def fan_out(self, body: str, client: str | None, endpoints: Sequence[Endpoint]) -> int:
        """Point to the deliveries of one event, and say how many there are.

        Args:
            body: the event, as it was published.
            client: whose it is, as its attribute says.
            endpoints: all.

        Raises:
            ValueError: `body` is no event.
            NotQueued: some were not taken; the event is to come again.
        """
        event = happened(body, client)
        wanting = [endpoint for endpoint in endpoints if endpoint.wants(event)]
        if wanting:
            self.queue.send(
                [(Pointer(endpoint=endpoint.id, delivery=event.delivery, event=event), 0.0) for endpoint in wanting]
            )
            self.counters.count("WebhooksPointed", len(wanting))
        return len(wanting)
