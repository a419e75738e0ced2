"""What a client may send: from which extensions, how fast, and how much a day. All of its keys share it.

The rate is a pace (`bridge.domain.pace`) with a burst, in messages: GCRA (ITU-T I.371). A request with more messages
than the burst may go once the whole burst is there, and whatever comes behind it waits for as long as all of its
messages take. So no window holds more than the burst, what the rate allows, and what its last request has beyond that.

A day is the gateway's. A message to a thousand numbers is a thousand messages.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Self

from bridge.domain.errors import DailyCapReached, NotAllowed, RateLimited
from bridge.domain.pace import MICROSECONDS, Stretch

ZONE: Final = timezone(timedelta(hours=8))
"""Whose days are counted: those of the gateway, which knows no other."""

NO_EXTENSION: Final = "none"
"""Stands for a message without an extension in the list of those that are allowed."""

_EXTENSION: Final = re.compile(r"[0-9]{1,20}|[0-9]{0,19}\*|none")
_MOST: Final = 10**12  # of anything: more than there are people, and far less than DynamoDB can count
_SLOWEST: Final = 1e-3  # messages a second


class LimitsError(ValueError):
    """Limits that make no sense.

    Attributes:
        problems: every one of them, each naming its setting.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What all keys of a client together may do. None: as much as it likes.

    Attributes:
        extensions: those that it may use, `01` for one, `01*` for all that begin so, `none` for messages without one;
            () for any and none.
        rate: messages a second, in the long run.
        burst: messages at once; None for what the rate allows in a second.
        daily_messages: recipients of a day.
        daily_segments: estimated segments of a day, over all recipients.

    Raises:
        LimitsError: names everything that is wrong, at once.
    """

    extensions: tuple[str, ...] = ()
    rate: float | None = None
    burst: int | None = None
    daily_messages: int | None = None
    daily_segments: int | None = None

    def __post_init__(self) -> None:
        if problems := tuple(self._problems()):
            raise LimitsError(problems)

    def _problems(self) -> Iterator[str]:
        for extension in self.extensions:
            if not _EXTENSION.fullmatch(extension):
                yield "extensions must be digits, the beginning of some with a * behind it, or none"
                break
        rate = self.rate
        if rate is not None and not _SLOWEST <= rate <= _MOST:
            yield f"rate must be a number of messages a second, {_SLOWEST:g} at least"
        if self.burst is not None and rate is None:
            yield "burst is nothing without a rate"
        for name in ("burst", "daily_messages", "daily_segments"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= _MOST:
                yield f"{name} must be a whole number, 1 at least"

    @classmethod
    def of_text(cls, text: str | None) -> Self:
        """What `text` wrote; nothing is limited where there is nothing. A name that is not known here is left out."""
        values: dict[str, Any] = json.loads(text) if text else {}
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        if "extensions" in known:
            known["extensions"] = tuple(known["extensions"])
        return cls(**known)

    @property
    def text(self) -> str:
        """As it is stored and handed on, in one form for all: JSON of what is limited, "" where nothing is."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        told = {name: value for name, value in given.items() if value not in {None, ()}}
        return json.dumps(told, separators=(",", ":")) if told else ""

    @property
    def counted(self) -> bool:
        """Whether anything has to be counted."""
        return any(each is not None for each in (self.rate, self.daily_messages, self.daily_segments))

    @property
    def at_once(self) -> int:
        """Messages that may go at once where nothing went for a while. With a rate only."""
        return self.burst or max(1, math.ceil(self.rate or 0))

    def allow(self, extension: str) -> bool:
        """Whether a message may have this extension; "" is none."""
        wanted = extension or NO_EXTENSION
        return not self.extensions or any(
            wanted == each or (each.endswith("*") and bool(extension) and extension.startswith(each[:-1]))
            for each in self.extensions
        )

    def refusal(self, extension: str) -> str | None:
        """Why an extension may not be used, and which may; None where it may."""
        if self.allow(extension):
            return None
        which = f"the extension {extension}" if extension else "no extension"
        return f"may not be {which}: this client may use {', '.join(self.extensions)}"


