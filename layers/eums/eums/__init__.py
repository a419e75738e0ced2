"""EUMS V2.1, the protocol of an enterprise SMS gateway: everything but the bridge to anything else.

    from eums import Account, Client, Submit

    account = Account(base_url="http://gateway.example:8080", name="test", password="…")
    with Client(account) as client:
        accepted = client.send(Submit(("13812345678",), "【京东】您的验证码是123456"))

All but `Client` is pure: no network, no environment, no clock. `Client` alone needs httpx, and httpx is
imported when `Client` is first asked for, so that reading kept answers does not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eums.account import ROTATED, Account
from eums.calls import Call
from eums.cipher import decrypt_hex, encrypt_hex, salvage_hex
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

if TYPE_CHECKING:
    from eums.client import Client

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


def __getattr__(name: str) -> Any:
    if name == "Client":
        from eums.client import Client  # noqa: PLC0415 - the point of this function, see above

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
