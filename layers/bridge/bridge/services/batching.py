"""Batching: up to ten thousand messages are accepted at once. `bridge.services.unfolding` brings them on their way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.domain.batches import Batch, BatchEntry, BatchStanding, BatchStatus, batch_id, in_full
from bridge.domain.clients import Caller
from bridge.domain.errors import FieldProblem, InvalidRequest, NotFound, NotStored, StillInFlight
from bridge.domain.ids import stable_id
from bridge.domain.messages import Once, Status
from bridge.domain.policies import Policy
from bridge.domain.work import PlanWork
from bridge.ports import Accounts, BatchBodies, Batches, Clock, Counters, Gateway, NewId, SendQueue
from bridge.services.allowing import Allowing, permit, use_of
from bridge.services.checking import check
from bridge.services.choosing import route
from bridge.services.composing import BatchOrder, Wording, compose
from bridge.services.sending import IDEMPOTENCY_KEY
from eums import Submit

_SAMPLE: Final = "13800138000"  # a text is checked without its number, which was checked before


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    """A batch that was accepted.

    Attributes:
        replayed: not now, but by an earlier request with the same key.
    """

    batch: Batch
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedBatch:
    """A batch, and how many of its messages have which status."""

    batch: Batch
    counts: Mapping[Status, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """Accepts batches, and says how far they are."""

    accounts: Accounts
    gateway: Gateway
    batches: Batches
    bodies: BatchBodies
    queue: SendQueue
    allowing: Allowing
    clock: Clock
    new_id: NewId
    counters: Counters

    def accept(self, caller: Caller, order: BatchOrder, idempotency_key: str | None = None) -> AcceptedBatch:
        """Accept a batch: from here on it is sent, whatever happens to the caller's connection, or to ours.

        With an idempotency key, a repeat within 24 h accepts nothing and gets the first one's batch. All of the batch
        counts towards the client's limits when it is accepted; a repeat is neither counted nor refused for them.

        Raises:
            NotAllowed: there is no such account or extension that the client may use, or it has more than a day's.
            RateLimited, DailyCapReached: the client has to wait; nothing was accepted.
            InvalidRequest: the gateway would surely refuse some of it, or the key was used for another request.
            StillInFlight: another request with this key is being carried out at this moment.
        """
        batch, entries = self._compose(caller, order)
        once = _once(caller, idempotency_key, order, batch.account) if idempotency_key is not None else None
        if once is not None and caller.limits.counted and (first := self._earlier(once)) is not None:
            return AcceptedBatch(batch=first, replayed=True)
        if caller.limits.counted:  # the segments of ten thousand texts take a while
            self.allowing.take(caller, use_of((entry.text, 1) for entry in entries))
        try:
            self.bodies.keep(batch, entries)
            standing = self.batches.add(batch, once)
        except StillInFlight:
            raise
        except Exception as exc:
            raise NotStored("the bridge's own store did not answer; repeat it with the same Idempotency-Key") from exc
        if once is not None and standing is not None:
            # The body of this request belongs to nothing, and expires.
            return AcceptedBatch(batch=self._first(standing, once), replayed=True)
        self._leave(batch)
        return AcceptedBatch(batch=batch, replayed=False)

    def find(self, caller: Caller, wanted: str) -> CountedBatch:
        """One of the client's own batches, as it stands now. Raises NotFound."""
        batch = self.batches.get(wanted)
        if batch is None or batch.client != caller.client:
            raise NotFound("there is no such batch")
        return CountedBatch(batch=batch, counts=in_full(self.batches.counts(batch.id), batch.size))

    def _compose(self, caller: Caller, order: BatchOrder) -> tuple[Batch, tuple[BatchEntry, ...]]:
        permit(caller, order.extension)
        account, *others = route(caller, order.account, self.accounts)
        policy = self.accounts.policy(account)
        gateway_account = self.accounts.get(account)
        entries = compose(order, lambda text: self._checked(account, policy, text))
        batch = Batch(
            id=batch_id(self.new_id()),
            client=caller.client,
            account=account,
            size=len(entries),
            most=gateway_account.max_recipients,
            created_at=self.clock.now().astimezone(gateway_account.tzinfo),
            extension=order.extension,
            category=order.category,
            on_ambiguous=order.on_ambiguous,
            fallback_accounts=tuple(others),
        )
        return batch, entries

    def _checked(self, account: str, policy: Policy, text: str) -> Wording:
        checked = check(self.gateway, account, policy, Submit(dest=(_SAMPLE,), content=text))
        return Wording(text=checked.sound().content, signature=checked.signature)

    def _earlier(self, once: Once) -> Batch | None:
        try:
            standing = self.batches.standing(once, now=self.clock.now())
        except Exception as exc:
            raise NotStored("the bridge's own store did not answer; repeat it with the same Idempotency-Key") from exc
        return self._first(standing, once) if standing is not None else None

    def _first(self, standing: BatchStanding, once: Once) -> Batch:
        if standing.request_hash != once.request_hash:
            raise InvalidRequest(
                (FieldProblem(IDEMPOTENCY_KEY, "was used for another request within 24 hours; use a new one"),)
            )
        if standing.batch.status is BatchStatus.ACCEPTED:
            self._leave(standing.batch)  # whoever accepted it may have died before it did
        return standing.batch

    def _leave(self, batch: Batch) -> None:
        """Leave a batch that is written down to the queue.

        Where that fails it is accepted all the same, and only later: `attend` finds what got no further.
        """
        try:
            self.queue.send([PlanWork(batch_id=batch.id)])
        except Exception:  # noqa: BLE001 - whatever the reason, see above
            self.counters.count("BatchesNotQueued", account=batch.account)


def _once(caller: Caller, key: str, order: BatchOrder, account: str) -> Once:
    """A key of a batch is none of a message: those are asked for elsewhere."""
    request = {
        "account": account,
        "extension": order.extension,
        "category": order.category,
        "on_ambiguous": order.on_ambiguous,
        "text": order.text,
        "template": order.template,
        "entries": [
            [entry.to, entry.text, entry.template, dict(entry.params), entry.client_reference]
            for entry in order.entries
        ],
    }
    return Once(
        key_hash=stable_id("once", "batch", caller.client, key),
        request_hash=stable_id(json.dumps(request, sort_keys=True)),
    )
