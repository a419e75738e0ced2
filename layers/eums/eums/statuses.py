"""What a `report_status` means (拉取状态报告).

The specification leaves the values open: they are the operators' own. `DELIVRD` alone means delivered. A few are
not final. Everything else is a failure, classified by an exact table, then by the prefix that China Mobile's
gateways put before a number, else `unclassified`. Operators disagree on some values (MK:0000, MK:0001, DB:0140),
so the class is a hint and the raw value is what counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ERROR_CLASSES", "Outcome", "classify"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a report says of a message.

    Attributes:
        state: delivered, undelivered, or pending: not known yet.
        final: whether no later report is expected to change it.
        error_class: why it failed, one of `ERROR_CLASSES`; None unless undelivered.
    """

    state: Literal["delivered", "undelivered", "pending"]
    final: bool
    error_class: str | None = None


_DELIVERED = Outcome("delivered", final=True)
_PENDING = Outcome("pending", final=False)
_UNCLASSIFIED = Outcome("undelivered", final=True, error_class="unclassified")

_EXACT_CLASSES = {
    "invalid_number": "MK:0001 MK:0012 MN:0001 CB:0001 CB:0053 DB:0100 DB:0101 LT:0001",
    "suspended": "MK:0004 MK:0005 MK:0013 DB:0102 DB:0103 MI:0013",
    "unreachable": "EXPIRED MI:0010 MI:0024 MK:0008 MK:0010 MK:0024",
    "mailbox_full": "MK:0017 MK:0022",
    "blacklisted": "BLACK MBBLACK DBBLACK BLOCKED DB:0141 DB:0144 MX:0013",
    "content_refused": "KEYWORD ID:0076 REJECT MK:0115 MK:0116",
    "signature": "SIGNERR SIGFAIL SIGNBLOCKED QM_FAIL XA:0003",
    "too_frequent": "DISTURB BEYONDM BEYONDH BEYONDD DB:0142 MA:0022",
    "no_route": "NOROUTE ROUTEERR IB:0008",
    # The words that SMPP and CMPP themselves give to final failures.
    "deleted": "DELETED",
    "undeliverable": "UNDELIV",
    "rejected": "REJECTD",
}

_PREFIX_CLASSES = {
    "expired": "MI",
    "deleted": "MJ",
    "undeliverable": "MK",
    "rejected": "MN",
    "other": "MH",
    "no_answer": "MA",
    "smsc_error": "MB",
    "no_report": "MC",
    "gateway_hop": "IA IB IC",
    "prepaid": "CA CB",
    "service_platform": "DA DB",
    "service_provider": "SA SB",
    "local_gateway": "ID",
}


def _outcomes(classes: Mapping[str, str], others: Mapping[str, Outcome]) -> Mapping[str, Outcome]:
    table = dict(others)
    for error_class, values in classes.items():
        table |= dict.fromkeys(values.split(), Outcome("undelivered", final=True, error_class=error_class))
    return MappingProxyType(table)


_EXACT = _outcomes(_EXACT_CLASSES, {"DELIVRD": _DELIVERED, "ACCEPTD": _PENDING, "UNKNOWN": _PENDING})
_PREFIXES = _outcomes(_PREFIX_CLASSES, {"ML": _PENDING, "MM": _PENDING})

ERROR_CLASSES = frozenset({*_EXACT_CLASSES, *_PREFIX_CLASSES, "unclassified"})
"""Every value that `Outcome.error_class` can have, but None."""

# MK:0013, MK00013, mk-13: the same, where the letters are among those that number their reasons with four digits.
_NUMBERED = re.compile(r"([A-Z]{2})[:：_ -]?([0-9]{1,9})", re.ASCII)
_NUMBERING = frozenset({*_PREFIXES} | {value[:2] for value in _EXACT if value[2:3] == ":"})
_PREFIXED = re.compile(r"([A-Z]{2})(?![A-Z])", re.ASCII)


def classify(report_status: str) -> Outcome:
    """Say what a `report_status` means. Never raises; what nobody knows is a final failure, `unclassified`."""
    if report_status == "DELIVRD":
        return _DELIVERED
    value = report_status.strip().upper()
    numbered = _NUMBERED.fullmatch(value)
    if numbered and numbered[1] in _NUMBERING:
        value = f"{numbered[1]}:{int(numbered[2]):04}"
    if value in _EXACT:
        return _EXACT[value]
    prefixed = _PREFIXED.match(value)
    return _PREFIXES.get(prefixed[1], _UNCLASSIFIED) if prefixed else _UNCLASSIFIED
