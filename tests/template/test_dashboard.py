"""The dashboard: it can be read, each line shows a metric that is there, and nothing of the stack is left out."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.adapters.metrics import ALARMED
from local.gates.rules import ALARM, FUNCTION, QUEUE

CODE = Path(__file__).parents[2] / "layers" / "bridge" / "bridge"
OURS = "EumsBridge"
# What AWS has for the parts of a stack: namespace → metrics, and the dimensions that they are told with.
AWS_METRICS = {
    "AWS/SQS": ({"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}, {"QueueName"}),
    "AWS/Lambda": ({"Errors", "Throttles", "Duration"}, {"FunctionName"}),
    "AWS/ApiGateway": ({"Count", "4XXError", "5XXError", "Latency"}, {"ApiName", "Stage"}),
}
SEARCHED = re.compile(
    r"SEARCH\('\{(?P<schema>[^}]+)\} MetricName=\"(?P<metric>\w+)\" service=\"(?P<service>[^\"]+)\"', "
)

Line = tuple[str, str, dict[str, str]]


def body(stack: Any) -> Any:
    return json.loads(stack["OperationsDashboard"]["DashboardBody"])


def widgets(stack: Any, kind: str) -> list[Any]:
    return [widget["properties"] for widget in body(stack)["widgets"] if widget["type"] == kind]


def written_out(metrics: list[list[Any]]) -> Iterator[list[Any]]:
    """Each metric in full: "..." stands for what the metric before it begins with, "." for the same place of it."""
    before: list[Any] = []
    for metric in metrics:
        line = [part for part in metric if not isinstance(part, dict)]
        if line and line[0] == "...":
            line = before[: len(before) - len(line) + 1] + line[1:]
        line = [before[place] if part == "." else part for place, part in enumerate(line)]
        before = line or before
        yield line


def lines(stack: Any, title: str = "") -> list[Line]:
    """Namespace, metric, dimensions of each line that names them."""
    return [
        (line[0], line[1], dict(zip(line[2::2], line[3::2], strict=True)))
        for widget in widgets(stack, "metric")
        if widget["title"].startswith(title)
        for line in written_out(widget["metrics"])
        if line
    ]


def searches(stack: Any) -> list[re.Match[str]]:
    found = []
    for widget in widgets(stack, "metric"):
        for options in (part for metric in widget["metrics"] for part in metric if isinstance(part, dict)):
            if expression := options.get("expression"):
                match = SEARCHED.search(expression)
                assert match, expression
                found.append(match)
    return found


def told() -> set[tuple[str, frozenset[str]]]:
    """The metrics of ours, each with the dimensions that the code tells it with."""
    found = set()
    for path in CODE.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", "")
            names = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            if name == "count" and names:
                found.add((names[0], frozenset(str(word.arg) for word in call.keywords) | {"service"}))
            elif name in {"_end", "_move_and_tell"} and names:  # which count what they are given, by account
                found.add((names[0], frozenset({"account", "service"})))
    return found | {(name, frozenset({"service"})) for name in ALARMED}


def test_it_is_for_this_region_and_everything_fits_side_by_side(stack: Any) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body(stack)["widgets"]:
        assert widget["x"] + widget["width"] <= 24
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, widget["properties"]["title"]
        taken |= cells
    titles = [widget["title"] for kind in ("alarm", "metric") for widget in widgets(stack, kind)]
    assert len(set(titles)) == len(titles)
    assert {widget["region"] for widget in widgets(stack, "metric")} == {stack.region}
    assert (
        stack["OperationsDashboard"]["DashboardName"] == f"stack-{stack.region}"
    )  # names are the account's, in all regions


def test_nothing_of_it_is_left_to_be_put_in(stack: Any) -> None:
    assert "${" not in stack["OperationsDashboard"]["DashboardBody"]


def test_what_comes_first_is_every_alarm(stack: Any) -> None:
    first = min(body(stack)["widgets"], key=lambda widget: (widget["y"], widget["x"]))
    assert first["type"] == "alarm"
    shown = first["properties"]["alarms"]
    assert sorted(shown) == sorted(f"{name}.Arn" for name in stack.of_type(ALARM))
    assert len(shown) <= 100  # CloudWatch takes no more


def test_every_line_shows_a_metric_that_is_there(stack: Any) -> None:
    ours = told()
    for namespace, metric, dimensions in lines(stack):
        if namespace == OURS:
            assert dimensions == {"service": "stack"}, metric
            assert (metric, frozenset({"service"})) in ours, metric
        else:
            metrics, names = AWS_METRICS[namespace]
            assert metric in metrics
            assert set(dimensions) == names, metric
    for _, _, dimensions in lines(stack):
        for name in ("QueueName", "FunctionName"):
            if name in dimensions:
                assert dimensions[name].removesuffix(".QueueName") in stack.resources
        assert dimensions.get("ApiName", "stack") == stack["Api"]["Name"]


def test_every_search_is_for_a_metric_that_is_told_with_these_dimensions(stack: Any) -> None:
    ours = told()
    found = searches(stack)
    assert found
    for search in found:
        namespace, *dimensions = search["schema"].split(",")
        assert namespace == OURS
        assert search["service"] == "stack"
        assert (search["metric"], frozenset(dimensions)) in ours, search["metric"]


@pytest.mark.parametrize("metric", sorted(ALARMED - {"AccountsWatched", "BalanceLow", "AccountSuspended", "ReportGap"}))
def test_what_has_an_alarm_has_a_line(stack: Any, metric: str) -> None:
    # Of the four that are left out there is nothing to see but the alarm itself.
    shown = {name for _, name, _ in lines(stack)} | {search["metric"] for search in searches(stack)}
    assert metric in shown


def test_sends_are_there_by_every_outcome(stack: Any) -> None:
    (outcomes,) = [widget for widget in widgets(stack, "metric") if widget["title"] == "Submits by outcome"]
    text = json.dumps(outcomes)
    for outcome in ("Accepted", "Refused", "NotSent", "OptedOut", "Unknown"):
        assert f"Submits{outcome}" in text, outcome


@pytest.mark.parametrize("title", ["errors", "throttles", "longest run"])
def test_every_function_is_there(stack: Any, title: str) -> None:
    shown = [dimensions["FunctionName"] for _, _, dimensions in lines(stack, f"Functions: {title}")]
    assert sorted(shown) == sorted(stack.of_type(FUNCTION))


@pytest.mark.parametrize("title", ["Queues: age", "Queues: messages", "Dead letters"])
def test_every_queue_is_there(stack: Any, title: str) -> None:
    shown = [dimensions["QueueName"].removesuffix(".QueueName") for _, _, dimensions in lines(stack, title)]
    wanted = {name for name in stack.of_type(QUEUE) if ("DeadLetter" in name) is (title == "Dead letters")}
    assert sorted(shown) == sorted(wanted)


def test_it_can_be_left_out(stack_with: Any) -> None:
    assert "OperationsDashboard" not in stack_with(Dashboard="false").resources
