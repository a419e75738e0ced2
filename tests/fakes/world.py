"""A world without AWS and without a gateway: every port of `bridge.ports`, in memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from bridge.domain.clients import Caller
from bridge.domain.days import DayCount
from bridge.domain.errors import AccountNotConfigured, NotFound, NotPublished
from bridge.domain.events import Event
from bridge.domain.ids import moved_to, ulid, ulids_between
from bridge.domain.messages import (
    Applied,
    EarlyReport,
    Message,
    Once,
    Outbound,
    Owner,
    Standing,
    Status,
    TrackedReport,
)
from bridge.domain.policies import Policy
from bridge.domain.pulls import Intent, JournalEntry, Kind, Part, PullId
from bridge.domain.submits import MOVES, is_waiting, state_of
from bridge.domain.sweeps import Sweep
from bridge.domain.walks import Entry, Place, shard_of
from bridge.domain.watches import PullTrace, Watch, Watched
from bridge.ports import Topic
from bridge.services.attending import Attending
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
from eums import Accepted, Account, DayStatistics, Reply, Submit, check_submit
from tests.fakes.batches import FakeBatchBodies, FakeBatches
from tests.fakes.lists import FakeMessageLists
from tests.fakes.opt_outs import FakeOptOuts
from tests.fakes.schemas import hold_against_schema
from tests.fakes.sends import FakePace, FakeSchedules, FakeSendQueue

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


@dataclass
class FakeClock:
    """Stands still until it is told to go on, or slept by."""

    time: datetime = NOON
    elapsed: float = 0.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.elapsed += seconds


@dataclass
class FakeIds:
    """ULIDs that count."""

    made: int = 0

    def __call__(self) -> str:
        self.made += 1
        return ulid(NOON, self.made.to_bytes(10, "big"))


@dataclass
class FakeAccounts:
    """Accounts that stand in a dictionary."""

    accounts: dict[str, Account] = field(
        default_factory=lambda: {"default": Account(base_url="http://127.0.0.1:9", name="test", password="123456")}
    )
    refreshed: int = 0
    policies: dict[str, Policy] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.accounts))

    def get(self, name: str) -> Account:
        if name not in self.accounts:
            raise AccountNotConfigured(f"no {name}")
        return self.accounts[name]

    def policy(self, name: str) -> Policy:
        self.get(name)
        return self.policies.get(name, Policy())

    def refresh(self) -> None:
        self.refreshed += 1


@dataclass
class FakeGateway:
    """A gateway that answers what it was told to: a value, or an exception to raise."""

    accounts: FakeAccounts
    submits: list[tuple[str, Submit]] = field(default_factory=list)
    submit_answer: Callable[[Submit], tuple[Accepted, ...]] | Exception | None = None
    pulls: list[tuple[str, Kind]] = field(default_factory=list)
    pages: list[Reply | Exception] = field(default_factory=list)
    balance_answer: int | Exception = 100
    asked_for_statistics: list[tuple[date, date]] = field(default_factory=list)
    statistics_answer: Callable[[date, date], tuple[DayStatistics, ...]] | Exception | None = None

    def check(self, account: str, submit: Submit) -> None:
        check_submit(self.accounts.get(account), submit)

    def submit(self, account: str, submit: Submit) -> tuple[Accepted, ...]:
        self.submits.append((account, submit))
        if isinstance(self.submit_answer, Exception):
            raise self.submit_answer
        if self.submit_answer is not None:
            return self.submit_answer(submit)
        return tuple(Accepted(number, f"06030155224547{index:05}", 1) for index, number in enumerate(submit.dest))

    def pull(self, account: str, kind: Kind) -> Reply:
        self.pulls.append((account, kind))
        page = self.pages.pop(0) if self.pages else EMPTY_PAGE
        if isinstance(page, Exception):
            raise page
        return page

    def balance(self, account: str) -> int:  # noqa: ARG002 - the port's signature
        if isinstance(self.balance_answer, Exception):
            raise self.balance_answer
        return self.balance_answer

    def statistics(self, account: str, start: date, end: date) -> tuple[DayStatistics, ...]:  # noqa: ARG002 - likewise
        self.asked_for_statistics.append((start, end))
        if isinstance(self.statistics_answer, Exception):
            raise self.statistics_answer
        if self.statistics_answer is not None:
            return self.statistics_answer(start, end)
        days = (end - start).days + 1
        return tuple(DayStatistics(start + timedelta(days=day), 10, 7, 2, 1) for day in range(days))


def page(body: str | bytes, *, status: int = 200, cut: bool = False) -> Reply:
    """A reply of the gateway."""
    raw = body.encode() if isinstance(body, str) else body
    return Reply(status=status, headers=(("Content-Type", "text/plain"),), body=raw, cut=cut)


EMPTY_PAGE = page('{"code":0,"data":[]}')


@dataclass
class FakeDayCounts:
    """A tally a day."""

    days: dict[tuple[str, date], DayCount] = field(default_factory=dict)

    def of(self, account: str, day: date) -> DayCount:
        return self.days.get((account, day), DayCount())

    def add(self, account: str, day: date, name: str, by: int = 1) -> None:
        count = self.of(account, day)
        self.days[account, day] = replace(count, **{name: getattr(count, name) + by})


@dataclass
class FakeMessages:
    """Messages in a dictionary, reports beside them; `seen` are the events that a row remembers."""

    days: FakeDayCounts = field(default_factory=FakeDayCounts)
    messages: dict[str, Message] = field(default_factory=dict)
    indexed: dict[str, str] = field(default_factory=dict)  # the message's account when its numbers were written
    reports: dict[tuple[str, str], TrackedReport] = field(default_factory=dict)
    seen: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    contradictions: dict[tuple[str, str], TrackedReport] = field(default_factory=dict)
    asked_for: list[frozenset[str]] = field(default_factory=list)
    index_failure: Exception | None = None
    once: dict[str, tuple[str, str, datetime]] = field(default_factory=dict)
    writes: int = 0

    def add(self, message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing | None:
        if once is not None:
            message_id, request_hash, until = self.once.get(once.key_hash, (None, "", message.created_at))
            if message_id is not None and until > message.created_at and message_id != instead_of:
                return Standing(message=self.messages[message_id], request_hash=request_hash)
            self.once[once.key_hash] = (message.id, once.request_hash, message.created_at + timedelta(hours=24))
        self.writes += 1
        assert bool(message.claim) != is_waiting(message), "what waits is claimed by nobody, and nothing else is not"
        self.messages[message.id] = message
        return None

    def standing(self, once: Once, *, now: datetime) -> Standing | None:
        message_id, request_hash, until = self.once.get(once.key_hash, (None, "", now))
        if message_id is None or until <= now:
            return None
        return Standing(message=self.messages[message_id], request_hash=request_hash)

    def add_all(self, messages: Sequence[Message]) -> frozenset[str]:
        new = [message for message in messages if message.id not in self.messages]
        for message in new:
            self.add(message)
        return frozenset(message.id for message in new)

    def index(self, message: Message) -> None:
        if self.index_failure:
            raise self.index_failure
        assert message.id in self.messages, "indexed before it was written down"
        self.indexed[message.id] = message.account

    def move(self, before: Message, after: Message) -> Message | None:
        standing = self.messages.get(after.id)
        if standing is None:
            raise NotFound("there is no such message")
        if (state_of(standing), standing.claim) != (state_of(before), before.claim):
            return None if standing == after else standing
        assert state_of(after) in MOVES[state_of(before)], f"{state_of(before)} leads nowhere like {state_of(after)}"
        assert before.id == after.id
        self.writes += 1
        self.messages[after.id] = after
        return None

    def recorded(self, message_id: str) -> Message | None:
        return self.messages.get(message_id)

    def recorded_all(self, message_ids: Iterable[str]) -> Mapping[str, Message]:
        return {message_id: self.messages[message_id] for message_id in message_ids if message_id in self.messages}

    def find(self, message_id: str) -> Message | None:
        message = self.messages.get(message_id)
        if message is None:
            return None
        return message.with_reports({to: report for (owner, to), report in self.reports.items() if owner == message_id})

    def owners(self, message_ids: Iterable[str]) -> Mapping[str, Owner]:
        return {message_id: message.owner for message_id in message_ids if (message := self.messages.get(message_id))}

    def sent_to(
        self, account: str, numbers: Iterable[str], *, since: datetime, until: datetime
    ) -> Mapping[str, tuple[Outbound, ...]]:
        self.asked_for.append(frozenset(numbers))
        first, last = ulids_between(since, until)
        sent: dict[str, tuple[Outbound, ...]] = {}
        for message in sorted(self.messages.values(), key=_made, reverse=True):
            found_by_number = len(message.recipients) == 1 or self.indexed.get(message.id) == message.account
            if message.account != account or not first <= _made(message) <= last or not found_by_number:
                continue
            owner = self.owners([message.id])[message.id]
            for recipient in message.recipients:
                if recipient.to in self.asked_for[-1] and len(sent.get(recipient.to, ())) < 50:
                    outbound = Outbound(
                        owner=owner,
                        extension=message.extension,
                        status=recipient.status,
                        gateway_message_id=recipient.gateway_message_id,
                    )
                    sent[recipient.to] = (*sent.get(recipient.to, ()), outbound)
        return sent

    def begun_in(self, hour: datetime, shard: int, *, after: str) -> Sequence[Entry]:
        return self._entries(
            (
                message
                for message in self.messages.values()
                if not is_waiting(message)
                and hour <= message.submitted_at < hour + timedelta(hours=1)
                and shard_of(message.id) == shard
            ),
            after,
        )

    def due_in(self, minute: datetime, *, after: str) -> Sequence[Entry]:
        return self._entries(
            (
                message
                for message in self.messages.values()
                if minute <= message.due_at < minute + timedelta(minutes=1)
                and is_waiting(message)
                and not message.batch_id
            ),
            after,
        )

    def _entries(self, messages: Iterable[Message], after: str) -> list[Entry]:
        return sorted(Entry(_made(message), "message", message.id) for message in messages if _made(message) > after)[
            :2
        ]

    def apply(self, report: TrackedReport, *, day: date) -> Applied:
        key = (report.message_id, report.to)
        standing = self.reports.get(key)
        seen = self.seen.setdefault(key, set())
        silent = report.status is Status.UNKNOWN_EXPIRED  # it repeats what was told before
        if report.event_id in seen or (not silent and standing is not None and _told(standing) == _told(report)):
            return Applied.REPEATED
        newer = standing is not None and _second(standing) < _second(report)
        if standing is None or (not standing.final and (report.final or silent or newer)):
            seen.add(report.event_id)
            self.reports[key] = replace(standing, status=report.status) if standing and silent else report
            if report.final:
                self.days.add(report.account, day, "delivered" if report.status is Status.DELIVERED else "failed")
            return Applied.MOVED
        if standing.status != report.status and not report.final:
            return Applied.STALE
        seen.add(report.event_id)
        if standing.status == report.status:
            return Applied.DUPLICATE
        self.contradictions[key] = report
        return Applied.CONTRADICTION


def _made(message: Message) -> str:
    return moved_to(message.claimed_at, message.id) if message.claimed_at else message.id


def _told(report: TrackedReport) -> tuple[object, ...]:
    return report.gateway_message_id, report.gateway_status, report.reported_at


def _second(report: TrackedReport) -> float:
    return report.reported_at.timestamp() if report.reported_at else 0.0


@dataclass
class FakeEarlyReports:
    """Early reports by event id, with the minute in which each was kept, until they wait no more."""

    days: FakeDayCounts
    reports: dict[str, EarlyReport] = field(default_factory=dict)
    waiting: dict[str, datetime] = field(default_factory=dict)

    def keep(self, report: EarlyReport, *, at: datetime, day: date) -> bool:
        if report.event_id in self.reports:
            return False
        self.reports[report.event_id] = report
        self.waiting[report.event_id] = at.replace(second=0, microsecond=0)
        self._count(report, day, 1)
        return True

    def kept_in(self, minute: datetime, *, after: str) -> Sequence[EarlyReport]:
        due = sorted(name for name, at in self.waiting.items() if at == minute and name > after)
        return [self.reports[name] for name in due[:2]]

    def attach(self, report: EarlyReport, owner: Owner, *, day: date) -> None:  # noqa: ARG002 - the port's signature
        if self.waiting.pop(report.event_id, None):
            self._count(report, day, -1)

    def _count(self, report: EarlyReport, day: date, by: int) -> None:
        name = {Status.DELIVERED: "foreign_delivered", Status.UNDELIVERED: "foreign_failed"}.get(report.status)
        if name:
            self.days.add(report.account, day, name, by)


@dataclass
class FakeProgress:
    """Places by the walk's name."""

    places: dict[str, Place] = field(default_factory=dict)
    writes: int = 0

    def reached(self, walk: str) -> Place | None:
        return self.places.get(walk)

    def remember(self, walk: str, place: Place) -> None:
        self.writes += 1
        self.places[walk] = place


