"""Finding: a client's own messages, one by its id or a list of them."""

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

_AT_ONCE: Final = 100  # messages that are read together, once the first did not make a page


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
        found: list[Message] = []
        looked, wanted = 0, limit
        while True:
            ids = self.lists.newest(among, first=first, end=end, limit=wanted + 1)  # one more tells whether there is
            found += self._admitted(caller, filters, ids[:wanted])
            if len(found) > limit:
                found = found[:limit]
                return Page(messages=tuple(found), next_cursor=filters.cursor(caller.client, found[-1].id))
            if len(ids) <= wanted:
                return Page(messages=tuple(found), next_cursor=None)
            end = ids[wanted - 1]
            looked += wanted
            if len(found) == limit or looked >= LOOKED_AT:
                return Page(messages=tuple(found), next_cursor=filters.cursor(caller.client, end))
            wanted = min(_AT_ONCE, LOOKED_AT - looked)

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

    def _admitted(self, caller: Caller, filters: Filters, ids: list[str]) -> list[Message]:
        now = self.clock.now()
        read = [message.answered(now) for message in self.lists.read(ids) if message.client == caller.client]
        return [message for message in read if filters.admit(message)]
