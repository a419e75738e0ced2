"""Hook sources: somebody's webhook that comes in, how it shows who it is, and what it may cost.

A source is configuration, not code. It belongs to the client that made it, and its messages are that client's.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Final

from bridge.domain.clients import Caller
from bridge.domain.errors import FieldProblem
from bridge.domain.messages import Category
from bridge.domain.sns_messages import is_topic_arn

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
WHSEC: Final = "whsec_"
SHORTEST_SECRET: Final = 16  # characters
LONGEST_SECRET: Final = 256
DEFAULT_DEDUP: Final = 86_400  # seconds: as long as `Sending` knows an idempotency key

_TOLERANCE: Final = 300  # as the libraries of Standard Webhooks and of Stripe have it
# SNS tries again for an hour at most, and with the same bytes (Amazon SNS message delivery retries, HTTP/S).
_SNS_TOLERANCE: Final = 3600
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY_BYTES: Final = range(24, 65)  # Standard Webhooks: "At least 24 bytes (192 bits, 512 maximum)"


class AuthKind(StrEnum):
    """How a sender shows who it is."""

    BEARER = "bearer"
    TOKEN = "token"  # noqa: S105 - a kind of authentication: the secret itself in a header of its own, as GitLab has it
    BASIC = "basic"
    HMAC = "hmac"
    STANDARD_WEBHOOKS = "standard_webhooks"
    SNS = "sns"


class Layout(StrEnum):
    """What the header of an HMAC has."""

    PLAIN = "plain"
    STRIPE = "stripe"  # t=<timestamp>,v1=<signature>


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How calls of a source are authenticated.

    Attributes:
        secret: shared with the sender; never shown again, and in no `repr`. "" for SNS, which has none.
        header: of `token` and `hmac`, in lower case.
        username: of `basic`.
        algorithm: of `hmac`: sha1, sha256 or sha512.
        encoding: of its signature: hex or base64.
        prefix: what stands before its signature, as in `sha256=…`.
        timestamp_header: of `hmac`, in lower case: the header with the time that is signed too; "" for none.
        tolerance: seconds that a signed time may be away from ours; None for the kind's own.
        topic_arns: of `sns`: the topics that may send.
    """

    kind: AuthKind
    secret: str = field(default="", repr=False)
    header: str = ""
    username: str = ""
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""
    layout: Layout = Layout.PLAIN
    timestamp_header: str = ""
    tolerance: int | None = None
    topic_arns: tuple[str, ...] = ()

    @property
    def window(self) -> int:
        """Seconds that a signed time may be away from ours."""
        if self.tolerance is not None:
            return self.tolerance
        return _SNS_TOLERANCE if self.kind is AuthKind.SNS else _TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class HookMapping:
    """What becomes of a call's JSON: JMESPath expressions, and a template for the text. None: nothing is said of it.

    Attributes:
        each: a list; one message for each of its items, which the others see as `item`.
        when: whether there is a message at all.
        to: a number, or several.
        text: a Jinja2 template.
        client_reference: the application's own reference.
        account: our name of the gateway account.
        dedup: what two calls have in common that are one and the same; None for what their sender signs as such
            (`webhook-id`), or else their bodies.
        dedup_seconds: for how long they are.
    """

    each: str | None = None
    when: str | None = None
    to: str | None = None
    text: str | None = None
    client_reference: str | None = None
    account: str | None = None
    dedup: str | None = None
    dedup_seconds: int | None = None

    def over(self, preset: "HookMapping") -> "HookMapping":
        """This mapping, and a preset's where it says nothing."""
        return HookMapping(
            **{
                each.name: getattr(preset if getattr(self, each.name) is None else self, each.name)
                for each in fields(self)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HookLimits:
    """What a source may cost: an alert storm must not empty the balance.

    Attributes:
        messages_per_call: the first so many of a call are sent, and the answer says how many were not.
        calls_per_minute: authenticated calls.
        messages_per_day: each recipient counts as one; a day is UTC's.
    """

    messages_per_call: int = 20
    calls_per_minute: int = 60
    messages_per_day: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSource:
    """A hook source.

    Attributes:
        owner: the client that made it, with the accounts that it might use then; its limits are those of the moment.
        to: where messages go unless the mapping says; E.164.
        account: our name of the gateway account unless the mapping says; None for the client's default.
    """

    name: str
    owner: Caller
    auth: Auth
    preset: str | None
    mapping: HookMapping
    to: tuple[str, ...]
    account: str | None
    category: Category
    limits: HookLimits
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSource:
    """What the list of sources says of one: no secret, and no number."""

    name: str
    kind: AuthKind
    preset: str | None
    created_at: datetime
    updated_at: datetime


# What each kind has beside its name, and whether it must be given.
_FIELDS: Final[Mapping[AuthKind, Mapping[str, bool]]] = {
    AuthKind.BEARER: {"secret": True},
    AuthKind.TOKEN: {"secret": True, "header": True},
    AuthKind.BASIC: {"secret": True, "username": True},
    AuthKind.HMAC: {
        "secret": True,
        "header": True,
        "algorithm": False,
        "encoding": False,
        "prefix": False,
        "layout": False,
        "timestamp_header": False,
        "tolerance": False,
    },
    AuthKind.STANDARD_WEBHOOKS: {"secret": True, "tolerance": False},
    AuthKind.SNS: {"topic_arns": True, "tolerance": False},
}


def auth_problems(auth: Auth) -> Iterator[FieldProblem]:
    """Everything that is wrong with how a source is to be authenticated; quotes nothing of it."""
    known = _FIELDS[auth.kind]
    for each in fields(auth):
        name, value = each.name, getattr(auth, each.name)
        if name == "kind":
            continue
        if known.get(name) and not value:
            yield FieldProblem(f"auth.{name}", f"is missing; {auth.kind.value} needs it")
        elif name not in known and value != each.default:
            yield FieldProblem(f"auth.{name}", f"is nothing that {auth.kind.value} knows")
        elif name in known and value:
            yield from _field_problems(auth, name)


def _field_problems(auth: Auth, name: str) -> Iterator[FieldProblem]:
    if name == "secret":
        yield from _secret_problems(auth)
    elif name == "topic_arns":
        yield from _topic_problems(auth)
    elif auth.layout is Layout.STRIPE and name in {"timestamp_header", "prefix"}:
        yield FieldProblem(f"auth.{name}", "is not for the layout stripe, whose header has it all")
    elif name in _WANTED and not _WANTED[name][0](getattr(auth, name)):
        yield FieldProblem(f"auth.{name}", f"must be {_WANTED[name][1]}")


def _topic_problems(auth: Auth) -> Iterator[FieldProblem]:
    for index, arn in enumerate(auth.topic_arns):
        if not is_topic_arn(arn):
            yield FieldProblem(f"auth.topic_arns[{index}]", "must be the ARN of an SNS topic")


def _secret_problems(auth: Auth) -> Iterator[FieldProblem]:
    if auth.kind is AuthKind.STANDARD_WEBHOOKS:
        key = webhook_key(auth.secret)
        if key is None or len(key) not in _KEY_BYTES:
            yield FieldProblem("auth.secret", f"must be {WHSEC} and the base64 of 24 to 64 bytes")
    elif not SHORTEST_SECRET <= len(auth.secret) <= LONGEST_SECRET or not _VISIBLE.fullmatch(auth.secret):
        yield FieldProblem(
            "auth.secret", f"must be {SHORTEST_SECRET} to {LONGEST_SECRET} visible ASCII characters, of them no space"
        )


def webhook_key(secret: str) -> bytes | None:
    """The key in a secret of Standard Webhooks, whose `whsec_` may be left out; None where there is none."""
    try:
        return base64.b64decode(secret.removeprefix(WHSEC), validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_text(text: str) -> bool:
    return len(text) <= LONGEST_SECRET and bool(_VISIBLE.fullmatch(text))


def _is_header(name: str) -> bool:
    return bool(_HEADER.fullmatch(name))


_WANTED: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "header": (_is_header, "the name of a header: letters, digits and -"),
    "timestamp_header": (_is_header, "the name of a header: letters, digits and -"),
    "username": (
        lambda text: _is_text(text) and ":" not in text,
        "up to 256 visible ASCII characters without a colon",
    ),
    "prefix": (_is_text, "up to 256 visible ASCII characters"),
}
