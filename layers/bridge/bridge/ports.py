"""What the services need of the world, as protocols. The adapters implement them; the tests' fakes do too."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from bridge.domain.batches import Batch, BatchEntry, BatchStanding
from bridge.domain.clients import Caller
from bridge.domain.days import DayCount
from bridge.domain.events import Event
from bridge.domain.hook_sources import HookSource, ListedSource
from bridge.domain.lists import Among
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
from bridge.domain.opt_outs import OptOut
from bridge.domain.pace import Turn
from bridge.domain.policies import Policy
from bridge.domain.pulls import Intent, JournalEntry, Kind, Part, PullId
from bridge.domain.sns_messages import SnsMessage
from bridge.domain.sweeps import Sweep
from bridge.domain.walks import Entry, Place
from bridge.domain.watches import Watch, Watched
from bridge.domain.webhooks import Answer, Begun, Delivery, DeliveryStatus, Endpoint, Pointer, Received
from bridge.domain.work import Work
from eums import Accepted, Account, DayStatistics, Reply, Submit


class Clock(Protocol):
    """Time, so that tests can move it."""

    def now(self) -> datetime:
        """The time, aware."""

    def monotonic(self) -> float:
        """Seconds from some beginning; for durations."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class NewId(Protocol):
    """Makes ids that nobody else has and that sort by time."""

    def __call__(self) -> str:
        """A ULID of now."""


class Accounts(Protocol):
    """The gateway accounts, by our name for them."""

    def names(self) -> tuple[str, ...]:
        """All of them, sorted."""

    def get(self, name: str) -> Account:
        """One of them. Raises AccountNotConfigured."""

    def policy(self, name: str) -> Policy:
        """How the bridge uses it. Raises AccountNotConfigured."""

    def refresh(self) -> None:
        """Read them again: the gateway says that a key or password is wrong, and it may just have been changed."""


class Gateway(Protocol):
    """The EUMS gateway behind an account. Raises `eums` errors and AccountNotConfigured."""

    def check(self, account: str, submit: Submit) -> None:
        """Whatever the gateway would surely refuse, before it costs a call. Raises `eums.InvalidSubmit`, with all."""

    def submit(self, account: str, submit: Submit) -> tuple[Accepted, ...]:
        """下行协议."""

    def pull(self, account: str, kind: Kind) -> Reply:
        """拉取状态报告 or 拉取上行, raw. What it hands out it never hands out again."""

    def balance(self, account: str) -> int:
        """查询余额, in messages."""

    def statistics(self, account: str, start: date, end: date) -> tuple[DayStatistics, ...]:
        """查询账户下行统计, at most 31 days. An empty result (130) is ()."""


