"""Times as this project writes them."""

from datetime import datetime


def rfc3339(time: datetime) -> str:
    """RFC 3339 with an offset; to the millisecond where it is finer than a second, as the gateway's times are not."""
    return time.isoformat(timespec="milliseconds" if time.microsecond else "seconds")
