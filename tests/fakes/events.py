"""Where events go."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bridge.domain.errors import NotPublished
from bridge.domain.events import Event
from tests.fakes.schemas import hold_against_schema


@dataclass
class FakeTopic:
    """Remembers what was published; `fails` events of the next call are not taken."""

    events: list[Event] = field(default_factory=list)
    fails: int = 0

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            hold_against_schema(event.body())
        taken = len(events) - self.fails
        self.events.extend(events[:taken])
        failed, self.fails = self.fails, 0
        if failed:
            raise NotPublished(failed)
