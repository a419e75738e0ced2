"""Pulling: lease and intent → the gateway's bytes → journal → pointer. Nothing looks at a page before it is kept.

Each crash leaves a trace: a pull that nobody completed is found by the next one, which publishes what the
journal has of it or says that its records may be lost. Where the journal refuses, the bytes go through the queue.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from bridge.domain.errors import AccountNotConfigured
from bridge.domain.events import lost
from bridge.domain.pulls import Intent, JournalEntry, Kind, PullId, in_parts, is_short
from bridge.ports import Accounts, Clock, Counters, Gateway, Journal, Leases, NewId, Pointers, Topic
from eums import Account, Ambiguous, NotSent, Refused, Reply, Undecipherable, decode_inbound, decode_reports

_SUSPENDED: Final = 202  # 账户暂停
# What settling the pulls before may take, where a store does not answer; and what the journal, the queue and the
# table may take after the gateway has answered.
_SETTLING_SECONDS: Final = 20.0
_KEEPING_SECONDS: Final = 10.0
_SETTLED_AT_ONCE: Final = 10

_log = logging.getLogger(__name__)


class Ended(StrEnum):
    """How one pull ended."""

    RECORDS = "records"  # something came and is kept; there may be more
    UNREADABLE = "unreadable"  # something short came, in another key than the account's; it is kept
    EMPTY = "empty"
    REFUSED = "refused"  # a response code; no records
    SUSPENDED = "suspended"  # that code was 202 (账户暂停)
    UNREACHABLE = "unreachable"  # nothing was asked
    LOST = "lost"  # asked, and nothing could be kept: what was handed out, if anything, is gone
    STOOD_BACK = "stood back"  # another pull of this account and kind is in flight
    OVERSLEPT = "overslept"  # nothing was asked: its lease could have ended before the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulling:
    """Pulls reports and inbound messages of all accounts."""

    accounts: Accounts
    gateway: Gateway
    leases: Leases
    journal: Journal
    pointers: Pointers
    topic: Topic
    clock: Clock
    new_id: NewId
    counters: Counters
    pause: float  # seconds between pulls that bring nothing

    def drain_all(self, kind: Kind, *, window: float, time_left: Callable[[], float]) -> dict[str, int]:
        """Pull every account until the window (seconds) is over; the records-bringing pulls of each.

        Accounts run beside each other: one whose gateway hangs holds up no other. One that fails by surprise
        does not either; the first such failure is raised when all have ended.
        """
        names = self.accounts.names()
        if not names:
            return {}
        with ThreadPoolExecutor(max_workers=len(names), thread_name_prefix="pull") as pool:
            drains = {name: pool.submit(self.drain, name, kind, window=window, time_left=time_left) for name in names}
        return {name: drain.result() for name, drain in drains.items()}

    def drain(self, account: str, kind: Kind, *, window: float, time_left: Callable[[], float]) -> int:
        """Pull one account: at once again while records come, after a pause where none do.

        Stops when the window is over, or when the time left is less than one more pull could take.
        """
        end = self.clock.monotonic() + window
        pages = 0
        while time_left() > self._longest(account):
            if self.pull(account, kind) is Ended.RECORDS:
                pages += 1
                continue
            if self.clock.monotonic() + self.pause >= end:
                break
            self.clock.sleep(self.pause)
        return pages

    def pull(self, account: str, kind: Kind) -> Ended:
        """One pull."""
        now = self._local_now(account)
        pull = PullId(account=account, kind=kind, id=self.new_id(), begun_at=now)
        intent = self.leases.begin(pull, expires_at=now + timedelta(seconds=self._longest(account)))
        if intent is None:
            return Ended.STOOD_BACK
        self._settle(intent.dangling)
        ended = self._pull_under(intent)
        if not self.leases.complete(
            intent,
            at=self._local_now(account),
            brought_records=ended is Ended.RECORDS,
            suspended=ended is Ended.SUSPENDED,
        ):
            # Slower than its lease: somebody else has resolved this pull as dangling meanwhile. Its bytes, if any
            # came, are in the journal and have their pointer; publishing them twice gives the same ids.
            self.counters.count("PullsOvertaken", account=account, kind=kind)
        self.counters.count("Pulls", account=account, kind=kind)
        return ended

    def _pull_under(self, intent: Intent) -> Ended:
        pull = intent.pull
        # Whatever may fail is asked for before the gateway is: between its answer and the journal stands nothing.
        account = self.accounts.get(pull.account)
        if self.clock.now() + timedelta(seconds=_asking(account)) > intent.expires_at:
            # This process was paused, or settling took long. Another puller may ask at any moment, or has asked.
            self.counters.count("PullsOverslept", account=pull.account, kind=pull.kind)
            return Ended.OVERSLEPT
        try:
            reply = self.gateway.pull(pull.account, pull.kind)
        except NotSent:
            self.counters.count("PullsNotSent", account=pull.account, kind=pull.kind)
            return Ended.UNREACHABLE
        except Ambiguous:
            self._announce_lost(pull, "the gateway was asked and did not answer")
            return Ended.LOST
        try:
            ended = Ended.EMPTY if _is_empty(pull.kind, reply, account) else Ended.RECORDS
        except Undecipherable:
            # An empty page in a key that is not in the secret yet looks like this: no reason to pull on without pause.
            ended = Ended.UNREADABLE
        except Refused as exc:
            self.counters.count("PullsRefused", account=pull.account, kind=pull.kind, code=str(exc.code.number))
            if exc.code.resign:
                self._read_accounts_again()
            ended = Ended.SUSPENDED if exc.code.number == _SUSPENDED else Ended.REFUSED
        if ended not in (Ended.RECORDS, Ended.UNREADABLE):
            return ended
        kept = self._keep(
            JournalEntry(
                pull=pull,
                received_at=self.clock.now().astimezone(account.tzinfo),
                status=reply.status,
                headers=reply.headers,
                version=account.version,
                cut=reply.cut,
                body=reply.body,
            )
        )
        if ended is Ended.UNREADABLE:
            self._read_accounts_again()
        return ended if kept is Ended.RECORDS else kept

    def _keep(self, entry: JournalEntry) -> Ended:
        """Into the journal; through the queue where the journal refuses; said where the queue refuses, too."""
        pull = entry.pull
        try:
            self.journal.store(entry)
        except Exception as exc:  # noqa: BLE001 - whatever the reason, these bytes exist nowhere else
            refused = exc
        else:
            self.pointers.send(pull.journal_key)
            return Ended.RECORDS
        self.counters.count("PullsThroughQueue", account=pull.account, kind=pull.kind)
        parts = in_parts(entry)
        carried = 0
        try:
            for part in parts:
                self.pointers.carry(part)
                carried += len(part.entry.body)
        except Exception as exc:  # noqa: BLE001 - likewise
            self.counters.count("PullsUnkept", account=pull.account, kind=pull.kind)
            # The errors' texts may quote a request, and with it a body: their kinds are enough.
            _log.error(
                "a pull is lost: neither the journal (%s) nor the queue (%s) took it; "
                "account %s, kind %s, pull %s, %d bytes, of which the queue has %d",
                *(type(refused).__name__, type(exc).__name__),
                *(pull.account, pull.kind, pull.id, len(entry.body), carried),
            )
            self._announce_lost(pull, "neither the journal nor the queue took what came")
            return Ended.LOST
        return Ended.RECORDS

    def _read_accounts_again(self) -> None:
        """Somebody may just have changed a password or key. The next pull is made with what is there then."""
        try:
            self.accounts.refresh()
        except Exception as exc:  # noqa: BLE001 - that must not leave a pull without an end
            _log.warning("the accounts could not be read again: %s", type(exc).__name__)

    def _settle(self, dangling: tuple[PullId, ...]) -> None:
        """Find out what became of the pulls before, while they are remembered; those that fail are, for longer."""
        for pull in dangling[:_SETTLED_AT_ONCE]:
            try:
                self._resolve(pull)
                self.leases.settle(pull)
            except Exception as exc:  # noqa: BLE001 - a journal or topic that is down is no reason not to pull
                self.counters.count("PullsUnsettled", account=pull.account, kind=pull.kind)
                _log.warning("pull %s is not settled yet: %s", pull.id, type(exc).__name__)
                return

    def _resolve(self, dangling: PullId) -> None:
        """The pull before this one has no recorded end: its process died. What it left, and what it may have lost."""
        if self.journal.has(dangling.journal_key):
            self.pointers.send(dangling.journal_key)
        else:
            self._announce_lost(dangling, "the puller died between asking the gateway and keeping its answer")

    def _announce_lost(self, pull: PullId, reason: str) -> None:
        self.counters.count("PullsLost", account=pull.account, kind=pull.kind)
        self.topic.publish([lost(pull, reason, self._local_now(pull.account))])

    def _local_now(self, account: str) -> datetime:
        return self.clock.now().astimezone(self.accounts.get(account).tzinfo)

    def _longest(self, account: str) -> float:
        try:
            settings = self.accounts.get(account)
        except AccountNotConfigured:
            return _KEEPING_SECONDS
        return _SETTLING_SECONDS + _asking(settings) + _KEEPING_SECONDS


def _asking(account: Account) -> float:
    """Seconds that the gateway's call may take."""
    return 2 * account.connect_timeout + account.write_timeout + account.read_timeout


def _is_empty(kind: Kind, reply: Reply, account: Account) -> bool:
    """Whether a reply is surely a page without records; whatever else it may be is kept before it is read.

    Raises:
        Refused: it is surely a refusal.
        Undecipherable: it is encrypted with a key that the account has not.
    """
    if reply.cut or reply.status != HTTPStatus.OK or not is_short(reply.body):
        return False
    try:
        page = decode_reports(reply.body, account) if kind is Kind.REPORTS else decode_inbound(reply.body, account)
    except (Refused, Undecipherable):
        raise
    except Exception:  # noqa: BLE001 - even a fault of the decoder must not stand between the bytes and the journal
        return False
    return not (page.records or page.quarantined or page.cut)
