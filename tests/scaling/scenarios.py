"""The loads that `docs/scaling.md` speaks of, and what is changed, one thing after the other, to carry them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.scaling.settings import Load, Settings, quotas
from tests.scaling.way import Way

MILLION_AN_HOUR: Final = 1_000_000 / 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change, on top of those before it.

    Attributes:
        what: in words.
        settings: of the settings.
        load: of the load, for what is the gateway's or the operator's to change.
    """

    what: str
    settings: Callable[[Settings], Settings] = lambda settings: settings
    load: Callable[[Load], Load] = lambda load: load


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A load, and the changes."""

    name: str
    title: str
    load: Load
    steps: Sequence[Step] = ()
    quotas: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one run came to."""

    what: str
    way: Way


def source(name: str, **changed: Any) -> Callable[[Settings], Settings]:
    """Change a queue's event source and its function."""
    return lambda settings: replace(settings, **{name: replace(getattr(settings, name), **changed)})


def setting(**changed: Any) -> Callable[[Settings], Settings]:
    """Change something else."""
    return lambda settings: replace(settings, **changed)


def quota(**changed: float) -> Callable[[Settings], Settings]:
    """Have AWS change a quota."""
    return lambda settings: settings.with_quotas(**changed)


def load(**changed: Any) -> Callable[[Load], Load]:
    """Change the load."""
    return lambda before: replace(before, **changed)


WIDE: Final = Step(what="`ApiRateLimit` 2,000, `ApiBurstLimit` 4,000", settings=setting(api_rate=2e3, api_burst=4e3))
TRACK: Final = Step(what="`TrackFunction`: `MaximumConcurrency` 8", settings=source("track", most=8))
PUBLISH: Final = Step(what="`PublishFunction`: `MaximumConcurrency` 6", settings=source("publish", most=6))

SCENARIOS: Final = (
    Scenario(name="ten", title="10 sends a second, each caller waits", load=Load(sends=10)),
    Scenario(name="ten-queued", title="10 sends a second, queued", load=Load(queued=10)),
    Scenario(
        name="hundred-queued",
        title="100 sends a second, queued",
        load=Load(queued=100),
        steps=(
            WIDE,
            Step(what="`SubmitFunction`: `MaximumConcurrency` 6", settings=source("submit", most=6)),
            Step(what="the account's `rate` 150, if its gateway takes that", settings=setting(rate=150.0)),
        ),
    ),
    Scenario(
        name="thousand",
        title="1,000 sends a second, each caller waits",
        load=Load(sends=1000),
        steps=(WIDE, PUBLISH, TRACK),
    ),
    Scenario(
        name="thousand-queued",
        title="1,000 sends a second, queued",
        load=Load(queued=1000),
        steps=(
            Step(
                what=WIDE.what + "; `SubmitFunction`: `MaximumConcurrency` 50; the account's `rate` 2,000",
                settings=lambda before: replace(
                    before,
                    api_rate=2e3,
                    api_burst=4e3,
                    rate=2e3,
                    submit=replace(before.submit, most=50),
                ),
            ),
            Step(what="spread over 8 gateway accounts", load=load(accounts=8)),
            Step(what="*code:* the minute of what waits in 4 partitions", settings=setting(due_shards=4)),
            Step(
                what="`PublishFunction`: `MaximumConcurrency` 20; `TrackFunction`: 8; `FanOutFunction`: 4",
                settings=lambda before: replace(
                    before,
                    publish=replace(before.publish, most=20),
                    track=replace(before.track, most=8),
                    fan_out=replace(before.fan_out, most=4),
                ),
            ),
        ),
    ),
    Scenario(
        name="hundred-thousand",
        title="100,000 sends a second, each caller waits",
        load=Load(sends=100_000),
        steps=(
            Step(
                what="`ApiRateLimit` 10,000, `ApiBurstLimit` 5,000: the most that they may be",
                settings=setting(api_rate=1e4, api_burst=5e3),
            ),
            Step(what="*quota:* 10,000 concurrent Lambdas", settings=quota(lambda_concurrency=10_000)),
            Step(
                what="*code:* 64 partitions for an hour and for a client",
                settings=setting(hour_shards=64, client_shards=64),
            ),
        ),
    ),
    Scenario(
        name="million",
        title="1,000,000 reports an hour (278 a second), one account",
        load=Load(reports=MILLION_AN_HOUR),
        steps=(
            Step(what="spread over 4 gateway accounts", load=load(accounts=4)),
            PUBLISH,
        ),
    ),
    Scenario(
        name="million-slow",
        title="1,000,000 reports an hour, from a gateway that takes a second and hands out 100",
        load=Load(reports=MILLION_AN_HOUR, page=100, gateway_seconds=1.0),
        steps=(
            Step(what="spread over 4 gateway accounts", load=load(accounts=4)),
            Step(what="or, with one account, 1,000 at once", load=load(accounts=1, page=1000)),
        ),
    ),
    Scenario(
        name="small-region",
        title="1,000,000 reports an hour where SNS takes 300 messages a second (China, among others)",
        load=Load(reports=MILLION_AN_HOUR),
        quotas={"sns_messages": quotas()["sns_messages_small_region"]},
        steps=(
            Step(what="`PublishFunction`: `MaximumConcurrency` 4", settings=source("publish", most=4)),
            Step(what="and 1,440,000 reports an hour", load=load(reports=400.0)),
            Step(what="`PublishFunction`: `MaximumConcurrency` 60", settings=source("publish", most=60)),
            Step(what="*quota:* SNS 1,500", settings=quota(sns_messages=1500)),
        ),
    ),
    Scenario(
        name="new-account",
        title="40 sends a second in a new AWS account: 10 concurrent Lambdas",
        load=Load(sends=40),
        quotas={"lambda_concurrency": quotas()["lambda_concurrency_new"]},
        steps=(
            Step(what="and 20 queued sends a second", load=load(queued=20.0), settings=setting(api_rate=200.0)),
            Step(what="*quota:* 100 concurrent Lambdas", settings=quota(lambda_concurrency=100)),
        ),
    ),
    Scenario(
        name="slow-gateway",
        title="40 sends a second, each caller waits, to a gateway that takes 30",
        load=Load(sends=40, gateway_rate=30.0),
    ),
)


