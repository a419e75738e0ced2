"""The send machine between a real gateway and stores that survive its processes.

Real: the services, `eums.Client` and the adapter over it, the sockets, and the simulated gateway with its own journal.
In memory: the stores and queues, each call of which is atomic, as one write of DynamoDB is. A run of a function has a
fate: it dies at one of the points before and after each call (nothing of the services runs after that), or some calls
raise, before they take effect or after it. A queue hands out again what was not deleted, in no order, to two workers at
once, and gives up what it handed out five times.
"""

import mmap
import os
import pickle
import signal
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final, TypeVar, cast

from bridge.adapters.gateways import Gateways
from bridge.domain.clients import Caller
from bridge.domain.errors import AccountNotConfigured, BridgeError
from bridge.domain.events import Event, EventType
from bridge.domain.ids import ulid, ulid_time
from bridge.domain.limits import Limits
from bridge.domain.messages import Message, Once, Outbound, Standing
from bridge.domain.policies import Policy
from bridge.domain.pulls import Kind, Part, carried, pointer
from bridge.domain.submits import is_waiting
from bridge.domain.walks import Entry, shard_of
from bridge.domain.work import RECEIVES, MessageWork, Work
from bridge.services.allowing import Allowing
from bridge.services.attending import Attending
from bridge.services.dispatching import Dispatching, NotSettledError
from bridge.services.publishing import Publishing
from bridge.services.pulling import Ended, Pulling
from bridge.services.queueing import Queueing
from bridge.services.sending import Sending
from bridge.services.submitting import Submitting
from bridge.services.tracking import Tracking
from bridge.services.unfolding import Unfolding
from eums import CODES, Accepted, Account, EumsError, Reply, Submit, check_submit
from local.gateway import Call, Fault, FaultKind, Gateway, GatewayAccount, GatewaySettings, When
from local.gateway.exchange import Reply as HttpReply
from local.gateway.exchange import Request
from tests.crash.lines import Break, BrokenLine, End, unused_url
from tests.crash.world import Died, Refused
from tests.fakes.accounts import FakeAccounts
from tests.fakes.batches import FakeBatchBodies, FakeBatches
from tests.fakes.clients import FakeUses
from tests.fakes.clock import FakeClock
from tests.fakes.counters import FakeCounters
from tests.fakes.day_counts import FakeDayCounts
from tests.fakes.early_reports import FakeEarlyReports
from tests.fakes.messages import FakeMessages
from tests.fakes.opt_outs import FakeOptOuts
from tests.fakes.pulls import FakeJournal, FakeLeases
from tests.fakes.sends import FakePace, FakeSchedules
from tests.fakes.walks import FakeProgress
from tests.fakes.world import NOON

LONGEST_CALL: Final = 22.0
VISIBILITY: Final = 360.0
NAMES: Final = ("default", "second", "third")  # the accounts, the same here and at the gateway
POISON: Final = "毒"  # in a text: what is to be sent of it always fails in the bridge
SHOP: Final = Caller(client="shop", accounts=frozenset(NAMES), default_account="default", scopes=frozenset({"send"}))
ROUTED: Final = replace(
    SHOP, client="routed", fallback_accounts=NAMES[1:], limits=Limits(daily_messages=10**9)
)  # refused for nothing, and counted
_READ_TIMEOUT: Final = 0.25  # real seconds: a submit that hangs costs as much
_ROOM: Final = 1 << 24
_HEAD: Final = struct.Struct("=Q")
_STAGGER: Final = 0.0006  # seconds
T = TypeVar("T")
_EXPECTED: Final = (BridgeError, EumsError, Refused, NotSettledError)
_TRACKED: Final = {EventType.DELIVERED, EventType.UNDELIVERED, EventType.UPDATED}  # as TrackQueue's filter


