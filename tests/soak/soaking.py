"""One soak from its first request to its closed books."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from local.console import Console
from local.places import Places
from tests.soak.books import Books, Line, without
from tests.soak.evidence import Evidence
from tests.soak.gathering import Gathering
from tests.soak.load import Load
from tests.soak.stage import SLOW, Stage, staged
from tests.soak.weather import Climate, Storms, Weather

_PROGRESS: Final = 5.0  # seconds
_LOOK: Final = 2.0  # seconds between two looks whether all is settled
_CALM: Final = 15.0  # seconds of load behind the storms, at the most
_PATIENCE: Final = 6  # times the plan's length
QUICK: Final = MappingProxyType({"SendQueue": 150, "PublishQueue": 70, "TrackQueue": 35, "WebhookQueue": 35})
"""Visibility that just outlasts the functions, and a walk through a batch: the template's is six times as long."""
HASTY: Final = MappingProxyType({"PublishQueue": 20, "TrackQueue": 15, "WebhookQueue": 15})
"""Where a minute is all there is: a slow function may see its message come a second time."""


@dataclass(frozen=True)
class Plan:
    """What to do.

    Attributes:
        seconds: of load.
        rate: requests a second.
        settle: seconds at the most until everything has settled.
        visibility: seconds after which queues (beginnings of their names) let go of what a dead function held; of
            those that are not named here, as the template says.
        least: requests below which the storms go on, as they do until each kind of fault has struck; 0: not at all.
    """

    seconds: float
    seed: int
    rate: float
    settle: float
    climate: Climate
    visibility: Mapping[str, int] = field(default_factory=dict)
    least: int = 0


@dataclass(frozen=True)
class Result:
    """What came of it; `missing`: kinds of faults that never struck, which makes it no soak."""

    plan: Plan
    lines: list[Line]
    faults: Counter[str]
    counts: dict[str, int]
    answers: Counter[str]
    missing: tuple[str, ...]
    settled_after: float

    @property
    def sound(self) -> bool:
        """Whether the books balance, and were put to the test."""
        return not (without(self.lines) or self.missing)


def soak(plan: Plan, places: Places, console: Console, stopped: Callable[[], bool]) -> Result:
    """Deploy, load, settle, close the books; `stopped` ends the load early."""
    weather = Weather(plan.climate, plan.seed)
    with staged(places, weather, console) as stage:
        _hurry(stage, plan.visibility)
        began = datetime.now(UTC) - timedelta(seconds=1)
        storms = Storms(plan.climate, weather, stage.gateway, seed=plan.seed, slow=SLOW)
        load = Load(stage.client, stage.gateway, seed=plan.seed, rate=plan.rate)

        def faults() -> Counter[str]:
            return _faults(weather, storms, stage)

        progress = _Progress(stage, load, console, faults)

        def goes_on() -> bool:
            progress.tell()
            return not stopped()

        try:
            try:
                _load(load, plan, storms, faults, goes_on)
            finally:
                storms.end()
            load.finish()
            settling = time.monotonic()
            lines = _settle(stage, Gathering(stage, load, began), plan, console, progress)
        finally:
            load.close()
        struck = faults()
        return Result(
            plan=plan,
            lines=lines,
            faults=struck,
            counts=progress.counts() | {"repeated events": _repeated(stage)},
            answers=load.answers,
            missing=missing(struck),
            settled_after=time.monotonic() - settling,
        )


def _load(
    load: Load, plan: Plan, storms: Storms, faults: Callable[[], Counter[str]], goes_on: Callable[[], bool]
) -> None:
    """Storms first, as long as the plan says and until they struck enough; then the load alone."""
    calm = min(_CALM, 0.2 * plan.seconds)
    end = time.monotonic() + plan.seconds - calm
    most = end + _PATIENCE * plan.seconds if plan.least else end

    def stormy() -> bool:
        now = time.monotonic()
        enough = now > end and len(load.requests) >= plan.least and not missing(faults())
        return goes_on() and now < most and not enough

    storms.start()
    load.run(stormy)
    storms.leave()
    end = time.monotonic() + calm
    load.run(lambda: goes_on() and time.monotonic() < end)


def _settle(stage: Stage, gathering: Gathering, plan: Plan, console: Console, progress: "_Progress") -> list[Line]:
    """Wait until nothing is under way and the books balance; or until that takes too long."""
    deadline = time.monotonic() + plan.settle
    console.say("Calm; waiting until everything has settled")
    while True:
        stage.emulator.require_running()
        moving = gathering.quiet()
        late = time.monotonic() > deadline
        if not moving or late:
            evidence = gathering.evidence()
            lines = Books(replace(evidence, gateway_finals=_as_handed_out(evidence))).lines()
            wrong = without(lines)
            if not wrong or late:
                final = gathering.with_statistics(evidence)
                lines = Books(final).lines()
                if not without(lines) or late:
                    return lines
            moving = "; ".join(line.what for line in wrong)
        progress.tell(f"settling: {moving}")
        time.sleep(_LOOK)


def _as_handed_out(evidence: Evidence) -> dict[str, int]:
    """What the statistics ought to say: they are asked for when the rest balances."""
    return {"": Books(evidence).handed_out_finals}


def _hurry(stage: Stage, visibility: Mapping[str, int]) -> None:
    for url in stage.aws.sqs.list_queues().get("QueueUrls", []):
        for name, seconds in visibility.items():
            if f"-{name}-" in url:
                stage.aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})


def _repeated(stage: Stage) -> int:
    return stage.deliveries.repeated + stage.replies.repeated


def _faults(weather: Weather, storms: Storms, stage: Stage) -> Counter[str]:
    """What was done to the stack, by both sides' own count."""
    faults = weather.counted + storms.counted
    for call, counters in stage.gateway.counters().items():
        for kind, count in counters["faults"].items():
            faults[f"gateway: {call} {kind}"] += count
    return faults


def missing(faults: Counter[str]) -> tuple[str, ...]:
    """A soak without faults proves nothing: each of these must have struck."""
    wanted = ("gateway: send", "gateway: report", "gateway: mo", "aws: ", "killed: ")
    return tuple(prefix for prefix in wanted if not any(name.startswith(prefix) for name in faults))


class _Progress:
    """A line now and then."""

    def __init__(self, stage: Stage, load: Load, console: Console, faults: Callable[[], Counter[str]]) -> None:
        self._stage, self._load, self._console, self._faults = stage, load, console, faults
        self._began = self._last = time.monotonic()

    def counts(self) -> dict[str, int]:
        """What can be counted without asking the stack."""
        deliveries = Counter(event["type"] for event in self._stage.deliveries.events())
        taken = self._stage.book.look(self._stage.gateway)
        return {
            "requests": len(self._load.requests),
            "recipients taken": len({(one.reference, one.number) for one in taken}),
            "said to be unknown": deliveries["sms.message.unknown"],
            "reported": deliveries["sms.message.delivered"] + deliveries["sms.message.undelivered"],
            "replies": len(self._stage.replies.events()),
            "pages": len(self._stage.book.pages),
            "lost or quarantined pages": len(self._stage.names.events()),
        }

    def tell(self, more: str = "") -> None:
        """Say how far it is, if some seconds passed since the last time."""
        now = time.monotonic()
        if now < self._last + _PROGRESS:
            return
        self._last = now
        counts = ", ".join(f"{count} {name}" for name, count in self.counts().items())
        struck = sum(count for name, count in self._faults().items() if name.startswith(("aws: ", "gateway: ", "away")))
        self._console.say(f"{now - self._began:6.0f} s  {counts}, {struck} faults{f'  {more}' if more else ''}")
