"""Times as this project writes them."""

from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TO_THE_SECOND: Final = len("1970-01-01T00:00:00")


def rfc3339(time: datetime) -> str:
    """RFC 3339 with an offset; to the millisecond where it is finer than a second, as the gateway's times are not."""
    return time.isoformat(timespec="milliseconds" if time.microsecond else "seconds")


class Rfc3339:
    """`rfc3339` for many times, in a quarter of the time where they are UTC's and fall into the same seconds."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, int], str] = {}

    def __call__(self, time: datetime) -> str:
        """As `rfc3339`."""
        if time.tzinfo is not UTC:
            return rfc3339(time)
        since = time - _EPOCH
        second = since.days, since.seconds
        if second not in self._seconds:
            self._seconds[second] = time.isoformat()[:_TO_THE_SECOND]
        text, microsecond = self._seconds[second], time.microsecond
        return f"{text}.{microsecond // 1000:03}+00:00" if microsecond else f"{text}+00:00"
