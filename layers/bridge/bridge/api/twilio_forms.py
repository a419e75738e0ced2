"""What Twilio's SDKs post, as orders of ours. Source: `twilio.rest.api.v2010.account.message`.

Parameters that nobody here knows are ignored, as Twilio does; those that ask for what the bridge cannot do are refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs

from bridge.api.requests import idempotency_key
from bridge.api.twilio_errors import TwilioRefusal, refusal
from bridge.domain import numbers, segments
from bridge.domain.lists import Filters
from bridge.domain.messages import Category
from bridge.domain.twilio import TwilioSend, extension_of, message_id
from bridge.services.sending import IDEMPOTENCY_KEY, Order

_MOST_FIELDS: Final = 100
_LONGEST_SENDER: Final = 64
_TOKEN_HEADER: Final = "i-twilio-idempotency-token"  # noqa: S105 - a header's name
_SERVICE_SID: Final = re.compile(r"MG[0-9a-fA-F]{32}")
_ASCII: Final = re.compile(r"[\x21-\x7e]+")
_MOST_PAGE: Final = 100
_USUAL_PAGE: Final = 50
_DAY: Final = timedelta(days=1)


def parse_form(body: str | None) -> Mapping[str, str]:
    """The fields of a form, the first of each name. Raises TwilioRefusal where it is none."""
    try:
        fields = parse_qs(body or "", keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise refusal(20001, "The request's body is not a form") from None
    return {name: values[0] for name, values in fields.items()}


def order_of(form: Mapping[str, str], account_sid: str) -> Order:
    """The message that a form asks for. Raises TwilioRefusal, with the first of its problems."""
    number = _number(form)
    text = _text(form)
    sender, service = form.get("From") or None, form.get("MessagingServiceSid") or None
    if sender is not None and (len(sender) > _LONGEST_SENDER or not sender.isprintable()):
        raise refusal(21212, "'From' is not a sender")
    if service is not None and not _SERVICE_SID.fullmatch(service):
        raise refusal(21705, "'MessagingServiceSid' is not a Messaging Service's SID")
    callback = form.get("StatusCallback") or None
    if callback is not None and not _ASCII.fullmatch(callback):
        raise refusal(21609, "'StatusCallback' must be a URL in ASCII: encode the rest")
    return Order(
        to=(number,),
        text=text,
        extension=extension_of(sender),
        category=Category.MARKETING,
        send_at=_send_at(form),
        queued=True,
        twilio=TwilioSend(account_sid=account_sid, sender=sender, service_sid=service, callback_url=callback),
    )


def _number(form: Mapping[str, str]) -> str:
    to = form.get("To", "")
    if not to:
        raise refusal(21604, "A 'To' phone number is required")
    # In a form that was not encoded, a + is a blank.
    number = numbers.national(to.replace(" ", "+") if to.startswith(" ") else to)
    if number is None:
        raise refusal(21211, f"'To' must be {numbers.EXPECTED}")
    return number


def _text(form: Mapping[str, str]) -> str:
    if any(form.get(name) for name in ("MediaUrl", "MediaUrl0")) or form.get("SendAsMms", "").lower() == "true":
        raise refusal(21620, "Media are not sent here: the gateway takes text only")
    if form.get("ContentSid"):
        raise refusal(50526, "There are no content templates here: send the text as 'Body'")
    text = form.get("Body", "")
    if not text.strip():
        raise refusal(21602, "A text message body is required")
    if segments.length(text) > segments.MAX_LENGTH:
        raise refusal(21617, f"'Body' has more than {segments.MAX_LENGTH} UTF-16 code units")
    return text


def _send_at(form: Mapping[str, str]) -> datetime | None:
    kind, at = form.get("ScheduleType", ""), form.get("SendAt", "")
    if not kind and not at:
        return None
    if kind != "fixed":
        raise refusal(20001, "'ScheduleType' must be 'fixed' where there is a 'SendAt'")
    if not at:
        raise refusal(35111, "'SendAt' is missing")
    time = _moment(at)
    if time is None:
        raise refusal(35114, "'SendAt' must be a time in ISO 8601, such as 2026-11-30T20:36:27Z")
    return time


def _moment(text: str) -> datetime | None:
    """A date or a time in ISO 8601, in UTC where it names no other zone; None for what is none, or of no use."""
    try:
        time = datetime.fromisoformat(text)
        time = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
        _ = time + _DAY  # the last day that Python knows has no next one
    except (ValueError, OverflowError):
        return None
    return time


def cancels(form: Mapping[str, str]) -> None:
    """Check that an update cancels, which is all that it can do here. Raises TwilioRefusal."""
    if form.get("Status") != "canceled":
        raise refusal(20001, "All that can be changed is 'Status', to 'canceled': a text that was sent is kept")


def key_of(headers: Mapping[str, str]) -> str | None:
    """What makes a repeated send harmless. Raises InvalidRequest where it is no usable key.

    `I-Twilio-Idempotency-Token`, which is how Twilio names its own, or `Idempotency-Key`.
    """
    known = {name.lower(): value for name, value in headers.items()}
    token = known.get(_TOKEN_HEADER)
    return idempotency_key({IDEMPOTENCY_KEY: token} if token else headers)


def id_of(segment: str) -> str:
    """The message that the last part of a path names, `SM….json`. Raises TwilioRefusal."""
    try:
        return message_id(segment.removesuffix(".json"))
    except ValueError:
        raise refusal(20404, "The requested message was not found", status=404) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which messages a query asks for, and which page of them.

    Attributes:
        size: messages in a page, at most 100, whatever was asked for.
        query: the filters as they came, for the next page's address.
    """

    filters: Filters
    size: int
    page: int
    cursor: str | None
    query: Mapping[str, str]


def listing_of(query: Mapping[str, str] | None) -> Listing:
    """A query of the list. Raises TwilioRefusal where it asks for what is not to be had."""
    known = dict(query or {})
    if known.get("From"):
        raise refusal(20001, "'From' does not filter here: senders are not indexed")
    to = known.get("To")
    number = numbers.national(to.replace(" ", "+")) if to else None
    if to and number is None:
        raise refusal(21211, f"'To' must be {numbers.EXPECTED}")
    on, since, until = (_day(known, name) for name in ("DateSent", "DateSent>", "DateSent<"))
    return Listing(
        filters=Filters(
            to=numbers.e164(number) if number else None,
            created_after=on or since,
            created_before=on + _DAY if on else until,
        ),
        size=min(max(_whole(known, "PageSize", _USUAL_PAGE), 1), _MOST_PAGE),
        page=max(_whole(known, "Page", 0), 0),
        cursor=known.get("PageToken") or None,
        query={name: known[name] for name in ("To", "DateSent", "DateSent>", "DateSent<") if known.get(name)},
    )


def _day(query: Mapping[str, str], name: str) -> datetime | None:
    if not query.get(name):
        return None
    time = _moment(query[name])
    if time is None:
        raise refusal(20001, f"{name!r} must be a date or a time in ISO 8601")
    return time


def _whole(query: Mapping[str, str], name: str, usual: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000000") else usual


__all__ = ["Listing", "TwilioRefusal", "cancels", "id_of", "key_of", "listing_of", "order_of", "parse_form"]
