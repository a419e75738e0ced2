"""Sweeping: whatever is in the journal and was not published is pointed to again, a bounded number of times.

A pointer can be lost: its sender died, or it went to the dead-letter queue. Each sweep looks at what came since the
last one, and at the few objects that still wait; nothing that was once seen published is ever looked at again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bridge.domain.pulls import Kind
from bridge.domain.sweeps import TRIES, Sweep, Waiting, begun_at
from bridge.ports import Accounts, Clock, Counters, Journal, Pointers, Sweeps

# A pull function ends after two minutes: nobody writes a key any more whose pull was begun before that. A little
# more, for clocks that differ.
_SETTLED: Final = timedelta(seconds=150)
_OBJECTS: Final = 1000  # looked at in one sweep of an account and kind: a page of S3's listing
_WAITING: Final = 100  # that may wait at once; the mark stands still while they do
_SECONDS_TO_WRITE: Final = 10.0
_TURN: Final = 300  # seconds after which another account is the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """Finds what was kept and not published."""

    accounts: Accounts
    journal: Journal
    pointers: Pointers
    sweeps: Sweeps
    clock: Clock
    counters: Counters

    def sweep_all(self, *, time_left: Callable[[], float]) -> dict[str, int]:
        """Sweep every account; how many pointers were sent for each.

        An account that fails holds up no other; the first failure is raised at the end. When the time (seconds) is
        nearly over, the rest waits for the next run, which begins with another account.
        """
        names = self.accounts.names()
        first = int(self.clock.now().timestamp()) // _TURN % len(names) if names else 0
        sent: dict[str, int] = {}
        failures: list[Exception] = []
        for name in names[first:] + names[:first]:
            for kind in Kind:
                try:
                    sent[name] = sent.get(name, 0) + self.sweep(name, kind, time_left=time_left)
                except Exception as exc:  # noqa: BLE001 - whatever it is, the others are swept
                    failures.append(exc)
        if failures:
            raise failures[0]
        return sent

    def sweep(self, account: str, kind: Kind, *, time_left: Callable[[], float]) -> int:
        """Sweep the journal of one account and kind; how many pointers were sent.

        A pointer is sent before that is written down: who dies in between sends it twice, which changes nothing.
        """
        now = self.clock.now()
        before = self.sweeps.load(account, kind)
        waiting, sent = self._look_again(before, now)
        until = before.until
        for key in self.journal.keys(account, kind, after=until, limit=_OBJECTS):
            begun = begun_at(key)
            if begun is not None:
                if begun > now - _SETTLED or time_left() < _SECONDS_TO_WRITE:
                    break
                if not self.journal.is_published(key):
                    if len(waiting) == _WAITING:
                        break
                    self.pointers.send(key)
                    sent += 1
                    waiting.append(Waiting.first(key, now))
            until = key
        after = replace(before, until=until, waiting=tuple(waiting))
        if after != before:
            self.sweeps.save(account, kind, after)
        if sent:
            self.counters.count("PointersSentAgain", sent, account=account, kind=kind)
        return sent

    def _look_again(self, sweep: Sweep, now: datetime) -> tuple[list[Waiting], int]:
        """What still waits of what waited, and how many of their pointers were sent."""
        waiting: list[Waiting] = []
        sent = 0
        for one in sweep.waiting:
            if one.again_at > now:
                waiting.append(one)
            elif self.journal.is_published(one.key):
                continue
            elif one.tries >= TRIES:
                # It stays in the journal, which never expires it, and its pointer is in the dead-letter queue.
                self.counters.count("PullsGivenUp")
            else:
                self.pointers.send(one.key)
                sent += 1
                waiting.append(one.again(now))
        return waiting, sent
