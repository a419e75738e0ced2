"""The messages and what was reported of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from bridge.domain.errors import NotFound
from bridge.domain.ids import moved_to, ulids_between
from bridge.domain.messages import Applied, Message, Once, Outbound, Owner, Standing, Status, TrackedReport
from bridge.domain.submits import MOVES, is_waiting, state_of
from bridge.domain.walks import Entry, shard_of
from tests.fakes.day_counts import FakeDayCounts


@dataclass
class FakeMessages:
    """Messages in a dictionary, reports beside them; `seen` are the events that a row remembers."""

    days: FakeDayCounts = field(default_factory=FakeDayCounts)
    messages: dict[str, Message] = field(default_factory=dict)
    indexed: dict[str, str] = field(default_factory=dict)  # the message's account when its numbers were written
    reports: dict[tuple[str, str], TrackedReport] = field(default_factory=dict)
    seen: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    contradictions: dict[tuple[str, str], TrackedReport] = field(default_factory=dict)
    asked_for: list[frozenset[str]] = field(default_factory=list)
    index_failure: Exception | None = None
    once: dict[str, tuple[str, str, datetime]] = field(default_factory=dict)
    writes: int = 0

    def add(self, message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing | None:
        if once is not None:
            message_id, request_hash, until = self.once.get(once.key_hash, (None, "", message.created_at))
            if message_id is not None and until > message.created_at and message_id != instead_of:
                return Standing(message=self.messages[message_id], request_hash=request_hash)
            self.once[once.key_hash] = (message.id, once.request_hash, message.created_at + timedelta(hours=24))
        self.writes += 1
        assert bool(message.claim) != is_waiting(message), "what waits is claimed by nobody, and nothing else is not"
        self.messages[message.id] = message
        return None

    def standing(self, once: Once, *, now: datetime) -> Standing | None:
        message_id, request_hash, until = self.once.get(once.key_hash, (None, "", now))
        if message_id is None or until <= now:
            return None
        return Standing(message=self.messages[message_id], request_hash=request_hash)

    def add_all(self, messages: Sequence[Message]) -> frozenset[str]:
        new = [message for message in messages if message.id not in self.messages]
        for message in new:
            self.add(message)
        return frozenset(message.id for message in new)

    def index(self, message: Message) -> None:
        if self.index_failure:
            raise self.index_failure
        assert message.id in self.messages, "indexed before it was written down"
        self.indexed[message.id] = message.account

    def move(self, before: Message, after: Message) -> Message | None:
        standing = self.messages.get(after.id)
        if standing is None:
            raise NotFound("there is no such message")
        if (state_of(standing), standing.claim) != (state_of(before), before.claim):
            return None if standing == after else standing
        assert state_of(after) in MOVES[state_of(before)], f"{state_of(before)} leads nowhere like {state_of(after)}"
        assert before.id == after.id
        self.writes += 1
        self.messages[after.id] = after
        return None

    def recorded(self, message_id: str) -> Message | None:
        return self.messages.get(message_id)

    def recorded_all(self, message_ids: Iterable[str]) -> Mapping[str, Message]:
        return {message_id: self.messages[message_id] for message_id in message_ids if message_id in self.messages}

    def find(self, message_id: str) -> Message | None:
        message = self.messages.get(message_id)
        if message is None:
            return None
        return message.with_reports({to: report for (owner, to), report in self.reports.items() if owner == message_id})

    def owners(self, message_ids: Iterable[str]) -> Mapping[str, Owner]:
        return {message_id: message.owner for message_id in message_ids if (message := self.messages.get(message_id))}

    def sent_to(
        self, account: str, numbers: Iterable[str], *, since: datetime, until: datetime
    ) -> Mapping[str, tuple[Outbound, ...]]:
        self.asked_for.append(frozenset(numbers))
        first, last = ulids_between(since, until)
        sent: dict[str, tuple[Outbound, ...]] = {}
        for message in sorted(self.messages.values(), key=_made, reverse=True):
            found_by_number = len(message.recipients) == 1 or self.indexed.get(message.id) == message.account
            if message.account != account or not first <= _made(message) <= last or not found_by_number:
                continue
            owner = self.owners([message.id])[message.id]
            for recipient in message.recipients:
                if recipient.to in self.asked_for[-1] and len(sent.get(recipient.to, ())) < 50:
                    outbound = Outbound(
                        owner=owner,
                        extension=message.extension,
                        status=recipient.status,
                        gateway_message_id=recipient.gateway_message_id,
                    )
                    sent[recipient.to] = (*sent.get(recipient.to, ()), outbound)
        return sent

    def begun_in(self, hour: datetime, shard: int, *, after: str) -> Sequence[Entry]:
        return self._entries(
            (
                message
                for message in self.messages.values()
                if not is_waiting(message)
                and hour <= message.submitted_at < hour + timedelta(hours=1)
                and shard_of(message.id) == shard
            ),
            after,
        )

    def due_in(self, minute: datetime, *, after: str) -> Sequence[Entry]:
        return self._entries(
            (
                message
                for message in self.messages.values()
                if minute <= message.due_at < minute + timedelta(minutes=1)
                and is_waiting(message)
                and not message.batch_id
            ),
            after,
        )

    def _entries(self, messages: Iterable[Message], after: str) -> list[Entry]:
        return sorted(Entry(_made(message), "message", message.id) for message in messages if _made(message) > after)[
            :2
        ]

    def apply(self, report: TrackedReport, *, day: date) -> Applied:
        key = (report.message_id, report.to)
        standing = self.reports.get(key)
        seen = self.seen.setdefault(key, set())
        silent = report.status is Status.UNKNOWN_EXPIRED  # it repeats what was told before
        if report.event_id in seen or (not silent and standing is not None and _told(standing) == _told(report)):
            return Applied.REPEATED
        newer = standing is not None and _second(standing) < _second(report)
        if standing is None or (not standing.final and (report.final or silent or newer)):
            seen.add(report.event_id)
            self.reports[key] = replace(standing, status=report.status) if standing and silent else report
            if report.final:
                self.days.add(report.account, day, "delivered" if report.status is Status.DELIVERED else "failed")
            return Applied.MOVED
        if standing.status != report.status and not report.final:
            return Applied.STALE
        seen.add(report.event_id)
        if standing.status == report.status:
            return Applied.DUPLICATE
        self.contradictions[key] = report
        return Applied.CONTRADICTION

    def apply_all(self, reports: Sequence[tuple[TrackedReport, date]]) -> list[Applied | Exception]:
        return [self.apply(report, day=day) for report, day in reports]


def _made(message: Message) -> str:
    return moved_to(message.claimed_at, message.id) if message.claimed_at else message.id


def _told(report: TrackedReport) -> tuple[object, ...]:
    return report.gateway_message_id, report.gateway_status, report.reported_at


def _second(report: TrackedReport) -> float:
    return report.reported_at.timestamp() if report.reported_at else 0.0
