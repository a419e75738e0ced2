"""The accounts of the gateway."""

from dataclasses import dataclass, field

from bridge.domain.errors import AccountNotConfigured
from bridge.domain.policies import Policy
from eums import Account


@dataclass
class FakeAccounts:
    """Accounts that stand in a dictionary."""

    accounts: dict[str, Account] = field(
        default_factory=lambda: {"default": Account(base_url="http://127.0.0.1:9", name="test", password="123456")}
    )
    refreshed: int = 0
    policies: dict[str, Policy] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.accounts))

    def get(self, name: str) -> Account:
        if name not in self.accounts:
            raise AccountNotConfigured(f"no {name}")
        return self.accounts[name]

    def policy(self, name: str) -> Policy:
        self.get(name)
        return self.policies.get(name, Policy())

    def refresh(self) -> None:
        self.refreshed += 1
