"""What queued and scheduled sends need, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bridge.domain.errors import NotQueued
from bridge.domain.pace import Stretch, Turn
from bridge.domain.work import Work, work_of


@dataclass
class FakeSendQueue:
    """Remembers what was sent, with its delay in seconds; `failing` says how many of the next are not taken."""

    sent: list[tuple[Work, float]] = field(default_factory=list)
    failing: int = 0

    def send(self, work: Sequence[Work], *, delay: float = 0) -> None:
        failed = min(self.failing, len(work))
        self.failing -= failed
        # Through their bodies, as in the real one.
        self.sent += [(work_of(one.body()), min(max(delay, 0), 900)) for one in work[failed:]]
        if failed:
            raise NotQueued(failed)

    def take(self) -> list[Work]:
        """All that is there, whatever its delay; then it is empty."""
        taken, self.sent = [work for work, _ in self.sent], []
        return taken


@dataclass
class FakeSchedules:
    """Times by message id."""

    due: dict[str, datetime] = field(default_factory=dict)

    def create(self, message_id: str, at: datetime) -> None:
        self.due.setdefault(message_id, at)

    def delete(self, message_id: str) -> None:
        self.due.pop(message_id, None)


@dataclass
class FakePace:
    """Keeps the pace of each account; `reserved` remembers (account, count, seconds from 1970 of the turn)."""

    free_at: dict[str, int] = field(default_factory=dict)
    reserved: list[tuple[str, int, float]] = field(default_factory=list)

    def reserve(self, account: str, count: int, *, rate: float, now: datetime, within: float) -> Turn:
        stretch = Stretch.behind(self.free_at.get(account), count, rate=rate, now=now)
        if stretch.after > within:
            return Turn(after=stretch.after, reserved=False)
        self.free_at[account] = stretch.ends
        self.reserved.append((account, count, now.timestamp() + stretch.after))
        return Turn(after=stretch.after, reserved=True)
