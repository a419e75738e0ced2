"""Our lines of metrics against those of Powertools."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from bridge.adapters.metrics import ALARMED, EmfCounters

DIMENSIONS: tuple[dict[str, str], ...] = ({}, {"account": "default"}, {"account": "default", "kind": "reports"})


def by_powertools(metrics: dict[str, float], dimensions: dict[str, str], unit: MetricUnit) -> None:
    line = EphemeralMetrics()
    for name, setting in sorted(dimensions.items()):
        line.add_dimension(name=name, value=setting)
    if dimensions and metrics.keys() <= ALARMED and line.service:
        line.add_dimensions(service=line.service)
    for name, value in metrics.items():
        line.add_metric(name=name, unit=unit, value=value)
    line.flush_metrics()


def line_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    [written] = capsys.readouterr().out.splitlines()
    line: dict[str, Any] = json.loads(written)
    assert line["_aws"].pop("Timestamp") > 1_700_000_000_000
    return line


@pytest.fixture(params=["eums-bridge", None])
def _service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "EumsBridge")
    if request.param:
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", request.param)
    else:
        monkeypatch.delenv("POWERTOOLS_SERVICE_NAME", raising=False)


@pytest.mark.usefixtures("_service")
@pytest.mark.parametrize("dimensions", DIMENSIONS, ids=len)
@pytest.mark.parametrize(
    ("metrics", "unit"),
    [
        ({"SubmitsAccepted": 1, "SubmitsRefused": 2}, MetricUnit.Count),
        ({"SubmitsUnknown": 3}, MetricUnit.Count),
        ({"PullAge": 1.5}, MetricUnit.Seconds),
    ],
    ids=["others", "alarmed", "seconds"],
)
def test_a_line_is_as_powertools_writes_it(
    capsys: pytest.CaptureFixture[str], metrics: dict[str, float], unit: MetricUnit, dimensions: dict[str, str]
) -> None:
    by_powertools(metrics, dimensions, unit)
    theirs = line_of(capsys)
    counters = EmfCounters()
    for name, value in metrics.items():
        counters.count(name, value, **dimensions)

    counters.flush()

    assert line_of(capsys) == theirs
