"""Each store refuses its n-th call, for every n, once or until it is healed: nothing is lost, and no id changes."""

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import count, product
from random import Random
from typing import Any

import pytest

from bridge.domain.events import EventType
from bridge.domain.pulls import Kind, in_parts
from bridge.services import pulling
from eums import Reply
from tests.crash.matrix import PART_BYTES
from tests.crash.scenarios import Tally, record
from tests.crash.world import LEASE, Bridge, Disk, Page, Refused, State

ROUNDS_OF_OUTAGE = 3
STORES = {
    "S3": ("journal.",),
    "SQS": ("pointers.", "queue."),
    "SNS": ("topic.",),
    "DynamoDB": ("leases.", "sweeps.", "messages."),
    "S3 and SQS": ("journal.", "pointers."),
    "all of AWS": ("journal.", "pointers.", "queue.", "topic.", "leases.", "sweeps.", "messages."),
}


@dataclass
class Faulty(Disk):
    """Refuses the n-th call of some stores; where it lasts, every later one too, until it is healed."""

    stores: tuple[str, ...] = ()
    nth: int = 0
    lasts: bool = False
    after: bool = False  # the call takes effect, and only its answer is lost
    detour: bool = False  # the journal refuses the first pull anyway, so that it goes through the queue in parts
    calls: int = 0
    broken: bool = False
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__()

    def call(self, name: str, work: Any) -> Any:
        if self.detour and name == "journal.store":
            self.detour = False
            raise Refused(name)
        if not name.startswith(self.stores):
            return work()
        self.calls += 1
        if self.calls == self.nth:
            self.broken = True
        if self.broken:
            self.broken = self.lasts
            self.refused[name] += 1
            if self.after:
                work()
            raise Refused(name)
        return work()

    def heal(self) -> None:
        self.broken = False
        self.nth = 0


def pages(kind: Kind) -> list[Page]:
    bodies = [
        json.dumps({"code": 0, "data": [record(kind, f"{page}{number:07}") for number in range(4)]}).encode()
        for page in range(2)
    ]
    whole = [
        Page([f"{page}{number:07}" for number in range(4)], 4, reply=Reply(200, (), body, cut=False))
        for page, body in enumerate(bodies)
    ]
    odd = Page(["9"], 0, reply=Reply(200, (), b"\xff\xfe", cut=False), odd=True)
    return [whole[0], Page(["8"], 0, error="hang"), odd, whole[1]]


def run(disk: Faulty, kind: Kind) -> None:
    disk.begin(State(pages=pages(kind)))
    bridge = Bridge(disk, kind, Random(0))
    for _ in range(ROUNDS_OF_OUTAGE):
        bridge.pull()
        bridge.publish()
        bridge.clock.sleep(LEASE + 100)
        bridge.sweep()
    disk.heal()
    bridge.live_until_quiet()


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "in_parts", partial(in_parts, size=PART_BYTES))


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("stores", STORES)
def test_a_store_that_refuses_loses_nothing(kind: Kind, stores: str, capsys: pytest.CaptureFixture[str]) -> None:
    tally, refused, runs = Tally(), Counter[str](), 0
    ids = reference_ids(kind)
    for lasts, after, detour in product((False, True), repeat=3):
        for nth in count(1):
            disk = Faulty(stores=STORES[stores], nth=nth, lasts=lasts, after=after, detour=detour)
            run(disk, kind)
            if not disk.refused:
                break
            runs += 1
            refused += disk.refused
            where = f"{kind}, {stores}, {lasts=}, {after=}, {detour=}, call {nth}"
            tally.judge(disk.state, kind, where)
            assert set(map(identity, published(disk))) <= ids, where

    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point
            f"\n{stores}, {kind}: {refused.total()} calls of {len(refused)} kinds refused in {runs} runs, "
            f"{tally.counted['records kept']} records kept, {len(tally.wrong)} wrong"
        )
    assert tally.wrong == []
    assert runs > 10


def published(disk: Disk) -> list[Any]:
    """The events of records, of which each may be there only under the id that it has without any fault."""
    kinds = (EventType.DELIVERED, EventType.INBOUND_RECEIVED)
    return [event for events in disk.state.events.values() for event in events[:1] if event.type in kinds]


def identity(event: Any) -> str:
    # An inbound message's id is that of its pull, and which pull gets a page depends on the faults: its ordinal stays.
    return str(event.id) if event.type is EventType.DELIVERED else str(event.subject).rpartition("/")[2]


def reference_ids(kind: Kind) -> set[str]:
    disk = Faulty(stores=("nothing",))
    run(disk, kind)
    ids = set(map(identity, published(disk)))
    assert len(published(disk)) == 8
    return ids
