"""The way of a message and of its report through the bridge, as a simulation.

    requests → API Gateway's limits → concurrent Lambdas → DynamoDB's partitions → the gateway
            └→ SendQueue → submit, at the account's pace ─────────────────────────┘
    the gateway's reports → one pull at a time for an account → PublishQueue → publish → SNS → track, fan-out

What is left out: cold starts, faults, inbound messages, webhooks' deliveries, batches, the watchers.
"""

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final, Self

from tests.scaling.engine import (
    NOTHING,
    Bucket,
    Capacity,
    Lot,
    Queue,
    Rate,
    Serve,
    Simulation,
    Times,
    Workers,
    amount,
)
from tests.scaling.settings import Load, Settings, Source, seconds

TICK: Final = 0.1  # seconds in which arrivals are counted
PULLS: Final = 2  # functions that run all the time
PATIENCE: Final = 1.5  # seconds that boto3's two repetitions wait for, on average
TURN: Final = 2.0  # seconds that bridge.services.queueing waits for a turn
PORTIONS: Final = 10  # in which a page's events are followed
PUBLISH_BATCH: Final = 10  # messages in a call of SNS
OWNERS: Final = 100  # messages that are read in a call
READ_TIMEOUT: Final = 15.0  # seconds that the gateway is waited for

CONCURRENCY: Final = "Lambda's concurrency"
PACE: Final = "the account's rate"
TURNS: Final = "an account's turns"
TOPIC: Final = "SNS's messages a second"
COUNTS: Final = "a day's counts"
DUE: Final = "a minute's partition in ByHour"
HOURS: Final = "an hour's partitions in ByHour"
CLIENTS: Final = "a client's partitions in ByClient"
TABLE: Final = "MessagesTable's writes"
PULL: Final = "one pull at a time"
GATEWAY: Final = "the gateway"


