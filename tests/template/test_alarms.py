"""Alarms: whatever can go wrong unseen has one, and each looks at a metric that is really there."""

import re
from pathlib import Path
from typing import Any

import pytest

from bridge.adapters.metrics import ALARMED

CODE = Path(__file__).parents[2] / "layers" / "bridge" / "bridge"
NAMESPACE = "EumsBridge"
TOPIC = "arn:aws-cn:sns:cn-north-1:123456789012:nights"

EVENTS = {  # a fact, not a state → seconds of a look: there is no "well again" to tell of
    "PullsLost": 300,
    "PullsUnkept": 300,
    "PullsGivenUp": 300,
    "Quarantined": 300,
    "Discrepancies": 3600,
}
# States that the watchers tell each minute; where nobody looks, nobody knows, and AccountsWatched says so.
STATES = {"BalanceLow": 1, "AccountSuspended": 1, "ReportGap": 1, "PullAge": 150}
AGES = {  # queue → seconds: beyond two tries of ours; two days of an application that reads nothing
    "PublishQueue": 900,
    "SendQueue": 1800,
    "TrackQueue": 600,
    "WebhookQueue": 600,
    "DeliveryQueue": 172_800,
    "InboundQueue": 172_800,
}


def alarms(stack: Any, namespace: str) -> list[Any]:
    return [alarm for alarm in stack.of_type("AWS::CloudWatch::Alarm").values() if alarm["Namespace"] == namespace]


def dimensions(alarm: Any) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}


def own(stack: Any, metric: str) -> Any:
    (alarm,) = [alarm for alarm in alarms(stack, NAMESPACE) if alarm["MetricName"] == metric]
    return alarm


def counted() -> set[str]:
    """The names that the code counts."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in CODE.rglob("*.py"))
    return set(re.findall(r'\.count\(\s*"([A-Za-z]+)"', source))


def test_every_dead_letter_queue_has_an_alarm(stack: Any) -> None:
    dead = {
        queue["RedrivePolicy"]["deadLetterTargetArn"].removesuffix(".Arn")
        for kind in ("AWS::SQS::Queue", "AWS::SNS::Subscription")
        for queue in stack.of_type(kind).values()
        if "RedrivePolicy" in queue
    } | {
        schedule["Target"]["DeadLetterConfig"]["Arn"].removesuffix(".Arn")
        for schedule in stack.of_type("AWS::Scheduler::Schedule").values()
    }
    watched = [alarm for alarm in alarms(stack, "AWS/SQS") if "NumberOfMessages" in alarm["MetricName"]]
    assert {dimensions(alarm)["QueueName"].removesuffix(".QueueName") for alarm in watched} == dead
    assert dead == {name for name in stack.of_type("AWS::SQS::Queue") if "DeadLetter" in name}
    for alarm in watched:
        assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
            "Maximum",
            "GreaterThanThreshold",
            0,
        )
        # A queue that nothing happened to for hours tells nothing.
        assert alarm["TreatMissingData"] == "notBreaching"


def test_what_waits_too_long_in_a_queue_is_noticed(stack: Any) -> None:
    found = {
        dimensions(alarm)["QueueName"].removesuffix(".QueueName"): (alarm["Threshold"], alarm["Statistic"])
        for alarm in alarms(stack, "AWS/SQS")
        if alarm["MetricName"] == "ApproximateAgeOfOldestMessage"
    }
    assert found == {queue: (seconds, "Maximum") for queue, seconds in AGES.items()}
    for queue, seconds in AGES.items():
        assert seconds > 2 * stack[queue]["VisibilityTimeout"], queue
        assert seconds < stack[queue]["MessageRetentionPeriod"] / 2, queue


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_has_an_alarm(stack: Any, metric: str) -> None:
    found = [alarm for alarm in alarms(stack, "AWS/Lambda") if alarm["MetricName"] == metric]
    assert sorted(dimensions(alarm)["FunctionName"] for alarm in found) == sorted(
        stack.of_type("AWS::Lambda::Function")
    )
    assert {(alarm["Statistic"], alarm["Threshold"], alarm["TreatMissingData"]) for alarm in found} == {
        ("Sum", 0, "notBreaching")  # who is not called fails at nothing
    }


def test_the_api_has_an_alarm(stack: Any) -> None:
    (alarm,) = alarms(stack, "AWS/ApiGateway")
    assert (alarm["MetricName"], alarm["Statistic"]) == ("5XXError", "Sum")
    assert dimensions(alarm) == {"ApiName": stack["Api"]["Name"], "Stage": "v1"}


def test_an_alarm_on_a_metric_of_ours_looks_at_all_accounts_of_this_stack(stack: Any) -> None:
    service = stack["WatchFunction"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    assert service == "stack"
    for alarm in alarms(stack, NAMESPACE):
        assert dimensions(alarm) == {"service": service}, alarm["MetricName"]


def test_every_metric_of_an_alarm_is_counted_and_told_without_its_account(stack: Any) -> None:
    metrics = [alarm["MetricName"] for alarm in alarms(stack, NAMESPACE)]
    assert len(set(metrics)) == len(metrics)
    assert set(metrics) == ALARMED
    assert set(metrics) <= counted()


@pytest.mark.parametrize(("metric", "period"), EVENTS.items())
def test_what_must_never_happen_is_told_at_once(stack: Any, metric: str, period: int) -> None:
    alarm = own(stack, metric)
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == ("Sum", "GreaterThanThreshold", 0)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (period, 1)
    assert alarm["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize(("metric", "threshold"), STATES.items())
def test_what_the_watchers_see_is_told(stack: Any, metric: str, threshold: int) -> None:
    alarm = own(stack, metric)
    assert (alarm["Statistic"], alarm["Threshold"], alarm["Period"]) == ("Maximum", threshold, 60)
    assert alarm["TreatMissingData"] == "missing"


def test_watchers_that_do_not_run_are_missed(stack: Any) -> None:
    alarm = own(stack, "AccountsWatched")
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "SampleCount",
        "LessThanThreshold",
        1,
    )
    assert alarm["TreatMissingData"] == "breaching"


def test_alarms_tell_a_topic_only_where_one_is_given(stack_with: Any) -> None:
    silent = stack_with().of_type("AWS::CloudWatch::Alarm")
    telling = stack_with(AlarmTopicArn=TOPIC).of_type("AWS::CloudWatch::Alarm")
    assert not [name for name, alarm in silent.items() if {"AlarmActions", "OKActions"} & set(alarm)]
    for name, alarm in telling.items():
        assert alarm["AlarmActions"] == [TOPIC], name
        assert alarm.get("OKActions", [TOPIC]) == [TOPIC], name
        assert ("OKActions" in alarm) is (alarm["MetricName"] not in EVENTS), name


def test_every_alarm_says_what_to_do_and_why_silence_means_what_it_does(stack: Any) -> None:
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        assert name.endswith("Alarm")
        assert len(alarm["AlarmDescription"]) > 40, name
        assert "TreatMissingData" in alarm, name
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 86_400, name  # CloudWatch looks no further back


@pytest.mark.parametrize(
    ("arn", "fits"),
    [
        ("", True),
        (TOPIC, True),
        (TOPIC.replace("aws-cn", "aws"), True),
        (f"{TOPIC}.fifo", False),  # CloudWatch publishes to none
        ("nights", False),
        (TOPIC.replace(":sns:", ":sqs:"), False),
    ],
)
def test_only_a_topic_is_accepted(source: Any, arn: str, fits: bool) -> None:  # noqa: FBT001
    assert bool(re.fullmatch(source["Parameters"]["AlarmTopicArn"]["AllowedPattern"], arn)) is fits
