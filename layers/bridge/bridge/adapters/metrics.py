"""CloudWatch metrics in the embedded metric format: log lines, no calls."""

import json
import os
import sys
import time
from collections import defaultdict
from threading import Lock
from typing import Final

# What an alarm of template.yaml looks at. An alarm names the dimensions of its metric in full, and the stack does not
# know its accounts: these are told a second time for the service as a whole.
ALARMED: Final = frozenset(
    {
        "AccountSuspended",
        "AccountsWatched",
        "BalanceLow",
        "Discrepancies",
        "PullAge",
        "PullsGivenUp",
        "PullsLost",
        "PullsUnkept",
        "Quarantined",
        "ReportGap",
        "SubmitsUnknown",
    }
)
_SECONDS: Final = frozenset({"PullAge"})


class EmfCounters:
    """`bridge.ports.Counters`, added up and written out when an invocation ends.

    An idle puller counts a pull every few seconds: added up, that is one line a minute instead of thirty.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[tuple[tuple[str, str], ...], dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """See `bridge.ports.Counters`."""
        with self._lock:
            self._values[tuple(sorted(dimensions.items()))][name] += value

    def flush(self) -> None:
        """Write out what was counted, a line or two for each set of dimensions, and begin at zero."""
        with self._lock:
            values, self._values = self._values, defaultdict(lambda: defaultdict(float))
        for dimensions, metrics in values.items():
            alarmed = {name: value for name, value in metrics.items() if name in ALARMED}
            others = {name: value for name, value in metrics.items() if name not in ALARMED}
            if alarmed:
                _write(dimensions, alarmed, for_the_service=bool(dimensions))
            if others:
                _write(dimensions, others)


def _write(
    dimensions: tuple[tuple[str, str], ...], metrics: dict[str, float], *, for_the_service: bool = False
) -> None:
    """One line, as Powertools writes it; it takes three times as long, of which every send would feel a part.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    values = dict(dimensions)
    if service := os.environ.get("POWERTOOLS_SERVICE_NAME"):
        values["service"] = service
    sets = [list(values)]
    if for_the_service and service:
        # A second set of dimensions for the same values: over all accounts their sum and their maximum are right.
        sets.append(["service"])
    told = {
        "Namespace": os.environ["POWERTOOLS_METRICS_NAMESPACE"],
        "Dimensions": sets,
        "Metrics": [{"Name": name, "Unit": "Seconds" if name in _SECONDS else "Count"} for name in metrics],
    }
    line = {
        "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [told]},
        **values,
        **{name: [float(value)] for name, value in metrics.items()},
    }
    sys.stdout.write(json.dumps(line) + "\n")