@dataclass
class FakeLeases:
    """Leases by (account, kind)."""

    standing: dict[tuple[str, Kind], tuple[PullId, int, datetime, bool]] = field(default_factory=dict)
    suspended: bool = False  # as the last completed pull said
    dangling: dict[tuple[str, Kind], tuple[PullId, ...]] = field(default_factory=dict)

    def begin(self, pull: PullId, *, expires_at: datetime) -> Intent | None:
        key = (pull.account, pull.kind)
        before = self.standing.get(key)
        if before and before[3]:
            if before[2] >= pull.begun_at:
                return None
            self.dangling[key] = (*self.dangling.get(key, ()), before[0])
        fence = before[1] + 1 if before else 1
        self.standing[key] = (pull, fence, expires_at, True)
        return Intent(pull=pull, expires_at=expires_at, fence=fence, dangling=self.dangling.get(key, ()))

    def settle(self, dangling: PullId) -> None:
        key = (dangling.account, dangling.kind)
        self.dangling[key] = tuple(pull for pull in self.dangling.get(key, ()) if pull != dangling)

    def complete(
        self,
        intent: Intent,
        *,
        at: datetime,  # noqa: ARG002 - the port's signature
        brought_records: bool,  # noqa: ARG002 - likewise
        suspended: bool = False,
    ) -> bool:
        self.suspended = suspended
        key = (intent.pull.account, intent.pull.kind)
        pull, fence, expires_at, _ = self.standing[key]
        if fence != intent.fence:
            return False
        self.standing[key] = (pull, fence, expires_at, False)
        return True


