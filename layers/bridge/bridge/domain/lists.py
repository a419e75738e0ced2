"""Lists of messages: what is asked for, and how far a reader has got.

A list is in the order of the messages' ids, which is that of their creation, the newest first. A reader's place is the
id that was looked at last, so that what is created meanwhile, and what changes, moves nothing.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from bridge.domain.errors import FieldProblem, InvalidRequest
from bridge.domain.ids import is_ulid, stable_id, ulid
from bridge.domain.messages import Message, Status

FIRST: Final = "0" * 26
"""Before it there is no id."""

END: Final = "Z" * 26
"""All ids are before it."""

_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OF_A_BATCH: Final = 22  # a batch's messages have its id but for the last four characters, which count them


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which messages are asked for; None is all of them.

    Attributes:
        to: E.164, one of the message's recipients.
        status: the message's, as it is shown.
        account: our name of the gateway account.
        created_after: this moment or later, to the millisecond.
        created_before: not this moment, but before.
    """

    client_reference: str | None = None
    to: str | None = None
    status: Status | None = None
    account: str | None = None
    batch_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def ids(self) -> tuple[str, str]:
        """The range of ids that they allow: from the first to before the second."""
        first, end = FIRST, END
        if self.created_after is not None:
            first = _first_of(self.created_after)
        if self.created_before is not None:
            end = _first_of(self.created_before)
        if self.batch_id is not None:
            batch = self.batch_id[:_OF_A_BATCH]
            first, end = max(first, batch), min(end, batch + END[_OF_A_BATCH:])
        return first, end

    def admit(self, message: Message) -> bool:
        """Whether a message in that range is one of those that are asked for."""
        return (
            self.status in {None, message.status}
            and self.account in {None, message.account}
            and (self.to is None or any(recipient.to == self.to for recipient in message.recipients))
        )

    def cursor(self, client: str, place: str) -> str:
        """Names a place in this list of this client's; opaque to whoever gets it."""
        return _encoded(place + self._name(client))

    def place(self, client: str, cursor: str) -> str:
        """The id that a cursor names. Raises InvalidRequest where it is none, or of another list."""
        try:
            text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        except ValueError:
            text = ""
        place, name = text[: len(END)], text[len(END) :]
        if not is_ulid(place) or _encoded(text) != cursor:  # decoding passes over what is not Base64
            raise InvalidRequest((FieldProblem("cursor", "must be a next_cursor as it came"),))
        if name != self._name(client):
            raise InvalidRequest((FieldProblem("cursor", "belongs to other filters; begin without one"),))
        return place

    def _name(self, client: str) -> str:
        values = {name: value for name, value in asdict(self).items() if value is not None}
        times = {name: value.astimezone(UTC) for name, value in values.items() if isinstance(value, datetime)}
        return stable_id(client, *(f"{name}={value}" for name, value in {**values, **times}.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """Where messages are looked for.

    Attributes:
        client: whose.
        client_reference: only among those that have it, as a whole or for one of their recipients.
        number: only among those to it (E.164), sent from one of `accounts`.
    """

    client: str
    client_reference: str | None = None
    number: str | None = None
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of a list.

    Attributes:
        next_cursor: names the place behind them; None at the end.
    """

    messages: tuple[Message, ...]
    next_cursor: str | None


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _first_of(time: datetime) -> str:
    return ulid(max(time, _EARLIEST), bytes(10))
