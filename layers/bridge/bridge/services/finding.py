"""Finding: a client's own messages, one by its id or a list of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bridge.domain.clients import ANY_ACCOUNT, Caller
from bridge.domain.errors import FieldProblem, InvalidRequest, NotFound
from bridge.domain.lists import Among, Filters, Page
from bridge.domain.messages import Message
from bridge.ports import Accounts, Clock, MessageLists, Messages
from bridge.services.choosing import choose

LOOKED_AT: Final = 500
"""How many messages a request looks at: filters that no index serves may pass over many of them."""

RECIPIENTS: Final = 5_000
"""Likewise, how many recipients: Lambda answers with 6 MB at most, and each may have a report to be read."""

_AT_ONCE: Final = 20  # messages that are read together


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Finds what a client sent."""

    accounts: Accounts
    messages: Messages
    lists: MessageLists
    clock: Clock

    def find(self, caller: Caller, message_id: str) -> Message:
        """One of the client's own messages, as it stands now. Raises NotFound."""
        message = self.messages.find(message_id)
        if message is None or message.client != caller.client:
            raise NotFound("there is no such message")
        return message.answered(self.clock.now())

    def page(self, caller: Caller, filters: Filters, *, limit: int, cursor: str | None = None) -> Page:
        """The client's newest messages that the filters admit, at most `limit`, from behind the cursor's place on.

        Fewer than `limit` do not mean the end of the list: that has no `next_cursor`.

        Raises:
            InvalidRequest: the cursor is not of this list, or nothing can be between the times.
            NotAllowed: there is no such account that the client may use.
        """
        among = self._among(caller, filters)
        first, end = filters.ids()
        if cursor is not None:
            end = min(end, filters.place(caller.client, cursor))
        now = self.clock.now()
        found: list[Message] = []
        recipients = 0
        newest = self._newest(among, first, end, at_once=min(limit, _AT_ONCE))
        for looked, (message, more) in enumerate(newest, start=1):
            shown = message.answered(now)
            if shown.client == caller.client and filters.admit(shown):
                found.append(shown)
            recipients += len(message.recipients)
            if len(found) == limit or looked == LOOKED_AT or recipients >= RECIPIENTS:
                cursor = filters.cursor(caller.client, message.id) if more else None
                return Page(messages=tuple(found), next_cursor=cursor)
        return Page(messages=tuple(found), next_cursor=None)

    def _newest(self, among: Among, first: str, end: str, *, at_once: int) -> Iterator[tuple[Message, bool]]:
        """The messages of a range of ids, the newest first, and of each whether there are more behind it."""
        while True:
            ids = self.lists.newest(among, first=first, end=end, limit=at_once + 1)  # one more tells that there is one
            for message in self.lists.read(ids[:at_once]):
                yield message, message.id != ids[-1]
            if len(ids) <= at_once:
                return
            end = ids[at_once - 1]
            at_once = _AT_ONCE

    def _among(self, caller: Caller, filters: Filters) -> Among:
        """Where to look: behind a reference there are the fewest, then behind a number."""
        after, before = filters.created_after, filters.created_before
        if after is not None and before is not None and after >= before:
            raise InvalidRequest((FieldProblem("created_before", "must be later than created_after"),))
        if filters.account is not None:
            accounts: tuple[str, ...] = (choose(caller, filters.account, self.accounts),)
        elif ANY_ACCOUNT in caller.accounts:
            accounts = self.accounts.names()
        else:
            accounts = tuple(sorted(caller.accounts))
        if filters.client_reference is not None:
            return Among(client=caller.client, client_reference=filters.client_reference)
        if filters.to is not None:
            return Among(client=caller.client, number=filters.to, accounts=accounts)
        return Among(client=caller.client)