@dataclass
class FakeJournal:
    """The journal in a dictionary."""

    entries: dict[str, JournalEntry] = field(default_factory=dict)
    quarantined: dict[str, JournalEntry] = field(default_factory=dict)
    published: set[str] = field(default_factory=set)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def store(self, entry: JournalEntry) -> None:
        key = entry.pull.journal_key
        assert self.entries.get(key, entry).body == entry.body, "another body under the same key"
        self.entries[key] = entry

    def read(self, key: str) -> JournalEntry:
        found = self.entries.get(key) or self.quarantined.get(key)
        if found is None:
            raise NotFound(key)
        return found

    def has(self, key: str) -> bool:
        return key in self.entries

    def quarantine(self, entry: JournalEntry) -> str:
        key = entry.pull.journal_key.replace("raw/", "quarantine/", 1)
        self.quarantined[key] = entry
        return key

    def mark_published(self, key: str) -> None:
        self.published.add(key)

    def keys(self, account: str, kind: Kind, *, after: str, limit: int) -> Sequence[str]:
        prefix = f"raw/{account}/{kind}/"
        return sorted(key for key in self.entries if key.startswith(prefix) and key > after)[:limit]

    def is_published(self, key: str) -> bool:
        return key in self.published or key not in self.entries

    def keep_part(self, part: Part) -> JournalEntry | None:
        pieces = self.parts.setdefault(part.entry.pull.id, {})
        pieces[part.number] = part.entry.body
        if len(pieces) < part.of:
            return None
        return replace(part.entry, body=b"".join(pieces[number] for number in sorted(pieces)))

    def forget_parts(self, pull: PullId) -> None:
        self.parts.pop(pull.id, None)


