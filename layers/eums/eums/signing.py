"""The signature of a request (下行协议, `seed` and `key`)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

__all__ = ["digest_password", "format_seed", "sign"]


def format_seed(now: datetime, zone: tzinfo) -> str:
    """Write `now` as the gateway's clock would show it, YYYYMMDDHHMMSS.

    The gateway refuses a seed more than 30 minutes away from its own time (106), so the zone is the
    gateway's, never this machine's.

    Raises:
        ValueError: `now` is naive: it names no moment, only a reading of some unknown clock.
    """
    if now.utcoffset() is None:
        raise ValueError("the time of a seed must carry its time zone")
    local = now.astimezone(zone)
    # Not strftime: %Y does not pad on every platform.
    return f"{local.year:04}{local.month:02}{local.day:02}{local.hour:02}{local.minute:02}{local.second:02}"


def digest_password(password: str) -> str:
    """Return md5(password) in lower-case hex: all that the protocol ever uses of a password."""
    return _md5(password)


def sign(password_digest: str, seed: str, data: str = "") -> str:
    """Return the `key` of a request: md5(md5(password) + seed + data) in lower-case hex.

    Args:
        password_digest: what `digest_password` returns.
        seed: what `format_seed` returns, the same string that is sent.
        data: the `data` of a submit exactly as it is sent, before URL encoding; for version 17 the hex.
            The other calls have none.
    """
    return _md5(password_digest + seed + data)


def _md5(text: str) -> str:
    # The protocol prescribes MD5; saying so keeps it available where a FIPS policy blocks it for security.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
