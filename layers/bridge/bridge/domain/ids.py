"""Identifiers: ULIDs for what the bridge creates, hashes for what it may see twice."""

import re
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH: Final = 26
_TIME_LENGTH: Final = 10
_RANDOM_BYTES: Final = 10
_ULID: Final = re.compile(f"[0-7][{CROCKFORD}]{{25}}")

_EVENT_ID_BYTES: Final = 16


def ulid(now: datetime, randomness: bytes) -> str:
    """A ULID: 48 bits of milliseconds since 1970, then 80 random bits, as 26 Crockford characters.

    Args:
        now: an aware time.
        randomness: 10 bytes, from a cryptographic source.

    Source: the ULID specification (github.com/ulid/spec).
    """
    if len(randomness) != _RANDOM_BYTES:
        raise ValueError(f"a ULID takes {_RANDOM_BYTES} random bytes, not {len(randomness)}")
    number = (int(now.timestamp() * 1000) << 80) | int.from_bytes(randomness, "big")
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(5 * (_ULID_LENGTH - 1), -1, -5))


def ulid_time(text: str) -> datetime:
    """When a ULID was made, in UTC. Raises ValueError where `text` is none."""
    if not is_ulid(text):
        raise ValueError("not a ULID")
    milliseconds = 0
    for character in text[:_TIME_LENGTH]:
        milliseconds = milliseconds << 5 | CROCKFORD.index(character)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def ulids_between(since: datetime, until: datetime) -> tuple[str, str]:
    """The first and the last ULID that could have been made from `since` to `until`."""
    return ulid(since, bytes(_RANDOM_BYTES)), ulid(until, b"\xff" * _RANDOM_BYTES)


def moved_to(time: datetime, text: str) -> str:
    """The ULID that `text` would be, had it been made at `time`: it sorts by that, and is still nobody else's."""
    return ulid(time, bytes(_RANDOM_BYTES))[:_TIME_LENGTH] + text[_TIME_LENGTH:]


def is_ulid(text: str) -> bool:
    """Whether `text` has the form of a ULID as this bridge writes them."""
    return _ULID.fullmatch(text) is not None


def stable_id(*parts: str) -> str:
    """The same 32 hex characters for the same parts, always: a repeat of an event keeps its id.

    Each part is preceded by its length, so that ("ab", "c") and ("a", "bc") differ.
    """
    return stable_id_of("".join(map(measured, parts)))


def stable_id_of(measured_parts: str) -> str:
    """`stable_id` of parts that are `measured` already, one after the other."""
    return blake2b(measured_parts.encode("utf-8", "surrogatepass"), digest_size=_EVENT_ID_BYTES).hexdigest()


def measured(part: str) -> str:
    """A part of a `stable_id` with its length in bytes of UTF-8 before it."""
    return f"{len(part) if part.isascii() else len(part.encode('utf-8', 'surrogatepass'))}:{part}"
