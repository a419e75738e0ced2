"""EUMS V2.1, the protocol of an enterprise SMS gateway: everything but the bridge to anything else.

    from eums import Account, Client, Submit

    account = Account(base_url="http://gateway.example:8080", name="test", password="…")
    with Client(account) as client:
        accepted = client.send(Submit(("13812345678",), "【京东】您的验证码是123456"))

All but `Client` is pure: no network, no environment, no clock. `Client` alone needs httpx. Each name is imported when
it is first asked for, so that reading kept answers does not pay for a client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eums.account import ROTATED, Account
    from eums.calls import Call
    from eums.cipher import decrypt_hex, encrypt_hex, salvage_hex
    from eums.client import Client
    from eums.codes import CODES, Code, Fault, code_of
    from eums.errors import (
        AccountError,
        Ambiguous,
        EumsError,
        InvalidRequest,
        InvalidSubmit,
        Malformed,
        NotSent,
        Refused,
        Undecipherable,
    )
    from eums.records import Accepted, DayStatistics, Inbound, Page, Quarantined, Reply, Report, Submit
    from eums.replies import decode_balance, decode_inbound, decode_reports, decode_statistics, decode_submit
    from eums.requests import Request, build_request, check_dates, check_submit
    from eums.signing import digest_password, format_seed, sign
    from eums.statuses import ERROR_CLASSES, Outcome, classify

__all__ = [
    "CODES",
    "ERROR_CLASSES",
    "ROTATED",
    "Accepted",
    "Account",
    "AccountError",
    "Ambiguous",
    "Call",
    "Client",
    "Code",
    "DayStatistics",
    "EumsError",
    "Fault",
    "Inbound",
    "InvalidRequest",
    "InvalidSubmit",
    "Malformed",
    "NotSent",
    "Outcome",
    "Page",
    "Quarantined",
    "Refused",
    "Reply",
    "Report",
    "Request",
    "Submit",
    "Undecipherable",
    "build_request",
    "check_dates",
    "check_submit",
    "classify",
    "code_of",
    "decode_balance",
    "decode_inbound",
    "decode_reports",
    "decode_statistics",
    "decode_submit",
    "decrypt_hex",
    "digest_password",
    "encrypt_hex",
    "format_seed",
    "salvage_hex",
    "sign",
]

# Where each is. A module is imported when something of it is first asked for: each import is paid by every cold start.
_HOMES = {
    "account": ("ROTATED", "Account"),
    "calls": ("Call",),
    "cipher": ("decrypt_hex", "encrypt_hex", "salvage_hex"),
    "client": ("Client",),
    "codes": ("CODES", "Code", "Fault", "code_of"),
    "errors": (
        "AccountError",
        "Ambiguous",
        "EumsError",
        "InvalidRequest",
        "InvalidSubmit",
        "Malformed",
        "NotSent",
        "Refused",
        "Undecipherable",
    ),
    "records": ("Accepted", "DayStatistics", "Inbound", "Page", "Quarantined", "Reply", "Report", "Submit"),
    "replies": ("decode_balance", "decode_inbound", "decode_reports", "decode_statistics", "decode_submit"),
    "requests": ("Request", "build_request", "check_dates", "check_submit"),
    "signing": ("digest_password", "format_seed", "sign"),
    "statuses": ("ERROR_CLASSES", "Outcome", "classify"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
