"""Status callbacks, as Twilio makes them: a form, signed with the account's auth token.

Source: "Outbound message status in status callbacks" and "Webhooks security" (twilio.com/docs), and
`twilio.request_validator`, which is what receivers verify with.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode, urlsplit

from bridge.domain.events import EventType
from bridge.domain.ids import ulid
from bridge.domain.messages import Status
from bridge.domain.twilio import API_VERSION, TwilioSend, message_sid
from bridge.domain.twilio_statuses import STATUSES, error_code, error_message
from bridge.domain.webhooks import Endpoint, Secrets

CALLED_BACK: Final = frozenset(
    {EventType.SUBMITTED, EventType.UNKNOWN, EventType.REJECTED, EventType.DELIVERED, EventType.UNDELIVERED}
)
"""The events that a StatusCallback hears of. The others change no status, or none that Twilio has."""

MAX_ORIGINS: Final = 20
"""So many hosts of one account's callbacks fail and recover by themselves; those beyond share a circuit."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Form = Sequence[tuple[str, str]]


def endpoint_of(client: str, send: TwilioSend, known: Sequence[Endpoint], now: datetime) -> Endpoint:
    """The endpoint that stands for the host of a message's callback: one that is known, or how it is to be made.

    It wants no event by itself: each delivery to it is of one message, and has that message's own URL.
    """
    parts = urlsplit(send.callback_url or "")
    origin = f"{parts.scheme}://{parts.netloc}"
    mine = {one.id: one for one in known if one.account_sid == send.account_sid and one.client == client}
    own = _endpoint_id(client, send.account_sid, origin)
    if own not in mine and len(mine) >= MAX_ORIGINS:
        origin, own = "https://", _endpoint_id(client, send.account_sid, "")
    return mine.get(own) or Endpoint(
        id=own,
        client=client,
        url=origin,
        event_types=(),
        account_sid=send.account_sid,
        description=f"Status callbacks of {send.account_sid}",
        secrets=Secrets(current=""),  # they are signed with the auth token, as it is at that moment
        created_at=now,
        updated_at=now,
    )


def _endpoint_id(*parts: str) -> str:
    hashed = hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=10).digest()
    return ulid(_EPOCH, hashed)


def form(body: str, send: TwilioSend) -> _Form:
    """What a callback says of an event. Raises ValueError where it is not about a message.

    Args:
        body: the event's JSON form.
        send: what its message remembers.
    """
    try:
        data = json.loads(body)["data"]
        status, to, sid = Status(data["status"]), str(data["to"]), message_sid(data["message_id"])
    except (KeyError, TypeError) as exc:
        raise ValueError("not an event of a message") from exc
    code = error_code(status, data.get("error_class"), data.get("gateway_code"))
    said = STATUSES[status]
    values = {
        "ApiVersion": API_VERSION,
        "SmsSid": sid,
        "SmsStatus": said,
        "MessageSid": sid,
        "MessageStatus": said,
        "AccountSid": send.account_sid,
        "To": to,
        "From": send.sender,
        "MessagingServiceSid": send.service_sid,
        "ErrorCode": str(code) if code is not None else None,
        "ErrorMessage": error_message(code),
    }
    # What is empty is left out: some frameworks drop empty fields, and then miss them in the signature.
    return [(name, value) for name, value in values.items() if value]


def signature(token: str, url: str, fields: _Form) -> str:
    """X-Twilio-Signature: Base64 of HMAC-SHA1 over the URL and the sorted fields, each as name and value."""
    content = url + "".join(name + value for name, value in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), content.encode(), hashlib.sha1).digest()).decode()


def request(body: str, send: TwilioSend, token: str, event_id: str) -> tuple[str, Mapping[str, str], bytes]:
    """The POST of one callback: its URL, headers and body. Raises ValueError as `form`."""
    url, fields = send.callback_url or "", form(body, send)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": "eums-bridge",
        "Accept": "*/*",
        "I-Twilio-Idempotency-Token": event_id,  # the same for each attempt, as Twilio's own is
        "X-Twilio-Signature": signature(token, url, fields),
    }
    return url, headers, urlencode(fields).encode()
