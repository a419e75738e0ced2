"""Rules of this stack's own, which no linter of templates knows: every part has the partner without which it is unsafe.

None of them names a queue, a function or a role: a new one without its partner fails by itself.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from local.gates.findings import Finding
from local.gates.stack import Stack, resolve
from local.gates.template import REGIONS, translate
from local.places import Places

GATE: Final = "rules"
QUEUE: Final = "AWS::SQS::Queue"
FUNCTION: Final = "AWS::Lambda::Function"
ALARM: Final = "AWS::CloudWatch::Alarm"
MAPPING: Final = "AWS::Lambda::EventSourceMapping"
SUBSCRIPTION: Final = "AWS::SNS::Subscription"
SCHEDULE: Final = "AWS::Scheduler::Schedule"
INVOKE_CONFIG: Final = "AWS::Lambda::EventInvokeConfig"
ROLE: Final = "AWS::IAM::Role"
LOG_GROUP: Final = "AWS::Logs::LogGroup"

LEAST_VISIBILITY: Final = 6
"""Times the function's time-out: AWS's own advice for a queue that a function reads."""
LEAST_RECEIVES: Final = 5
"""Fewer, and throttling alone makes dead letters of good messages."""
TOLD: Final = {  # metric of ours → what an operator must hear of
    "PullAge": "the puller stalled",
    "PullsLost": "records were lost",
    "PullsUnkept": "records could not be kept",
    "PullsGivenUp": "records could not be published",
    "Quarantined": "records could not be read",
    "Discrepancies": "the gateway counts otherwise",
    "BalanceLow": "the balance is low",
    "AccountSuspended": "an account is suspended",
    "SubmitsUnknown": "outcomes are unknown",
    "AccountsWatched": "nobody looks",
}

Found = Iterator[tuple[str, str]]
Rule = Callable[[Stack], Found]


def dead_letter_targets(stack: Stack) -> dict[str, list[str]]:
    """Queues that dead letters go to, by logical id, with who sends them there."""
    targets: dict[str, list[str]] = {}
    for kind in (QUEUE, SUBSCRIPTION):
        for name, made in stack.of_type(kind).items():
            if target := made.get("RedrivePolicy", {}).get("deadLetterTargetArn"):
                targets.setdefault(_plain(target), []).append(name)
    for name, made in stack.of_type(SCHEDULE).items():
        if target := made["Target"].get("DeadLetterConfig", {}).get("Arn"):
            targets.setdefault(_plain(target), []).append(name)
    for name, made in stack.of_type(INVOKE_CONFIG).items():
        if target := made.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"):
            targets.setdefault(_plain(target), []).append(name)
    return targets


def _plain(reference: str) -> str:
    """`SendQueue.Arn` → SendQueue."""
    return str(reference).partition(".")[0]


def _alarms(stack: Stack, namespace: str, metric: str) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    for alarm in stack.of_type(ALARM).values():
        if (alarm.get("Namespace"), alarm.get("MetricName")) == (namespace, metric):
            yield {one["Name"]: _plain(one["Value"]) for one in alarm.get("Dimensions", [])}, alarm


def _watched(stack: Stack, namespace: str, metric: str, dimension: str) -> set[str]:
    return {of[dimension] for of, _ in _alarms(stack, namespace, metric) if dimension in of}


def visibility(stack: Stack) -> Found:
    """A batch stays invisible for six times the time-out of the function that reads the queue."""
    for mapping in stack.of_type(MAPPING).values():
        queue, function = _plain(mapping["EventSourceArn"]), _plain(mapping["FunctionName"])
        seconds = stack[queue].get("VisibilityTimeout", 30)
        if seconds < (least := LEAST_VISIBILITY * stack[function].get("Timeout", 3)):
            yield queue, f"VisibilityTimeout is {seconds} s; six times that of {function} are {least} s"


def batch_item_failures(stack: Stack) -> Found:
    """A function hands back only what failed of a batch."""
    for name, mapping in stack.of_type(MAPPING).items():
        if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
            yield name, "FunctionResponseTypes lacks ReportBatchItemFailures: one failure repeats the whole batch"


def redrive(stack: Stack) -> Found:
    """A queue gives up after five tries or more, into a queue that keeps as long as itself and is nobody's source."""
    targets = dead_letter_targets(stack)
    read = {_plain(mapping["EventSourceArn"]) for mapping in stack.of_type(MAPPING).values()}
    for name, queue in stack.of_type(QUEUE).items():
        if name in targets:
            continue
        policy = queue.get("RedrivePolicy")
        if not policy:
            yield name, "no RedrivePolicy: what fails comes back until it is dropped unseen"
            continue
        if int(policy["maxReceiveCount"]) < LEAST_RECEIVES:
            yield name, f"maxReceiveCount is {policy['maxReceiveCount']}, fewer than {LEAST_RECEIVES}"
        target = _plain(policy["deadLetterTargetArn"])
        if target not in stack.of_type(QUEUE):
            yield name, f"its dead letters go to {target}, which is no queue of the stack"
        elif _kept(stack[target]) < _kept(queue):
            yield name, f"{target} keeps for less long: a dead letter has the age that it had"
    for target in targets:
        if target in read:
            yield target, "a function reads this dead-letter queue"


def _kept(queue: dict[str, Any]) -> int:
    return int(queue.get("MessageRetentionPeriod", 345_600))


