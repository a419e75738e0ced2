"""The Twilio-shaped door: how Twilio names messages and accounts, and what a message of the door remembers.

Source: Twilio's Message resource (twilio.com/docs/messaging/api/message-resource) and the SDK `twilio` for Python.
"""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.domain.ids import CROCKFORD, is_ulid

API_VERSION: Final = "2010-04-01"
"""The only version of Twilio's API for messages, and the beginning of its paths."""

_MESSAGE_SID: Final = re.compile(r"SM[0-9a-f]{32}")
_ACCOUNT_SID: Final = re.compile(r"AC[0-9a-f]{32}")
_LETTERS: Final = 26  # of a ULID
_SHORT_CODE: Final = re.compile(r"[0-9]{1,8}")


def message_sid(message_id: str) -> str:
    """A message's SID: `SM` and the 128 bits of its ULID as 32 hex digits. Raises ValueError where it is no ULID."""
    if not is_ulid(message_id):
        raise ValueError("not a ULID")
    number = 0
    for character in message_id:
        number = number << 5 | CROCKFORD.index(character)
    return f"SM{number:032x}"


def message_id(sid: str) -> str:
    """The ULID that a message's SID is made of. Raises ValueError where it is made of none."""
    if not _MESSAGE_SID.fullmatch(sid):
        raise ValueError("not a message's SID")
    number = int.from_bytes(bytes.fromhex(sid.removeprefix("SM")), "big")
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(5 * (_LETTERS - 1), -1, -5))


def is_account_sid(text: str) -> bool:
    """Whether `text` has the form of an account's SID."""
    return _ACCOUNT_SID.fullmatch(text) is not None


def credential_hash(account_sid: str, token: str) -> str:
    """What ClientsTable has of an account's SID and its auth token: neither alone finds a client.

    An API key is stored as its bare hash. So no key is a token, and no token a key, whatever it is made of.
    """
    return "twilio#" + hashlib.sha256(f"{account_sid}:{token}".encode()).hexdigest()


def extension_of(sender: str | None) -> str:
    """The extension that a `From` asks for: up to eight digits and nothing else, what Twilio calls a short code.

    Longer ones are phone numbers, and names are names: the account's own number is what a handset shows.
    """
    return sender if sender and _SHORT_CODE.fullmatch(sender) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioSend:
    """What a message remembers of a send through the door.

    Attributes:
        account_sid: whose credentials it was sent with.
        sender: its `From`, as it came.
        service_sid: its `MessagingServiceSid`; it chooses nothing.
        callback_url: its `StatusCallback`.
    """

    account_sid: str
    sender: str | None = None
    service_sid: str | None = None
    callback_url: str | None = field(default=None, repr=False)  # an address may hold a token

    def record(self) -> dict[str, str]:
        """As it is kept; what is None is left out."""
        values = {
            "account_sid": self.account_sid,
            "from": self.sender,
            "service_sid": self.service_sid,
            "url": self.callback_url,
        }
        return {name: value for name, value in values.items() if value is not None}


def send_of(record: Any) -> TwilioSend | None:
    """Read one back from how it is kept. Raises ValueError where it is none."""
    if record is None:
        return None
    try:
        return TwilioSend(
            account_sid=record["account_sid"],
            sender=record.get("from"),
            service_sid=record.get("service_sid"),
            callback_url=record.get("url"),
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("nothing that the door wrote") from exc