@dataclass
class Fate:
    """What becomes of one run of a function.

    Attributes:
        die_at: the point, counted from 1, at which its process dies; 0 for never.
        fail_at: the call, counted from 1, that raises first; 0 for none.
        fail_for: how many calls raise.
        after: whether they take effect, and only their answers are lost.
        spared: calls that raise nothing, and points that kill nobody.
        in_call: it dies while the gateway is asked, if it asks it.
    """

    die_at: int = 0
    fail_at: int = 0
    fail_for: int = 1
    after: bool = False
    spared: frozenset[str] = frozenset()
    in_call: bool = False
    points: int = 0
    calls: int = 0
    died: bool = False

    def fails(self, name: str) -> bool:
        if name in self.spared:
            return False
        self.calls += 1
        return 0 < self.fail_at <= self.calls < self.fail_at + self.fail_for


@dataclass
class Parcel:
    """What a queue holds; two are the same when their numbers are."""

    number: int
    body: str = field(compare=False)
    visible_at: datetime = field(compare=False)
    receives: int = field(default=0, compare=False)


@dataclass
class Shelf(FakeMessages):
    """The fake of the messages, found by number and by hour without looking at each."""

    keys: dict[str, str] = field(default_factory=dict)
    begun_or_due: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    numbers: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing | None:
        standing = super().add(message, once, instead_of=instead_of)
        if standing is None:
            self._file(message)
        return standing

    def move(self, before: Message, after: Message) -> Message | None:
        standing = super().move(before, after)
        self._file(self.messages[after.id])
        return standing

    def _file(self, message: Message) -> None:
        self.begun_or_due[self.keys.get(message.id, "")].discard(message.id)
        self.keys[message.id] = key = _key_of(message)
        self.begun_or_due[key].add(message.id)
        for recipient in message.recipients:
            self.numbers[recipient.to].add(message.id)

    def sent_to(
        self, account: str, numbers: Iterable[str], *, since: datetime, until: datetime
    ) -> Mapping[str, tuple[Outbound, ...]]:
        wanted = set(numbers)
        ids = {message_id for number in wanted for message_id in self.numbers.get(number, ())}
        few = FakeMessages(messages={message_id: self.messages[message_id] for message_id in ids}, indexed=self.indexed)
        return few.sent_to(account, wanted, since=since, until=until)

    def begun_in(self, hour: datetime, shard: int, *, after: str) -> Sequence[Entry]:
        return self._filed(f"{hour:%d %H}#{shard}", after)

    def due_in(self, minute: datetime, *, after: str) -> Sequence[Entry]:
        return self._filed(f"{minute:%d %H:%M}", after)

    def _filed(self, key: str, after: str) -> Sequence[Entry]:
        ids = self.begun_or_due.get(key)
        return self._entries((self.messages[message_id] for message_id in ids), after) if ids else ()


def _key_of(message: Message) -> str:
    if is_waiting(message):
        return f"{message.due_at.astimezone(NOON.tzinfo):%d %H:%M}"
    begun_at = message.claimed_at or ulid_time(message.id)
    return f"{begun_at.astimezone(NOON.tzinfo):%d %H}#{shard_of(message.id)}"


@dataclass
class State:
    """Everything that outlives a process."""

    clock: FakeClock = field(default_factory=FakeClock)
    days: FakeDayCounts = field(default_factory=FakeDayCounts)
    opt_outs: FakeOptOuts = field(default_factory=FakeOptOuts)
    schedules: FakeSchedules = field(default_factory=FakeSchedules)
    uses: FakeUses = field(default_factory=FakeUses)
    pace: FakePace = field(default_factory=FakePace)
    progress: FakeProgress = field(default_factory=FakeProgress)
    leases: FakeLeases = field(default_factory=FakeLeases)
    journal: FakeJournal = field(default_factory=FakeJournal)
    to_submit: list[Parcel] = field(default_factory=list)
    to_publish: list[Parcel] = field(default_factory=list)
    to_track: list[Parcel] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    events: dict[str, list[Event]] = field(default_factory=dict)
    bodies: FakeBatchBodies = field(default_factory=FakeBatchBodies)
    ids: int = 0
    parcels: int = 0

    def parcel(self, body: str, delay: float = 0.0) -> Parcel:
        self.parcels += 1
        return Parcel(self.parcels, body, self.clock.now() + timedelta(seconds=delay))

    def __post_init__(self) -> None:
        self.messages = Shelf(self.days)
        self.early = FakeEarlyReports(self.days)
        self.batches = FakeBatches(self.messages)


