"""Balances: how many messages an account has left, for callers and for the watchers."""

from dataclasses import dataclass
from datetime import datetime

from bridge.domain.clients import Caller
from bridge.ports import Accounts, Clock, Gateway
from bridge.services.asking import asking
from bridge.services.choosing import choose


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """An account's balance at a moment, in messages."""

    account: str
    balance: int
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancing:
    """Asks for balances."""

    accounts: Accounts
    gateway: Gateway
    clock: Clock

    def asked(self, caller: Caller, wanted: str | None) -> Balance:
        """The balance of the account that the caller means. Raises NotAllowed and InvalidRequest besides."""
        return self.of(choose(caller, wanted, self.accounts))

    def of(self, account: str) -> Balance:
        """An account's balance now. Raises GatewayRefused, GatewayUnreachable, GatewayUnreadable."""
        zone = self.accounts.get(account).tzinfo
        with asking():
            balance = self.gateway.balance(account)
        return Balance(account=account, balance=balance, as_of=self.clock.now().astimezone(zone))
