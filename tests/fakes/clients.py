"""The API keys' owners."""

from dataclasses import dataclass, field

from bridge.domain.clients import Caller


@dataclass
class FakeClients:
    """Clients by the hash of their key."""

    clients: dict[str, Caller] = field(default_factory=dict)

    def find(self, key_hash: str) -> Caller | None:
        return self.clients.get(key_hash)
