"""This machine's clock."""

import secrets
import time
from datetime import UTC, datetime

from bridge.domain.ids import ulid


class SystemClock:
    """`bridge.ports.Clock` of this machine."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from some beginning."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def new_ulid() -> str:
    """`bridge.ports.NewId`: a ULID of now."""
    return ulid(datetime.now(UTC), secrets.token_bytes(10))
