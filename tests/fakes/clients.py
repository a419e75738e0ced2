"""The API keys' owners, and what they used of their limits."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from bridge.domain.clients import Caller, ClientStanding, Credential
from bridge.domain.limits import Limits, Tally, Use, admitted


@dataclass
class FakeClients:
    """Clients by the hash of their key, when a key ends, and what holds for a client by its name."""

    clients: dict[str, Caller] = field(default_factory=dict)
    ends: dict[str, datetime] = field(default_factory=dict)
    standings: dict[str, ClientStanding] = field(default_factory=dict)
    failing: Exception | None = None

    def find(self, key_hash: str) -> Credential | None:
        caller = self.clients.get(key_hash)
        # What is stored of a key does not have its client's limits.
        stored = caller and replace(caller, limits=Limits())
        return Credential(caller=stored, expires_at=self.ends.get(key_hash)) if stored else None

    def standing(self, client: str) -> ClientStanding:
        if self.failing:
            raise self.failing
        return self.standings.get(client, ClientStanding())


@dataclass
class FakeUses:
    """Tallies by client; `taken` remembers what was counted."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    taken: list[tuple[str, Use]] = field(default_factory=list)
    failing: Exception | None = None

    def take(self, client: str, limits: Limits, use: Use, *, now: datetime) -> None:
        if self.failing:
            raise self.failing
        standing = self.tallies.get(client, Tally())
        taking = admitted(limits, use, standing, now)
        free_at = (taking.now if taking.idle else standing.free_at) + taking.length
        today = standing.on(now)
        self.tallies[client] = replace(
            today,
            free_at=free_at if limits.rate is not None else standing.free_at,
            messages=today.messages + use.messages,
            segments=today.segments + use.segments,
        )
        self.taken.append((client, use))

    def of(self, client: str, *, now: datetime) -> Tally:
        if self.failing:
            raise self.failing
        return self.tallies.get(client, Tally()).on(now)
