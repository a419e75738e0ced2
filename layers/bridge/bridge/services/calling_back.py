"""Calling back: an event about a message that has a status callback of its own goes there, too."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.domain.twilio_callbacks import CALLED_BACK, endpoint_of
from bridge.domain.webhooks import Endpoint, Happened, Pointer
from bridge.ports import Callbacks, Clock, WebhookEndpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingBack:
    """Points to the status callbacks of messages that came in by the Twilio-shaped door."""

    callbacks: Callbacks
    endpoints: WebhookEndpoints
    clock: Clock

    def pointer(self, event: Happened, known: Sequence[Endpoint]) -> Pointer | None:
        """The delivery of one event to its message's StatusCallback; None where that hears nothing of it.

        The endpoint that stands for the callback's host is made when its first callback is due. Doing it again points
        to the same delivery.

        Args:
            event: of a message, by its attributes.
            known: all endpoints, as they were read a moment ago.
        """
        if event.type not in CALLED_BACK or not event.client:
            return None
        found = json.loads(event.body)["data"].get("message_id")
        send = self.callbacks.of(found) if isinstance(found, str) else None
        if send is None:
            return None
        endpoint = endpoint_of(event.client, send, known, self.clock.now())
        if all(one.id != endpoint.id for one in known):
            self.endpoints.ensure(endpoint)
        return Pointer(endpoint=endpoint.id, delivery=event.delivery, event=event, callback=send)