class WatchedGateway(Gateway):
    """Knows how many requests it is busy with: one that the client gave up may still take effect."""

    def __init__(self) -> None:
        accounts = [
            GatewayAccount(name=name, balance=10**9, versions=frozenset({17 if name == "second" else 1}))
            for name in NAMES
        ]
        self.moment: Callable[[], datetime] = lambda: NOON
        super().__init__(
            accounts,
            settings=GatewaySettings(report_delay=30, late_report_delay=3600, report_page_size=7),
            clock=lambda: self.moment(),  # noqa: PLW0108 - it is another in each world
        )
        self._busy = 0
        self._busy_lock = threading.Lock()

    def respond(self, request: Request) -> HttpReply:
        with self._busy_lock:
            self._busy += 1
        try:
            return super().respond(request)
        finally:
            with self._busy_lock:
                self._busy -= 1

    def wait_until_idle(self) -> None:
        """Until nothing that was sent is still on its way."""
        idle = 0
        while idle < 3:
            idle = 0 if self._busy else idle + 1
            time.sleep(0.005)


@dataclass
class _Reached:
    """The accounts, at one end of a line."""

    accounts: FakeAccounts
    url: str
    read_timeout: float
    known: dict[str, Account] = field(default_factory=dict)

    def get(self, name: str) -> Account:
        if name not in self.known:
            self.known[name] = replace(self.accounts.get(name), base_url=self.url, read_timeout=self.read_timeout)
        return self.known[name]

    def refresh(self) -> None:
        self.accounts.refresh()


Trouble = tuple[str, Callable[[Random], Break | Fault | None]]


def _fault(kind: FaultKind, **details: Any) -> Callable[[Random], Fault]:
    return lambda _: Fault(call=Call.SEND, kind=kind, **details)


_REFUSALS: Final = sorted({*CODES, 310, 777} - {999})
_ENDS: Final = (End.CLOSE, End.RESET)

TROUBLES: Final[Sequence[tuple[int, str, Callable[[Random], Break | Fault | None]]]] = (
    (20, "refused connection", lambda _: None),
    (12, "reset before the request was read", lambda rng: Break(request=0, end=rng.choice(_ENDS))),
    (12, "request cut", lambda rng: Break(request=rng.randrange(1, 900), end=rng.choice(_ENDS))),
    (16, "answer cut at a byte", lambda rng: Break(answer=rng.randrange(260), end=rng.choice(_ENDS))),
    (1, "hangs unread", lambda _: Break(request=0, end=End.HANG)),
    (1, "hangs, then takes it", _fault(FaultKind.DELAY, when=When.BEFORE, seconds=1.5 * _READ_TIMEOUT)),
    (1, "takes it, then hangs", _fault(FaultKind.DELAY, when=When.AFTER, seconds=1.5 * _READ_TIMEOUT)),
    (6, "slow answer", _fault(FaultKind.DELAY, seconds=0.01)),
    (6, "closed, not taken", _fault(FaultKind.DROP, when=When.BEFORE)),
    (6, "reset, not taken", _fault(FaultKind.DROP, when=When.BEFORE, reset=True)),
    (6, "closed, taken", _fault(FaultKind.DROP)),
    (6, "reset, taken", _fault(FaultKind.DROP, reset=True)),
    *(
        (3, f"HTTP {status} {when} taking", _fault(FaultKind.HTTP_ERROR, when=when, status=status))
        for status in (500, 502, 503, 429)
        for when in When
    ),
    *((3, f"HTML {when} taking", _fault(FaultKind.HTML, when=when)) for when in When),
    *((4, f"garbage {when} taking", _fault(FaultKind.GARBAGE, when=when)) for when in When),
    (
        10,
        "truncated body",
        lambda rng: Fault(
            call=Call.SEND, kind=FaultKind.TRUNCATE, at=rng.randrange(110), content_length=rng.random() < 0.5
        ),
    ),
    (4, "wrong AES key", _fault(FaultKind.WRONG_AES_KEY)),
    *((6, f"code 999 {when} taking", _fault(FaultKind.CODE, code=999, when=when)) for when in When),
    (60, "refusal", lambda rng: Fault(call=Call.SEND, kind=FaultKind.CODE, code=rng.choice(_REFUSALS))),
)
_TROUBLE_WEIGHTS: Final = [weight for weight, _, _ in TROUBLES]


