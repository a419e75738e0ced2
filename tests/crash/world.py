"""A world that survives its processes: the state behind every port, in memory that they share.

Nothing changes it but the ports' calls, so it is enough to write it down at the moment of the kill. Each call has a
point before it and one after it, at which the process can be told to die, and may be told to refuse. The gateway hands
its records out once and remembers what it handed out, and to which pull.
"""

import mmap
import os
import pickle
import signal
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from bridge.domain.events import Event
from bridge.domain.ids import ulid
from bridge.domain.messages import Outbound, Owner
from bridge.domain.pulls import Kind, Part, PullId, carried, pointer
from bridge.services.publishing import Publishing
from bridge.services.pulling import Ended, Pulling
from bridge.services.sweeping import Sweeping
from eums import Ambiguous, NotSent, Reply
from tests.fakes.accounts import FakeAccounts
from tests.fakes.clock import FakeClock
from tests.fakes.counters import FakeCounters
from tests.fakes.pulls import FakeJournal, FakeLeases, FakeSweeps

ACCOUNT = "default"
RECEIVES = 10  # as PublishQueue's redrive policy
TOPIC_BATCH = 3
LEASE = 61.0  # seconds, and a little: the lease of a pull has ended
LIMIT = 200  # rounds until everything must be quiet
# What changes nothing: dying after it is dying before the next.
READS = ("journal.has", "journal.read", "messages.owners", "messages.sent_to")
_ROOM = 1 << 20
_HEAD = struct.Struct("=Q")


class Died(BaseException):
    """A death that costs no process: as with SIGKILL, nothing in the services sees it."""


class Refused(Exception):
    """A store that is down."""


@dataclass
class Page:
    """What the gateway hands out to one pull: `whole` of its records can be read, and `reply` or `error` is how."""

    records: list[str]
    whole: int
    reply: Reply | None = None
    error: str = ""  # hang, down
    odd: bool = False  # no page at all: to be quarantined
    cut: bool = False


@dataclass
class State:
    """Everything that outlives a process."""

    clock: FakeClock = field(default_factory=FakeClock)
    leases: FakeLeases = field(default_factory=FakeLeases)
    journal: FakeJournal = field(default_factory=FakeJournal)
    sweeps: FakeSweeps = field(default_factory=FakeSweeps)
    queue: list[list[Any]] = field(default_factory=list)  # [body, receives]
    dead: list[str] = field(default_factory=list)
    events: dict[str, list[Event]] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    handed_out: list[tuple[PullId, Page]] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    ids: int = 0


class Disk:
    """The memory that the processes share, and the points at which the one using it dies."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _HEAD.size + _ROOM)
        self.state = State()
        self.passed: Counter[str] = Counter()
        self.die_at: tuple[str, int] = ("", 0)
        self.die: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGKILL)

    def begin(self, state: State) -> None:
        """Another run."""
        self.state = state
        self.die_at = ("", 0)

    def load(self) -> None:
        """What the process that was killed has left."""
        (length,) = _HEAD.unpack_from(self._memory, 0)
        self.state = pickle.loads(self._memory[_HEAD.size : _HEAD.size + length])  # noqa: S301 - our own
        self.die_at = ("", 0)

    def point(self, name: str) -> None:
        self.passed[name] += 1
        if self.die_at == (name, self.passed[name]):
            content = pickle.dumps(self.state, pickle.HIGHEST_PROTOCOL)
            assert len(content) <= _ROOM
            _HEAD.pack_into(self._memory, 0, len(content))
            self._memory[_HEAD.size : _HEAD.size + len(content)] = content
            self.die()

    def call(self, name: str, work: Callable[[], Any]) -> Any:
        """A call of a port, with its points."""
        self.point(f"{name} before")
        if self.state.refusals[name] > 0:
            self.state.refusals[name] -= 1
            raise Refused(name)
        result = work()
        self.point(f"{name} after")
        return result


class Port:
    """Every method of one of the state's fakes, as calls with points."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        disk, name = self._disk, self._name

        def call(*arguments: Any, **named: Any) -> Any:
            return disk.call(
                f"{name}.{method}", lambda: getattr(getattr(disk.state, name), method)(*arguments, **named)
            )

        return call


@dataclass
class Clock:
    """The time goes on without points: nothing of it can be lost."""

    disk: Disk

    def now(self) -> datetime:
        return self.disk.state.clock.now()

    def monotonic(self) -> float:
        return self.disk.state.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.disk.state.clock.advance(seconds)


@dataclass
class Gateway:
    """Hands each page out once."""

    disk: Disk

    def pull(self, account: str, kind: Kind) -> Reply:
        reply: Reply = self.disk.call("gateway.pull", lambda: self._pull(account, kind))
        return reply

    def _pull(self, account: str, kind: Kind) -> Reply:
        state = self.disk.state
        if not state.pages:
            return Reply(status=200, headers=(), body=b'{"code":0,"data":[]}', cut=False)
        handed = state.pages.pop(0)
        if handed.error == "down":
            raise NotSent("refused")
        state.handed_out.append((state.leases.standing[account, kind][0], handed))
        if handed.error == "hang":
            raise Ambiguous("read time-out")
        assert handed.reply is not None
        return handed.reply


