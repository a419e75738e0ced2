"""Opt-outs: numbers that want no more messages from an account, and how a handset says so.

An opt-out is removed by leaving a tombstone. What the gateway handed out can be published again, from the journal, so
that an opt-out may come a second time after its removal: what was received before that is not applied again.
"""

import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bridge.domain.json_texts import json_value

# Some of what ends a text in ASCII (`~`, `^`) is a symbol to Unicode and no punctuation.
_TRIMMED: Final = frozenset(string.punctuation)


class Source(StrEnum):
    """Where an opt-out comes from."""

    INBOUND = "inbound"  # the handset answered a keyword
    API = "api"


class Heard(StrEnum):
    """What became of an inbound message."""

    OPTED_OUT = "opted_out"  # its number gets no more messages, from now on
    STANDING = "standing"  # its number is opted out already, or was removed after this was received
    IGNORED = "ignored"  # it says something else


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """A number that wants no more messages from an account.

    Attributes:
        account: the gateway account that it answered, or that the API named.
        number: a mainland mobile number in E.164.
        since: when the handset's message was received, or the API called; aware.
        keyword: what it answered, as the account's keywords write it; None where the API was called.
        message: where the journal has the inbound message, `<pull id>/<ordinal>`; None likewise.
    """

    account: str
    number: str
    since: datetime
    source: Source
    keyword: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """What an opt-out needs to know of an inbound message.

    Attributes:
        sender: E.164 where it is a mainland mobile number, else as the gateway gave it.
        received_at: by the gateway, or when it was pulled, where the gateway did not say.
        place: `<pull id>/<ordinal>`.
    """

    account: str
    sender: str
    text: str
    received_at: datetime
    place: str


def keyword_in(text: str, keywords: Iterable[str]) -> str | None:
    """The keyword that a text consists of, or None where it says anything else or more.

    Full-width letters are letters, and neither case nor white space and punctuation around it matter: `ｔｄ。` is TD.
    """
    said = _bare(text)
    return next((keyword for keyword in keywords if said and _bare(keyword) == said), None)


def inbound_message(body: str) -> InboundMessage:
    """What an `sms.inbound.received` event says, read back from its JSON form. Raises ValueError where it is none."""
    try:
        envelope = json_value(body)
        data = envelope["data"]
        return InboundMessage(
            account=data["account"],
            sender=data["from"],
            text=data["text"],
            received_at=datetime.fromisoformat(envelope["time"]),
            place=envelope["subject"],
        )
    except (KeyError, TypeError) as exc:
        raise ValueError("not an inbound event of this bridge") from exc


def _bare(text: str) -> str:
    # Folding may take a character out of its normal form, so that it is normalised once more.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    first, last = 0, len(folded)
    while first < last and _is_trimmed(folded[first]):
        first += 1
    while last > first and _is_trimmed(folded[last - 1]):
        last -= 1
    return folded[first:last]


def _is_trimmed(character: str) -> bool:
    # P punctuation, Z separators, Cc and Cf control and format characters: a BOM or a joiner cannot be seen either.
    category = unicodedata.category(character)
    return category[0] in "PZ" or category in {"Cc", "Cf"} or character in _TRIMMED