class Lines:
    """The gateway port over real sockets, for every world after another; each submit may meet some trouble."""

    def __init__(self, gateway: WatchedGateway, broken: BrokenLine) -> None:
        self.gateway = gateway
        self._broken_line = broken
        self.accounts = FakeAccounts(
            {
                name: Account(
                    base_url=gateway.url,
                    name=name,
                    password="123456",
                    version=17 if name == "second" else 1,
                    aes_key="0123456789abcdef" if name == "second" else None,
                )
                for name in NAMES
            },
            policies={name: Policy(rate=1000.0) for name in NAMES},
        )
        self.world: World
        self._ordered: str | None = None
        self._nowhere = unused_url()
        self._connect()

    def _connect(self) -> None:
        self._ends = {
            "whole": self._gateways(self.gateway.url),
            "broken": self._gateways(self._broken_line.url),
            "dead": self._gateways(self._nowhere),
        }
        self._pulls = self._gateways(self.gateway.url, read_timeout=20.0)

    def begin_anew(self, ordered: str) -> None:
        """In a process that was forked: connections of its own, and what its parent ordered for the first submit."""
        self._connect()
        self._ordered = ordered

    def _gateways(self, url: str, read_timeout: float = _READ_TIMEOUT) -> Gateways:
        reached: Any = _Reached(self.accounts, url, read_timeout)
        # Each world has a clock of its own.
        return Gateways(
            reached,
            clock=lambda: self.world.clock.now(),  # noqa: PLW0108 - likewise
            monotonic=lambda: self.world.clock.monotonic(),  # noqa: PLW0108 - likewise
            longest=LONGEST_CALL,
            counters=FakeCounters(),
        )

    def close(self) -> None:
        for gateways in (*self._ends.values(), self._pulls):
            gateways.close()

    def check(self, account: str, submit: Submit) -> None:
        check_submit(self.accounts.get(account), submit)

    def submit(self, account: str, submit: Submit) -> tuple[Accepted, ...]:
        world = self.world
        world.point("gateway.submit before")
        if POISON in submit.content:
            raise AccountNotConfigured("what is wrong with it stays wrong")
        raised: Exception | None = None
        accepted: tuple[Accepted, ...] = ()
        try:
            accepted = self._ends[self._end()].submit(account, submit)
        except Exception as exc:  # noqa: BLE001 - raised below, after what happens meanwhile
            raised = exc
        world.meanwhile()
        world.point("gateway.submit after")
        if raised is not None:
            raise raised
        return accepted

    def _end(self) -> str:
        if self._ordered is None:
            return self.order()
        ordered, self._ordered = self._ordered, "whole"
        return ordered

    def order(self) -> str:
        """Order the trouble of the next submit, if any; which end of which line it is to use."""
        world = self.world
        if world.rng.random() >= world.trouble:
            world.clock.advance(world.rng.uniform(0.02, 0.3))
            return "whole"
        _, name, make = world.rng.choices(TROUBLES, _TROUBLE_WEIGHTS)[0]
        world.counted[f"fault: {name}"] += 1
        trouble = make(world.rng)
        world.clock.advance(LONGEST_CALL if "hang" in name else 0.1)
        if isinstance(trouble, Fault):
            self.gateway.add_fault(trouble)
            return "whole"
        if trouble is None:
            return "dead"
        self._broken_line.order(trouble)
        return "broken"

    def pull(self, account: str, kind: Kind) -> Reply:
        self.world.point("gateway.pull before")
        return self._pulls.pull(account, kind)


