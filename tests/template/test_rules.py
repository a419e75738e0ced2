"""The stack keeps its own rules; and each rule fails a stack in which one thing is missing."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge.adapters.metrics import ALARMED
from local.gates import __main__ as gates
from local.gates import rules
from local.gates.findings import read, sort_out
from local.places import Places

Break = Callable[[Any], object]


def first(stack: Any, kind: str, **having: Any) -> Any:
    return next(made for made in stack.of_type(kind).values() if having.items() <= made.items())


def without(stack: Any, *names: str) -> None:
    for name in names:
        del stack.resources[name]


def changed(name: str, *path: str, to: Any = None) -> Break:
    """Set what stands there, or take it away."""

    def change(stack: Any) -> None:
        node = stack[name]
        for key in path[:-1]:
            node = node[key]
        if to is None:
            del node[path[-1]]
        else:
            node[path[-1]] = to

    return change


def mapping_without_item_failures(stack: Any) -> None:
    first(stack, rules.MAPPING).pop("FunctionResponseTypes")


def schedule_that_retries(stack: Any) -> None:
    first(stack, rules.SCHEDULE)["Target"]["RetryPolicy"]["MaximumRetryAttempts"] = 1


def schedule_without_dead_letters(stack: Any) -> None:
    first(stack, rules.SCHEDULE)["Target"].pop("DeadLetterConfig")


def lambda_that_retries(stack: Any) -> None:
    first(stack, rules.INVOKE_CONFIG)["MaximumRetryAttempts"] = 2


def failures_that_go_nowhere(stack: Any) -> None:
    first(stack, rules.INVOKE_CONFIG).pop("DestinationConfig")


def asynchronous_function_without_settings(stack: Any) -> None:
    without(stack, *stack.of_type(rules.INVOKE_CONFIG))


def new_queue(stack: Any) -> None:
    stack.resources["NewQueue"] = {"Type": rules.QUEUE, "Properties": {}}


def new_dead_letter_queue(stack: Any) -> None:
    stack["SendQueue"]["RedrivePolicy"]["deadLetterTargetArn"] = "NewDeadLetterQueue.Arn"
    stack.resources["NewDeadLetterQueue"] = {"Type": rules.QUEUE, "Properties": {"MessageRetentionPeriod": 1_209_600}}


def new_function(stack: Any) -> None:
    properties = {"Role": "NewRole.Arn", "Timeout": 3}
    stack.resources["NewFunction"] = {"Type": rules.FUNCTION, "Properties": properties}
    stack.resources["NewRole"] = {"Type": rules.ROLE, "Properties": stack["DocsRole"]}


def new_role(stack: Any) -> None:
    stack.resources["NewRole"] = {"Type": rules.ROLE, "Properties": stack["DocsRole"]}


def function_with_the_role_of_another(stack: Any) -> None:
    stack["DocsFunction"]["Role"] = "MessagesRole.Arn"


def new_function_on_a_queue(stack: Any) -> None:
    stack["DeliveryQueue"]["VisibilityTimeout"] = 359
    mapping = {"EventSourceArn": "DeliveryQueue.Arn", "FunctionName": "SubmitFunction"}
    stack.resources["NewMapping"] = {"Type": rules.MAPPING, "Properties": mapping}


def function_that_reads_dead_letters(stack: Any) -> None:
    first(stack, rules.MAPPING, EventSourceArn="SendQueue.Arn")["EventSourceArn"] = "SendDeadLetterQueue.Arn"


BROKEN: list[tuple[str, str, Break]] = [  # what breaks · the rule that says so · about what
    ("visibility", "SendQueue", changed("SendQueue", "VisibilityTimeout", to=359)),
    ("visibility", "SendQueue", changed("SendQueue", "VisibilityTimeout")),
    ("visibility", "TrackQueue", changed("TrackFunction", "Timeout", to=31)),
    ("visibility", "DeliveryQueue", new_function_on_a_queue),
    ("batch-item-failures", "", mapping_without_item_failures),
    ("batch-item-failures", "NewMapping", new_function_on_a_queue),
    ("redrive", "InboundQueue", changed("InboundQueue", "RedrivePolicy")),
    ("redrive", "InboundQueue", changed("InboundQueue", "RedrivePolicy", "maxReceiveCount", to=4)),
    ("redrive", "InboundQueue", changed("InboundQueue", "RedrivePolicy", "deadLetterTargetArn", to="Other.Arn")),
    ("redrive", "SendQueue", changed("SendDeadLetterQueue", "MessageRetentionPeriod", to=1_209_599)),
    ("redrive", "SendDeadLetterQueue", function_that_reads_dead_letters),
    ("redrive", "NewQueue", new_queue),
    ("subscription", "TrackSubscription", changed("TrackSubscription", "RedrivePolicy")),
    ("schedule", "", schedule_that_retries),
    ("schedule", "", schedule_without_dead_letters),
    ("schedule", "", lambda_that_retries),
    ("schedule", "", failures_that_go_nowhere),
    ("schedule", "SweepFunction", asynchronous_function_without_settings),
    ("dead-letter-alarm", "SendDeadLetterQueue", lambda stack: without(stack, "SendDeadLettersAlarm")),
    ("dead-letter-alarm", "SendDeadLetterQueue", changed("SendDeadLettersAlarm", "Threshold", to=1)),
    ("dead-letter-alarm", "ScheduleDeadLetterQueue", lambda stack: without(stack, "ScheduleDeadLettersAlarm")),
    ("dead-letter-alarm", "NewDeadLetterQueue", new_dead_letter_queue),
    ("age-alarm", "TrackQueue", lambda stack: without(stack, "TrackQueueAgeAlarm")),
    ("age-alarm", "NewQueue", new_queue),
    ("function-alarms", "DocsFunction", lambda stack: without(stack, "DocsErrorsAlarm")),
    ("function-alarms", "DocsFunction", lambda stack: without(stack, "DocsThrottlesAlarm")),
    ("function-alarms", "NewFunction", new_function),
    *(
        ("told-alarm", metric, changed(alarm, "MetricName", to="Other"))
        for metric, alarm in {
            "PullAge": "PullStalledAlarm",
            "PullsLost": "PullsLostAlarm",
            "PullsUnkept": "PullsUnkeptAlarm",
            "PullsGivenUp": "PullsGivenUpAlarm",
            "Quarantined": "QuarantinedAlarm",
            "Discrepancies": "DiscrepancyAlarm",
            "BalanceLow": "BalanceLowAlarm",
            "AccountSuspended": "AccountSuspendedAlarm",
            "SubmitsUnknown": "SubmitsUnknownAlarm",
            "AccountsWatched": "WatchersStoppedAlarm",
        }.items()
    ),
    ("alarm-of-something", "DocsErrorsAlarm", lambda stack: without(stack, "DocsFunction")),
    ("role", "MessagesRole", function_with_the_role_of_another),
    ("role", "DocsRole", function_with_the_role_of_another),
    ("role", "NewRole", new_role),
    ("role", "DocsFunction", lambda stack: without(stack, "DocsRole")),
    ("log-group", "DocsFunction", changed("DocsFunction", "LoggingConfig")),
    ("log-group", "DocsFunction", changed("DocsLogGroup", "RetentionInDays")),
    ("log-group", "NewFunction", new_function),
]


def test_the_stack_keeps_its_rules() -> None:
    left = sort_out(rules.GATE, rules.rules(Places.default()), read(gates.SUPPRESSIONS))
    assert left.open == ()
    assert left.unused == ()


@pytest.mark.parametrize(
    ("rule", "resource", "break_it"),
    BROKEN,
    ids=[f"{rule}-{about or number}" for number, (rule, about, _) in enumerate(BROKEN)],
)
def test_a_stack_that_lacks_something_is_found(stack_with: Any, rule: str, resource: str, break_it: Break) -> None:
    before = {(found.check, found.resource, found.message) for found in rules.check(stack_with())}
    stack = stack_with()
    break_it(stack)
    found = [found for found in rules.check(stack) if (found.check, found.resource, found.message) not in before]
    assert [one for one in found if one.check == rule and one.resource.startswith(resource)], found


def test_every_rule_is_broken_by_something() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(rules.RULES)


def test_whatever_the_code_wants_an_alarm_on_is_told() -> None:
    assert set(rules.TOLD) == ALARMED - {"ReportGap"}  # a parameter turns that one off