class Way:
    """One run.

    Attributes:
        ends: what was counted from the end of the warm-up on: `offered`; `sent`, which the gateway took; `reported`;
            `published` as events; `again`, those of them that will be published once more, because their page failed in
            the middle; `tracked`, written to their messages.
        send, event, status: seconds from the request until the gateway's answer; from the time that the gateway had a
            report until its event; and until it was written to its message.
        lost: what was refused, or still waits at the end, by what is to blame.
        lambdas: the account's concurrency.
    """

    def __init__(self, load: Load, settings: Settings, *, seed: int = 1, warm: float = 60.0) -> None:
        self.load = load
        self.settings = settings
        self.ends: dict[str, float] = {}
        self.lost: dict[str, float] = {}
        self.send, self.event, self.status = Times(), Times(), Times()
        self._warm = warm
        self._until = warm
        self._sim = Simulation(seed)
        self._time = seconds()
        quota = settings.quotas
        self.lambdas = Capacity(quota["lambda_concurrency"])
        self.lambdas.take(PULLS)
        each = quota["lambda_requests_each"] * quota["lambda_concurrency"]
        self._doors = {
            "ApiRateLimit": Bucket(settings.api_rate, settings.api_burst),
            "API Gateway's requests": Bucket(quota["api_requests"], quota["api_burst"]),
            "Lambda's requests a second": Bucket(each, each),
        }
        partition = quota["partition_writes"]
        self._table = Rate(quota["table_writes"])
        self._hours = Rate(partition * settings.hour_shards)
        self._clients = Rate(partition * settings.client_shards * load.clients)
        self._due = Rate(partition * settings.due_shards)
        self._days = Rate(partition * load.accounts)
        self._sns = Rate(quota["sns_messages"])
        self._gateway = Rate(load.gateway_rate)
        self._pace = Rate(settings.rate * load.accounts)
        # One conditional write after the other: each has to know what the one before it wrote.
        self._turns = Rate(load.accounts / self._time["DynamoDB"])
        self.submit = self._workers(settings.submit, self._submit)
        self.publish = self._workers(settings.publish, self._publish)
        self.track = self._workers(settings.track, self._track)
        self.fan_out = self._workers(settings.fan_out, self._fan_out)
        self.outboxes = [Queue() for _ in range(load.accounts)]
        self._next_outbox = 0
        coming = min(load.sends + load.queued, *(door.per_second for door in self._doors.values()))
        self._grain = max(1, min(math.ceil(coming / 100), int(self.lambdas.size // 50)))

    def run(self, until: float = 600.0) -> Self:
        """Let it run, by default for ten minutes."""
        self._until = until
        self._arrive()
        for number in range(len(self.outboxes)):
            self._sim.after(self._sim.random.random() * self.settings.pull_seconds, partial(self._pull, number))
        self._sim.run(until)
        for name, door in self._doors.items():
            self._lose(name, door.refused)
        self._weigh_queues()
        return self

    def a_second(self, name: str) -> float:
        """Of what was counted from the end of the warm-up on, so much a second."""
        return self.ends.get(name, 0.0) / (self._until - self._warm)

    def waiting(self) -> dict[str, float]:
        """What waits where, in messages and reports."""
        return {
            "SendQueue": self.submit.queue.length,
            "at the gateway": sum(outbox.length for outbox in self.outboxes),
            "PublishQueue": sum(amount(page.content) for page in self.publish.queue),
            "TrackQueue": self.track.queue.length,
            "WebhookQueue": self.fan_out.queue.length,
        }

    def bend_from(self) -> float:
        """From so many lost messages on it bends: a hundredth of all that came in, and ten seconds of it."""
        return (self.load.sends + self.load.queued + self.load.reports) * max(10.0, 0.01 * self._until)

    def bends(self) -> list[str]:
        """Where it bends, the worst first."""
        worst = sorted(self.lost.items(), key=lambda each: -each[1])
        return [name for name, lost in worst if lost > self.bend_from()]

    def refused(self) -> dict[str, float]:
        """The requests that were turned away, by what turned them away."""
        turns_away = (*self._doors, CONCURRENCY, TABLE, HOURS, CLIENTS, DUE, GATEWAY)
        return {name: self.lost.get(name, 0.0) for name in turns_away}

    # --- what comes in ------------------------------------------------------------------------------------------------

    def _arrive(self) -> None:
        load, now = self.load, self._sim.now
        both = load.sends + load.queued
        if both:
            came = float(self._sim.poisson(both * TICK))
            self._count("offered", came)
            for door in self._doors.values():
                came = door.admit(now, came)
            while came > NOTHING:
                count = min(came, self._grain)
                came -= count
                begin = self._ask if self._sim.random.random() < load.sends / both else self._accept
                self._sim.after(self._sim.random.random() * TICK, partial(begin, count))
        for _ in self.outboxes if load.reports else ():
            self._report(Lot(float(self._sim.poisson(load.reports / load.accounts * TICK)), now))
        if now + TICK < self._until:
            self._sim.after(TICK, self._arrive)

    # --- sends --------------------------------------------------------------------------------------------------------

    def _ask(self, count: float) -> None:
        """A send that its caller waits for: opt-outs, a write, the gateway, a write."""
        now = self._sim.now
        if not self._begins(count):
            return
        wait = self._written(count, units=2.0)
        if wait is None:
            self._sim.after(PATIENCE, lambda: self.lambdas.give_back(count))
            return
        at_gateway = self._at_gateway(count)

        def end() -> None:
            self.lambdas.give_back(count)
            if at_gateway is not None:
                self._sent(Lot(count, now))

        took = wait + self._cpu("a send that its caller waits for", self.settings.messages_memory)
        took += self._trips(DynamoDB=3) + (READ_TIMEOUT if at_gateway is None else at_gateway)
        self._sim.after(took, end)

    def _accept(self, count: float) -> None:
        """A send that nobody waits for: a write, and a pointer in the queue."""
        now = self._sim.now
        if not self._begins(count):
            return
        wait = self._written(count, units=1.0)
        due = self._due.wait(now, count, patience=PATIENCE) if wait is not None else None
        if wait is None or due is None:
            self._lose(DUE, count if wait is not None else 0.0)
            self._sim.after(PATIENCE, lambda: self.lambdas.give_back(count))
            return

        def end() -> None:
            self.lambdas.give_back(count)
            self.submit.put([Lot(count, now)])

        # Without the gateway's call.
        took = self._cpu("a send that its caller waits for", self.settings.messages_memory, share=0.7)
        self._sim.after(took + self._trips(DynamoDB=1, SQS=1) + max(wait, due), end)

    def _begins(self, count: float) -> bool:
        if self.lambdas.take(count):
            return True
        self._lose(CONCURRENCY, count)
        return False

    def _written(self, count: float, *, units: float) -> float | None:
        """The wait for DynamoDB to take a message and its entries in the indexes; None where it does not."""
        waits = 0.0
        for name, rate, cost in ((TABLE, self._table, units), (HOURS, self._hours, 1.0), (CLIENTS, self._clients, 1.0)):
            wait = rate.wait(self._sim.now, cost * count, patience=PATIENCE)
            if wait is None:
                self._lose(name, count)
                return None
            waits = max(waits, wait)
        return waits

    def _at_gateway(self, count: float) -> float | None:
        """Seconds until it has answered; None where it does not in time."""
        wait = self._gateway.wait(self._sim.now, count, patience=READ_TIMEOUT)
        if wait is None:
            self._lose(GATEWAY, count)
            return None
        return wait + self._varied(self.load.gateway_seconds)

    def _sent(self, lot: Lot) -> None:
        self._count("sent", lot.count)
        self._took(self.send, [lot])
        handset = self._varied(self._time["a report"])
        self._sim.after(handset, lambda: self._report(Lot(lot.count, self._sim.now)))

    def _submit(self, lots: list[Lot], workers: int) -> Iterator[float]:
        """Queued messages, a batch at once: read, wait for the turn, claim, opt-outs, the gateway, record, tell.

        They share a processor, so that each takes as long as all of them together where it is not waiting.
        """
        memory = self.settings.submit.memory
        call = self._cpu("a call of DynamoDB", memory, share=amount(lots) / workers)
        yield self._trips(DynamoDB=1) + call
        turns = [(lot, turn) for lot in lots if (turn := self._turn(lot)) is not None]
        if not turns:
            return
        yield self._trips(DynamoDB=1) + call
        work = self._cpu("a send that its caller waits for", memory, share=sum(lot.count for lot, _ in turns) / workers)
        longest = 0.0
        for lot, turn in turns:
            self._due.wait(self._sim.now, lot.count)  # its entry moves to its hour
            at_gateway = self._at_gateway(lot.count)
            took = turn + self._trips(DynamoDB=3) + work + (READ_TIMEOUT if at_gateway is None else at_gateway)
            if at_gateway is not None:
                self._sim.after(took, partial(self._sent, lot))
            longest = max(longest, took)
        yield longest
        some = sum(lot.count for lot, _ in turns)
        yield self._trips(SNS=1) + self._sns.ahead(self._sim.now)
        self._sns.wait(self._sim.now, some)
        self.fan_out.put([lot for lot, _ in turns])

    def _turn(self, lot: Lot) -> float | None:
        """Seconds until it may go; None where it is to come again: nothing is written for what comes too late."""
        ahead = self._pace.ahead(self._sim.now)
        turn = self._turns.wait(self._sim.now, lot.count, patience=PATIENCE) if ahead <= TURN else None
        if turn is None:
            self._lose(PACE if ahead > TURN else TURNS, 0.0)
            self._sim.after(max(ahead, TURN), partial(self.submit.put, [lot]))
            return None
        self._pace.wait(self._sim.now, lot.count)
        return max(turn, ahead)

    # --- reports ------------------------------------------------------------------------------------------------------

    def _report(self, lot: Lot) -> None:
        """The gateway has reports: these of one account, the next ones of another."""
        self._count("reported", lot.count)
        self.outboxes[self._next_outbox].put([lot] if lot.count else [])
        self._next_outbox = (self._next_outbox + 1) % len(self.outboxes)

    def _pull(self, number: int) -> None:
        """The lease, the gateway, and if it brought something the journal, the pointer, and at once the next pull."""
        cpu = self._cpu("a call of DynamoDB", self.settings.pull_memory, share=2.0)

        def answered() -> None:
            lots = self.outboxes[number].take(self.load.page)
            took = self._trips(DynamoDB=1)
            if not lots:
                self._sim.after(took + self.settings.pull_seconds, partial(self._pull, number))
                return
            kept = self._trips(S3=1, SQS=1) + cpu
            page = Lot(1.0, lots[0].since, tuple(lots))
            self._sim.after(kept, lambda: self.publish.put([page]))
            self._sim.after(kept + took, partial(self._pull, number))

        self._sim.after(self._trips(DynamoDB=1) + cpu + self._varied(self.load.gateway_seconds), answered)

    def _publish(self, pages: list[Lot], workers: int) -> Iterator[float]:
        """Pages, one after the other: read, owners, decode, ten events a call, mark."""
        for start in range(0, len(pages), workers):
            yield from self._publish_pages(pages[start : start + workers])

    def _publish_pages(self, pages: list[Lot]) -> Iterator[float]:
        """Pages beside each other, which take as long as one of their size."""
        beside, out = len(pages), 0.0
        content = Queue()
        content.put(lot for page in pages for lot in page.content)
        portion = max(math.ceil(content.length / PORTIONS), PUBLISH_BATCH * beside)
        yield self._trips(S3=1, DynamoDB=math.ceil(content.length / beside / OWNERS))
        while content.length > NOTHING:
            lots = content.take(portion)
            some = amount(lots)
            yield some / beside * self._cpu("a report, published", self.settings.publish.memory)
            wait = self._sns.wait(self._sim.now, some, patience=PATIENCE)
            if wait is None:
                self._count("again", out)
                self._hide(pages)
                yield PATIENCE
                return
            yield wait + self._trips(SNS=math.ceil(some / beside / PUBLISH_BATCH))
            out += some
            self._count("published", some)
            self._took(self.event, lots)
            self.track.put(lots)
            self.fan_out.put(lots)
        yield self._trips(S3=1)

    def _hide(self, pages: list[Lot]) -> None:
        """Pages that failed are back in the queue, and handed out again only after a while."""
        many = sum(amount(page.content) for page in pages)
        self._lose(TOPIC, many)

        def show() -> None:
            self._lose(TOPIC, -many)
            self.publish.put(pages)

        self._sim.after(self.settings.publish.hidden, show)

    def _track(self, lots: list[Lot], workers: int) -> Iterator[float]:
        """Reports: a row each, those of a batch at once, and then their tally, of which each account has its own."""
        each = amount(lots) / workers
        yield self._trips(DynamoDB=1) + self._cpu("a report, written down", self.settings.track.memory, share=each)
        tallies = workers * min(each, float(self.load.accounts))
        while (wait := self._days.wait(self._sim.now, tallies, patience=PATIENCE)) is None:
            self._lose(COUNTS, 0.0)
            yield PATIENCE
        yield wait + self._trips(DynamoDB=1)
        self._count("tracked", amount(lots))
        self._took(self.status, lots)

    def _fan_out(self, lots: list[Lot], workers: int) -> Iterator[float]:
        """Which endpoints there are is read once for a batch; without any there is nothing else to do."""
        cpu = self._cpu("a call of DynamoDB", self.settings.fan_out.memory)
        yield self._trips(DynamoDB=1) + cpu * (1.0 + 0.1 * amount(lots) / workers)

    # --- what is to blame ---------------------------------------------------------------------------------------------

    def _weigh_queues(self) -> None:
        """What waits in a queue at the end was lost to whoever empties it, or to what holds that up."""
        waiting = self.waiting()
        paced = PACE if PACE in self.lost or self._pace.is_full(self._until) else "SubmitFunction"
        turns = TURNS in self.lost or self._turns.is_full(self._until, 0.9)
        self._lose(TURNS if turns else paced, waiting["SendQueue"])
        self._lose(PULL, waiting["at the gateway"])
        # Its waits keep two workers from ever using all of it.
        slow = TOPIC if TOPIC in self.lost or self._sns.is_full(self._until, 0.75) else "PublishFunction"
        self._lose(slow, waiting["PublishQueue"])
        counted = COUNTS if COUNTS in self.lost or self._days.is_full(self._until) else "TrackFunction"
        self._lose(counted, waiting["TrackQueue"])
        self._lose("FanOutFunction", waiting["WebhookQueue"])

    def _lose(self, name: str, count: float) -> None:
        self.lost[name] = self.lost.get(name, 0.0) + count

    def _count(self, name: str, count: float) -> None:
        if self._sim.now >= self._warm:
            self.ends[name] = self.ends.get(name, 0.0) + count

    def _took(self, times: Times, lots: Iterable[Lot]) -> None:
        if self._sim.now >= self._warm:
            for lot in lots:
                times.add(self._sim.now - lot.since, lot.count)

    # --- times --------------------------------------------------------------------------------------------------------

    def _workers(self, source: Source, serve: Serve) -> Workers:
        quota = self.settings.quotas
        return Workers(
            self._sim,
            most=source.most,
            batch=source.batch,
            serve=serve,
            of=self.lambdas,
            begin_with=quota["lambda_queue_begin"],
            more_each_second=quota["lambda_queue_growth"] / 60,
            window=source.window,
        )

    def _cpu(self, what: str, memory: int, *, share: float = 1.0) -> float:
        """Seconds that some work takes with a function's share of a processor."""
        return share * self._time[what] / min(1.0, memory / self.settings.quotas["lambda_whole_processor"])

    def _trips(self, **times: int) -> float:
        """Seconds of so many round trips, one after the other."""
        return sum(self._varied(self._time[name] * many, of=many) for name, many in times.items())

    def _varied(self, mean: float, *, of: int = 1) -> float:
        return self._sim.varied(mean, self._time["spread"] / math.sqrt(max(of, 1)))
