"""Queues, schedules and subscriptions: nothing is lost, and nothing is repeated that must not be."""

from typing import Any

import pytest

from bridge.domain import webhooks
from bridge.domain.work import RECEIVES

CONSUMED = {
    "PublishQueue": "PublishFunction",
    "SendQueue": "SubmitFunction",
    "TrackQueue": "TrackFunction",
    "WebhookQueue": "FanOutFunction",
    "DeliverQueue": "DeliverFunction",
}
SUBSCRIBED: dict[str, list[Any] | None] = {  # → types of events, or all
    "DeliveryQueue": [{"prefix": "sms.message."}],
    "InboundQueue": ["sms.inbound.received"],
    "TrackQueue": ["sms.message.delivered", "sms.message.undelivered", "sms.message.updated", "sms.inbound.received"],
    "WebhookQueue": None,
}
QUEUES = sorted({*CONSUMED, *SUBSCRIBED})
SCHEDULED = {
    "PullReportsFunction": "rate(1 minute)",
    "PullInboundFunction": "rate(1 minute)",
    "AttendFunction": "rate(1 minute)",
    "WatchFunction": "rate(1 minute)",
    "ReconcileFunction": "rate(1 hour)",
    "SweepFunction": "rate(5 minutes)",
}
FORTNIGHT = 14 * 24 * 3600
TLS_ONLY = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def dead_letters_of(queue: str) -> str:
    return queue.removesuffix("Queue") + "DeadLetterQueue"


def test_these_are_all_queues(stack: Any) -> None:
    expected = {*QUEUES, *map(dead_letters_of, QUEUES), "ScheduleDeadLetterQueue"}
    assert set(stack.of_type("AWS::SQS::Queue")) == expected


def test_submitting_knows_when_a_pointer_comes_for_the_last_time(stack: Any) -> None:
    assert stack["SendQueue"]["RedrivePolicy"]["maxReceiveCount"] == RECEIVES


def test_what_is_delivered_is_handed_out_as_often_as_delivering_knows(stack: Any) -> None:
    assert stack["DeliverQueue"]["RedrivePolicy"]["maxReceiveCount"] == webhooks.RECEIVES


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_gives_up_only_after_several_tries_and_into_its_own_dead_letter_queue(stack: Any, queue: str) -> None:
    redrive = stack[queue]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == f"{dead_letters_of(queue)}.Arn"
    assert redrive["maxReceiveCount"] >= 5


def test_every_queue_is_encrypted_by_sqs_and_keeps_for_a_fortnight(stack: Any) -> None:
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        # Under a KMS key of AWS's own, SNS could not send.
        assert queue["SqsManagedSseEnabled"] is True, name
        assert "KmsMasterKeyId" not in queue, name
        # A dead letter keeps the age it had: a shorter dead-letter queue could drop it on arrival.
        assert queue["MessageRetentionPeriod"] == FORTNIGHT, name


@pytest.mark.parametrize(("queue", "function"), CONSUMED.items())
def test_a_batch_stays_invisible_for_six_times_the_functions_time(stack: Any, queue: str, function: str) -> None:
    assert stack[queue]["VisibilityTimeout"] >= 6 * stack[function]["Timeout"]


def test_a_consumer_hands_back_only_what_failed(stack: Any) -> None:
    sources = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    found = {source["EventSourceArn"].removesuffix(".Arn"): source["FunctionName"] for source in sources}
    assert found == CONSUMED
    for source in sources:
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert {source["FunctionName"]: source["BatchSize"] for source in sources} == {
        "PublishFunction": 5,
        "SubmitFunction": 10,
        "TrackFunction": 10,
        "FanOutFunction": 10,
        "DeliverFunction": 10,
    }


def test_only_the_tracker_waits_for_a_full_batch(stack: Any) -> None:
    sources = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    waits = {source["FunctionName"]: source.get("MaximumBatchingWindowInSeconds", 0) for source in sources}
    # With what it waits, a batch stays invisible for long enough: AWS adds the window to six times the time-out.
    assert {name: seconds for name, seconds in waits.items() if seconds} == {"TrackFunction": 5}
    assert stack["TrackQueue"]["VisibilityTimeout"] >= 6 * stack["TrackFunction"]["Timeout"] + 5


def test_the_consumers_take_no_more_of_an_accounts_invocations_than_they_must(stack: Any) -> None:
    # Two is the least that SQS's event sources may be limited to. All of them busy at once are a new account's ten.
    sources = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    assert {source["ScalingConfig"]["MaximumConcurrency"] for source in sources} == {2}
    assert len(sources) <= 5


