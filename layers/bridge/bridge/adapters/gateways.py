"""The EUMS gateways: a kept client an account, and other credentials where some were refused."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.domain.credentials import alternatives, credentials, next_to_try
from bridge.domain.pulls import Kind, is_short
from eums import (
    EumsError,
    Refused,
    Undecipherable,
    check_submit,
    decode_balance,
    decode_inbound,
    decode_reports,
    decode_statistics,
    decode_submit,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from bridge.adapters.accounts_secret import AccountsSecret
    from bridge.ports import Counters
    from eums import Accepted, Account, Client, Code, DayStatistics, Reply, Submit

_EMPTY: Final = 130  # 查询结果空
_CLOCK: Final = 106  # seed 错误
# After everything was refused, for so many seconds a call is made once and no more: gateways lock accounts.
_PATIENCE: Final = 5.0
# A refusal that took longer than this leaves no time for another call: whoever waits for it is answered in 28 seconds.
_HURRY: Final = 4.0
# Of one account: with its credentials, and with those of before.
_MOST_CLIENTS: Final = 4
_T = TypeVar("_T")

_log = logging.getLogger(__name__)


class Gateways:
    """`bridge.ports.Gateway` over `eums.Client`.

    A refusal that names the clock, the password or the cipher (106, 107, 206, 121 to 126) is definite: nothing was
    done. The accounts are read again, since they may just have been changed, and the call is made with what differs:
    the fresh credentials, then those of before. What was taken is what the next call begins with, so that a rotation
    that takes days costs one refused call a process.
    """

    def __init__(
        self,
        accounts: AccountsSecret,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        longest: float,
        counters: Counters,
    ) -> None:
        """Take `longest`: seconds that one call may last; an account's own read time-out is cut down to it."""
        self._accounts = accounts
        self._clock = clock
        self._monotonic = monotonic
        self._longest = longest
        self._counters = counters
        self._lock = Lock()
        self._clients: dict[str, dict[Account, Client]] = {}
        self._retired: list[Client] = []
        self._taken: dict[str, Account] = {}  # what the gateway took last, by account
        self._exhausted: dict[str, tuple[Account, float]] = {}  # all of it was refused; when
        self._doubts: dict[str, tuple[Account, Code]] = {}  # what the last pull was made with, and refused for

    def close(self) -> None:
        """Close the connections. For tests: a Lambda keeps them until it is frozen for good."""
        with self._lock:
            for client in [*self._retired, *(each for made in self._clients.values() for each in made.values())]:
                client.close()
            self._retired.clear()
            self._clients.clear()

    def check(self, account: str, submit: Submit) -> None:
        """See `bridge.ports.Gateway`."""
        check_submit(self._accounts.get(account), submit)

    def submit(self, account: str, submit: Submit) -> tuple[Accepted, ...]:
        """See `bridge.ports.Gateway`."""
        return self._called(account, lambda client: client.send(submit), decode_submit)

    def pull(self, account: str, kind: Kind) -> Reply:
        """See `bridge.ports.Gateway`.

        One request, whatever it is answered: a pull has one intent and one lease. Where its credentials were refused,
        the next pull is made with others, of those that are known: who pulls has the accounts read again.
        """
        using = self._begin(account)
        refused = self._doubts.pop(account, None)
        if refused is not None:
            using.tried = [next_to_try(using.account, [refused[0]], refused[1]) or using.settings]
        reply = self._client(account, using.settings).pull(kind.call)
        try:
            self._learn(using, kind, reply)
        except Exception as exc:  # noqa: BLE001 - nothing may stand between these bytes and the journal
            _log.warning("nothing was learnt from the answer to a pull: %s", type(exc).__name__)
        return reply

    def balance(self, account: str) -> int:
        """See `bridge.ports.Gateway`."""
        return self._called(account, lambda client: client.balance(), decode_balance)

    def statistics(self, account: str, start: date, end: date) -> tuple[DayStatistics, ...]:
        """See `bridge.ports.Gateway`."""
        try:
            return self._called(account, lambda client: client.statistic_app(start, end), decode_statistics)
        except Refused as exc:
            if exc.code.number == _EMPTY:
                return ()
            raise

    def _called(self, name: str, call: Callable[[Client], _T], read: Callable[[bytes, Account], _T]) -> _T:
        """Make a call, and make it again while it is refused for its credentials and there are others."""
        using = self._begin(name)
        while True:
            try:
                answer = self._answered(using, call, read)
            except Refused as exc:
                if not exc.code.resign:
                    self._was_taken(using)
                if not self._turn(using, exc.code):
                    raise
            else:
                self._was_taken(using)
                return answer

    def _answered(self, using: _Using, call: Callable[[Client], _T], read: Callable[[bytes, Account], _T]) -> _T:
        try:
            return call(self._client(using.name, using.settings))
        except Undecipherable as exc:
            # The gateway answers with a key that may have been put into the secret since it was read.
            if not self._is_exhausted(using):
                self._refresh(using)
                with suppress(Undecipherable):
                    return read(exc.raw, using.account)
                self._exhausted[using.name] = using.account, self._monotonic()
            raise

    def _turn(self, using: _Using, code: Code) -> bool:
        """Turn to what the call is to be made with next. False where its refusal is final."""
        if not code.resign or self._monotonic() - using.began > _HURRY:
            return False
        if code.number == _CLOCK:  # a seed of before a pause, or of before the clock was set
            once, using.signed_again = not using.signed_again, True
            return once
        if self._is_exhausted(using):
            return False
        if len(using.tried) == 1:
            self._refresh(using)
        following = next_to_try(using.account, using.tried, code)
        if following is None:
            self._exhausted[using.name] = using.account, self._monotonic()
            return False
        using.tried.append(following)
        return True

    def _learn(self, using: _Using, kind: Kind, reply: Reply) -> None:
        """What the answer to a pull says of the credentials: whether the next pull had better use others."""
        if reply.status != HTTPStatus.OK:
            return
        if reply.cut or not is_short(reply.body):
            self._was_taken(using)  # records: what was signed wrongly is answered in a few bytes
            return
        read = decode_reports if kind is Kind.REPORTS else decode_inbound
        try:
            read(reply.body, using.settings)
        except Refused as exc:
            if exc.code.of_password or exc.code.of_cipher:
                self._doubts[using.name] = using.settings, exc.code
        except EumsError:
            return  # no page: publishing says so
        else:
            self._was_taken(using)
            if using.settings is using.account and not _is_own(read, reply.body, using.account):
                self._counters.count("PreviousSecretUsed", account=using.name)

    def _begin(self, name: str) -> _Using:
        """Begin with what the gateway took last, where the account still has it; else with what is new."""
        account, taken = self._accounts.get(name), self._taken.get(name)
        settings = account
        if taken is not None and taken is not account:
            wanted = credentials(taken)
            settings = next((each for each in alternatives(account) if credentials(each) == wanted), account)
        return _Using(name, account, [settings], self._monotonic())

    def _was_taken(self, using: _Using) -> None:
        self._taken[using.name] = using.settings
        self._exhausted.pop(using.name, None)
        if using.settings is not using.account and credentials(using.settings) != credentials(using.account):
            self._counters.count("PreviousSecretUsed", account=using.name)

    def _is_exhausted(self, using: _Using) -> bool:
        account, at = self._exhausted.get(using.name, (None, 0.0))
        return account == using.account and self._monotonic() - at < _PATIENCE

    def _refresh(self, using: _Using) -> None:
        """Read the accounts again. Where that fails, what the gateway said is the answer, and not that."""
        try:
            self._accounts.refresh()
            using.account = self._accounts.get(using.name)
        except Exception as exc:  # noqa: BLE001 - whatever the reason; somebody may be changing them
            _log.warning("the account %s could not be read again: %s", using.name, type(exc).__name__)

    def _client(self, name: str, settings: Account) -> Client:
        from eums import Client  # noqa: PLC0415 - it brings httpx, for which whoever only checks need not wait

        with self._lock:
            clients = self._clients.setdefault(name, {})
            client = clients.get(settings)
            if client is None:
                if len(clients) == _MOST_CLIENTS:
                    # The settings changed; somebody may be in the middle of a call with the old ones.
                    self._retired.append(clients.pop(next(iter(clients))))
                client = clients[settings] = Client(self._bounded(settings), clock=self._clock)
            return client

    def _bounded(self, account: Account) -> Account:
        left = self._longest - account.connect_timeout - account.write_timeout
        return replace(account, read_timeout=min(account.read_timeout, max(left, 1.0)))


@dataclass
class _Using:
    """What one call is made with.

    Attributes:
        account: as it is known.
        tried: the settings that the call was made with, in order; the last is what it is made with now.
        began: by the monotonic clock.
        signed_again: whether it was made twice with the same settings.
    """

    name: str
    account: Account
    tried: list[Account]
    began: float
    signed_again: bool = False

    @property
    def settings(self) -> Account:
        return self.tried[-1]


def _is_own(read: Callable[[bytes, Account], object], body: bytes, account: Account) -> bool:
    """Whether an answer that can be read is not encrypted with a key that the account had before."""
    if not account.previous:
        return True
    try:
        read(body, replace(account, previous=()))
    except Undecipherable:
        return False
    return True
