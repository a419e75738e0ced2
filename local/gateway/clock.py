"""The gateway's time: China Standard Time, read from a clock that tests replace.

`seed`, `report_time`, `receive_time` and the days of the statistics are all in this zone. China has had no daylight
saving since 1991, so a fixed offset says all of it and needs no zone database.
"""

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "CST")

Clock = Callable[[], datetime]
"""Returns the present as an aware datetime, of any zone."""


def china_now() -> datetime:
    """Read the machine's clock."""
    return datetime.now(CHINA)


class ManualClock:
    """A clock that stands still until it is moved; for tests."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("the clock needs an aware datetime")
        self._now = start.astimezone(CHINA)
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Tell the time."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Move by `seconds`, backwards if negative."""
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Move to `moment`, an aware datetime."""
        with self._lock:
            self._now = moment.astimezone(CHINA)


def parse_seed(text: str) -> datetime | None:
    """Read YYYYMMDDHHMISS (下行协议, seed); None when it is anything else."""
    # strptime alone would take spaces and short fields.
    if len(text) != len("YYYYMMDDHHMISS") or not (text.isascii() and text.isdigit()):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=CHINA)
    except ValueError:
        return None


def parse_day(text: str) -> date | None:
    """Read YYYYMMDD (查询账户下行统计, start_date and end_date); None when it is anything else."""
    moment = parse_seed(f"{text}000000")
    return moment.date() if moment else None


def format_time(moment: datetime) -> str:
    """Write YYYY-MM-DD HH:MI:SS (拉取状态报告, report_time; 拉取上行, receive_time)."""
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def format_day(day: date) -> str:
    """Write YYYYMMDD (查询账户下行统计, date)."""
    return day.strftime("%Y%m%d")
