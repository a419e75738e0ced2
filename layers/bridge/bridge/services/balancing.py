"""Balances: how many messages an account has left, asked by callers and watched by the stack itself."""

from dataclasses import dataclass
from datetime import datetime

from bridge.domain.clients import Caller
from bridge.domain.errors import BridgeError
from bridge.domain.events import balance_low
from bridge.ports import Accounts, Balances, Clock, Counters, Gateway, Topic
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Looks at all balances: a metric each time, an event when one falls below the threshold."""

    accounts: Accounts
    balancing: Balancing
    balances: Balances
    topic: Topic
    counters: Counters
    threshold: int

    def watch(self) -> dict[str, int | None]:
        """Every account's balance; None where the gateway did not say."""
        return {account: self._watch(account) for account in self.accounts.names()}

    def _watch(self, account: str) -> int | None:
        try:
            seen = self.balancing.of(account)
        except BridgeError:
            self.counters.count("BalanceUnknown", account=account)
            return None
        self.counters.count("Balance", seen.balance, account=account)
        low = seen.balance < self.threshold
        if low and not self.balances.is_low(account):
            self.topic.publish([balance_low(account, seen.balance, self.threshold, seen.as_of)])
        # After the event: a crash between the two says it twice rather than never.
        self.balances.remember(account, low=low)
        return seen.balance