@dataclass
class _Clock:
    world: "World"

    def now(self) -> datetime:
        return self.world.clock.now()

    def monotonic(self) -> float:
        return self.world.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.world.clock.sleep(seconds)


class _Port:
    """Every method of one of the state's fakes, as an atomic call with points."""

    def __init__(self, world: "World", name: str) -> None:
        self._world = world
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        world, name = self._world, self._name

        def call(*arguments: Any, **named: Any) -> Any:
            return world.call(
                f"{name}.{method}", lambda: getattr(getattr(world.state, name), method)(*arguments, **named)
            )

        return call


@dataclass
class _Queues:
    """SendQueue and PublishQueue, as those who send see them."""

    world: "World"

    def send(self, work: Sequence[Work], *, delay: float = 0) -> None:
        self.world.call("queue.send", lambda: self._send(work, min(max(delay, 0), 900)))

    def _send(self, work: Sequence[Work], delay: float) -> None:
        for one in work:
            self.world.put(one, delay)

    def carry(self, part: Part) -> None:
        self.world.call("pointers.carry", lambda: self._to_publish(carried(part)))

    def point_to(self, key: str) -> None:
        self.world.call("pointers.send", lambda: self._to_publish(pointer(key)))

    def _to_publish(self, body: str) -> None:
        self.world.state.to_publish.append(self.world.state.parcel(body))


@dataclass
class _Pointers:
    queues: _Queues

    def send(self, key: str) -> None:
        self.queues.point_to(key)

    def carry(self, part: Part) -> None:
        self.queues.carry(part)


@dataclass
class _Topic:
    world: "World"

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:  # a batch is taken in part
            self.world.call("topic.publish", partial(self._take, event))

    def _take(self, event: Event) -> None:
        state = self.world.state
        state.events.setdefault(event.id, []).append(event)
        if event.type in _TRACKED:
            state.to_track.append(state.parcel(event.body()))