UNLIMITED: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a request takes of the limits.

    Attributes:
        messages: each recipient is one.
        segments: as estimated, over all recipients.
    """

    messages: int
    segments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was used of a client's limits.

    Attributes:
        free_at: microseconds since 1970; what the rate allows is used up until then.
        day: the one that the others are of, as 2026-11-23; "" where there was none.
    """

    free_at: int = 0
    day: str = ""
    messages: int = 0
    segments: int = 0

    def on(self, now: datetime) -> "Tally":
        """As it is at a time: with a new day the counts begin again."""
        today = day_of(now)
        return self if self.day >= today else replace(self, day=today, messages=0, segments=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """A request that the limits let through, as far as is known: what a write has to make sure of, and to change.

    Attributes:
        now: microseconds since 1970.
        idle: nobody waits for the rate: it is free from `now` on, and not from when it was free before.
        latest: `free_at` must not lie behind this.
        length: microseconds that the request takes at the rate; 0 without one.
        day: that the request is counted on.
        new_day: nothing was counted on it.
        room: what may have been counted on it before, at most; None where there is no cap.
    """

    use: Use
    now: int
    idle: bool
    latest: int
    length: int
    day: str
    new_day: bool
    room: Mapping[str, int | None]


def admitted(limits: Limits, use: Use, standing: Tally, now: datetime) -> Taking:
    """Let a request through or not, by what was used before, which may be more than is known.

    Args:
        limits: of which something has to be counted.
        use: of the request.
        standing: what is known to have been used.
        now: an aware time.

    Raises:
        NotAllowed: it has more than a whole day's.
        RateLimited, DailyCapReached: it may go later.
    """
    caps = {"messages": limits.daily_messages, "segments": limits.daily_segments}
    for name, cap in caps.items():
        if cap is not None and getattr(use, name) > cap:
            raise NotAllowed(
                f"this request has {getattr(use, name):,} {name}, and the client may send {cap:,} a day: send less"
            )
    today = standing.on(now)
    for name, cap in caps.items():
        used, wanted = getattr(today, name), getattr(use, name)
        if cap is not None and used + wanted > cap:
            raise DailyCapReached(
                f"the client has used {used:,} of the {cap:,} {name} of this day, and this request has {wanted:,}; "
                "nothing was sent, and the next day begins at 00:00 +08:00",
                retry_after=_seconds_to_the_end(today.day, now),
            )
    asked_at = int(now.timestamp() * MICROSECONDS)
    length, latest = 0, asked_at
    if limits.rate is not None:
        whole = Stretch.behind(None, limits.at_once, rate=limits.rate, now=now)
        least = Stretch.behind(None, min(use.messages, limits.at_once), rate=limits.rate, now=now)
        stretch = Stretch.behind(standing.free_at, use.messages, rate=limits.rate, now=now)
        length, latest = stretch.ends - stretch.begins, asked_at + whole.ends - least.ends
        if stretch.begins > latest:
            raise RateLimited(
                f"the client may send {limits.rate:g} messages a second, and {limits.at_once:,} at once; "
                "nothing was sent",
                retry_after=math.ceil((stretch.begins - latest) / MICROSECONDS),
            )
    return Taking(
        use=use,
        now=asked_at,
        idle=standing.free_at <= asked_at,
        latest=latest,
        length=length,
        day=today.day,
        new_day=standing.day < today.day,
        room={name: None if cap is None else cap - getattr(use, name) for name, cap in caps.items()},
    )


def day_of(now: datetime) -> str:
    """The gateway's day at a time."""
    return now.astimezone(ZONE).date().isoformat()


def end_of(day: str) -> datetime:
    """When the next day begins."""
    return datetime.fromisoformat(day).replace(tzinfo=ZONE) + timedelta(days=1)


def _seconds_to_the_end(day: str, now: datetime) -> int:
    return max(1, math.ceil((end_of(day) - now).total_seconds()))
