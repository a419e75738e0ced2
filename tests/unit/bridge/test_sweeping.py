from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bridge.domain.ids import ulid
from bridge.domain.pulls import JournalEntry, Kind, PullId
from bridge.services.sweeping import Sweeping
from tests.fakes.pulls import FakeJournal
from tests.fakes.world import NOON, World

ROUND = 300.0  # seconds between two sweeps


@dataclass
class Journal(FakeJournal):
    """Counts what it is asked: each is a call that costs."""

    listed: int = 0
    looked_at: list[str] = field(default_factory=list)

    def keys(self, account: str, kind: Kind, *, after: str, limit: int) -> list[str]:
        self.listed += 1
        return list(super().keys(account, kind, after=after, limit=limit))

    def is_published(self, key: str) -> bool:
        self.looked_at.append(key)
        return super().is_published(key)


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def world(journal: Journal) -> World:
    return World(journal=journal)


@pytest.fixture
def sweeping(world: World) -> Sweeping:
    return Sweeping(
        accounts=world.accounts,
        journal=world.journal,
        pointers=world.pointers,
        sweeps=world.sweeps,
        clock=world.clock,
        counters=world.counters,
    )


def keep(world: World, *, seconds_ago: float = 600, number: int = 0, published: bool = False) -> str:
    begun = world.clock.now() - timedelta(seconds=seconds_ago)
    pull = PullId(account="default", kind=Kind.REPORTS, id=ulid(begun, number.to_bytes(10, "big")), begun_at=begun)
    world.journal.store(
        JournalEntry(pull=pull, received_at=begun, status=200, headers=(), version=1, cut=False, body=b"{}")
    )
    if published:
        world.journal.mark_published(pull.journal_key)
    return pull.journal_key


def sweep(sweeping: Sweeping, time_left: float = 60) -> int:
    return sum(sweeping.sweep_all(time_left=lambda: time_left).values())


def test_what_was_not_published_is_pointed_to_again(world: World, sweeping: Sweeping) -> None:
    keep(world, number=1, published=True)
    forgotten = keep(world, number=2)
    keep(world, number=3, seconds_ago=10)  # its puller may be at it still

    assert sweep(sweeping) == 1
    assert world.pointers.keys == [forgotten]
    assert world.counters.counted["PointersSentAgain"] == 1


def test_what_was_seen_published_is_never_looked_at_again(world: World, journal: Journal, sweeping: Sweeping) -> None:
    for number in range(50):
        keep(world, number=number, published=True)
    sweep(sweeping)
    assert len(journal.looked_at) == 50
    journal.looked_at.clear()
    journal.listed = 0

    for _ in range(10):
        world.clock.advance(ROUND)
        sweep(sweeping)
    assert (len(journal.looked_at), journal.listed) == (0, 20)  # a list for each kind, and nothing else

    new = keep(world, number=1, published=True)
    sweep(sweeping)
    assert journal.looked_at == [new]


def test_one_that_fails_for_ever_is_tried_a_few_times_and_holds_up_none(
    world: World, journal: Journal, sweeping: Sweeping
) -> None:
    poison = keep(world)
    for number in range(200):
        world.clock.advance(ROUND)
        other = keep(world, number=number)
        sweep(sweeping)
        world.journal.mark_published(other)

    assert world.pointers.keys.count(poison) == 6
    assert world.counters.counted["PullsGivenUp"] == 1
    assert world.sweeps.load("default", Kind.REPORTS).waiting[0].key != poison
    assert max(journal.looked_at.count(key) for key in journal.looked_at) == 7
    # The others were pointed to once, and seen published afterwards.
    assert len(world.pointers.keys) == 6 + 200


def test_when_nothing_can_be_published_no_more_than_a_hundred_wait(world: World, sweeping: Sweeping) -> None:
    keys = [keep(world, number=number) for number in range(250)]

    assert [sweep(sweeping), sweep(sweeping)] == [100, 0]

    for key in keys:
        world.journal.mark_published(key)
    world.clock.advance(ROUND)
    sweep(sweeping)
    assert world.sweeps.load("default", Kind.REPORTS).until == keys[-1]
    assert world.sweeps.load("default", Kind.REPORTS).waiting == ()


def test_a_run_without_time_begins_nothing(world: World, sweeping: Sweeping) -> None:
    keep(world)

    assert sweep(sweeping, time_left=5) == 0
    assert sweep(sweeping) == 1


def test_what_no_pull_wrote_is_passed_by(world: World, sweeping: Sweeping) -> None:
    key = keep(world)
    foreign = key.rpartition("/")[0] + "/0-note.txt"
    world.journal.entries[foreign] = world.journal.entries[key]

    assert sweep(sweeping) == 1
    assert world.pointers.keys == [key]


def test_a_queue_that_refuses_is_asked_again_next_time(
    world: World, sweeping: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = keep(world)

    def refuse(_key: str) -> None:
        raise RuntimeError("slow down")

    with monkeypatch.context() as patch:
        patch.setattr(world.pointers, "send", refuse)
        with pytest.raises(RuntimeError):
            sweep(sweeping)

    assert sweep(sweeping) == 1
    assert world.pointers.keys == [key]


def test_a_stack_without_accounts_sweeps_nothing(world: World, sweeping: Sweeping) -> None:
    world.accounts.accounts.clear()
    assert sweep(sweeping) == 0


def test_of_two_sweepers_one_writes(world: World, sweeping: Sweeping, monkeypatch: pytest.MonkeyPatch) -> None:
    key = keep(world)
    send = world.pointers.send

    def send_while_another_sweeps(pointed: str) -> None:
        monkeypatch.undo()
        sweep(sweeping)
        send(pointed)

    monkeypatch.setattr(world.pointers, "send", send_while_another_sweeps)
    sweep(sweeping)

    assert world.pointers.keys == [key, key]
    [waiting] = world.sweeps.load("default", Kind.REPORTS).waiting
    assert waiting.tries == 1
    assert waiting.again_at > NOON
