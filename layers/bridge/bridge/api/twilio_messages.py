"""Messages as Twilio's SDKs read them. Source: `MessageInstance` and `Page` of `twilio` for Python."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from bridge.api.twilio_forms import Listing
from bridge.domain.lists import Page
from bridge.domain.messages import Message
from bridge.domain.submits import is_waiting
from bridge.domain.twilio import API_VERSION, TwilioSend, message_sid
from bridge.domain.twilio_statuses import STATUSES, error_code, error_message


def message_json(message: Message, account_sid: str) -> dict[str, Any]:
    """A message. One of several recipients, which came in by another door, shows the first of them.

    `body` is what goes out, with the signature that was put in front; there are no prices.
    """
    first = message.recipients[0]
    send = message.twilio or TwilioSend(account_sid=account_sid)
    sid = message_sid(message.id)
    uri = f"{_messages(account_sid)}/{sid}"
    code = error_code(first.status, first.error_class or message.reason, message.gateway_code)
    sent = None if is_waiting(message) or STATUSES[first.status] == "canceled" else message.submitted_at
    return {
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "body": message.text,
        "date_created": _rfc2822(message.created_at),
        "date_sent": _rfc2822(sent),
        "date_updated": _rfc2822(first.reported_at or message.submitted_at),
        "direction": "outbound-api",
        "error_code": code,
        "error_message": error_message(code),
        "from": send.sender,
        "messaging_service_sid": send.service_sid,
        "num_media": "0",
        "num_segments": str(first.billed_segments or message.estimated_segments),
        "price": None,
        "price_unit": None,
        "sid": sid,
        "status": STATUSES[first.status],
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": first.to,
        "uri": f"{uri}.json",
    }


def page_json(page: Page, listing: Listing, account_sid: str) -> dict[str, Any]:
    """A page of messages, the newest first; `next_page_uri` is relative to the API's base URL, as Twilio's is."""

    def uri(number: int, token: Mapping[str, str]) -> str:
        query = {**listing.query, "PageSize": str(listing.size), "Page": str(number), **token}
        return f"{_messages(account_sid)}.json?{urlencode(query)}"

    start = listing.page * listing.size
    return {
        "end": start + max(len(page.messages) - 1, 0),
        "first_page_uri": uri(0, {}),
        "messages": [message_json(message, account_sid) for message in page.messages],
        "next_page_uri": uri(listing.page + 1, {"PageToken": page.next_cursor}) if page.next_cursor else None,
        "page": listing.page,
        "page_size": listing.size,
        "previous_page_uri": None,  # the places of a list are known forwards only
        "start": start,
        "uri": uri(listing.page, {"PageToken": listing.cursor} if listing.cursor else {}),
    }


def _messages(account_sid: str) -> str:
    return f"/{API_VERSION}/Accounts/{account_sid}/Messages"


def _rfc2822(time: datetime | None) -> str | None:
    return format_datetime(time.astimezone(UTC)) if time else None
