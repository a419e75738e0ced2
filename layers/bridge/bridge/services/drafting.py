"""Drafting: what a hook source makes of a call's JSON, checked as every send is, before any of it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bridge.domain import segments
from bridge.domain.errors import FieldProblem, InvalidRequest, NotAllowed
from bridge.domain.hook_mappings import Draft, Reader
from bridge.domain.hook_presets import PRESETS
from bridge.domain.hook_sources import HookMapping, HookSource
from bridge.domain.hook_templates import fitted
from bridge.domain.policies import Policy
from bridge.domain.signatures import signed
from bridge.ports import Accounts, Gateway
from bridge.services.allowing import permit
from bridge.services.checking import check
from bridge.services.choosing import choose
from bridge.services.sending import Order
from eums import Submit


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """What a call is to be made into.

    Attributes:
        orders: the messages, ready for `Sending`.
        texts: as they would go out, with the signatures in front.
        accounts: which account each of them is for.
        dropped: how many there would be more; the source's limit cuts them off.
        dedup: what the call has in common with its repeats; None where the mapping does not say.
    """

    orders: tuple[Order, ...]
    texts: tuple[str, ...]
    accounts: tuple[str, ...]
    dropped: int
    dedup: str | None

    @property
    def recipients(self) -> int:
        """Of all messages together."""
        return sum(len(order.to) for order in self.orders)


@lru_cache(maxsize=64)
def reader(mapping: HookMapping) -> Reader:
    """A mapping, read once a process. Raises InvalidRequest, which names everything that is wrong with it."""
    return Reader(mapping)


def whole(preset: str | None, mapping: HookMapping) -> HookMapping:
    """A mapping with its preset's parts. Raises KeyError where there is no such preset."""
    return mapping.over(PRESETS[preset]) if preset is not None else mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """Makes drafts; sends nothing."""

    accounts: Accounts
    gateway: Gateway

    def draft(self, source: HookSource, data: Mapping[str, Any]) -> Drafted:
        """The messages that a call asks for: all of them, or none.

        Raises:
            NotAllowed: its client may send nothing without an extension, and hooks have none.
            InvalidRequest: the mapping cannot make messages of it, or the gateway would surely refuse one.
        """
        permit(source.owner, "")
        read = reader(whole(source.preset, source.mapping))
        drafts, dropped = read.drafts(data, source.limits.messages_per_call)
        made = [self._order(source, draft, index) for index, draft in enumerate(drafts)]
        return Drafted(
            orders=tuple(order for order, _, _ in made),
            texts=tuple(text for _, text, _ in made),
            accounts=tuple(account for _, _, account in made),
            dropped=dropped,
            dedup=read.dedup(data),
        )

    def _order(self, source: HookSource, draft: Draft, index: int) -> tuple[Order, str, str]:
        to = draft.to or source.to
        if not to:
            raise _refused("mapping.to", f"gave no number for message {index}, and the source has none in `to`")
        wanted = draft.account or source.account
        try:
            account = choose(source.owner, wanted, self.accounts)
        except NotAllowed:
            # Which one is not said: it may have come from the body.
            where = "mapping.account" if draft.account else "account"
            raise _refused(where, f"names no account that the source may use, for message {index}") from None
        policy = self.accounts.policy(account)
        text = within_a_message(draft.text, policy)
        checked = check(self.gateway, account, policy, Submit(dest=to, content=text))
        if checked.problems:
            raise InvalidRequest(
                tuple(
                    FieldProblem(f"messages[{index}].{each.field}", each.message, each.gateway_code)
                    for each in checked.problems
                )
            )
        order = Order(
            to=to,
            text=text,
            client_reference=draft.client_reference,
            account=wanted,
            category=source.category,
            queued=True,
        )
        return order, checked.submit.content, account


def within_a_message(text: str, policy: Policy) -> str:
    """A text that is still within a message's length with the account's signature in front of it."""
    cut = text
    for _ in range(2):  # a 签名 at the end of a text may be cut off, and then the account's own goes in front
        sent, _ = signed(cut, policy)
        over = segments.length(sent) - segments.MAX_LENGTH
        if over <= 0:
            break
        cut = fitted(text, segments.length(cut) - over)
    return cut


def _refused(field: str, reason: str) -> InvalidRequest:
    return InvalidRequest((FieldProblem(field, reason),))
