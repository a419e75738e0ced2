"""When what goes wrong: storms and calms by a seed, harms dealt from decks, so that each kind has its turn.

A seed repeats the plan; what each harm meets depends on who calls when, which nothing repeats.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Generic, TypeVar

from local.gateway import Call, Fault, FaultKind, Gateway, When
from tests.soak.between import AwsCall, Blow, Harm

Card = TypeVar("Card")

SERVICES = frozenset({"dynamodb", "s3", "sqs", "sns", "secretsmanager", "scheduler"})
_KILLS = frozenset({Harm.KILL_BEFORE, Harm.KILL_AFTER})
_REMEMBERED = 10_000  # calls of which one try was struck


class Deck(Generic[Card]):
    """Deals its cards in a random order, all of them before any comes again."""

    def __init__(self, cards: Sequence[Card], random: Random) -> None:
        self._cards, self._random = tuple(cards), random
        self._left: list[Card] = []

    def deal(self) -> Card:
        if not self._left:
            self._left = list(self._cards)
            self._random.shuffle(self._left)
        return self._left.pop()


@dataclass(frozen=True)
class Climate:
    """How rough it gets.

    Attributes:
        storm: seconds of one.
        calm: seconds between two.
        struck: the share of AWS's calls that are struck in a storm.
        pause: seconds between two faults of the gateway in a storm.
        slow: the most seconds that a slow call of AWS is held up: an SDK waits for four of them.
        outage: seconds that a service of AWS, or the gateway, is away; 0 for never.
        hardy: functions (the ends of their names) that are not killed: what they leave behind takes longer to heal than
            there is time. Where some are, no call is struck as often as an SDK tries it.
    """

    storm: float = 25.0
    calm: float = 10.0
    struck: float = 0.05
    pause: float = 1.5
    slow: float = 7.0
    outage: float = 4.0
    hardy: tuple[str, ...] = ()


LONG = Climate()
BRIEF = Climate(
    storm=60.0,
    calm=0.0,
    struck=0.08,
    pause=0.35,
    slow=2.0,
    outage=0.0,
    hardy=("authorizer", "messages", "batches", "submit", "pull-reports", "pull-inbound", "attend", "sweep", "account"),
)

_BLOWS = (
    *((Harm.REFUSE, times) for times in (1, 1, 2, 3)),
    *((Harm.THROTTLE, times) for times in (1, 2, 3)),
    *((Harm.FAIL_AFTER, times) for times in (1, 1, 2, 3)),
    *((Harm.DROP_BEFORE, times) for times in (1, 2, 3)),
    *((Harm.DROP_AFTER, times) for times in (1, 1, 2, 3)),
    *((Harm.SLOW_BEFORE, times) for times in (1, 3)),
    *((Harm.SLOW_AFTER, times) for times in (1, 3)),
    *((Harm.KILL_BEFORE, 1), (Harm.KILL_AFTER, 1), (Harm.KILL_AFTER, 1)),
)


def gateway_faults(slow: float) -> tuple[Fault, ...]:
    """What the gateway does; `slow` is more than the accounts' time-out, in seconds."""
    faults: list[Fault] = []
    for call in (Call.SEND, Call.REPORT, Call.MO):
        faults += [
            Fault(call=call, kind=FaultKind.DELAY, seconds=1.0),
            Fault(call=call, kind=FaultKind.DELAY, seconds=slow),
            Fault(call=call, kind=FaultKind.DELAY, seconds=slow, when=When.BEFORE),
            Fault(call=call, kind=FaultKind.DROP, when=When.BEFORE),
            Fault(call=call, kind=FaultKind.DROP, when=When.AFTER),
            Fault(call=call, kind=FaultKind.DROP, when=When.AFTER, reset=True),
            Fault(call=call, kind=FaultKind.HTTP_ERROR, when=When.BEFORE, status=502),
            Fault(call=call, kind=FaultKind.HTTP_ERROR, when=When.AFTER),
            Fault(call=call, kind=FaultKind.HTML, when=When.AFTER),
            Fault(call=call, kind=FaultKind.TRUNCATE),
            Fault(call=call, kind=FaultKind.TRUNCATE, content_length=False),
            Fault(call=call, kind=FaultKind.TRUNCATE, at=0),
            Fault(call=call, kind=FaultKind.GARBAGE),
            Fault(call=call, kind=FaultKind.WRONG_AES_KEY),
            Fault(call=call, kind=FaultKind.CODE, code=131),
            Fault(call=call, kind=FaultKind.CODE, code=107),
            Fault(call=call, kind=FaultKind.CODE, code=301),
        ]
    faults.append(Fault(call=Call.SEND, kind=FaultKind.CODE, code=999))
    return tuple(faults)


