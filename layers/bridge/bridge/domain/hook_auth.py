"""Who calls: the raw bytes of a call held against what its source expects, before anything of it is read.

Whatever is wrong gives the same answer. Secrets and signatures are compared by their hashes, so that a comparison
takes as long for a near miss as for a far one, and by their texts, so that one signature has one form.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.domain.hook_sources import Auth, AuthKind, Layout, webhook_key
from bridge.domain.sns_messages import SnsMessage, sns_message

_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_SIGNATURE: Final = re.compile(r"v[0-9a-z]{1,8},[A-Za-z0-9+/]+={0,2}")
_MOST: Final = 20  # signatures in one header (two while a secret is rotated), and topics of a source


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCall:
    """A call as it came.

    Attributes:
        headers: all values of each, by its name in lower case.
        body: the bytes that were sent, which are what is signed.
    """

    source: str
    headers: Mapping[str, tuple[str, ...]]
    body: bytes

    def only(self, name: str) -> str:
        """The value of a header that came once; "" where it did not, or more than once."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A call whose sender is known.

    Attributes:
        once: names a signed request that must not come a second time, to the byte; None where the kind of
            authentication knows of no time, or where the sender itself repeats its bytes, as SNS does.
        dedup: what every attempt of one event has in common, where its sender signs such a thing.
        sns: what SNS sent, where it did.
    """

    once: str | None = None
    dedup: str | None = None
    sns: SnsMessage | None = None


Verifies = Callable[[SnsMessage], bool]
"""Whether SNS signed a message."""

# Stands for the source that is not there: it is refused after the same work.
NOBODY: Final = Auth(kind=AuthKind.HMAC, header="x-signature", secret="nobody's, and worth nothing")  # noqa: S106


def authenticate(auth: Auth, call: HookCall, now: datetime, verifies: Verifies) -> Passed | None:
    """Hold a call against what its source expects; None where it is not, to the byte, what its sender would say."""
    if auth.kind is AuthKind.SNS:
        return _sns(auth, call, now, verifies)
    return _KINDS[auth.kind](auth, call, now)


def _bearer(auth: Auth, call: HookCall, _: datetime) -> Passed | None:
    return _authorized("bearer", auth.secret, call)


def _basic(auth: Auth, call: HookCall, _: datetime) -> Passed | None:
    return _authorized("basic", base64.b64encode(f"{auth.username}:{auth.secret}".encode()).decode(), call)


def _authorized(scheme: str, expected: str, call: HookCall) -> Passed | None:
    # RFC 9110, 11.1: the scheme in any case.
    given, _, credentials = call.only("authorization").partition(" ")
    right = _same(credentials, expected)
    return Passed() if right and given.lower() == scheme else None


def _token(auth: Auth, call: HookCall, _: datetime) -> Passed | None:
    return Passed() if _same(call.only(auth.header), auth.secret) else None


def _hmac(auth: Auth, call: HookCall, now: datetime) -> Passed | None:
    timed = auth.layout is Layout.STRIPE or bool(auth.timestamp_header)
    given = call.only(auth.header)
    if auth.layout is Layout.STRIPE:
        timestamp, signatures = _stripe(given)
    else:
        timestamp, signatures = call.only(auth.timestamp_header) if timed else "", (given,)
    signed = f"{timestamp}.".encode("utf-8", "surrogatepass") + call.body if timed else call.body
    mac = hmac.digest(auth.secret.encode(), signed, auth.algorithm)
    encoded = base64.b64encode(mac).decode() if auth.encoding == "base64" else mac.hex()
    right = _any_same(signatures, auth.prefix + encoded)
    if not right or (timed and not _is_fresh(timestamp, now, auth.window)):
        return None
    return Passed(once=mac.hex() if timed else None)


def _stripe(header: str) -> tuple[str, tuple[str, ...]]:
    """`t=1492774577,v1=5257a8…,v0=6ffbb5…`: its time, where it has one, and its signatures of version 1."""
    # A header that came twice may have been joined with ", ": then there are two times, which are none.
    pairs = [pair.strip().partition("=") for pair in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    return times[0] if len(times) == 1 else "", tuple(value for name, _, value in pairs if name == "v1")


def _standard_webhooks(auth: Auth, call: HookCall, now: datetime) -> Passed | None:
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
    name, timestamp = call.only("webhook-id"), call.only("webhook-timestamp")
    signed = f"{name}.{timestamp}.".encode("utf-8", "surrogatepass") + call.body
    mac = hmac.digest(webhook_key(auth.secret) or b"", signed, "sha256")
    signatures = tuple(call.only("webhook-signature").split(" "))
    right = all(map(_SIGNATURE.fullmatch, signatures)) & _any_same(signatures, f"v1,{base64.b64encode(mac).decode()}")
    # "It's important that both the message id and the timestamp not … include any `.`": the signed text would be
    # read in two ways.
    if not right or not name or "." in name or not _is_fresh(timestamp, now, auth.window):
        return None
    return Passed(once=mac.hex(), dedup=name)


def _sns(auth: Auth, call: HookCall, now: datetime, verifies: Verifies) -> Passed | None:
    message = sns_message(call.body)
    if message is None or not _any_same(auth.topic_arns, message.topic_arn):
        return None
    if abs((now - message.timestamp).total_seconds()) > auth.window or not verifies(message):
        return None
    return Passed(sns=message)


_KINDS: Final[Mapping[AuthKind, Callable[[Auth, HookCall, datetime], Passed | None]]] = {
    AuthKind.BEARER: _bearer,
    AuthKind.TOKEN: _token,
    AuthKind.BASIC: _basic,
    AuthKind.HMAC: _hmac,
    AuthKind.STANDARD_WEBHOOKS: _standard_webhooks,
}


def _is_fresh(timestamp: str, now: datetime, window: int) -> bool:
    return _SECONDS.fullmatch(timestamp) is not None and abs(now.timestamp() - int(timestamp)) <= window


def _any_same(given: tuple[str, ...], expected: str) -> bool:
    # All of them are compared: how long it takes does not say which one it was.
    return any([_same(each, expected) for each in given[:_MOST]])  # noqa: C419 - see above


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(_hash(given), _hash(expected))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
