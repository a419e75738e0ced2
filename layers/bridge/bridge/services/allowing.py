"""Allowing: whether a client may send this, by the limits that its operator gave it, and what that takes of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.domain import segments
from bridge.domain.clients import Caller
from bridge.domain.errors import NotAllowed, NotStored, TooManyRequests
from bridge.domain.limits import Tally, Use
from bridge.ports import Clock, Counters, Uses


def permit(caller: Caller, extension: str) -> None:
    """Raise NotAllowed, which says what to do, where the client may not use this extension; "" is none."""
    refusal = caller.limits.refusal(extension)
    if refusal is not None:
        raise NotAllowed(f"`extension` {refusal}")


def use_of(texts: Iterable[tuple[str, int]]) -> Use:
    """What texts take, each with its number of recipients: as they go out first, whichever account they end at."""
    messages = total = 0
    for text, recipients in texts:
        messages += recipients
        total += recipients * segments.estimate(text)
    return Use(messages=messages, segments=total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowing:
    """Counts what clients send. One that has no limits costs nothing here."""

    uses: Uses
    clock: Clock
    counters: Counters

    def take(self, caller: Caller, use: Use) -> None:
        """Count a request before anything of it is written down: of what dies in between nothing is sent.

        It stays counted whatever becomes of it.

        Raises:
            NotAllowed, RateLimited, DailyCapReached: it is not to be sent; nothing was counted.
            NotStored: nobody could count it.
        """
        if not caller.limits.counted:
            return
        try:
            self.uses.take(caller.client, caller.limits, use, now=self.clock.now())
        except TooManyRequests:
            self.counters.count("ClientLimited", client=caller.client)
            raise
        except NotAllowed:
            raise
        except Exception as exc:
            raise NotStored("the bridge's own store did not answer; nothing was sent, so it is safe to retry") from exc

    def used(self, caller: Caller) -> Tally:
        """What is counted of a client today. Raises NotStored. Of one that has no limits nothing is."""
        now = self.clock.now()
        if not caller.limits.counted:
            return Tally().on(now)
        try:
            return self.uses.of(caller.client, now=now)
        except Exception as exc:
            raise NotStored("the bridge's own store did not answer") from exc