@pytest.mark.parametrize(("queue", "types"), SUBSCRIBED.items())
def test_a_subscription_passes_on_its_own_events_raw(stack: Any, queue: str, types: list[Any] | None) -> None:
    chosen = {"FilterPolicyScope": "MessageAttributes", "FilterPolicy": {"event_type": types}} if types else {}
    found = [
        subscription
        for subscription in stack.of_type("AWS::SNS::Subscription").values()
        if subscription["Endpoint"] == f"{queue}.Arn"
    ]
    assert found == [
        {
            "TopicArn": "EventsTopic",
            "Protocol": "sqs",
            "Endpoint": f"{queue}.Arn",
            "RawMessageDelivery": True,
            **chosen,
            "RedrivePolicy": {"deadLetterTargetArn": f"{dead_letters_of(queue)}.Arn"},
        }
    ]


def test_there_is_no_other_subscription(stack: Any) -> None:
    assert len(stack.of_type("AWS::SNS::Subscription")) == len(SUBSCRIBED)


def policies(stack: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
        for queue in policy["Queues"]:
            assert queue not in found, "the later policy of two would replace the other"
            found[queue] = policy["PolicyDocument"]["Statement"]
    return found


def test_only_the_topic_may_send_to_what_is_subscribed_and_all_over_tls(stack: Any) -> None:
    allowed = {
        "Sid": "EventsTopicSends",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": "EventsTopic"}},
    }
    found = policies(stack)
    assert set(found) == set(stack.of_type("AWS::SQS::Queue"))
    for queue, statements in found.items():
        # SNS puts what it cannot deliver straight into the dead-letter queue.
        by_sns = {*SUBSCRIBED, *map(dead_letters_of, SUBSCRIBED)}
        assert statements == ([allowed, TLS_ONLY] if queue in by_sns else [TLS_ONLY]), queue


def test_tls_is_given_up_only_where_it_is_asked_for(source: Any, stack_with: Any) -> None:
    assert source["Parameters"]["RequireTls"]["Default"] == "true"
    without = stack_with(RequireTls="false")
    assert TLS_ONLY not in [statement for statements in policies(without).values() for statement in statements]
    assert not {"JournalBucketPolicy", "OwnQueuesPolicy"} & set(without.resources)


@pytest.mark.parametrize("tls", ["true", "false"])
def test_the_topic_never_has_the_policy_that_lets_the_whole_account_publish(stack_with: Any, tls: str) -> None:
    # SNS gives that one to a topic without any.
    (statement,) = stack_with(RequireTls=tls)["EventsTopicPolicy"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sns:Publish")
    if tls == "false":
        assert statement["Condition"] == {"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}}


def test_the_topic_is_encrypted_and_takes_events_over_tls_only(stack: Any) -> None:
    assert stack["EventsTopic"]["KmsMasterKeyId"] == "alias/aws/sns"
    policy = stack["EventsTopicPolicy"]
    assert policy["Topics"] == ["EventsTopic"]
    assert policy["PolicyDocument"]["Statement"] == [
        TLS_ONLY | {"Action": "sns:Publish", "Resource": "EventsTopic"},
    ]


@pytest.mark.parametrize(("function", "rate"), SCHEDULED.items())
def test_a_scheduled_run_is_never_repeated_and_its_failure_is_kept(stack: Any, function: str, rate: str) -> None:
    (schedule,) = [
        schedule
        for schedule in stack.of_type("AWS::Scheduler::Schedule").values()
        if schedule["Target"]["Arn"] == f"{function}.Arn"
    ]
    assert schedule["ScheduleExpression"] == rate
    # Schedules of one account share their names: two stacks in it must not meet.
    assert schedule["Name"].startswith("stack-")
    assert schedule["Target"]["RoleArn"] == "ScheduleRole.Arn"
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": "ScheduleDeadLetterQueue.Arn"}
    # The scheduler's invocation is asynchronous: Lambda has retries of its own.
    (config,) = [
        config
        for config in stack.of_type("AWS::Lambda::EventInvokeConfig").values()
        if config["FunctionName"] == function
    ]
    assert config["MaximumRetryAttempts"] == 0
    assert config["MaximumEventAgeInSeconds"] == 60
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": "ScheduleDeadLetterQueue.Arn"}}


def test_sends_that_wait_for_their_time_are_a_group_of_the_stacks_own(stack: Any) -> None:
    # Groups of one account share their names, too.
    assert stack.of_type("AWS::Scheduler::ScheduleGroup") == {"SendScheduleGroup": {"Name": "stack-sends"}}


def test_nothing_else_is_scheduled(stack: Any) -> None:
    assert len(stack.of_type("AWS::Scheduler::Schedule")) == len(SCHEDULED)
