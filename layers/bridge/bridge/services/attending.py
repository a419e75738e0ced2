"""Attending: early reports find their messages, and messages that nobody reports of are said to be so.

Both publish an event and leave the rest to tracking, which alone writes statuses: an event that is out cannot be
forgotten, and one that goes out twice has the same id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bridge.domain.days import day_in
from bridge.domain.events import Event, attached, expired
from bridge.domain.messages import EarlyReport, Owner, Status
from bridge.domain.walks import HOUR, MINUTE, SHARDS
from bridge.ports import Accounts, Clock, Counters, EarlyReports, Messages, Progress, Topic
from bridge.services.correlating import Sighting, reported_owners
from bridge.services.walking import TimeLeft, Walk

EXPIRY: Final = timedelta(hours=72)

# A submit is recorded within a minute of its claim (`bridge.services.sending.SUBMIT_DEADLINE`), so that the first look
# finds nearly all; the second is for a record or an index that was slow. After that a report is another system's.
_LOOKS: Final = {"early-first": MINUTE, "early-last": 15 * MINUTE}

_OPEN: Final = frozenset({Status.SUBMITTED, Status.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attending:
    """Looks after what only time brings forward."""

    accounts: Accounts
    messages: Messages
    early: EarlyReports
    progress: Progress
    topic: Topic
    clock: Clock
    counters: Counters

    def attend(self, time_left: TimeLeft) -> dict[str, int]:
        """Attach and expire what is due, as far as `time_left` (seconds) allows; how many of each.

        Raises NotPublished: the next run begins with what was not taken.
        """
        found = sum(self._attach(name, lag, time_left) for name, lag in _LOOKS.items())
        return {"attached": found, "expired": self._expire(time_left)}

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

    def _expire(self, time_left: TimeLeft) -> int:
        walk = Walk[str](
            name="expiry",
            step=HOUR,
            lag=EXPIRY,
            shards=SHARDS,
            page=lambda place: self.messages.made_in(place.at, place.shard, after=place.after),
            key=str,
            visit=self._expired,
            at_once=1,  # one message may have a thousand recipients
        )
        return walk.go_on(self.progress, self.clock.now(), time_left)

    def _expired(self, message_ids: Sequence[str]) -> int:
        events = [event for message_id in message_ids for event in self._expired_events(message_id)]
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