class World:
    """The bridge's functions over one state, and the gateway."""

    def __init__(self, lines: Lines, rng: Random, *, trouble: float = 0.4) -> None:
        self.lines = lines
        self.rng = rng
        self.trouble = trouble  # the share of submits that meet some
        self.mishaps = 0.3  # the share of runs that die, and of those in which stores fail
        self.sigkills = 0.0  # the share of sends and submits that have a process of their own, which is killed
        self._memory = mmap.mmap(-1, _HEAD.size + _ROOM)
        self._forked = False
        self.state = State()
        self.counted = Counter[str]()
        self.wrong: list[str] = []
        self._lock = threading.RLock()
        self._local = threading.local()
        self._nested = threading.local()
        self._together = 0
        self.counters = FakeCounters()
        lines.world = self
        lines.gateway.reset()
        lines.gateway.moment = lambda: self.clock.now()  # noqa: PLW0108 - the clock may be another one by then
        self._wire()
        # The schedules come with the stack: the walks begin before the first message.
        self.run(lambda: self.attending.attend(lambda: 60.0), Fate())

    @property
    def clock(self) -> FakeClock:
        return self.state.clock

    def _wire(self) -> None:
        port: Any = lambda name: _Port(self, name)  # noqa: E731 - a cast that each use below needs
        queues: Any = _Queues(self)
        gateway, accounts, clock, counters = self.lines, self.lines.accounts, _Clock(self), self.counters
        messages, topic = port("messages"), _Topic(self)
        self.submitting = Submitting(
            accounts=accounts,
            gateway=gateway,  # type: ignore[arg-type]  # nobody asks for a balance
            messages=messages,
            opt_outs=port("opt_outs"),
            topic=topic,
            clock=clock,
            new_id=self.new_id,
            counters=counters,
            longest_call=LONGEST_CALL,
        )
        self.sending = Sending(
            accounts=accounts,
            gateway=gateway,  # type: ignore[arg-type]  # likewise
            messages=messages,
            submitting=self.submitting,
            queue=queues,
            schedules=port("schedules"),
            allowing=Allowing(uses=port("uses"), clock=clock, counters=counters),
            clock=clock,
            new_id=self.new_id,
            counters=counters,
        )
        dispatching = Dispatching(
            messages=messages, submitting=self.submitting, clock=clock, new_id=self.new_id, counters=counters
        )
        self.queueing = Queueing(
            accounts=accounts,
            messages=messages,
            dispatching=dispatching,
            unfolding=Unfolding(
                accounts=accounts,
                batches=port("batches"),
                bodies=port("bodies"),
                messages=messages,
                queue=queues,
                pace=port("pace"),
                dispatching=dispatching,
                clock=clock,
                counters=counters,
                longest_call=LONGEST_CALL,
                at_once=2,
            ),
            queue=queues,
            pace=port("pace"),
            clock=clock,
            counters=counters,
            longest_call=LONGEST_CALL,
        )
        self.attending = Attending(
            accounts=accounts,
            messages=messages,
            early=port("early"),
            progress=port("progress"),
            topic=topic,
            queue=queues,
            clock=clock,
            counters=counters,
        )
        self.pulling = Pulling(
            accounts=accounts,
            gateway=gateway,  # type: ignore[arg-type]  # likewise
            leases=port("leases"),
            journal=port("journal"),
            pointers=_Pointers(queues),
            topic=topic,
            clock=clock,
            new_id=self.new_id,
            counters=counters,
            pause=5.0,
        )
        self.publishing = Publishing(
            accounts=accounts, journal=port("journal"), messages=messages, topic=topic, counters=counters
        )
        self.tracking = Tracking(
            accounts=accounts, messages=messages, early=port("early"), clock=clock, counters=counters
        )

    def new_id(self) -> str:
        with self._lock:
            self.state.ids += 1
            return ulid(self.clock.now(), self.state.ids.to_bytes(10, "big"))

    # Fates

    def fate(self, points: int, *, spared: frozenset[str] = frozenset()) -> Fate:
        """A fate for a run of about so many points."""
        rng, fate = self.rng, Fate(spared=spared)
        if rng.random() < self.mishaps:
            fate.die_at = rng.randrange(1, points)
        if rng.random() < self.mishaps:
            fate.fail_at = rng.randrange(1, points // 2 + 1)
            fate.fail_for = rng.choice([1, 1, 2, 99])
            fate.after = rng.random() < 0.5
        return fate

    def run(self, work: Callable[[], Any], fate: Fate) -> tuple[str, Any]:
        """A run of a function: what it returned, or what it raised, or that it died."""
        before = getattr(self._local, "fate", Fate())
        self._local.fate = fate
        try:
            return "done", work()
        except Died:
            return "died", None
        except _EXPECTED as exc:
            return "failed", exc
        except Exception as exc:  # noqa: BLE001 - nothing else may come out of a function
            self.wrong.append(f"{type(exc).__name__} came out of a function: {exc}")
            return "failed", exc
        finally:
            self._local.fate = before

    def perform(self, work: Callable[[], Any], points: int, told: Callable[[str, Any], T]) -> T:
        """A run with a fate, now and then in a process of its own; `told` is what others see of how it ended."""
        if self._together or self._forked or self.rng.random() >= self.sigkills:
            return told(*self.run(work, self.fate(points)))
        fate = Fate(die_at=self.rng.randrange(1, points))
        if self.rng.random() < 0.4:
            fate = Fate(in_call=True)
        ordered, seed = self.lines.order(), self.rng.random()
        _HEAD.pack_into(self._memory, 0, 0)
        child = os.fork()
        if child == 0:
            try:
                self.rng.seed(seed)
                self._forked = True
                self.lines.begin_anew(ordered)
                self._save(told(*self.run(work, fate)))
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        seen = self._load()
        if not os.WIFSIGNALED(status):
            return cast("T", seen)
        self.counted["kills by a signal"] += 1
        return told("died", None)

    def _save(self, seen: object = None) -> None:
        """Write down what the process leaves behind."""
        content = pickle.dumps((self.state, self.counted, self.wrong, seen), pickle.HIGHEST_PROTOCOL)
        assert len(content) <= _ROOM
        self._memory[_HEAD.size : _HEAD.size + len(content)] = content
        _HEAD.pack_into(self._memory, 0, len(content))

    def _load(self) -> object:
        (length,) = _HEAD.unpack_from(self._memory, 0)
        content = self._memory[_HEAD.size : _HEAD.size + length]
        self.state, self.counted, self.wrong, seen = pickle.loads(content)  # noqa: S301 - our own
        return seen

    def point(self, name: str) -> None:
        fate = self._local.fate
        if fate.died:
            raise Died  # whatever still runs of it is not there any more
        if name.rpartition(" ")[0] in fate.spared:
            return
        fate.points += 1
        if fate.points == fate.die_at:
            fate.died = True
            self.counted["kills"] += 1
            self.counted[f"kill: {name}"] += 1
            if self._forked:
                self._save()
                os.kill(os.getpid(), signal.SIGKILL)
            raise Died
        if self._forked and fate.in_call and name == "gateway.submit before":
            # Somewhere between the first byte and the last; nothing of the stores changes meanwhile.
            self.counted["kills"] += 1
            self.counted["kills in the middle of a submit"] += 1
            self._save()
            signal.setitimer(signal.ITIMER_REAL, self.rng.uniform(0.0001, 0.003))
        if self._forked and fate.in_call and name == "gateway.submit after":
            os.kill(os.getpid(), signal.SIGKILL)

    def call(self, name: str, work: Callable[[], Any]) -> Any:
        self.point(f"{name} before")
        if self._together:
            # Between any two calls the others may come first; left to themselves, threads hardly ever do.
            time.sleep(self.rng.random() * _STAGGER)
        fate = self._local.fate
        fails = fate.fails(name)
        if fails and not fate.after:
            self.counted["calls of stores failed before their effect"] += 1
            raise Refused(name)
        with self._lock:
            try:
                result = work()
            except AssertionError as exc:
                self.wrong.append(f"{name}: {exc}")
                raise
        if fails:
            self.counted["calls of stores failed after their effect"] += 1
            raise Refused(name)
        self.point(f"{name} after")
        return result

    # Functions

    def put(self, work: Work, delay: float = 0.0) -> None:
        for _ in range(2 if self.rng.random() < 0.05 else 1):
            self.state.to_submit.append(self.state.parcel(work.body(), delay))

    def submit_some(self, most: int = 1) -> int:
        """What `submit` does with what it is handed out, now and then two of it at once."""
        done = 0
        for _ in range(most):
            parcel = self._visible(self.state.to_submit)
            if parcel is None:
                break
            done += 1
            if self.rng.random() < 0.15:
                # The same pointer came to another worker, too; or another pointer to the same message.
                self.at_once([partial(self._submit, parcel) for _ in range(2)])
                self.counted["pointers taken by two workers at once"] += 1
            else:
                self._submit(parcel)
        return done

    def _submit(self, parcel: Parcel) -> None:
        with self._lock:
            parcel.receives += 1
            parcel.visible_at = self.clock.now() + timedelta(seconds=VISIBILITY)
            self.counted["pointers handed out"] += 1
            self.counted["… again"] += parcel.receives > 1
            last = parcel.receives >= RECEIVES
            left = 20.0 if self.rng.random() < 0.03 else 55.0
        outcome = self.perform(
            lambda: self.queueing.take(parcel.body, last=last, time_left=lambda: left),
            18,
            told=lambda outcome, _: outcome,
        )
        with self._lock:
            queue = self.state.to_submit
            if parcel not in queue:
                return
            parcel = queue[queue.index(parcel)]
            if outcome == "done" and self.rng.random() < 0.95:
                queue.remove(parcel)
            elif last:
                queue.remove(parcel)
                if outcome != "done":
                    self.state.dead.append(parcel.body)
                    self.counted["dead letters"] += 1
            else:
                parcel.visible_at = self.clock.now() + timedelta(seconds=self.rng.choice([1, 30, VISIBILITY]))

    def at_once(self, works: Sequence[Callable[[], Any]]) -> None:
        """In threads that begin together."""
        barrier = threading.Barrier(len(works))

        def begin(work: Callable[[], Any]) -> None:
            barrier.wait()
            work()

        threads = [threading.Thread(target=begin, args=(work,)) for work in works]
        self._together += 1
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._together -= 1

    def fire_schedules(self) -> None:
        now = self.clock.now()
        for message_id, at in list(self.state.schedules.due.items()):
            if at <= now:
                if self.rng.random() < 0.95:
                    del self.state.schedules.due[message_id]
                self.put(MessageWork(message_id=message_id))

    def report(self) -> None:
        """Pull the reports, publish them and write them down: each in no order, and some of it again."""
        # What the gateway hands out to a pull that dies then is gone; how that is said is the matter of `matrix.py`.
        spared = frozenset({"journal.store", "pointers.carry"})
        for account in NAMES:
            for _ in range(20):
                outcome, ended = self.run(
                    partial(self.pulling.pull, account, Kind.REPORTS), self.fate(14, spared=spared)
                )
                if outcome != "done" or ended is not Ended.RECORDS:
                    break
        self._work(self.state.to_publish, self.publishing.take)
        self._work(self.state.to_track, self.tracking.track)

    def _work(self, queue: list[Parcel], take: Callable[[str], Any]) -> None:
        for _ in range(len(queue)):
            if not queue:
                return
            parcel = queue[self.rng.randrange(len(queue))]
            outcome, _ = self.run(partial(take, parcel.body), self.fate(8))
            with self._lock:
                if outcome == "done" and self.rng.random() < 0.95 and parcel in queue:
                    queue.remove(parcel)

    def attend(self) -> None:
        self.run(lambda: self.attending.attend(lambda: 60.0), self.fate(60))

    def _visible(self, queue: list[Parcel]) -> Parcel | None:
        now = self.clock.now()
        visible = [parcel for parcel in queue if parcel.visible_at <= now]
        return self.rng.choice(visible) if visible else None

    def meanwhile(self) -> None:
        """What others do between the gateway's answer and its record."""
        if self._forked or getattr(self._nested, "busy", False) or self.rng.random() >= 0.06 or not self.mishaps:
            return
        self._nested.busy = True
        try:
            if self.rng.random() < 0.6:
                self.counted["reports pulled before the outcome was recorded"] += 1
                self.lines.gateway.make_reports_due()
                self.report()
            else:
                self.counted["submits recorded past their deadline"] += 1
                self.clock.advance(70)
                self.attend()
                self.submit_some(3)
        finally:
            self._nested.busy = False

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Nothing goes wrong any more."""
        mishaps, trouble, self.mishaps, self.trouble = self.mishaps, self.trouble, 0.0, 0.0
        try:
            yield
        finally:
            self.mishaps, self.trouble = mishaps, trouble

    def live_until_quiet(self) -> None:
        """For as long as anything can still happen: three days and more; the outages end with the first night."""
        steps = [30] * 20 + [120] * 30 + [900] * 24 + [3600] * 20
        for seconds in steps:
            self._tick(seconds)
        with self.calm():
            self.lines.gateway.wait_until_idle()
            self.lines.gateway.make_reports_due()
            for seconds in [3600] * 4 + [6 * 3600] * 14:
                self._tick(seconds)

    def _tick(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.fire_schedules()
        self.attend()
        while self.submit_some(10):
            pass
        self.report()
