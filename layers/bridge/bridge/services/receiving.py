"""Receiving: somebody's webhook, authenticated to the byte, and what its source's mapping makes of it sent."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bridge.domain.clients import Caller
from bridge.domain.errors import NotAuthentic, NotStored, StillInFlight, TooLarge, TooManyRequests
from bridge.domain.hook_auth import NOBODY, HookCall, Passed, authenticate
from bridge.domain.hook_mappings import LARGEST, body_hash, hook_data, parsed
from bridge.domain.hook_sources import DEFAULT_DEDUP, NAME, HookSource
from bridge.domain.ids import stable_id
from bridge.domain.sns_messages import NOTIFICATION, SUBSCRIPTION
from bridge.ports import Clock, Counters, HookSources, HookUses, SnsSignatures, Standings
from bridge.services.drafting import Drafted, Drafting, whole
from bridge.services.sending import Order, Sending, Sent

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of a call.

    Attributes:
        messages: the ids of its messages: those of an earlier call where this is a repeat.
        dropped: how many more there would have been; the source's limit cut them off.
    """

    messages: tuple[str, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """Takes the calls of all hook sources."""

    sources: HookSources
    uses: HookUses
    clients: Standings
    signatures: SnsSignatures
    drafting: Drafting
    sending: Sending
    clock: Clock
    counters: Counters

    def receive(self, call: HookCall) -> Received:
        """Send what a call asks for: each message is accepted, and submitted without its sender.

        A sender that did not hear the answer may call again: the same thing is sent once (`HookMapping.dedup`).
        Exactly the same signed request, its time and signature included, is another matter: senders sign every
        attempt anew (Standard Webhooks: "Every time an attempt is retried the timestamp of the attempt is updated",
        "to prevent replay attacks"), so that it is somebody else's, and refused like all that is not authentic. It is
        only taken for one once the first was carried out: one that ended in an error may be repeated to the byte. SNS
        alone repeats its bytes, and kinds without a signed time cannot tell: there a repeat is answered again, within
        the time that the source says, and sends nothing.

        A source has its client's limits, as they are now, and ends with its client: it stays, and nobody may call it.

        Raises:
            TooLarge: of any source, there or not.
            NotAuthentic: whatever is wrong with who sent it, or there is no such source.
            TooManyRequests: its source has used up its calls of this minute, or its messages of this day; or its client
                what it may send, and then some of the call's messages may be sent. A repeat sends the others.
            NotAllowed: its client may not send this.
            InvalidRequest: the mapping cannot make messages of it. Nothing was sent.
            NotStored, NotVerifiable: it is to be repeated; what was sent already is not sent again.
        """
        if len(call.body) > LARGEST:
            raise TooLarge(LARGEST)
        now = self.clock.now().astimezone(UTC)
        source = self.sources.find(call.source) if NAME.fullmatch(call.source) else None
        passed = self._passed(source, call, now)
        owner = self._owner(source) if source is not None and passed is not None else None
        if source is None or passed is None or owner is None:
            self.counters.count("HooksNotAuthentic")
            raise NotAuthentic
        source = replace(source, owner=owner)
        if not self.uses.take(
            source.name, _minute(now), 1, limit=source.limits.calls_per_minute, until=_end(now, _MINUTE) + _MINUTE
        ):
            self.counters.count("HooksLimited", client=source.owner.client)
            raise TooManyRequests(
                "the source has had its calls of this minute", retry_after=_seconds(now, _end(now, _MINUTE))
            )
        received = self._carried_out(source, call, passed, now)
        if passed.once is not None:
            # Marked behind what was done, and not before it: what failed is to be repeated.
            self.uses.mark_seen(source.name, passed.once, until=now + timedelta(seconds=2 * source.auth.window + 60))
        return received

    def _passed(self, source: HookSource | None, call: HookCall, now: datetime) -> Passed | None:
        passed = authenticate(NOBODY if source is None else source.auth, call, now, self.signatures.verifies)
        if source is None or passed is None:
            return None
        if passed.once is not None and self.uses.was_seen(source.name, passed.once):
            return None
        return passed

    def _owner(self, source: HookSource) -> Caller | None:
        """Whose messages these are, with what it may send now; None where it was revoked."""
        try:
            standing = self.clients.standing(source.owner.client)
        except Exception as exc:
            raise NotStored("the bridge's own store did not answer; the call is to be repeated") from exc
        return None if standing.revoked else replace(source.owner, limits=standing.limits)

    def _carried_out(self, source: HookSource, call: HookCall, passed: Passed, now: datetime) -> Received:
        if passed.sns is not None and passed.sns.kind != NOTIFICATION:
            if passed.sns.kind == SUBSCRIPTION:
                self.signatures.confirm(passed.sns)
            return Received(messages=())
        hidden = frozenset({source.auth.header, source.auth.timestamp_header})
        data = hook_data(source.name, parsed(call.body), call.headers, hidden)
        drafted = self.drafting.draft(source, data)
        if drafted.dropped:
            self.counters.count("HookMessagesDropped", drafted.dropped, client=source.owner.client)
        sent = self._sent(source, drafted, drafted.dedup or passed.dedup or body_hash(call.body), now)
        return Received(messages=sent, dropped=drafted.dropped)

    def _sent(self, source: HookSource, drafted: Drafted, dedup: str, now: datetime) -> tuple[str, ...]:
        if not drafted.orders:
            return ()
        spare = drafted.recipients
        day, ends = _day(now), _end(now, _DAY)
        if not self.uses.take(source.name, day, spare, limit=source.limits.messages_per_day, until=ends + _DAY):
            self.counters.count("HooksLimited", client=source.owner.client)
            raise TooManyRequests(
                "the source has had its messages of this day (UTC); nothing was sent", retry_after=_seconds(now, ends)
            )
        window = whole(source.preset, source.mapping).dedup_seconds or DEFAULT_DEDUP
        ids: list[str] = []
        try:
            began = self.uses.first(source.name, stable_id(dedup), now=now, window=window)
            for order, account in zip(drafted.orders, drafted.accounts, strict=True):
                key = _key(source, order, account, dedup, began)
                sent = self._send(source, replace(order, account=account), key)
                ids.append(sent.message.id)
                if not sent.replayed:
                    spare -= len(order.to)
        finally:
            if spare:  # what was sent before, or not at all, is not of this day's
                self.uses.give_back(source.name, day, spare)
        return tuple(ids)

    def _send(self, source: HookSource, order: Order, key: str) -> Sent:
        try:
            return self.sending.send(source.owner, order, key)
        except StillInFlight as exc:
            # The same call at the same moment. A 409 is final to many senders, SNS for one: this is not.
            raise NotStored("the same call is being carried out at this moment; it is to be repeated") from exc


def _key(source: HookSource, order: Order, account: str, dedup: str, began: datetime) -> str:
    """Of a message of a call: the same for every repeat of it, and for nothing else."""
    content = (*order.to, order.text, order.client_reference or "", account, order.category)
    return stable_id("hook", source.name, dedup, began.isoformat(), *content)


def _minute(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M")


def _day(now: datetime) -> str:
    return now.strftime("%Y-%m-%d")


def _end(now: datetime, span: timedelta) -> datetime:
    """Of the span of UTC's time that it is now."""
    seconds = span.total_seconds()
    return datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, UTC)


def _seconds(now: datetime, until: datetime) -> int:
    return max(1, int((until - now).total_seconds()) + 1)
