"""The EUMS gateways: a client an account over one pool of connections, and one more try where a key was wrong."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.adapters.accounts_secret import AccountsSecret
from bridge.domain.pulls import Kind
from eums import Refused, check_submit

if TYPE_CHECKING:
    from eums import Accepted, Account, Client, DayStatistics, Reply, Submit

_EMPTY: Final = 130  # 查询结果空
_T = TypeVar("_T")


class Gateways:
    """`bridge.ports.Gateway` over `eums.Client`.

    A refusal that names the clock or the key (106, 107, 206) is definite: nothing was done. The accounts are read
    again, since a password may just have been changed, and the call is signed once more.
    """

    def __init__(self, accounts: AccountsSecret, *, clock: Callable[[], datetime], longest: float) -> None:
        """Take `longest`: seconds that one call may last; an account's own read time-out is cut down to it."""
        self._accounts = accounts
        self._clock = clock
        self._longest = longest
        self._lock = Lock()
        self._clients: dict[str, tuple[Account, Client]] = {}
        self._retired: list[Client] = []

    def close(self) -> None:
        """Close the connections. For tests: a Lambda keeps them until it is frozen for good."""
        with self._lock:
            for client in [*self._retired, *(client for _, client in self._clients.values())]:
                client.close()
            self._retired.clear()
            self._clients.clear()

    def check(self, account: str, submit: "Submit") -> None:
        """See `bridge.ports.Gateway`."""
        check_submit(self._accounts.get(account), submit)

    def submit(self, account: str, submit: "Submit") -> "tuple[Accepted, ...]":
        """See `bridge.ports.Gateway`."""
        return self._signed(account, lambda client: client.send(submit))

    def pull(self, account: str, kind: Kind) -> "Reply":
        """See `bridge.ports.Gateway`."""
        return self._client(account).pull(kind.call)

    def balance(self, account: str) -> int:
        """See `bridge.ports.Gateway`."""
        return self._signed(account, lambda client: client.balance())

    def statistics(self, account: str, start: date, end: date) -> "tuple[DayStatistics, ...]":
        """See `bridge.ports.Gateway`."""
        try:
            return self._signed(account, lambda client: client.statistic_app(start, end))
        except Refused as exc:
            if exc.code.number == _EMPTY:
                return ()
            raise

    def _signed(self, account: str, call: "Callable[[Client], _T]") -> _T:
        try:
            return call(self._client(account))
        except Refused as exc:
            if not exc.code.resign:
                raise
        self._accounts.refresh()
        return call(self._client(account))

    def _client(self, name: str) -> "Client":
        from eums import Client  # noqa: PLC0415 - it brings httpx, for which whoever only checks need not wait

        account = self._accounts.get(name)
        with self._lock:
            known = self._clients.get(name)
            if known is None or known[0] != account:
                if known is not None:
                    # The settings changed; somebody may be in the middle of a call with the old ones.
                    self._retired.append(known[1])
                known = self._clients[name] = (account, Client(self._bounded(account), clock=self._clock))
            return known[1]

    def _bounded(self, account: "Account") -> "Account":
        left = self._longest - account.connect_timeout - account.write_timeout
        return replace(account, read_timeout=min(account.read_timeout, max(left, 1.0)))
