"""Recognizing: a principal of IAM → the client that it calls for."""

from dataclasses import dataclass, field
from typing import Final

from bridge.domain.clients import Caller
from bridge.domain.principals import principal_key, principal_of
from bridge.ports import Clients, Clock
from bridge.services.authorizing import caller_of

KEPT: Final = 55.0  # seconds, so that one who is removed is nobody within a minute
_MOST: Final = 256  # principals that one process remembers


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognizing:
    """Knows whose requests a principal makes. API Gateway has seen that it is who it says, and that IAM lets it call.

    A client is remembered for a while: with keys, API Gateway remembers it likewise. Who is unknown is not remembered,
    so that adding a principal works at once.
    """

    clients: Clients
    clock: Clock
    _known: dict[str, tuple[float, Caller]] = field(default_factory=dict, init=False, repr=False)

    def caller(self, arn: str) -> Caller | None:
        """The client of whoever has this ARN, a role's session for instance; None where nobody named one."""
        principal = principal_of(arn)
        if principal is None:
            return None
        until, known = self._known.get(principal, (0.0, None))
        if known is not None and self.clock.monotonic() < until:
            return known
        self._known.pop(principal, None)
        # What a principal is given is no account of the Twilio-shaped door, whatever is written beside it.
        found = self.clients.find(principal_key(principal))
        caller = caller_of(self.clients, found, self.clock.now(), account_sid=None)
        if caller is None:
            return None
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[principal] = (self.clock.monotonic() + KEPT, caller)
        return caller