def rows(scenario: Scenario, settings: Settings, *, until: float = 600.0) -> list[Row]:
    """A run with the template's settings, and one more after each change."""
    settings = settings.with_quotas(**(scenario.quotas or {}))
    now, ended = scenario.load, [Row(what="as the template is", way=Way(scenario.load, settings).run(until))]
    for step in scenario.steps:
        settings, now = step.settings(settings), step.load(now)
        ended.append(Row(what=step.what, way=Way(now, settings).run(until)))
    return ended


HEAD: Final = (
    "| | sent/s | p50 · p99 | events/s | p50 · p99 | statuses/s | p99 | waiting after 10 min | Lambdas | bends at |\n"
    "|---|---|---|---|---|---|---|---|---|---|\n"
)


def table(ended: Sequence[Row]) -> str:
    """The runs of a scenario, as Markdown."""
    return HEAD + "".join(line(row) for row in ended)


def line(row: Row) -> str:
    """One run."""
    way = row.way
    waiting = [f"{short(many)} {where}" for where, many in way.waiting().items() if many > way.bend_from()]
    refused = sum(way.refused().values())
    bends = [*way.bends()]
    cells = (
        row.what,
        _rate(way, "sent") + (f" ({short(refused / 600)} refused)" if refused > 600 else ""),
        _times(way.send.quantile(0.5), way.send.quantile(0.99)),
        _rate(way, "published") + (f" ({_rate(way, 'again')} to come again)" if way.ends.get("again") else ""),
        _times(way.event.quantile(0.5), way.event.quantile(0.99)),
        _rate(way, "tracked"),
        _times(way.status.quantile(0.99)),
        ", ".join(waiting) or "–",
        short(way.lambdas.most_used),
        "; ".join(bends) or "nothing",
    )
    return f"| {' | '.join(cells)} |\n"


def short(number: float) -> str:
    """Two digits say enough."""
    if number < 10:
        return f"{number:.1f}".removesuffix(".0")
    digits = max(0, int(math.log10(number)) - 1)
    return f"{round(number, -digits):,.0f}"


def _rate(way: Way, name: str) -> str:
    count = way.a_second(name)
    return short(count) if count else "–"


def _times(*seconds: float) -> str:
    return " · ".join(map(_time, seconds))


def _time(seconds: float) -> str:
    if math.isnan(seconds):
        return "–"
    return f"{short(seconds)} s" if seconds >= 1 else f"{short(seconds * 1000)} ms"
