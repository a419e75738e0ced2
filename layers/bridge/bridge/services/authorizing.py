"""Authorizing: an API key, or the credentials of the Twilio-shaped door → the client that they belong to."""

import base64
import binascii
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bridge.domain.clients import Caller, Credential, hash_key
from bridge.domain.twilio import credential_hash, is_account_sid
from bridge.ports import Clients, Clock

# RFC 6750, 2.1: the scheme in any case, one space, the token. The length is bounded before anything is hashed.
_BEARER: Final = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9._~+/-]{16,256}=*)")
# RFC 7617, 2: likewise. A SID and a token are 67 characters, so 92 of Base64.
_BASIC: Final = re.compile(r"[Bb][Aa][Ss][Ii][Cc] ([A-Za-z0-9+/]{16,256}={0,2})")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{16,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizing:
    """Knows whose credentials a request carries."""

    clients: Clients
    clock: Clock

    def caller(self, authorization: str) -> Caller | None:
        """The client behind an `Authorization` header, with its limits; None for whatever is not the credential of one.

        Credentials are looked up by their SHA-256, so that no comparison here could tell a near miss from a far one.
        One that has expired, or whose client was revoked, is as good as one that nobody ever made.
        """
        if match := _BEARER.fullmatch(authorization):
            # What came with a bare key is no account of the door, whatever is written beside it.
            return self._caller(hash_key(match.group(1)), None)
        if match := _BASIC.fullmatch(authorization):
            return self._account(match.group(1))
        return None

    def _account(self, encoded: str) -> Caller | None:
        try:
            sid, _, token = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        if not is_account_sid(sid) or not _TOKEN.fullmatch(token):
            return None
        return self._caller(credential_hash(sid, token), sid)

    def _caller(self, key_hash: str, account_sid: str | None) -> Caller | None:
        return caller_of(self.clients, self.clients.find(key_hash), self.clock.now(), account_sid=account_sid)


def caller_of(clients: Clients, found: Credential | None, now: datetime, *, account_sid: str | None) -> Caller | None:
    """Whose credential this is, with the client's limits; None where it opens nothing, or nobody's client is left.

    Args:
        clients: asked for what holds for the client as a whole.
        found: what is stored of the credential.
        now: aware.
        account_sid: of the Twilio-shaped door that it opens, whatever is written beside what is stored.
    """
    if found is None or not found.opens(now):
        return None
    standing = clients.standing(found.caller.client)
    if standing.revoked:
        return None
    return replace(found.caller, account_sid=account_sid, limits=standing.limits)
