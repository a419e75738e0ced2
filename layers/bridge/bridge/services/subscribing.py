"""Subscribing: a client's webhook endpoints, and whether one answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bridge.domain import webhook_events
from bridge.domain.addresses import RefusedAddress, destination
from bridge.domain.clients import Caller
from bridge.domain.errors import FieldProblem, InvalidRequest, NotAllowed, NotFound, NotStored
from bridge.domain.webhooks import (
    MAX_ENDPOINTS,
    PATTERNS,
    SECRET_BYTES,
    Answer,
    DisabledReason,
    Endpoint,
    EndpointStatus,
    Health,
    Secrets,
    secret_of,
)
from bridge.ports import Accounts, Clock, NewId, WebhookClient, WebhookEndpoints
from bridge.services.delivering import headers

_ROUNDS: Final = 5  # changes of others that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a client changes of an endpoint; None is nothing.

    Attributes:
        description: "" removes it.
    """

    url: str | None = None
    event_types: tuple[str, ...] | None = None
    accounts: tuple[str, ...] | None = None
    description: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribing:
    """Keeps the endpoints of the clients.

    Attributes:
        randomness: so many bytes from a cryptographic source.
        allow_loopback: whether this machine may be posted to.
    """

    accounts: Accounts
    endpoints: WebhookEndpoints
    client: WebhookClient
    clock: Clock
    new_id: NewId
    randomness: Callable[[int], bytes]
    allow_loopback: bool

    def create(
        self,
        caller: Caller,
        *,
        url: str,
        event_types: tuple[str, ...],
        accounts: tuple[str, ...] = (),
        description: str | None = None,
    ) -> Endpoint:
        """Make one; its secret is shown to its maker and to nobody later.

        Raises:
            InvalidRequest: the URL leads where the bridge does not go, a type is none, or there are too many.
            NotAllowed: an account that the client may not use.
        """
        self._check(caller, url, event_types, accounts)
        if sum(1 for one in self.all(caller) if not one.account_sid) >= MAX_ENDPOINTS:
            raise InvalidRequest((FieldProblem("url", f"would be one of more than {MAX_ENDPOINTS} endpoints"),))
        now = self.clock.now()
        endpoint = Endpoint(
            id=self.new_id(),
            client=caller.client,
            url=url,
            event_types=tuple(dict.fromkeys(event_types)),
            accounts=tuple(dict.fromkeys(accounts)),
            may_use=caller.accounts,
            description=description or None,
            secrets=Secrets(current=self._secret()),
            created_at=now,
            updated_at=now,
        )
        self.endpoints.add(endpoint)
        return endpoint

    def all(self, caller: Caller) -> Sequence[Endpoint]:
        """The client's own, oldest first."""
        return [endpoint for endpoint in self.endpoints.all() if endpoint.client == caller.client]

    def get(self, caller: Caller, endpoint_id: str) -> Endpoint:
        """One of them. Raises NotFound, for another client's too."""
        endpoint = self.endpoints.get(endpoint_id)
        if endpoint is None or endpoint.client != caller.client:
            raise NotFound(f"there is no webhook endpoint {endpoint_id!r} of this client")
        return endpoint

    def change(self, caller: Caller, endpoint_id: str, changes: Changes) -> Endpoint:
        """Change one. Enabling forgets that it failed. Raises NotFound, InvalidRequest, NotAllowed.

        That of status callbacks may be enabled, disabled and described: where they go, each message says.
        """
        self._check(caller, changes.url, changes.event_types, changes.accounts)
        if any(value is not None for value in (changes.url, changes.event_types, changes.accounts)):
            self._own_kind(caller, endpoint_id)

        def changed(found: Endpoint) -> Endpoint:
            after = replace(
                found,
                url=found.url if changes.url is None else changes.url,
                event_types=found.event_types
                if changes.event_types is None
                else tuple(dict.fromkeys(changes.event_types)),
                accounts=found.accounts if changes.accounts is None else tuple(dict.fromkeys(changes.accounts)),
                description=found.description if changes.description is None else changes.description or None,
                may_use=caller.accounts,
            )
            if changes.enabled and not found.enabled:
                return replace(
                    after, status=EndpointStatus.ENABLED, reason=None, disabled_at=None, told=True, health=Health()
                )
            if changes.enabled is False and found.enabled:
                return replace(
                    after,
                    status=EndpointStatus.DISABLED,
                    reason=DisabledReason.REQUESTED,
                    disabled_at=self.clock.now(),
                    told=True,
                )
            return after

        return self._write(caller, endpoint_id, changed)

    def remove(self, caller: Caller, endpoint_id: str) -> None:
        """Forget one; what was to be delivered to it is not. Raises NotFound."""
        self.get(caller, endpoint_id)
        self.endpoints.remove(endpoint_id)

    def rotate(self, caller: Caller, endpoint_id: str) -> Endpoint:
        """Give one a new secret; the one before signs too for 24 h. Raises NotFound, InvalidRequest."""
        self._own_kind(caller, endpoint_id)
        new = self._secret()
        return self._write(
            caller,
            endpoint_id,
            lambda found: replace(found, secrets=found.secrets.rotated(new, self.clock.now())),
        )

    def test(self, caller: Caller, endpoint_id: str) -> Answer:
        """Post a test event to one now, enabled or not, once. Raises NotFound, InvalidRequest."""
        endpoint = self._own_kind(caller, endpoint_id)
        now = self.clock.now()
        event = webhook_events.tested(endpoint, caller.default_account, now, self.new_id())
        body = event.body().encode()
        return self.client.post(endpoint.url, headers(endpoint, event.id, now, body), body)

    def _own_kind(self, caller: Caller, endpoint_id: str) -> Endpoint:
        """One that wants events. Raises NotFound, and InvalidRequest for one of status callbacks."""
        endpoint = self.get(caller, endpoint_id)
        if endpoint.account_sid:
            raise InvalidRequest((FieldProblem("id", "is of status callbacks, whose messages say where they go"),))
        return endpoint

    def _write(self, caller: Caller, endpoint_id: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
        for _ in range(_ROUNDS):
            after = replace(change(self.get(caller, endpoint_id)), updated_at=self.clock.now())
            if (written := self.endpoints.replace(after)) is not None:
                return written
        raise NotStored("the endpoint was changed by others again and again; ask again")

    def _secret(self) -> str:
        return secret_of(self.randomness(SECRET_BYTES))

    def _check(
        self,
        caller: Caller,
        url: str | None,
        event_types: tuple[str, ...] | None,
        accounts: tuple[str, ...] | None,
    ) -> None:
        problems = []
        if url is not None:
            try:
                destination(url, allow_loopback=self.allow_loopback)
            except RefusedAddress as exc:
                problems.append(FieldProblem("url", str(exc)))
        problems += [
            FieldProblem(f"event_types[{place}]", "must be a type of event, or the beginning of one and .*")
            for place, pattern in enumerate(event_types or ())
            if pattern not in PATTERNS
        ]
        if problems:
            raise InvalidRequest(tuple(problems))
        known = self.accounts.names() if accounts else ()
        for account in accounts or ():
            if not caller.may_use(account) or account not in known:
                raise NotAllowed(f"there is no account {account!r} that this key may use")
