"""What the simulation is given: the template's settings, the quotas, the times, and a load."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

from bridge.domain.policies import Policy
from bridge.domain.walks import SHARDS

HERE: Final = Path(__file__).parent
TEMPLATE: Final = HERE.parents[1] / "template.yaml"


@cache
def quotas() -> Mapping[str, float]:
    """The value of each quota in `quotas.json`."""
    known = json.loads((HERE / "quotas.json").read_text(encoding="utf-8"))["quotas"]
    return {name: float(quota["value"]) for name, quota in known.items()}


@cache
def seconds() -> Mapping[str, float]:
    """What `times.json` says how long things take, in seconds; and a share, `spread`."""
    times = json.loads((HERE / "times.json").read_text(encoding="utf-8"))
    known = {**times["measured"]["milliseconds"], **times["assumed"]["milliseconds"]}
    return {name: ms / 1000 for name, ms in known.items()} | {
        "a report": float(times["assumed"]["seconds until a handset's report"]),
        "spread": float(times["assumed"]["spread"]),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A queue's event source and its function.

    Attributes:
        most: MaximumConcurrency.
        batch: BatchSize.
        memory: MemorySize, in MB.
        hidden: seconds until a message that failed is handed out again.
        window: seconds that it waits for a batch that is not full.
    """

    most: int
    batch: int
    memory: int
    hidden: float
    window: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the template and the code say, and what an account is allowed.

    Attributes:
        pull_seconds: between pulls that bring nothing.
        rate: an account's pace, in recipients a second.
        hour_shards, client_shards: partitions of an hour in ByHour, and of a client in ByClient.
        due_shards: partitions of a minute of what waits.
    """

    api_rate: float
    api_burst: float
    messages_memory: int
    pull_memory: int
    pull_seconds: float
    submit: Source
    publish: Source
    track: Source
    fan_out: Source
    rate: float = Policy().rate
    hour_shards: int = SHARDS
    client_shards: int = SHARDS
    due_shards: int = 1
    quotas: Mapping[str, float] = field(default_factory=quotas)

    @classmethod
    def of_template(cls, path: Path = TEMPLATE) -> Self:
        """What `template.yaml` says."""
        template = yaml_parse(path.read_text(encoding="utf-8"))
        parameters, resources = template["Parameters"], template["Resources"]
        usual = template["Globals"]["Function"]["MemorySize"]

        def memory(function: str) -> int:
            return int(resources[function]["Properties"].get("MemorySize", usual))

        def source(function: str, queue: str) -> Source:
            [event] = resources[function]["Properties"]["Events"].values()
            said: dict[str, Any] = event["Properties"]
            return Source(
                most=int(said["ScalingConfig"]["MaximumConcurrency"]),
                batch=int(said["BatchSize"]),
                memory=memory(function),
                hidden=float(resources[queue]["Properties"]["VisibilityTimeout"]),
                window=float(said.get("MaximumBatchingWindowInSeconds", 0)),
            )

        return cls(
            api_rate=float(parameters["ApiRateLimit"]["Default"]),
            api_burst=float(parameters["ApiBurstLimit"]["Default"]),
            messages_memory=memory("MessagesFunction"),
            pull_memory=memory("PullReportsFunction"),
            pull_seconds=float(parameters["PullSeconds"]["Default"]),
            submit=source("SubmitFunction", "SendQueue"),
            publish=source("PublishFunction", "PublishQueue"),
            track=source("TrackFunction", "TrackQueue"),
            fan_out=source("FanOutFunction", "WebhookQueue"),
        )

    def with_quotas(self, **changed: float) -> Self:
        """The same in an account or region with other quotas."""
        return replace(self, quotas={**self.quotas, **changed})


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What comes in.

    Attributes:
        sends: a second, whose callers wait for the gateway.
        queued: a second, that nobody waits for.
        reports: a second, beside those of the sends.
        accounts, clients: over how many this is spread evenly.
        page: records that the gateway hands out at once, at the most.
        gateway_seconds: its answer takes.
        gateway_rate: submits a second that it takes from all accounts.
    """

    sends: float = 0.0
    queued: float = 0.0
    reports: float = 0.0
    accounts: int = 1
    clients: int = 1
    page: int = 1000
    gateway_seconds: float = field(default_factory=lambda: seconds()["the gateway"])
    gateway_rate: float = math.inf