class Messages(Protocol):
    """The messages and what was reported of them."""

    def add(self, message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing | None:
        """Write down a new message: one that is about to be submitted, or one that waits. The first of its writes.

        With `once`, only where no request of the last 24 h had the same key, or where the message that the key stands
        for is `instead_of`; what stands there otherwise, and then nothing is written.
        """

    def add_all(self, messages: Sequence[Message]) -> frozenset[str]:
        """Write down new messages that wait, each where nothing stands there. Returns the ids of those that are new."""

    def standing(self, once: Once, *, now: datetime) -> Standing | None:
        """What `add` would find with this key at `now`, where it would add nothing; None where it would."""

    def index(self, message: Message) -> None:
        """Make a message be found by each of its numbers. With one number `add` and `move` do that already."""

    def move(self, before: Message, after: Message) -> Message | None:
        """Write `after` where the submit still stands as in `before`: in the same state, under the same claim.

        None where it did (or where this very write went through before and its answer was lost), else what stands
        there. Both are as recorded: what was reported is neither looked at nor touched. Raises NotFound.
        """

    def recorded(self, message_id: str) -> Message | None:
        """The message as it was written last, without its reports."""

    def recorded_all(self, message_ids: Iterable[str]) -> Mapping[str, Message]:
        """The same of many; those that nobody knows are left out."""

    def find(self, message_id: str) -> Message | None:
        """The message with its reports."""

    def owners(self, message_ids: Iterable[str]) -> Mapping[str, Owner]:
        """Whose these messages are; those that nobody knows are left out."""

    def sent_to(
        self, account: str, numbers: Iterable[str], *, since: datetime, until: datetime
    ) -> Mapping[str, tuple[Outbound, ...]]:
        """What was sent to these numbers from this account, claimed between two times: the newest 50 each, in order.

        Numbers without any are left out. What was claimed in the last second or so may be missing.
        """

    def begun_in(self, hour: datetime, shard: int, *, after: str) -> Sequence[Entry]:
        """The messages whose submit began in an hour (UTC), by key, a page of them: those after `after`. () at the end.

        Those that wait are in none.
        """

    def due_in(self, minute: datetime, *, after: str) -> Sequence[Entry]:
        """The messages that were due in a minute (UTC) and wait still, by key, a page of them. () at the end."""

    def apply(self, report: TrackedReport, *, day: date) -> Applied:
        """Move a recipient's status forward, or write down why not.

        A recipient's first final report counts in the same write, exactly once, on the day of its submit.
        """


class MessageLists(Protocol):
    """Where messages are found, in the order of their ids."""

    def newest(self, among: Among, *, first: str, end: str, limit: int) -> list[str]:
        """Ids of the newest there, from the last before `end` down to `first`, at most `limit`, each once.

        All that are asked for are among them, but for those of the last second or so. There may be others too, other
        clients' even: look at each. Fewer than `limit` are all there are.
        """

    def read(self, message_ids: Sequence[str]) -> list[Message]:
        """These messages with their reports, in this order; those that are gone are left out."""


class EarlyReports(Protocol):
    """Reports that wait for their message."""

    def keep(self, report: EarlyReport, *, at: datetime, day: date) -> bool:
        """Keep one, and count it as another system's on that day, both once. False where it is kept already."""

    def kept_in(self, minute: datetime, *, after: str) -> Sequence[EarlyReport]:
        """Those kept in a minute (UTC) that still wait, by event id, a page of them. () at the end."""

    def attach(self, report: EarlyReport, owner: Owner, *, day: date) -> None:
        """It waits no more and was not another system's. Doing it again does nothing."""


class DayCounts(Protocol):
    """How many final reports there were, by day."""

    def of(self, account: str, day: date) -> DayCount:
        """A day's counts, as of now."""


class Progress(Protocol):
    """How far each walk through what is due has got."""

    def reached(self, walk: str) -> Place | None:
        """The place that was remembered last."""

    def remember(self, walk: str, place: Place) -> None:
        """Go on from here next time."""


class Leases(Protocol):
    """At most one pull in flight for (account, kind), and a memory of it that survives its process."""

    def begin(self, pull: PullId, *, expires_at: datetime) -> Intent | None:
        """Take the lease and record the pull, in one conditional write. None where somebody else holds it.

        A pull before it that nobody completed is moved among the dangling ones by the same write.
        """

    def settle(self, dangling: PullId) -> None:
        """Forget a dangling pull: its journal object is pointed to, or its loss is announced. Repeatable."""

    def complete(self, intent: Intent, *, at: datetime, brought_records: bool, suspended: bool = False) -> bool:
        """Write down that the pull's outcome is safe, and give the lease back. False where it was taken over.

        With `suspended`, that the gateway refused it with 202 (账户暂停): the watchers say so.
        """


class Journal(Protocol):
    """What the pulls returned, byte for byte."""

    def store(self, entry: JournalEntry) -> None:
        """Keep it, under its pull's key. Storing the same again is no error; another body under the key is."""

    def read(self, key: str) -> JournalEntry:
        """What is kept. Raises NotFound."""

    def has(self, key: str) -> bool:
        """Whether something is kept under this key."""

    def quarantine(self, entry: JournalEntry) -> str:
        """Keep a copy that no lifecycle expires of what could not be read, or not wholly; returns its key."""

    def mark_published(self, key: str) -> None:
        """Its events are out: the lifecycle may expire it."""

    def keys(self, account: str, kind: Kind, *, after: str, limit: int) -> Sequence[str]:
        """The keys behind this one, in order, which is that of time; at most so many, at most 1000."""

    def is_published(self, key: str) -> bool:
        """Whether it was marked, or is not there any more, which only happens to what was."""

    def keep_part(self, part: Part) -> JournalEntry | None:
        """Keep one part under its own key; the whole entry once all of them are there. Repeatable, in any order."""

    def forget_parts(self, pull: PullId) -> None:
        """Remove the parts: the journal has the whole."""


class Pointers(Protocol):
    """The queue of journal keys that are to be published."""

    def send(self, key: str) -> None:
        """Ask for this journal object to be published."""

    def carry(self, part: Part) -> None:
        """Keep a part in the queue itself, and ask for it to be put into the journal and published."""


class Sweeps(Protocol):
    """How far the journals are known to be published."""

    def load(self, account: str, kind: Kind) -> Sweep:
        """What is known; an empty Sweep where nothing is."""

    def save(self, account: str, kind: Kind, sweep: Sweep) -> bool:
        """Write it down, with the next version. False, and nothing is written, where somebody else was faster."""


class Topic(Protocol):
    """Where events go."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish all of them, in batches; raises NotPublished where some were not taken after retries."""


class Watches(Protocol):
    """What the watchers know of the accounts from one look to the next."""

    def read(self, accounts: Sequence[str]) -> Mapping[str, Watched]:
        """What is kept of each of them, and of its pulls."""

    def keep(self, account: str, watch: Watch) -> None:
        """Keep it for the next look."""


class SubmitTimes(Protocol):
    """Which messages were made when."""

    def between(self, after: datetime, until: datetime) -> Mapping[str, tuple[str, ...]]:
        """Some message ids of each account that made any then, oldest first: a sample, never all of a busy hour."""


class Slots(Protocol):
    """The gateway's limit on statistics, kept across Lambdas."""

    def take(self, account: str, now: datetime) -> float:
        """Take one of the slots: 0.0 when taken, else the seconds until the next is free."""

    def exhaust(self, account: str, now: datetime) -> None:
        """The gateway says that none is left: so it is, for a minute."""


class StatisticsCache(Protocol):
    """Answers to questions about days, for a while."""

    def get(self, account: str, start: date, end: date, now: datetime) -> tuple[DayStatistics, ...] | None:
        """The answer, if one is fresh enough."""

    def put(self, account: str, start: date, end: date, days: tuple[DayStatistics, ...], expires_at: datetime) -> None:
        """Keep an answer."""


class Reconciliations(Protocol):
    """Which accounts were compared with the gateway, and when."""

    def last(self, account: str) -> date | None:
        """The day of the last comparison; None before the first."""

    def done(self, account: str, today: date) -> None:
        """Write down that today's comparison was made."""


class Clients(Protocol):
    """The API keys' owners."""

    def find(self, key_hash: str) -> Caller | None:
        """The client whose key has this hash."""


class Counters(Protocol):
    """CloudWatch metrics, or a test's tally."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a metric."""


class Batches(Protocol):
    """What is known of the batches beside their messages."""

    def add(self, batch: Batch, once: Once | None = None) -> BatchStanding | None:
        """Accept a batch. With `once`, only where no request of the last 24 h had the same key; else what it left.

        Raises StillInFlight where another request with the key is at it at this very moment.
        """

    def get(self, batch_id: str) -> Batch | None:
        """The batch, if there is one."""

    def planned(self, batch: Batch, submits: int, *, at: datetime) -> None:
        """Write down that its messages are there, so many of them. Where that is known already, nothing."""

    def walked(self, batch: Batch, up_to: int, *, at: datetime) -> bool:
        """Write down that the submits up to this one were begun; with the last of them the batch is finished.

        False, and nothing is written, where somebody else wrote something since `batch` was read. A batch that is not
        finished is found by the minute of the last such writing, for whoever looks for what was left behind.
        """

    def counts(self, batch_id: str) -> Mapping[Status, int]:
        """How many recipients of its messages have which status. What was written in the last second may be missing."""


class BatchBodies(Protocol):
    """What is to be sent to whom, from when a batch is accepted until its messages are there."""

    def keep(self, batch: Batch, entries: Sequence[BatchEntry]) -> None:
        """Keep it. Doing it again writes the same again."""

    def read(self, batch: Batch) -> tuple[BatchEntry, ...]:
        """What was kept, in order. Raises NotFound."""

    def forget(self, batch: Batch) -> None:
        """Its messages have it. One that is not there is no error."""


class SendQueue(Protocol):
    """The queue of what is to be submitted."""

    def send(self, work: Sequence[Work], *, delay: float = 0) -> None:
        """Ask for each of these to be done, not before so many seconds; at most 900, the longest that SQS waits.

        Raises NotQueued where some were not taken after retries; the others were.
        """


class Schedules(Protocol):
    """What is to be submitted at a time that is further away than a queue can wait."""

    def create(self, message_id: str, at: datetime) -> None:
        """Ask for this message to be submitted then, or in the minute after. Doing it again does nothing."""

    def delete(self, message_id: str) -> None:
        """Ask for nothing any more. One that has come, or never was, is no error."""


class Pace(Protocol):
    """How fast the recipients of an account may follow each other, kept across Lambdas."""

    def reserve(self, account: str, count: int, *, rate: float, now: datetime, within: float) -> Turn:
        """Keep the account for so many recipients, at `rate` a second, where they may begin within so many seconds.

        They may go at once when their turn has come: over any window, no more go than `rate` allows, and the count of
        one reservation. Nothing is reserved where others have the account for longer than `within`, or where too many
        ask at this very moment. What is reserved and not used is lost: the account stands still for as long.
        """


class OptOuts(Protocol):
    """The numbers that want no more messages from an account. All reads see what was written before them."""

    def among(self, account: str, numbers: Iterable[str]) -> frozenset[str]:
        """Which of these numbers (E.164) are opted out: one read for one number, and for up to 100."""

    def find(self, account: str, numbers: Iterable[str]) -> Mapping[str, OptOut]:
        """The opt-outs of these numbers, by number; those that are not opted out are left out."""

    def add(self, opt_out: OptOut) -> bool:
        """Write one down. False, and nothing is written, where its number is opted out already.

        So too for one that a handset sent: where its number was removed since it was received, or an opt-out that is
        no older was. Adding one again does nothing.
        """

    def add_all(self, opt_outs: Sequence[OptOut]) -> None:
        """Write several down, of different numbers, in few calls; whatever `add` would not write stays as it is."""

    def remove(self, account: str, number: str, at: datetime) -> bool:
        """Opted out no more; what was received until then does not add it again. False where it is not opted out."""

    def list(self, account: str, after: str, limit: int) -> Sequence[OptOut]:
        """An account's opt-outs behind a number, at most so many: by last digit, then by number. "" begins.

        What is added or removed meanwhile moves none of the others to another page.
        """


class HookSources(Protocol):
    """The hook sources, with their secrets."""

    def find(self, name: str) -> HookSource | None:
        """A source, as it was last written."""

    def put(self, source: HookSource, *, instead_of: HookSource | None) -> bool:
        """Write a source, new or instead of one that was found. False, and nothing is written, where it has changed."""

    def remove(self, source: HookSource) -> bool:
        """Forget a source of this name and owner. False where there is none."""

    def list(self, client: str, after: str, limit: int) -> Sequence[ListedSource]:
        """A client's sources behind a name, at most so many, by name. "" begins."""


class HookUses(Protocol):
    """What was used of hook sources, kept across Lambdas."""

    def was_seen(self, source: str, once: str) -> bool:
        """Whether a signed request was marked as seen."""

    def mark_seen(self, source: str, once: str, *, until: datetime) -> None:
        """Remember a signed request, at least until then."""

    def first(self, source: str, dedup: str, *, now: datetime, window: int) -> datetime:
        """When calls with this in common first came, not longer than so many seconds ago; else now, which is kept."""

    def take(self, source: str, span: str, count: int, *, limit: int, until: datetime) -> bool:
        """Count so many in a span of time that ends then. False, and none is counted, where it would be too many."""

    def give_back(self, source: str, span: str, count: int) -> None:
        """Count so many fewer, of those that were taken."""


class SnsSignatures(Protocol):
    """Amazon SNS, as far as its endpoints must ask it."""

    def verifies(self, message: SnsMessage) -> bool:
        """Whether the signature is SNS's own. Raises NotVerifiable where its certificate is out of reach."""

    def confirm(self, message: SnsMessage) -> None:
        """Confirm a subscription. Raises NotVerifiable where that failed."""


class WebhookEndpoints(Protocol):
    """Where the applications want their events."""

    def add(self, endpoint: Endpoint) -> None:
        """Write down a new one."""

    def get(self, endpoint_id: str) -> Endpoint | None:
        """One of them, as it is now."""

    def all(self) -> Sequence[Endpoint]:
        """All of them, of all clients, in the order of their ids."""

    def replace(self, endpoint: Endpoint) -> Endpoint | None:
        """Write a changed one, where nobody changed it since it was read, and return it with its new version.

        None, and nothing is written, where somebody did, or where it is gone.
        """

    def remove(self, endpoint_id: str) -> None:
        """Forget it. One that is not there is no error."""


class Deliveries(Protocol):
    """What was delivered to the endpoints, what was not, and what is to be."""

    def add(self, delivery: Delivery) -> bool:
        """Write down one that waits, or that nothing comes of. False, and nothing is written, where it is known."""

    def begin(self, pointer: Pointer, fresh: Delivery | None, *, now: datetime) -> Begun:
        """Take the next attempt, and count it: for one caller only, when it is due, while there are attempts left.

        Args:
            pointer: asks for it; of a later round than the delivery's, it begins that round.
            fresh: what to write down where nothing is known of it.
            now: the lease begins.
        """

    def end(self, begun: Delivery, after: Delivery) -> bool:
        """Write down how an attempt ended, and give the lease back. False where somebody else has begun another."""

    def write_off(self, pointer: Pointer, error: str) -> None:
        """Nothing comes of it in this round. Where it ended already, nothing."""

    def find(self, endpoint_id: str, delivery_id: str) -> Delivery | None:
        """One of them."""

    def newest(
        self, endpoint_id: str, *, status: DeliveryStatus | None, first: str, end: str, limit: int
    ) -> Sequence[Delivery]:
        """Those from the last before `end` down to `first`, at most `limit`. Fewer are all there are."""


class DeliverQueue(Protocol):
    """The queue of the deliveries that are to be made."""

    def send(self, pointers: Sequence[tuple[Pointer, float]]) -> None:
        """Ask for each of these, not before so many seconds; at most 900. Raises NotQueued."""

    def hold(self, received: Received, seconds: float) -> None:
        """Hand it out again not before so many seconds, up to 12 h from when it was received."""

    def receive(self) -> Sequence[Received]:
        """Some more of what waits, at once."""

    def delete(self, received: Received) -> None:
        """It is done."""

    def bury(self, pointer: Pointer) -> None:
        """Put a pointer among the dead letters."""


class WebhookClient(Protocol):
    """Posts to addresses that anybody may have named."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One attempt, over within 15 s, and connected to public addresses only. Never raises for what went wrong."""
