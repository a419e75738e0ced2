"""Attending: what only time brings forward.

Early reports find their messages, and messages that nobody reports of are said to be so. Both publish an event and
leave the rest to tracking, which alone writes what was reported: an event that is out cannot be forgotten, and one that
goes out twice has the same id.

Sends whose process died are found: what is due and was not begun, what was begun and has not ended, and what ended
with nobody knowing how, which nobody may have been told. Each is given to the queue once more, where the send machine
does what is right; a pointer too many does no harm.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bridge.domain.days import day_in
from bridge.domain.events import Event, attached, expired
from bridge.domain.messages import EarlyReport, Owner, Status
from bridge.domain.submits import QUEUED_FOR, past_deadline, state_of
from bridge.domain.walks import HOUR, MINUTE, SHARDS, Entry
from bridge.domain.work import MessageWork, PlanWork, Work
from bridge.ports import Accounts, Clock, Counters, EarlyReports, Messages, Progress, SendQueue, Topic
from bridge.services.correlating import Sighting, reported_owners
from bridge.services.walking import TimeLeft, Walk

EXPIRY: Final = timedelta(hours=72)

# A submit is recorded within a minute of its claim (`bridge.services.sending.SUBMIT_DEADLINE`), so that the first look
# finds nearly all; the second is for a record or an index that was slow. After that a report is another system's.
_LOOKS: Final = {"early-first": MINUTE, "early-last": 15 * MINUTE}

# A pointer that was lost was lost at once, and what waits for its account's pace has one. The last look is behind
# `bridge.domain.submits.QUEUED_FOR`: whatever still waits is given up.
_OVERDUE: Final = {"due-first": timedelta(minutes=10), "due-last": QUEUED_FOR + timedelta(minutes=15)}

_ABANDONED: Final = 5 * MINUTE  # behind the hour in which a submit began; its deadline is a minute behind its beginning

_OPEN: Final = frozenset({Status.SUBMITTED, Status.UNKNOWN})


_WORK: Final[Mapping[str, Callable[[str], Work]]] = {
    "message": lambda message_id: MessageWork(message_id=message_id),
    "batch": lambda batch_id: PlanWork(batch_id=batch_id),  # whatever of it is done is not done again
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attending:
    """Looks after what only time brings forward."""

    accounts: Accounts
    messages: Messages
    early: EarlyReports
    progress: Progress
    topic: Topic
    queue: SendQueue
    clock: Clock
    counters: Counters

    def attend(self, time_left: TimeLeft) -> dict[str, int]:
        """Do what is due, as far as `time_left` (seconds) allows; how many of each.

        Raises NotPublished, NotQueued: the next run begins with what was not taken.
        """
        return {
            "attached": sum(self._attach(name, lag, time_left) for name, lag in _LOOKS.items()),
            "overdue": sum(self._ask_again(name, lag, time_left) for name, lag in _OVERDUE.items()),
            "abandoned": self._settle(time_left),
            "expired": self._expire(time_left),
        }

    def _attach(self, name: str, lag: timedelta, time_left: TimeLeft) -> int:
        walk = Walk[EarlyReport](
            name=name,
            step=MINUTE,
            lag=lag,
            shards=1,
            page=lambda place: self.early.kept_in(place.at, after=place.after),
            key=lambda report: report.event_id,
            visit=self._attached,
            at_once=100,
        )
        return walk.go_on(self.progress, self.clock.now(), time_left)

    def _attached(self, reports: Sequence[EarlyReport]) -> int:
        # An account that left the secret must not hold up the others: its reports stay another system's.
        present = {report.account for report in reports}.intersection(self.accounts.names())
        owned = [
            (report, owner)
            for account in sorted(present)
            for report, owner in self._owned(account, [report for report in reports if report.account == account])
        ]
        if owned:
            self.topic.publish([attached(report, owner) for report, owner in owned])
        for report, owner in owned:
            self.early.attach(report, owner, day=day_in(report.time, self.accounts.get(report.account).tzinfo))
            self.counters.count("ReportsAttached", account=report.account)
        return len(owned)

    def _owned(self, account: str, reports: Sequence[EarlyReport]) -> list[tuple[EarlyReport, Owner]]:
        sightings = {report: Sighting(report.gateway_message_id, report.to) for report in reports}
        owners = reported_owners(self.messages, account, sightings.values(), at=self.clock.now())
        return [(report, owners[sighting]) for report, sighting in sightings.items() if sighting in owners]

    def _ask_again(self, name: str, lag: timedelta, time_left: TimeLeft) -> int:
        walk = Walk[Entry](
            name=name,
            step=MINUTE,
            lag=lag,
            shards=1,
            page=lambda place: self.messages.due_in(place.at, after=place.after),
            key=lambda entry: entry.key,
            visit=self._asked_again,
            at_once=100,
        )
        return walk.go_on(self.progress, self.clock.now(), time_left)

    def _asked_again(self, entries: Sequence[Entry]) -> int:
        self.queue.send([_WORK[entry.kind](entry.id) for entry in entries])
        self.counters.count("SendsOverdue", len(entries))
        return len(entries)

    def _settle(self, time_left: TimeLeft) -> int:
        return self._through_hours("abandoned", _ABANDONED, self._settled, time_left, at_once=100)

    def _settled(self, entries: Sequence[Entry]) -> int:
        now = self.clock.now()
        messages = self.messages.recorded_all(entry.id for entry in entries)
        abandoned = [
            message
            for message in messages.values()
            if state_of(message) is Status.SUBMITTING and past_deadline(message, now)
        ]
        unknown = [message for message in messages.values() if state_of(message) is Status.UNKNOWN]
        if abandoned or unknown:
            self.queue.send([MessageWork(message_id=message.id) for message in (*abandoned, *unknown)])
        if abandoned:
            self.counters.count("SubmitsAbandoned", len(abandoned))
        return len(abandoned)

    def _expire(self, time_left: TimeLeft) -> int:
        # One at once: a message may have a thousand recipients.
        return self._through_hours("expiry", EXPIRY, self._expired, time_left, at_once=1)

    def _through_hours(
        self, name: str, lag: timedelta, visit: Callable[[Sequence[Entry]], int], time_left: TimeLeft, *, at_once: int
    ) -> int:
        walk = Walk[Entry](
            name=name,
            step=HOUR,
            lag=lag,
            shards=SHARDS,
            page=lambda place: self.messages.begun_in(place.at, place.shard, after=place.after),
            key=lambda entry: entry.key,
            visit=visit,
            at_once=at_once,
        )
        return walk.go_on(self.progress, self.clock.now(), time_left)

    def _expired(self, entries: Sequence[Entry]) -> int:
        events = [event for entry in entries for event in self._expired_events(entry.id)]
        if events:
            self.topic.publish(events)
        for event in events:
            self.counters.count("RecipientsExpired", account=event.account)
        return len(events)

    def _expired_events(self, message_id: str) -> list[Event]:
        message = self.messages.find(message_id)
        if message is None:
            return []
        now = self.clock.now()
        seen = message.answered(now)
        return [
            expired(seen, recipient, now.astimezone(message.created_at.tzinfo))
            for recipient in seen.recipients
            if recipient.status in _OPEN
        ]
