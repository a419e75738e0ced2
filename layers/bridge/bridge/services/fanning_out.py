"""Fanning out: each event becomes a delivery to every endpoint that wants it, whatever becomes of the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.domain.webhooks import Endpoint, Pointer, happened
from bridge.ports import Counters, DeliverQueue, Standings, WebhookEndpoints
from bridge.services.calling_back import CallingBack


@dataclass(frozen=True, slots=True, kw_only=True)
class FanningOut:
    """Points the deliveries to what happened. Doing it again points again, and each delivery is made once."""

    endpoints: WebhookEndpoints
    queue: DeliverQueue
    calling_back: CallingBack
    clients: Standings
    counters: Counters

    def known(self) -> Sequence[Endpoint]:
        """All endpoints, as they are now: read once for several events."""
        return self.endpoints.all()

    def fan_out(self, body: str, client: str | None, endpoints: Sequence[Endpoint], *, calls_back: bool = False) -> int:
        """Point to the deliveries of one event, and say how many there are. A client that was revoked hears nothing.

        Args:
            body: the event, as it was published.
            client: whose it is, as its attribute says.
            endpoints: all.
            calls_back: whether its attributes say that its message has a status callback. Nothing is read for others.

        Raises:
            ValueError: `body` is no event.
            NotQueued: some were not taken; the event is to come again.
        """
        event = happened(body, client)
        wanting = [endpoint for endpoint in endpoints if endpoint.wants(event) and self._hears(endpoint.client)]
        pointers = [Pointer(endpoint=endpoint.id, delivery=event.delivery, event=event) for endpoint in wanting]
        callback = (
            self.calling_back.pointer(event, endpoints) if calls_back and client and self._hears(client) else None
        )
        if callback is not None:
            pointers.append(callback)
        if pointers:
            self.queue.send([(pointer, 0.0) for pointer in pointers])
            self.counters.count("WebhooksPointed", len(pointers))
        return len(pointers)

    def _hears(self, client: str) -> bool:
        return not self.clients.standing(client).revoked