def subscriptions(stack: Stack) -> Found:
    """What SNS cannot deliver is kept."""
    for name, subscription in stack.of_type(SUBSCRIPTION).items():
        if not subscription.get("RedrivePolicy", {}).get("deadLetterTargetArn"):
            yield name, "no dead-letter queue: what SNS cannot deliver is gone"


def schedules(stack: Stack) -> Found:
    """A scheduled run is repeated by nobody, and its failure is kept."""
    configs = {_plain(config["FunctionName"]): config for config in stack.of_type(INVOKE_CONFIG).values()}
    for name, schedule in stack.of_type(SCHEDULE).items():
        target = schedule["Target"]
        if target.get("RetryPolicy", {}).get("MaximumRetryAttempts") != 0:
            yield name, "the scheduler would repeat a run"
        if "DeadLetterConfig" not in target:
            yield name, "no dead-letter queue: a run that cannot be started leaves no trace"
        function = _plain(target["Arn"])
        config = configs.get(function, {})
        if config.get("MaximumRetryAttempts") != 0:
            yield function, "it is invoked asynchronously, and Lambda would repeat a run"
        if not config.get("DestinationConfig", {}).get("OnFailure"):
            yield function, "it is invoked asynchronously, and a failure goes nowhere"


def dead_letter_alarms(stack: Stack) -> Found:
    """One dead letter is enough to tell somebody."""
    alarms = list(_alarms(stack, "AWS/SQS", "ApproximateNumberOfMessagesVisible"))
    told = {of.get("QueueName") for of, alarm in alarms if _at_the_first(alarm)}
    for name in dead_letter_targets(stack):
        if name not in told:
            yield name, "no alarm on its depth"


def _at_the_first(alarm: dict[str, Any]) -> bool:
    compared = (alarm["ComparisonOperator"], alarm["Threshold"])
    return compared in {("GreaterThanThreshold", 0), ("GreaterThanOrEqualToThreshold", 1)}


def age_alarms(stack: Stack) -> Found:
    """What waits too long in a queue is noticed."""
    told = _watched(stack, "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName")
    for name in stack.of_type(QUEUE):
        if name not in told and name not in dead_letter_targets(stack):
            yield name, "no alarm on the age of its oldest message"


def function_alarms(stack: Stack) -> Found:
    """Errors and throttles of every function are noticed."""
    for metric in ("Errors", "Throttles"):
        told = _watched(stack, "AWS/Lambda", metric, "FunctionName")
        for name in stack.of_type(FUNCTION):
            if name not in told:
                yield name, f"no alarm on its {metric}"


def told_alarms(stack: Stack) -> Found:
    """What the bridge itself knows to be wrong is told."""
    for metric, meaning in TOLD.items():
        if not list(_alarms(stack, "EumsBridge", metric)):
            yield metric, f"no alarm: nobody hears that {meaning}"


def alarms_of_something(stack: Stack) -> Found:
    """An alarm looks at a part that there is."""
    for name, alarm in stack.of_type(ALARM).items():
        for one in alarm.get("Dimensions", []):
            if one["Name"] in {"QueueName", "FunctionName"} and _plain(one["Value"]) not in stack.resources:
                yield name, f"{one['Value']} is nothing of the stack"


def roles(stack: Stack) -> Found:
    """No two functions share a role, and no role is left over."""
    used: dict[str, list[str]] = {}
    for name, function in stack.of_type(FUNCTION).items():
        used.setdefault(_plain(function["Role"]), []).append(name)
    for role, functions in used.items():
        if role not in stack.of_type(ROLE):
            yield functions[0], f"its role {role} is not the stack's"
        if len(functions) > 1:
            yield role, f"{', '.join(functions)} share it"
    for name, role in stack.of_type(ROLE).items():
        services = {
            statement["Principal"].get("Service") for statement in role["AssumeRolePolicyDocument"]["Statement"]
        }
        if "lambda.amazonaws.com" in services and name not in used:
            yield name, "no function has this role"


def log_groups(stack: Stack) -> Found:
    """A function's log is its own, and ends."""
    for name, function in stack.of_type(FUNCTION).items():
        group = function.get("LoggingConfig", {}).get("LogGroup")
        if group not in stack.of_type(LOG_GROUP) or not stack[group].get("RetentionInDays"):
            yield name, "no log group that ends"


RULES: Final[dict[str, Rule]] = {
    "visibility": visibility,
    "batch-item-failures": batch_item_failures,
    "redrive": redrive,
    "subscription": subscriptions,
    "schedule": schedules,
    "dead-letter-alarm": dead_letter_alarms,
    "age-alarm": age_alarms,
    "function-alarms": function_alarms,
    "told-alarm": told_alarms,
    "alarm-of-something": alarms_of_something,
    "role": roles,
    "log-group": log_groups,
}


def check(stack: Stack) -> list[Finding]:
    """What is against the rules in a stack."""
    return [Finding(GATE, name, resource, said) for name, rule in RULES.items() for resource, said in rule(stack)]


def rules(places: Places) -> list[Finding]:
    """What is against the rules in the template, with and without its optional parts."""
    translated = translate(places.project / "template.yaml")
    everything = {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1", "PullReservedConcurrency": "2"}
    stacks = [resolve(translated, REGIONS[0], "123456789012", given) for given in ({}, everything)]
    return sorted({finding for stack in stacks for finding in check(stack)})
