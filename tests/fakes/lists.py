"""Lists over the messages of the fake world."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.domain.lists import Among
from bridge.domain.messages import Message


class Kept(Protocol):
    """What `tests.fakes.messages.FakeMessages` has."""

    messages: dict[str, Message]
    indexed: dict[str, str]

    @property
    def find(self) -> Callable[[str], Message | None]: ...


@dataclass
class FakeMessageLists:
    """As the indexes have them: by number, whoever's; of several numbers, once the message was indexed."""

    messages: Kept
    looked_at: list[str] = field(default_factory=list)

    def newest(self, among: Among, *, first: str, end: str, limit: int) -> list[str]:
        there = [
            message.id
            for message in self.messages.messages.values()
            if first <= message.id < end and self._is_among(message, among)
        ]
        return sorted(there, reverse=True)[:limit]

    def read(self, message_ids: Sequence[str]) -> list[Message]:
        self.looked_at += message_ids
        return [message for message_id in message_ids if (message := self.messages.find(message_id))]

    def _is_among(self, message: Message, among: Among) -> bool:
        indexed = len(message.recipients) == 1 or message.id in self.messages.indexed
        if among.client_reference is not None:
            own = {recipient.client_reference for recipient in message.recipients} if indexed else set()
            return message.client == among.client and among.client_reference in {message.client_reference, *own}
        if among.number is not None:
            numbers = {recipient.to for recipient in message.recipients}
            return message.account in among.accounts and among.number in numbers and indexed
        return message.client == among.client
