"""Publishing: journal object → records → events → topic, as often as it takes, with the same ids each time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from bridge.domain.events import Event, lost, quarantined, received, reported
from bridge.domain.ids import is_ulid
from bridge.domain.messages import Answered, By, Owner
from bridge.domain.numbers import e164
from bridge.domain.pulls import JournalEntry, Kind
from bridge.ports import Accounts, Counters, Journal, Messages, Topic
from bridge.services.correlating import Reply, Sighting, answered_messages, reported_owners
from eums import Account, EumsError, Inbound, Page, Quarantined, Refused, Report, decode_inbound, decode_reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """Turns what the journal keeps into events."""

    accounts: Accounts
    journal: Journal
    messages: Messages
    topic: Topic
    counters: Counters

    def publish(self, key: str) -> int:
        """Publish one journal object, then mark it published; returns how many events went out.

        What cannot be read (the wrong key, an error page, one bad record) is copied to quarantine and announced;
        the rest is published.

        Raises:
            NotPublished: the topic did not take all; ask again.
            NotFound: there is no such object.
            AccountNotConfigured: its account is not in the secret, so that nothing can be read.
        """
        entry = self.journal.read(key)
        events = self._events(entry, self.accounts.get(entry.pull.account))
        if events:
            self.topic.publish(events)
        self.journal.mark_published(key)
        self.counters.count("EventsPublished", len(events), account=entry.pull.account, kind=entry.pull.kind)
        return len(events)

    def _events(self, entry: JournalEntry, account: Account) -> list[Event]:
        try:
            if entry.pull.kind is Kind.REPORTS:
                reports = decode_reports(entry.body, account)
                return self._reported(entry, reports.records) + self._left_over(entry, reports)
            inbound = decode_inbound(entry.body, account)
            return self._received(entry, inbound.records) + self._left_over(entry, inbound)
        except Refused:
            return []
        except EumsError as exc:
            unreadable = Quarantined(ordinal=None, raw="", reason=str(exc))
            return self._left_over(entry, Page(code=0, records=(), quarantined=(unreadable,), cut=entry.cut))

    def _reported(self, entry: JournalEntry, records: tuple[Report, ...]) -> list[Event]:
        account, at = entry.pull.account, entry.received_at
        owners = self._owners(entry, (record.reference for record in records))
        unnamed = {_sighting(record) for record in records if record.reference not in owners}
        found = reported_owners(self.messages, account, unnamed, at=at)
        return [
            reported(account, record, owners.get(record.reference) or found.get(_sighting(record)), at)
            for record in records
        ]

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

    def _left_over(self, entry: JournalEntry, page: Page[Report] | Page[Inbound]) -> list[Event]:
        """What of a page is not among its good records: kept apart, and announced."""
        events: list[Event] = []
        reasons = tuple(part.reason for part in page.quarantined)
        if entry.status != HTTPStatus.OK and not page.records:
            reasons = (f"HTTP {entry.status}",)  # whatever the body seems to say, it is no page
        if reasons and entry.body:
            self.counters.count("Quarantined", len(reasons), account=entry.pull.account, kind=entry.pull.kind)
            key = self.journal.quarantine(entry)
            events.append(quarantined(entry.pull, key, reasons, entry.received_at))
        if page.cut or entry.cut:
            self.counters.count("PullsLost", account=entry.pull.account, kind=entry.pull.kind)
            events.append(lost(entry.pull, "the answer broke off before its end", entry.received_at))
        return events


def _sighting(record: Report) -> Sighting:
    return Sighting(record.message_id, e164(record.dest_number))


def _reply(record: Inbound) -> Reply:
    return Reply(e164(record.src), record.dest)
