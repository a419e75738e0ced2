"""Authorizing: an API key → the client that it belongs to."""

import re
from dataclasses import dataclass
from typing import Final

from bridge.domain.clients import Caller, hash_key
from bridge.ports import Clients

# RFC 6750, 2.1: the scheme in any case, one space, the token. The length is bounded before anything is hashed.
_BEARER: Final = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9._~+/-]{16,256}=*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizing:
    """Knows whose key a request carries."""

    clients: Clients

    def caller(self, authorization: str) -> Caller | None:
        """The client behind an `Authorization` header; None for whatever is not the key of one.

        Keys are looked up by their SHA-256, so that no comparison here could tell a near miss from a far one.
        """
        match = _BEARER.fullmatch(authorization)
        return self.clients.find(hash_key(match.group(1))) if match else None
