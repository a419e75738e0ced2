"""The endpoints of the applications, and what is delivered to them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bridge.domain.twilio import TwilioSend
from bridge.domain.webhooks import Answer, Begun, Delivery, DeliveryStatus, Endpoint, Pointer, Received


class WebhookEndpoints(Protocol):
    """Where the applications want their events."""

    def add(self, endpoint: Endpoint) -> None:
        """Write down a new one."""

    def ensure(self, endpoint: Endpoint) -> None:
        """Write one down, where none of its id is there."""

    def get(self, endpoint_id: str) -> Endpoint | None:
        """One of them, as it is now."""

    def all(self) -> Sequence[Endpoint]:
        """All of them, of all clients, in the order of their ids."""

    def replace(self, endpoint: Endpoint) -> Endpoint | None:
        """Write a changed one, where nobody changed it since it was read, and return it with its new version.

        None, and nothing is written, where somebody did, or where it is gone.
        """

    def remove(self, endpoint_id: str) -> None:
        """Forget it. One that is not there is no error."""


class Deliveries(Protocol):
    """What was delivered to the endpoints, what was not, and what is to be."""

    def add(self, delivery: Delivery) -> bool:
        """Write down one that waits, or that nothing comes of. False, and nothing is written, where it is known."""

    def begin(self, pointer: Pointer, fresh: Delivery | None, *, now: datetime) -> Begun:
        """Take the next attempt, and count it: for one caller only, when it is due, while there are attempts left.

        Args:
            pointer: asks for it; of a later round than the delivery's, it begins that round.
            fresh: what to write down where nothing is known of it.
            now: the lease begins.
        """

    def end(self, begun: Delivery, after: Delivery) -> bool:
        """Write down how an attempt ended, and give the lease back. False where somebody else has begun another."""

    def write_off(self, pointer: Pointer, error: str) -> None:
        """Nothing comes of it in this round. Where it ended already, nothing."""

    def find(self, endpoint_id: str, delivery_id: str) -> Delivery | None:
        """One of them."""

    def newest(
        self, endpoint_id: str, *, status: DeliveryStatus | None, first: str, end: str, limit: int
    ) -> Sequence[Delivery]:
        """Those from the last before `end` down to `first`, at most `limit`. Fewer are all there are."""


class Callbacks(Protocol):
    """What messages remember of the Twilio-shaped door."""

    def of(self, message_id: str) -> TwilioSend | None:
        """Where the message's statuses go, and whose they are; None where it has no callback, or is gone. One read."""


class AuthTokens(Protocol):
    """What status callbacks are signed with."""

    def primary(self, account_sid: str) -> str | None:
        """The account's newest auth token; None where it has none any more."""


class DeliverQueue(Protocol):
    """The queue of the deliveries that are to be made."""

    def send(self, pointers: Sequence[tuple[Pointer, float]]) -> None:
        """Ask for each of these, not before so many seconds; at most 900. Raises NotQueued."""

    def hold(self, received: Received, seconds: float) -> None:
        """Hand it out again not before so many seconds, up to 12 h from when it was received."""

    def receive(self) -> Sequence[Received]:
        """Some more of what waits, at once."""

    def delete(self, received: Received) -> None:
        """It is done."""

    def bury(self, pointer: Pointer) -> None:
        """Put a pointer among the dead letters."""


class WebhookClient(Protocol):
    """Posts to addresses that anybody may have named."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One attempt, over within 15 s, and connected to public addresses only. Never raises for what went wrong."""
