"""The gateway behind each account, and who may use it."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from bridge.domain.clients import ClientStanding, Credential
from bridge.domain.limits import Limits, Tally, Use
from bridge.domain.policies import Policy
from bridge.domain.pulls import Kind

if TYPE_CHECKING:
    from eums import Accepted, Account, DayStatistics, Reply, Submit


class Accounts(Protocol):
    """The gateway accounts, by our name for them."""

    def names(self) -> tuple[str, ...]:
        """All of them, sorted."""

    def get(self, name: str) -> "Account":
        """One of them. Raises AccountNotConfigured."""

    def policy(self, name: str) -> Policy:
        """How the bridge uses it. Raises AccountNotConfigured."""

    def refresh(self) -> None:
        """Read them again, and what they were before: a key or password is wrong, and may just have been changed."""


class Gateway(Protocol):
    """The EUMS gateway behind an account. Raises `eums` errors and AccountNotConfigured."""

    def check(self, account: str, submit: "Submit") -> None:
        """Whatever the gateway would surely refuse, before it costs a call. Raises `eums.InvalidSubmit`, with all."""

    def submit(self, account: str, submit: "Submit") -> "tuple[Accepted, ...]":
        """下行协议."""

    def pull(self, account: str, kind: Kind) -> "Reply":
        """拉取状态报告 or 拉取上行, raw. What it hands out it never hands out again."""

    def balance(self, account: str) -> int:
        """查询余额, in messages."""

    def statistics(self, account: str, start: date, end: date) -> "tuple[DayStatistics, ...]":
        """查询账户下行统计, at most 31 days. An empty result (130) is ()."""


class Standings(Protocol):
    """What holds for clients."""

    def standing(self, client: str) -> ClientStanding:
        """Of one, as it was half a minute ago at most. One of whom nothing is said may send without limits."""


class Clients(Standings, Protocol):
    """The API keys' owners."""

    def find(self, key_hash: str) -> Credential | None:
        """What is stored of the key with this hash, expired or not."""


class Uses(Protocol):
    """What clients have used of their limits, kept across Lambdas."""

    def take(self, client: str, limits: Limits, use: Use, *, now: datetime) -> None:
        """Count what a request takes, where the limits let it through (`bridge.domain.limits.admitted`).

        Of two at the same moment each finds the other counted. Where it was counted and the answer was lost, it may be
        counted twice.

        Raises:
            NotAllowed, RateLimited, DailyCapReached: nothing was counted.
        """

    def of(self, client: str, *, now: datetime) -> Tally:
        """What is counted at a time."""
