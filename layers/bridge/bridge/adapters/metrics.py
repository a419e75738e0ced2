"""CloudWatch metrics in the embedded metric format: log lines, no calls."""

from collections import defaultdict
from threading import Lock

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit


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
        """Write out what was counted, one line for each set of dimensions, and begin at zero."""
        with self._lock:
            values, self._values = self._values, defaultdict(lambda: defaultdict(float))
        for dimensions, metrics in values.items():
            line = EphemeralMetrics()
            for dimension, setting in dimensions:
                line.add_dimension(name=dimension, value=setting)
            for name, value in metrics.items():
                line.add_metric(name=name, unit=MetricUnit.Count, value=value)
            line.flush_metrics()