class Weather:
    """Decides what becomes of each call of AWS; what it did is counted."""

    def __init__(self, climate: Climate, seed: int) -> None:
        self._climate = climate
        self._random = Random(f"aws {seed}")
        self._blows = Deck(_BLOWS, self._random)
        self._lock = threading.Lock()
        self._struck: OrderedDict[str, tuple[Blow, int]] = OrderedDict()
        self._spared: list[Blow] = []
        self.stormy = False
        self.away: str | None = None  # a service of AWS
        self.counted: Counter[str] = Counter()

    def decide(self, call: AwsCall) -> Blow | None:
        """See `between.Decide`."""
        if call.service not in SERVICES:
            return None
        with self._lock:
            blow = self._blow(call)
            if blow is None and self._spared and self.stormy:
                blow = self._spared.pop()
        if blow is None or blow.harm not in _KILLS:
            return self._count(call, blow)
        caller = call.caller()
        if caller is None:
            return None
        with self._lock:
            if caller.function.endswith(self._climate.hardy):
                self._spared.append(blow)  # it meets the next one who is not
                return None
            self.counted[f"killed: {caller.function.partition('-local-')[2]}"] += 1
        return self._count(call, blow)

    def _blow(self, call: AwsCall) -> Blow | None:
        if call.invocation in self._struck:
            blow, left = self._struck[call.invocation]
            self._struck[call.invocation] = blow, left - 1
            return blow if left > 0 else None
        if self.away == call.service:
            return Blow(Harm.REFUSE)
        if not self.stormy or self._random.random() >= self._climate.struck:
            return None
        harm, times = self._blows.deal()
        blow = Blow(harm, self._random.uniform(0.5, self._climate.slow))
        self._struck[call.invocation] = blow, (min(times, 2) if self._climate.hardy else times) - 1
        if len(self._struck) > _REMEMBERED:
            self._struck.popitem(last=False)
        return blow

    def _count(self, call: AwsCall, blow: Blow | None) -> Blow | None:
        if blow is not None:
            with self._lock:
                self.counted[f"aws: {blow.harm}"] += 1
                self.counted[f"aws {call.service}"] += 1
        return blow


class Storms(threading.Thread):
    """Makes the weather until it is told to end; then it is calm."""

    def __init__(self, climate: Climate, weather: Weather, gateway: Gateway, *, seed: int, slow: float) -> None:
        super().__init__(name="storms")
        self._climate, self._weather, self._gateway = climate, weather, gateway
        self._random = Random(f"gateway {seed}")
        self._faults = Deck(gateway_faults(slow), self._random)
        self._outages = Deck((*sorted(SERVICES), "gateway", "gateway", "gateway"), self._random)
        self._ending = threading.Event()
        self.counted: Counter[str] = Counter()
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._ending.is_set():
                self._storm()
                self._ending.wait(self._climate.calm)
        except Exception as exc:  # noqa: BLE001 - said by who waits for this thread
            self.failed = exc
        finally:
            self._clear()

    def leave(self) -> None:
        """Let it become calm."""
        self._ending.set()

    def end(self) -> None:
        """Let it become calm, and wait until it is."""
        self.leave()
        if self.ident is not None:
            self.join()
        if self.failed is not None:
            raise self.failed

    def _storm(self) -> None:
        self._weather.stormy = True
        left = self._climate.storm
        outage_at = self._random.uniform(0.2, 0.8) * left if self._climate.outage else -1.0
        while left > 0 and not self._ending.wait(self._climate.pause):
            left -= self._climate.pause
            self._fault()
            if left < outage_at:
                outage_at = -1.0
                self._outage(self._outages.deal())
        self._clear()

    def _fault(self) -> None:
        fault = self._faults.deal()
        if fault.kind is FaultKind.TRUNCATE and fault.at is None:
            fault = replace(fault, at=self._random.randrange(1, 400))
        if len(self._gateway.pending_faults()) < _MOST_PENDING:
            self._gateway.add_fault(fault)

    def _outage(self, what: str) -> None:
        self.counted[f"away: {what}"] += 1
        if what == "gateway":
            self._gateway.stop()
            try:
                self._ending.wait(self._climate.outage)
            finally:
                self._gateway.start()
        else:
            self._weather.away = what
            self._ending.wait(self._climate.outage)
            self._weather.away = None

    def _clear(self) -> None:
        self._weather.stormy, self._weather.away = False, None
        self._gateway.clear_faults()


_MOST_PENDING = 6
"""Faults that wait for a call: more would outlast the storm, or strike every one."""