@dataclass
class FakePointers:
    """A queue of journal keys, and of what the journal did not take."""

    keys: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def send(self, key: str) -> None:
        self.keys.append(key)

    def carry(self, part: Part) -> None:
        self.parts.append(part)


@dataclass
class FakeSweeps:
    """Sweeps in a dictionary."""

    kept: dict[tuple[str, Kind], Sweep] = field(default_factory=dict)

    def load(self, account: str, kind: Kind) -> Sweep:
        return self.kept.get((account, kind), Sweep())

    def save(self, account: str, kind: Kind, sweep: Sweep) -> bool:
        if self.load(account, kind).version != sweep.version:
            return False
        self.kept[account, kind] = replace(sweep, version=sweep.version + 1)
        return True


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


@dataclass
class FakeSlots:
    """Three calls a minute."""

    taken: list[datetime] = field(default_factory=list)

    def take(self, account: str, now: datetime) -> float:  # noqa: ARG002 - the port's signature
        recent = [at for at in self.taken if now - at < timedelta(seconds=62)]
        if len(recent) >= 3:
            return 62 - (now - min(recent)).total_seconds()
        self.taken = [*recent, now]
        return 0.0

    def exhaust(self, account: str, now: datetime) -> None:  # noqa: ARG002 - likewise
        self.taken = [now] * 3


