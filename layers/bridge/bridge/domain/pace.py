"""The pace of an account: how many recipients a second, kept by one number that only grows.

The number is the time from which the account is free again. Whoever has recipients to send takes the stretch that
they need at the account's rate from there on, so the next one begins behind it. That is GCRA (ITU-T I.371) without a
burst: over any window, no more go than the rate allows, and one reservation.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An answer to whoever has something to send.

    Attributes:
        after: seconds from now until the account is free: then the first recipient may go, or it is worth asking again.
        reserved: whether the account is kept for these recipients from then on.
    """

    after: float
    reserved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The time that some recipients take at an account's rate, in microseconds since 1970: whole numbers add exactly.

    Attributes:
        now: when it was asked for.
        begins: when the first of them may go.
        ends: when the account is free again.
    """

    now: int
    begins: int
    ends: int

    @classmethod
    def behind(cls, free_at: int | None, count: int, *, rate: float, now: datetime) -> "Stretch":
        """The next stretch of an account that is free from `free_at` on, or was never used.

        Args:
            free_at: microseconds since 1970.
            count: recipients, at least one.
            rate: recipients a second, above zero.
            now: an aware time.
        """
        if count < 1 or not rate > 0:
            raise ValueError("at least one recipient, and a rate above zero")
        asked_at = int(now.timestamp() * MICROSECONDS)
        begins = max(asked_at, free_at or 0)
        return cls(now=asked_at, begins=begins, ends=begins + math.ceil(count * MICROSECONDS / rate))

    @property
    def after(self) -> float:
        """Seconds from when it was asked for until it begins."""
        return (self.begins - self.now) / MICROSECONDS
