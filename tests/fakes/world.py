"""A world without AWS and without a gateway: every port of `bridge.ports`, in memory."""

from dataclasses import dataclass, field, replace

from bridge.domain.clients import Caller
from bridge.ports import Topic
from bridge.services.allowing import Allowing
from bridge.services.attending import Attending
from bridge.services.authorizing import Authorizing
from bridge.services.balancing import Balancing
from bridge.services.batching import Batching
from bridge.services.dispatching import Dispatching
from bridge.services.estimating import Estimating
from bridge.services.finding import Finding
from bridge.services.publishing import Publishing
from bridge.services.pulling import Pulling
from bridge.services.queueing import Queueing
from bridge.services.sending import Sending
from bridge.services.statistics import Statistics
from bridge.services.submitting import Submitting
from bridge.services.unfolding import Unfolding
from eums import Account
from tests.fakes.accounts import FakeAccounts
from tests.fakes.batches import FakeBatchBodies, FakeBatches
from tests.fakes.clients import FakeClients, FakeUses
from tests.fakes.clock import NOON, FakeClock, FakeIds
from tests.fakes.counters import FakeCounters
from tests.fakes.day_counts import FakeDayCounts
from tests.fakes.early_reports import FakeEarlyReports
from tests.fakes.events import FakeTopic
from tests.fakes.gateway import FakeGateway
from tests.fakes.lists import FakeMessageLists
from tests.fakes.messages import FakeMessages
from tests.fakes.opt_outs import FakeOptOuts
from tests.fakes.pulls import FakeJournal, FakeLeases, FakePointers, FakeSweeps
from tests.fakes.sends import FakePace, FakeSchedules, FakeSendQueue
from tests.fakes.statistics import FakeCache, FakeSlots
from tests.fakes.walks import FakeProgress
from tests.fakes.watching import FakeReconciliations, FakeSubmitTimes, FakeWatches

__all__ = ["LONGEST_CALL", "NOON", "SHOP", "World"]

LONGEST_CALL = 22.0  # seconds

SHOP = Caller(
    client="shop", accounts=frozenset({"default"}), default_account="default", scopes=frozenset({"send", "read"})
)


