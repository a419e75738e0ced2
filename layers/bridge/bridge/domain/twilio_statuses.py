"""Our statuses, error classes and the gateway's codes as Twilio's statuses and error codes, by tables.

Source: "Message Status values" and the error dictionary (twilio.com/docs/api/errors).
"""

from collections.abc import Mapping
from typing import Final

from bridge.domain.messages import Rejection, Status

STATUSES: Final[Mapping[Status, str]] = {
    Status.ACCEPTED: "queued",
    Status.SCHEDULED: "scheduled",
    Status.CANCELLED: "canceled",
    Status.SUBMITTING: "sending",
    Status.SUBMITTED: "sent",
    # The gateway did not say whether it took it. Not "sending": a watchdog sends again what stays there too long, and
    # that is what must not happen to a message that may be on its way. A report resolves it.
    Status.UNKNOWN: "sent",
    Status.REJECTED: "failed",
    Status.DELIVERED: "delivered",
    Status.UNDELIVERED: "undelivered",
    # Likewise at Twilio: where no carrier reports, a message stays as it is.
    Status.UNKNOWN_EXPIRED: "sent",
}
"""Every status of ours in Twilio's words."""

UNMAPPED: Final = 30008
"""Twilio's "unknown error": whatever has no code of its own there."""

_OF_CLASS: Final[Mapping[str, int]] = {
    # `eums.statuses`, by what operators report.
    **dict.fromkeys(("unreachable", "expired", "no_answer", "mailbox_full"), 30003),
    "blacklisted": 30004,
    **dict.fromkeys(("invalid_number", "suspended"), 30005),
    "no_route": 30006,
    **dict.fromkeys(("content_refused", "signature", "too_frequent"), 30007),
    # What the bridge itself gave up.
    Rejection.OPTED_OUT: 21610,
    Rejection.EXPIRED_IN_QUEUE: 30036,
}
_OF_GATEWAY_CODE: Final[Mapping[int, int]] = {
    108: 21212,
    109: 21617,
    **dict.fromkeys((110, 111, 113, 401), 30007),
    **dict.fromkeys((202, 203, 205), 30002),
}
_MESSAGES: Final[Mapping[int, str]] = {
    21212: "Invalid From Number (caller ID)",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the character limit",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30036: "Validity Period Expired",
}


def error_code(status: Status, error_class: str | None, gateway_code: int | None) -> int | None:
    """Why a message failed, in Twilio's numbers; None where it did not.

    Args:
        status: a recipient's.
        error_class: of `eums.statuses`, or a `Rejection`; None where there is none.
        gateway_code: by which the gateway refused it; None where it did not.
    """
    if status not in {Status.REJECTED, Status.UNDELIVERED}:
        return None
    if error_class is not None and error_class in _OF_CLASS:
        return _OF_CLASS[error_class]
    return _OF_GATEWAY_CODE.get(gateway_code, UNMAPPED) if gateway_code is not None else UNMAPPED


def error_message(code: int | None) -> str | None:
    """What a code means, in a few words; None where there is none."""
    return _MESSAGES.get(code, _MESSAGES[UNMAPPED]) if code is not None else None