@dataclass
class FakeCache:
    """Statistics kept until they are stale."""

    kept: dict[tuple[str, date, date], tuple[tuple[DayStatistics, ...], datetime]] = field(default_factory=dict)

    def get(self, account: str, start: date, end: date, now: datetime) -> tuple[DayStatistics, ...] | None:
        days, expires_at = self.kept.get((account, start, end), (None, now))
        return days if expires_at > now else None

    def put(self, account: str, start: date, end: date, days: tuple[DayStatistics, ...], expires_at: datetime) -> None:
        self.kept[account, start, end] = (days, expires_at)


@dataclass
class FakeWatches:
    """Watches in a dictionary, beside the pulls that a test says were made."""

    pulls: dict[tuple[str, Kind], PullTrace] = field(default_factory=dict)
    kept: dict[str, Watch] = field(default_factory=dict)
    writes: int = 0

    def read(self, accounts: Sequence[str]) -> Mapping[str, Watched]:
        return {
            account: Watched(
                watch=self.kept.get(account),
                pulls={kind: trace for (owner, kind), trace in self.pulls.items() if owner == account},
            )
            for account in accounts
        }

    def keep(self, account: str, watch: Watch) -> None:
        self.writes += 1
        self.kept[account] = watch


@dataclass
class FakeSubmitTimes:
    """The messages' own times."""

    messages: FakeMessages
    asked: int = 0

    def between(self, after: datetime, until: datetime) -> Mapping[str, tuple[str, ...]]:
        self.asked += 1
        made = sorted(
            (message for message in self.messages.messages.values() if after <= message.created_at <= until),
            key=lambda message: message.created_at,
        )
        accounts = {message.account for message in made}
        return {name: tuple(message.id for message in made if message.account == name) for name in accounts}


@dataclass
class FakeReconciliations:
    """The days of the last comparisons."""

    days: dict[str, date] = field(default_factory=dict)

    def last(self, account: str) -> date | None:
        return self.days.get(account)

    def done(self, account: str, today: date) -> None:
        self.days[account] = today


@dataclass
class FakeCounters:
    """A tally, without the dimensions."""

    counted: Counter[str] = field(default_factory=Counter)

    def count(self, name: str, value: float = 1, **_: str) -> None:
        self.counted[name] += int(value)


@dataclass
class FakeClients:
    """Clients by the hash of their key."""

    clients: dict[str, Caller] = field(default_factory=dict)

    def find(self, key_hash: str) -> Caller | None:
        return self.clients.get(key_hash)


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

    def sending(self) -> Sending:
        return Sending(
            accounts=self.accounts,
            gateway=self.gateway,
            messages=self.messages,
            submitting=self.submitting(),
            queue=self.queue,
            schedules=self.schedules,
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