@dataclass
class Queue:
    """PublishQueue: gives a message again until it is deleted, in no order, and up after ten receives."""

    disk: Disk

    def send(self, key: str) -> None:
        self.disk.call("pointers.send", lambda: self.disk.state.queue.append([pointer(key), 0]))

    def carry(self, part: Part) -> None:
        self.disk.call("pointers.carry", lambda: self.disk.state.queue.append([carried(part), 0]))

    def work(self, take: Callable[[str], object], rng: Random) -> None:
        """What the publish function does with one message, if there is one."""
        queue = self.disk.state.queue
        if not queue:
            return
        message = queue[rng.randrange(len(queue))]
        message[1] += 1
        try:
            take(message[0])
        except Exception:  # noqa: BLE001 - it returns to the queue
            if message[1] >= RECEIVES:
                queue.remove(message)
                self.disk.state.dead.append(message[0])
            return
        if rng.random() < 0.1:
            return  # delivered at least once means: sometimes once more
        with suppress(Refused):  # then it is delivered once more
            self.disk.call("queue.delete", lambda: queue.remove(message))


@dataclass
class Topic:
    """Takes a few events at a time."""

    disk: Disk

    def publish(self, events: Sequence[Event]) -> None:
        for at in range(0, len(events), TOPIC_BATCH):
            self.disk.call("topic.publish", partial(self._take, events[at : at + TOPIC_BATCH]))

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            self.disk.state.events.setdefault(event.id, []).append(event)


@dataclass
class Messages:
    """Nobody's messages; only to be asked."""

    disk: Disk

    def owners(self, message_ids: Iterable[str]) -> Mapping[str, Owner]:  # noqa: ARG002 - the port's
        owners: dict[str, Owner] = self.disk.call("messages.owners", dict)
        return owners

    def sent_to(
        self,
        account: str,  # noqa: ARG002 - the port's
        numbers: Iterable[str],  # noqa: ARG002 - likewise
        *,
        since: datetime,  # noqa: ARG002 - likewise
        until: datetime,  # noqa: ARG002 - likewise
    ) -> Mapping[str, tuple[Outbound, ...]]:
        sent: dict[str, tuple[Outbound, ...]] = self.disk.call("messages.sent_to", dict)
        return sent


@dataclass
class Bridge:
    """The three services over a disk, as a process has them."""

    disk: Disk
    kind: Kind
    rng: Random

    def __post_init__(self) -> None:
        disk, any_port = self.disk, self._port
        accounts, counters, clock = FakeAccounts(), FakeCounters(), Clock(disk)
        self.queue = Queue(disk)
        self.clock = clock
        self.pulling = Pulling(
            accounts=accounts,
            gateway=Gateway(disk),  # type: ignore[arg-type]  # it only pulls
            leases=any_port("leases"),
            journal=any_port("journal"),
            pointers=self.queue,
            topic=Topic(disk),
            clock=clock,
            new_id=self._new_id,
            counters=counters,
            pause=5.0,
        )
        self.publishing = Publishing(
            accounts=accounts,
            journal=any_port("journal"),
            messages=Messages(disk),  # type: ignore[arg-type]  # only whose they are
            topic=Topic(disk),
            counters=counters,
        )
        self.sweeping = Sweeping(
            accounts=accounts,
            journal=any_port("journal"),
            pointers=self.queue,
            sweeps=any_port("sweeps"),
            clock=clock,
            counters=counters,
        )

    def _port(self, name: str) -> Any:
        return Port(self.disk, name)

    def _new_id(self) -> str:
        self.disk.state.ids += 1
        return ulid(self.clock.now(), self.disk.state.ids.to_bytes(10, "big"))

    def pull(self) -> Ended | None:
        try:
            return self.pulling.pull(ACCOUNT, self.kind)
        except Exception:  # noqa: BLE001 - this run of the function failed; the schedule starts another
            return None

    def publish(self) -> None:
        self.queue.work(self.publishing.take, self.rng)

    def sweep(self) -> None:
        try:
            self.sweeping.sweep(ACCOUNT, self.kind, time_left=lambda: 60.0)
        except Exception:  # noqa: BLE001 - likewise
            return

    def live(self) -> None:
        """A stretch of life: some pulls, some publishing, and a sweep when the pulls are old enough."""
        for _ in range(4):
            self.pull()
            for _ in range(self.rng.randrange(4)):
                self.publish()
            self.clock.sleep(LEASE if self.rng.random() < 0.5 else 5)
        self.clock.sleep(180)
        self.sweep()
        for _ in range(8):
            self.publish()

    def live_until_quiet(self) -> None:
        """Until there is nothing to hand out, nothing in the queue, nothing dangling and nothing unpublished."""
        for _ in range(LIMIT):
            self.clock.sleep(180)
            self.pull()
            for _ in range(6):
                self.publish()
            self.sweep()
            if self.is_quiet():
                return
        raise AssertionError("never quiet")

    def is_quiet(self) -> bool:
        state = self.disk.state
        return not (
            state.pages
            or state.queue
            or state.journal.entries.keys() - state.journal.published
            or any(state.leases.dangling.values())
            or any(standing[3] for standing in state.leases.standing.values())
        )
