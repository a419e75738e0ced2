"""Publishing: journal object → records → events → topic, as often as it takes, with the same ids each time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from bridge.domain.events import Event, lost, quarantined, received
from bridge.domain.ids import is_ulid
from bridge.domain.messages import Answered, By, Owner
from bridge.domain.numbers import e164
from bridge.domain.pulls import JournalEntry, Kind, Part, to_publish
from bridge.domain.report_events import report_events
from bridge.ports import Accounts, Counters, Journal, Messages, Topic
from bridge.services.correlating import Reply, Sighting, answered_messages, reported_owners
from eums import (
    Account,
    EumsError,
    Inbound,
    Page,
    Quarantined,
    Refused,
    Report,
    Undecipherable,
    decode_inbound,
    decode_reports,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """Turns what the journal keeps into events."""

    accounts: Accounts
    journal: Journal
    messages: Messages
    topic: Topic
    counters: Counters

    def take(self, body: str) -> int:
        """Do what a message of PublishQueue asks for; returns how many events went out.

        Raises:
            ValueError: it is no such message.
            Whatever `publish` raises.
        """
        asked = to_publish(body)
        return self._publish_part(asked) if isinstance(asked, Part) else self.publish(asked)

    def publish(self, key: str) -> int:
        """Publish one journal object, then mark it published; returns how many events went out.

        What cannot be read (the wrong key, an error page, one bad record) is copied to quarantine and announced;
        the rest is published. A quarantined copy is published like the original, and stays as it is.

        Raises:
            NotPublished: the topic did not take all; ask again.
            NotFound: there is no such object.
            AccountNotConfigured: its account is not in the secret, so that nothing can be read.
        """
        entry = self.journal.read(key)
        events = self._events(entry, self.accounts.get(entry.pull.account))
        if events:
            self.topic.publish(events)
        if key == entry.pull.journal_key:
            self.journal.mark_published(key)
        self.counters.count("EventsPublished", len(events), account=entry.pull.account, kind=entry.pull.kind)
        return len(events)

    def _publish_part(self, part: Part) -> int:
        """Put what came through the queue into the journal, under the key that it would have had; then publish it.

        A process may die between any two of these lines: the message returns, and does them again. The parts go
        last, so that whoever finds some of them missing knows that the others are on their way or done with.
        """
        key = part.entry.pull.journal_key
        if part.of == 1:
            self.journal.store(part.entry)
        elif not self.journal.has(key):
            entry = self.journal.keep_part(part)
            if entry is None:
                return 0
            self.journal.store(entry)
        published = self.publish(key)
        if part.of > 1:
            self.journal.forget_parts(part.entry.pull)
        return published

    def _events(self, entry: JournalEntry, account: Account) -> list[Event]:
        try:
            return self._readable_events(entry, account)
        except Undecipherable as exc:
            # The puller may know a key that was put into the secret since this process read it.
            self.accounts.refresh()
            try:
                return self._readable_events(entry, self.accounts.get(entry.pull.account))
            except Undecipherable:
                return self._unreadable(entry, exc)

    def _readable_events(self, entry: JournalEntry, account: Account) -> list[Event]:
        try:
            if entry.pull.kind is Kind.REPORTS:
                reports = decode_reports(entry.body, account)
                return self._with_left_over(entry, self._reported(entry, reports.records), reports)
            inbound = decode_inbound(entry.body, account)
            return self._with_left_over(entry, self._received(entry, inbound.records), inbound)
        except Refused:
            return []
        except Undecipherable:
            raise
        except EumsError as exc:
            return self._unreadable(entry, exc)

    def _unreadable(self, entry: JournalEntry, error: EumsError) -> list[Event]:
        unreadable = Quarantined(ordinal=None, raw="", reason=str(error))
        page: Page[Report] = Page(code=0, records=(), quarantined=(unreadable,), cut=entry.cut)
        return self._with_left_over(entry, [], page)

    def _reported(self, entry: JournalEntry, records: tuple[Report, ...]) -> list[Event]:
        account, at = entry.pull.account, entry.received_at
        owners = self._owners(entry, (record.reference for record in records))
        unnamed = {_sighting(record) for record in records if record.reference not in owners}
        found = reported_owners(self.messages, account, unnamed, at=at)
        whose = [owners.get(record.reference) or found.get(_sighting(record)) for record in records]
        return report_events(account, zip(records, whose, strict=True), at)

    def _received(self, entry: JournalEntry, records: tuple[Inbound, ...]) -> list[Event]:
        at = entry.received_at
        owners = self._owners(entry, (record.reference for record in records))
        named = {reference: Answered(owner=owner, by=By.REFERENCE) for reference, owner in owners.items()}
        unnamed = {_reply(record) for record in records if record.reference not in named}
        found = answered_messages(self.messages, entry.pull.account, unnamed, at=at)
        return [
            received(entry.pull, record, named.get(record.reference) or found.get(_reply(record)), at)
            for record in records
        ]

    def _owners(self, entry: JournalEntry, references: Iterable[str]) -> Mapping[str, Owner]:
        """Whose the records are. Another system may use the account: its references are not ours to look up."""
        ids = {reference for reference in references if is_ulid(reference)}
        owners = self.messages.owners(ids) if ids else {}
        return {message_id: owner for message_id, owner in owners.items() if owner.account == entry.pull.account}

    def _with_left_over(
        self, entry: JournalEntry, events: list[Event], page: Page[Report] | Page[Inbound]
    ) -> list[Event]:
        """The events of a page's good records, and what it held beside them: kept apart, and announced."""
        taken = [event for event in events if event.fits()]
        reasons = tuple(part.reason for part in page.quarantined)
        # No honest message comes near; one that did would hold up its whole page for ever.
        reasons += ("too large for an event",) * (len(events) - len(taken))
        if entry.status != HTTPStatus.OK and not page.records:
            reasons = (f"HTTP {entry.status}",)  # whatever the body seems to say, it is no page
        if reasons and entry.body:
            self.counters.count("Quarantined", len(reasons), account=entry.pull.account, kind=entry.pull.kind)
            key = self.journal.quarantine(entry)
            taken.append(quarantined(entry.pull, key, reasons, entry.received_at))
        # No answer is empty: one without a byte broke off before the first, however orderly the connection ended.
        if page.cut or entry.cut or not entry.body:
            self.counters.count("PullsLost", account=entry.pull.account, kind=entry.pull.kind)
            taken.append(lost(entry.pull, "the answer broke off before its end", entry.received_at))
        return taken


def _sighting(record: Report) -> Sighting:
    return Sighting(record.message_id, e164(record.dest_number))


def _reply(record: Inbound) -> Reply:
    return Reply(e164(record.src), record.dest)