@dataclass
class World:
    """All of them, wired to each other."""

    clock: FakeClock = field(default_factory=FakeClock)
    new_id: FakeIds = field(default_factory=FakeIds)
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    days: FakeDayCounts = field(default_factory=FakeDayCounts)
    messages: FakeMessages = field(init=False)
    batches: FakeBatches = field(init=False)
    bodies: FakeBatchBodies = field(default_factory=FakeBatchBodies)
    early: FakeEarlyReports = field(init=False)
    progress: FakeProgress = field(default_factory=FakeProgress)
    leases: FakeLeases = field(default_factory=FakeLeases)
    journal: FakeJournal = field(default_factory=FakeJournal)
    pointers: FakePointers = field(default_factory=FakePointers)
    sweeps: FakeSweeps = field(default_factory=FakeSweeps)
    topic: FakeTopic = field(default_factory=FakeTopic)
    slots: FakeSlots = field(default_factory=FakeSlots)
    cache: FakeCache = field(default_factory=FakeCache)
    watches: FakeWatches = field(default_factory=FakeWatches)
    reconciliations: FakeReconciliations = field(default_factory=FakeReconciliations)
    counters: FakeCounters = field(default_factory=FakeCounters)
    queue: FakeSendQueue = field(default_factory=FakeSendQueue)
    schedules: FakeSchedules = field(default_factory=FakeSchedules)
    pace: FakePace = field(default_factory=FakePace)
    opt_outs: FakeOptOuts = field(default_factory=FakeOptOuts)
    clients: FakeClients = field(default_factory=FakeClients)
    uses: FakeUses = field(default_factory=FakeUses)
    gateway: FakeGateway = field(init=False)
    submits: FakeSubmitTimes = field(init=False)

    def __post_init__(self) -> None:
        self.messages = FakeMessages(self.days)
        self.batches = FakeBatches(self.messages)
        self.early = FakeEarlyReports(self.days)
        self.gateway = FakeGateway(self.accounts)
        self.submits = FakeSubmitTimes(self.messages)

    def add_account(self, name: str, account: Account | None = None) -> None:
        """One more account."""
        self.accounts.accounts[name] = account or replace(self.accounts.get("default"))

    def allowing(self) -> Allowing:
        return Allowing(uses=self.uses, clock=self.clock, counters=self.counters)

    def authorizing(self) -> Authorizing:
        return Authorizing(clients=self.clients, clock=self.clock)

    def sending(self) -> Sending:
        return Sending(
            accounts=self.accounts,
            gateway=self.gateway,
            messages=self.messages,
            submitting=self.submitting(),
            queue=self.queue,
            schedules=self.schedules,
            allowing=self.allowing(),
            clock=self.clock,
            new_id=self.new_id,
            counters=self.counters,
        )

    def submitting(self, *, messages: FakeMessages | None = None, topic: Topic | None = None) -> Submitting:
        return Submitting(
            accounts=self.accounts,
            gateway=self.gateway,
            messages=messages or self.messages,
            opt_outs=self.opt_outs,
            topic=topic or self.topic,
            clock=self.clock,
            new_id=self.new_id,
            counters=self.counters,
            longest_call=LONGEST_CALL,
        )

    def dispatching(self) -> Dispatching:
        return Dispatching(
            messages=self.messages,
            submitting=self.submitting(),
            clock=self.clock,
            new_id=self.new_id,
            counters=self.counters,
        )

    def queueing(self) -> Queueing:
        return Queueing(
            accounts=self.accounts,
            messages=self.messages,
            dispatching=self.dispatching(),
            unfolding=self.unfolding(),
            queue=self.queue,
            pace=self.pace,
            clock=self.clock,
            counters=self.counters,
            longest_call=LONGEST_CALL,
        )

    def batching(self) -> Batching:
        return Batching(
            accounts=self.accounts,
            gateway=self.gateway,
            batches=self.batches,
            bodies=self.bodies,
            queue=self.queue,
            allowing=self.allowing(),
            clock=self.clock,
            new_id=self.new_id,
            counters=self.counters,
        )

    def unfolding(self) -> Unfolding:
        return Unfolding(
            accounts=self.accounts,
            batches=self.batches,
            bodies=self.bodies,
            messages=self.messages,
            queue=self.queue,
            pace=self.pace,
            dispatching=self.dispatching(),
            clock=self.clock,
            counters=self.counters,
            longest_call=LONGEST_CALL,
            at_once=1,
        )

    def attending(self) -> Attending:
        return Attending(
            accounts=self.accounts,
            messages=self.messages,
            early=self.early,
            progress=self.progress,
            topic=self.topic,
            queue=self.queue,
            clock=self.clock,
            counters=self.counters,
        )

    def pulling(self, topic: Topic | None = None) -> Pulling:
        return Pulling(
            accounts=self.accounts,
            gateway=self.gateway,
            leases=self.leases,
            journal=self.journal,
            pointers=self.pointers,
            topic=topic or self.topic,
            clock=self.clock,
            new_id=self.new_id,
            counters=self.counters,
            pause=5.0,
        )

    def publishing(self, topic: Topic | None = None, *, messages: FakeMessages | None = None) -> Publishing:
        return Publishing(
            accounts=self.accounts,
            journal=self.journal,
            messages=messages or self.messages,
            topic=topic or self.topic,
            counters=self.counters,
        )

    def statistics(self) -> Statistics:
        return Statistics(
            accounts=self.accounts,
            gateway=self.gateway,
            slots=self.slots,
            cache=self.cache,
            clock=self.clock,
            counters=self.counters,
        )

    def finding(self) -> Finding:
        return Finding(
            accounts=self.accounts, messages=self.messages, lists=FakeMessageLists(self.messages), clock=self.clock
        )

    def balancing(self) -> Balancing:
        return Balancing(accounts=self.accounts, gateway=self.gateway, clock=self.clock)

    def estimating(self) -> Estimating:
        return Estimating(accounts=self.accounts, gateway=self.gateway)
