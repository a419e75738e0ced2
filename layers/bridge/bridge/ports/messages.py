"""The messages, what was reported of them, and the walks over them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from bridge.domain.days import DayCount
from bridge.domain.lists import Among
from bridge.domain.messages import Applied, EarlyReport, Message, Once, Outbound, Owner, Standing, TrackedReport
from bridge.domain.walks import Entry, Place


class Messages(Protocol):
    """The messages and what was reported of them."""

    def add(self, message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing | None:
        """Write down a new message: one that is about to be submitted, or one that waits. The first of its writes.

        With `once`, only where no request of the last 24 h had the same key, or where the message that the key stands
        for is `instead_of`; what stands there otherwise, and then nothing is written.
        """

    def add_all(self, messages: Sequence[Message]) -> frozenset[str]:
        """Write down new messages that wait, each where nothing stands there. Returns the ids of those that are new."""

    def standing(self, once: Once, *, now: datetime) -> Standing | None:
        """What `add` would find with this key at `now`, where it would add nothing; None where it would."""

    def index(self, message: Message) -> None:
        """Make a message be found by each of its numbers. With one number `add` and `move` do that already."""

    def move(self, before: Message, after: Message) -> Message | None:
        """Write `after` where the submit still stands as in `before`: in the same state, under the same claim.

        None where it did (or where this very write went through before and its answer was lost), else what stands
        there. Both are as recorded: what was reported is neither looked at nor touched. Raises NotFound.
        """

    def recorded(self, message_id: str) -> Message | None:
        """The message as it was written last, without its reports."""

    def recorded_all(self, message_ids: Iterable[str]) -> Mapping[str, Message]:
        """The same of many; those that nobody knows are left out."""

    def find(self, message_id: str) -> Message | None:
        """The message with its reports."""

    def owners(self, message_ids: Iterable[str]) -> Mapping[str, Owner]:
        """Whose these messages are; those that nobody knows are left out."""

    def sent_to(
        self, account: str, numbers: Iterable[str], *, since: datetime, until: datetime
    ) -> Mapping[str, tuple[Outbound, ...]]:
        """What was sent to these numbers from this account, claimed between two times: the newest 50 each, in order.

        Numbers without any are left out. What was claimed in the last second or so may be missing.
        """

    def begun_in(self, hour: datetime, shard: int, *, after: str) -> Sequence[Entry]:
        """The messages whose submit began in an hour (UTC), by key, a page of them: those after `after`. () at the end.

        Those that wait are in none.
        """

    def due_in(self, minute: datetime, *, after: str) -> Sequence[Entry]:
        """The messages that were due in a minute (UTC) and wait still, by key, a page of them. () at the end."""

    def apply(self, report: TrackedReport, *, day: date) -> Applied:
        """Move a recipient's status forward, or write down why not.

        A recipient's first final report counts exactly once, on the day of its submit. Where this fails, it is to be
        done again: only then it is sure that it counts.
        """

    def apply_all(self, reports: Sequence[tuple[TrackedReport, date]]) -> list[Applied | Exception]:
        """The same of several reports, each with the day of its submit; why not, of those that are to come again."""


class MessageLists(Protocol):
    """Where messages are found, in the order of their ids."""

    def newest(self, among: Among, *, first: str, end: str, limit: int) -> list[str]:
        """Ids of the newest there, from the last before `end` down to `first`, at most `limit`, each once.

        All that are asked for are among them, but for those of the last second or so. There may be others too, other
        clients' even: look at each. Fewer than `limit` are all there are.
        """

    def read(self, message_ids: Sequence[str]) -> list[Message]:
        """These messages with their reports, in this order; those that are gone are left out."""


class EarlyReports(Protocol):
    """Reports that wait for their message."""

    def keep(self, report: EarlyReport, *, at: datetime, day: date) -> bool:
        """Keep one, and count it as another system's on that day, both once. False where it is kept already."""

    def kept_in(self, minute: datetime, *, after: str) -> Sequence[EarlyReport]:
        """Those kept in a minute (UTC) that still wait, by event id, a page of them. () at the end."""

    def attach(self, report: EarlyReport, owner: Owner, *, day: date) -> None:
        """It waits no more and was not another system's. Doing it again does nothing."""


class DayCounts(Protocol):
    """How many final reports there were, by day."""

    def of(self, account: str, day: date) -> DayCount:
        """A day's counts, as of now."""


class Progress(Protocol):
    """How far each walk through what is due has got."""

    def reached(self, walk: str) -> Place | None:
        """The place that was remembered last."""

    def remember(self, walk: str, place: Place) -> None:
        """Go on from here next time."""
