"""What each role may do, all of it, as a table. Whatever is not in it fails."""

from collections.abc import Iterator
from typing import Any

import pytest

from bridge.domain.principals import principal_key
from tests.template.test_api import KEYED

Right = tuple[str, str]

SECRET = ("secretsmanager:GetSecretValue", "AccountsSecret.Id")
# To AWS a batch is a Publish, or a SendMessage; emulated AWS asks for it by its own name.
PUBLISH = {("sns:Publish", "EventsTopic"), ("sns:PublishBatch", "EventsTopic")}
FAILED_RUN = ("sqs:SendMessage", "ScheduleDeadLetterQueue.Arn")
PULL = {
    ("dynamodb:UpdateItem", "StateTable.Arn"),
    ("s3:PutObject", "JournalBucket.Arn/raw/*"),
    ("s3:GetObject", "JournalBucket.Arn/raw/*"),
    ("s3:ListBucket", "JournalBucket.Arn"),
    ("sqs:SendMessage", "PublishQueue.Arn"),
    SECRET,
    *PUBLISH,
    FAILED_RUN,
}
TO_SEND_QUEUE = ("sqs:SendMessage", "SendQueue.Arn")
SEND_LATER = {TO_SEND_QUEUE, ("sqs:SendMessageBatch", "SendQueue.Arn")}
DELIVER = {("sqs:SendMessage", "DeliverQueue.Arn"), ("sqs:SendMessageBatch", "DeliverQueue.Arn")}
OPTED_OUT = {("dynamodb:GetItem", "OptOutsTable.Arn"), ("dynamodb:BatchGetItem", "OptOutsTable.Arn")}
COUNT_USE = ("dynamodb:UpdateItem", "StateTable.Arn")
STANDING = ("dynamodb:GetItem", "ClientsTable.Arn")
SEND_SCHEDULES = "arn:{partition}:scheduler:{region}:123456789012:schedule/SendScheduleGroup/*"
RIGHTS: dict[str, set[Right]] = {
    "Authorizer": {("dynamodb:GetItem", "ClientsTable.Arn")},
    "Messages": {
        ("dynamodb:GetItem", "MessagesTable.Arn"),
        ("dynamodb:PutItem", "MessagesTable.Arn"),
        ("dynamodb:UpdateItem", "MessagesTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn"),
        ("dynamodb:BatchWriteItem", "MessagesTable.Arn"),
        *(("dynamodb:Query", f"MessagesTable.Arn/index/{index}") for index in ("ByClient", "ByReference", "ByNumber")),
        COUNT_USE,
        *OPTED_OUT,
        *SEND_LATER,
        ("scheduler:CreateSchedule", SEND_SCHEDULES),
        ("scheduler:DeleteSchedule", SEND_SCHEDULES),
        ("iam:PassRole", "SendScheduleRole.Arn"),
        SECRET,
        *PUBLISH,
    },
    "Batches": {
        ("dynamodb:GetItem", "MessagesTable.Arn"),
        ("dynamodb:PutItem", "MessagesTable.Arn"),
        ("dynamodb:UpdateItem", "MessagesTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn/index/ByBatch"),
        COUNT_USE,
        ("s3:PutObject", "JournalBucket.Arn/batches/*"),
        *SEND_LATER,
        SECRET,
    },
    "Twilio": {
        *((f"dynamodb:{action}", "MessagesTable.Arn") for action in ("GetItem", "PutItem", "UpdateItem", "Query")),
        *(("dynamodb:Query", f"MessagesTable.Arn/index/{index}") for index in ("ByClient", "ByNumber")),
        ("dynamodb:GetItem", "OptOutsTable.Arn"),
        COUNT_USE,
        *SEND_LATER,
        ("scheduler:CreateSchedule", SEND_SCHEDULES),
        ("scheduler:DeleteSchedule", SEND_SCHEDULES),
        ("iam:PassRole", "SendScheduleRole.Arn"),
        SECRET,
    },
    "OptOuts": {
        *OPTED_OUT,
        ("dynamodb:PutItem", "OptOutsTable.Arn"),
        ("dynamodb:Query", "OptOutsTable.Arn"),
        ("dynamodb:UpdateItem", "OptOutsTable.Arn"),
        SECRET,
    },
    "Hooks": {
        *((f"dynamodb:{action}Item", "WebhooksTable.Arn") for action in ("Get", "Put", "Update")),
        *((f"dynamodb:{action}Item", "MessagesTable.Arn") for action in ("Get", "Put", "BatchWrite")),
        ("dynamodb:Query", "MessagesTable.Arn"),
        COUNT_USE,
        STANDING,
        *SEND_LATER,
        SECRET,
    },
    "HookSources": {
        *((f"dynamodb:{action}Item", "WebhooksTable.Arn") for action in ("Get", "Put", "Delete")),
        ("dynamodb:Query", "WebhooksTable.Arn"),
        SECRET,
    },
    "WebhookEndpoints": {
        *((f"dynamodb:{action}Item", "WebhooksTable.Arn") for action in ("Delete", "Get", "Put")),
        ("dynamodb:Query", "WebhooksTable.Arn"),
        *DELIVER,
        SECRET,
    },
    "FanOut": {
        *(
            (f"sqs:{action}", "WebhookQueue.Arn")
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        ),
        ("dynamodb:PutItem", "WebhooksTable.Arn"),
        ("dynamodb:Query", "WebhooksTable.Arn"),
        ("dynamodb:GetItem", "MessagesTable.Arn"),
        STANDING,
        *DELIVER,
    },
    "Deliver": {
        *(
            (f"sqs:{action}", "DeliverQueue.Arn")
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
        ),
        *DELIVER,
        ("sqs:SendMessage", "DeliverDeadLetterQueue.Arn"),
        *((f"dynamodb:{action}Item", "WebhooksTable.Arn") for action in ("Get", "Put", "Update")),
        *PUBLISH,
    },
    "Submit": {
        *((f"sqs:{action}", "SendQueue.Arn") for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")),
        *SEND_LATER,
        ("dynamodb:BatchGetItem", "MessagesTable.Arn"),
        ("dynamodb:BatchWriteItem", "MessagesTable.Arn"),
        ("dynamodb:ConditionCheckItem", "MessagesTable.Arn"),
        ("dynamodb:GetItem", "MessagesTable.Arn"),
        ("dynamodb:PutItem", "MessagesTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn"),
        ("dynamodb:UpdateItem", "MessagesTable.Arn"),
        *OPTED_OUT,
        ("dynamodb:UpdateItem", "StateTable.Arn"),
        ("s3:GetObject", "JournalBucket.Arn/batches/*"),
        ("s3:DeleteObject", "JournalBucket.Arn/batches/*"),
        ("s3:ListBucket", "JournalBucket.Arn"),
        SECRET,
        *PUBLISH,
    },
    "Account": {
        ("dynamodb:GetItem", "StateTable.Arn"),
        ("dynamodb:PutItem", "StateTable.Arn"),
        ("dynamodb:UpdateItem", "StateTable.Arn"),
        SECRET,
    },
    "Docs": set(),
    "PullReports": PULL,
    "PullInbound": PULL,
    "Publish": {
        ("sqs:ReceiveMessage", "PublishQueue.Arn"),
        ("sqs:DeleteMessage", "PublishQueue.Arn"),
        ("sqs:GetQueueAttributes", "PublishQueue.Arn"),
        ("s3:GetObject", "JournalBucket.Arn/raw/*"),
        ("s3:PutObjectTagging", "JournalBucket.Arn/raw/*"),
        ("s3:PutObject", "JournalBucket.Arn/raw/*"),
        *(
            (f"s3:{action}Object", f"JournalBucket.Arn/{folder}/*")
            for action, folder in (
                ("Get", "quarantine"),
                ("Put", "quarantine"),
                ("Get", "parts"),
                ("Put", "parts"),
                ("Delete", "parts"),
            )
        ),
        ("s3:ListBucket", "JournalBucket.Arn"),
        ("dynamodb:BatchGetItem", "MessagesTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn/index/ByNumber"),
        SECRET,
        *PUBLISH,
    },
    "Sweep": {
        ("dynamodb:GetItem", "StateTable.Arn"),
        ("dynamodb:PutItem", "StateTable.Arn"),
        ("s3:ListBucket", "JournalBucket.Arn"),
        ("s3:GetObjectTagging", "JournalBucket.Arn/raw/*"),
        ("sqs:SendMessage", "PublishQueue.Arn"),
        SECRET,
        FAILED_RUN,
    },
    "Track": {
        ("sqs:ReceiveMessage", "TrackQueue.Arn"),
        ("sqs:DeleteMessage", "TrackQueue.Arn"),
        ("sqs:GetQueueAttributes", "TrackQueue.Arn"),
        ("dynamodb:PutItem", "MessagesTable.Arn"),
        ("dynamodb:UpdateItem", "MessagesTable.Arn"),
        ("dynamodb:PutItem", "OptOutsTable.Arn"),
        SECRET,
    },
    "Attend": {
        ("dynamodb:BatchGetItem", "MessagesTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn/index/ByNumber"),
        ("dynamodb:Query", "MessagesTable.Arn/index/ByHour"),
        ("dynamodb:UpdateItem", "MessagesTable.Arn"),
        ("dynamodb:GetItem", "StateTable.Arn"),
        ("dynamodb:PutItem", "StateTable.Arn"),
        *SEND_LATER,
        SECRET,
        *PUBLISH,
        FAILED_RUN,
    },
    "Watch": {
        ("dynamodb:BatchGetItem", "StateTable.Arn"),
        ("dynamodb:PutItem", "StateTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn/index/ByHour"),
        SECRET,
        *PUBLISH,
        FAILED_RUN,
    },
    "Reconcile": {
        ("dynamodb:BatchGetItem", "StateTable.Arn"),
        ("dynamodb:GetItem", "StateTable.Arn"),
        ("dynamodb:PutItem", "StateTable.Arn"),
        ("dynamodb:UpdateItem", "StateTable.Arn"),
        ("dynamodb:Query", "MessagesTable.Arn"),
        SECRET,
        *PUBLISH,
        FAILED_RUN,
    },
    "Schedule": {
        ("lambda:InvokeFunction", "PullReportsFunction.Arn"),
        ("lambda:InvokeFunction", "PullInboundFunction.Arn"),
        ("lambda:InvokeFunction", "SweepFunction.Arn"),
        ("lambda:InvokeFunction", "WatchFunction.Arn"),
        ("lambda:InvokeFunction", "AttendFunction.Arn"),
        ("lambda:InvokeFunction", "ReconcileFunction.Arn"),
        FAILED_RUN,
    },
    "SendSchedule": {TO_SEND_QUEUE, FAILED_RUN},
}
SCHEDULES = {"Schedule", "SendSchedule"}
FUNCTIONS = sorted(set(RIGHTS) - SCHEDULES)
LOOKING_FOR_CALLERS = {"Messages", "Batches", "OptOuts", "HookSources", "WebhookEndpoints", "Account"}
IN_VPC = {"Messages", "Submit", "Account", "PullReports", "PullInbound", "Watch", "Reconcile"}

# Every right on everything, and why there is no narrower one.
ON_EVERYTHING = {
    "xray:PutTraceSegments": "X-Ray has no resources to name",
    "xray:PutTelemetryRecords": "likewise",
    "ec2:AssignPrivateIpAddresses": "Lambda checks for it on everything, before it attaches a function to a VPC",
    "ec2:CreateNetworkInterface": "likewise",
    "ec2:DeleteNetworkInterface": "likewise",
    "ec2:DescribeNetworkInterfaces": "likewise",
    "ec2:DescribeSubnets": "likewise",
    "ec2:UnassignPrivateIpAddresses": "likewise",
}


def several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def rights(statements: list[Any]) -> set[Right]:
    return {
        (action, resource)
        for statement in statements
        for action in several(statement["Action"])
        for resource in several(statement["Resource"])
    }


def statements(role: Any) -> list[Any]:
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def test_every_role_is_in_the_table(stack: Any) -> None:
    assert set(stack.of_type("AWS::IAM::Role")) == {f"{name}Role" for name in RIGHTS}


@pytest.mark.parametrize("name", RIGHTS)
def test_a_role_may_do_this_and_nothing_else(stack: Any, name: str) -> None:
    found = statements(stack[f"{name}Role"])
    assert {statement["Effect"] for statement in found} == {"Allow"}
    logs = {(f"logs:{action}", f"{name}LogGroup.Arn") for action in ("CreateLogStream", "PutLogEvents")}
    here = {"region": stack.region, "partition": stack.partition}
    expected = {(action, resource.format(**here)) for action, resource in RIGHTS[name]}
    assert rights(found) == expected | (logs if name in FUNCTIONS else set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_its_own_role_and_only_lambda_takes_it(stack: Any, name: str) -> None:
    assert stack[f"{name}Function"]["Role"] == f"{name}Role.Arn"
    assert stack[f"{name}Role"]["AssumeRolePolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_only_this_accounts_scheduler_takes_the_schedules_role(stack: Any, name: str) -> None:
    assert stack[f"{name}Role"]["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
        }
    ]


@pytest.mark.parametrize("vpc", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_managed_policies_are_our_own(stack_with: Any, vpc: bool, signed: bool) -> None:  # noqa: FBT001 - parametrized
    stack = stack_with(
        **({"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"} if vpc else {}),
        ApiAuthorization="AWS_IAM" if signed else "KeyAuthorizer",
    )
    for name in FUNCTIONS:
        expected = [
            "TracingPolicy",
            *(["CallersPolicy"] if signed and name in LOOKING_FOR_CALLERS else []),
            *(["NetworkPolicy"] if vpc and name in IN_VPC else []),
        ]
        assert stack[f"{name}Role"]["ManagedPolicyArns"] == expected, name
    assert set(stack.of_type("AWS::IAM::ManagedPolicy")) == {
        "TracingPolicy",
        *(["CallersPolicy"] if signed else []),
        *(["NetworkPolicy"] if vpc else []),
    }


def test_where_calls_are_signed_the_api_sees_the_clients_of_principals_and_no_keys(stack_with: Any) -> None:
    stack = stack_with(ApiAuthorization="AWS_IAM")
    assert stack["CallersPolicy"]["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "dynamodb:GetItem",
            "Resource": "ClientsTable.Arn",
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{principal_key('')}*", "client#*"]}},
        }
    ]


def test_who_looks_for_callers_serves_what_wants_one() -> None:
    serving = {f"{name}Function" for name in LOOKING_FOR_CALLERS}
    assert serving == {function for (path, _), function in KEYED.items() if not path.startswith("/2010-04-01/")}


def all_statements(stack: Any) -> Iterator[Any]:
    for role in stack.of_type("AWS::IAM::Role").values():
        yield from statements(role)
    for policy in stack.of_type("AWS::IAM::ManagedPolicy").values():
        yield from policy["PolicyDocument"]["Statement"]


def test_a_right_on_everything_has_its_reason(stack_with: Any) -> None:
    stack = stack_with(SubnetIds="subnet-1", SecurityGroupIds="sg-1")
    allowed = rights([statement for statement in all_statements(stack) if statement["Effect"] == "Allow"])
    assert {action for action, resource in allowed if resource == "*"} == set(ON_EVERYTHING)
    assert not [action for action, _ in allowed if "*" in action]


def test_code_in_the_vpc_has_no_network_rights_of_its_own(stack_with: Any) -> None:
    stack = stack_with(SubnetIds="subnet-1", SecurityGroupIds="sg-1")
    _, denied = stack["NetworkPolicy"]["PolicyDocument"]["Statement"]
    functions = "arn:aws-cn:lambda:cn-north-1:123456789012:function:stack-*"
    assert denied == {
        "Effect": "Deny",
        "Action": "ec2:*",
        "Resource": "*",
        "Condition": {"ArnLike": {"lambda:SourceFunctionArn": functions}},
    }


@pytest.mark.parametrize("name", ["PullReports", "PullInbound", "Sweep"])
def test_only_what_pulls_wrote_is_listed(stack: Any, name: str) -> None:
    (listing,) = [found for found in statements(stack[f"{name}Role"]) if found["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLikeIfExists": {"s3:prefix": "raw/*"}}


def test_submitting_lists_only_what_batches_asked_for(stack: Any) -> None:
    (listing,) = [found for found in statements(stack["SubmitRole"]) if found["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLikeIfExists": {"s3:prefix": "batches/*"}}


def test_the_stacks_own_schedules_are_out_of_reach_except_where_emulated_aws_knows_no_group(stack_with: Any) -> None:
    schedules = "arn:aws-cn:scheduler:cn-north-1:123456789012:schedule/"
    reached = {
        tls: {
            resource.removeprefix(schedules)
            for action, resource in rights(statements(stack_with(RequireTls=tls)["MessagesRole"]))
            if action.startswith("scheduler:")
        }
        for tls in ("true", "false")
    }
    assert reached == {"true": {"SendScheduleGroup/*"}, "false": {"SendScheduleGroup/*", "default/*"}}


def test_a_role_is_passed_to_the_scheduler_only(stack: Any) -> None:
    passing = [found for found in all_statements(stack) if "iam:PassRole" in several(found["Action"])]
    assert passing == 2 * [
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "SendScheduleRole.Arn",
            "Condition": {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        }
    ]


def test_fanning_out_reads_of_a_message_only_where_its_callback_goes(stack: Any) -> None:
    (reading,) = [found for found in statements(stack["FanOutRole"]) if found["Resource"] == "MessagesTable.Arn"]
    assert reading["Action"] == "dynamodb:GetItem"
    assert reading["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "twilio"]},
        "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }


def test_fanning_out_writes_endpoints_and_nothing_else_of_the_webhooks(stack: Any) -> None:
    (writing,) = [found for found in statements(stack["FanOutRole"]) if found["Action"] == "dynamodb:PutItem"]
    assert writing["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["endpoints"]}}


def of_table(stack: Any, name: str, table: str) -> Any:
    (found,) = [each for each in statements(stack[f"{name}Role"]) if each["Resource"] == f"{table}.Arn"]
    return found


@pytest.mark.parametrize("name", ["Messages", "Batches", "Twilio", "Hooks"])
def test_who_sends_writes_of_the_state_nothing_but_what_clients_use(stack: Any, name: str) -> None:
    writing = of_table(stack, name, "StateTable")
    assert writing["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["use#*"]}}


@pytest.mark.parametrize("name", ["Hooks", "FanOut"])
def test_no_key_is_read_by_anybody_but_the_authorizer(stack: Any, name: str) -> None:
    reading = of_table(stack, name, "ClientsTable")
    assert reading["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["client#*"]}}


def test_publishing_lists_only_what_it_puts_together(stack: Any) -> None:
    (listing,) = [found for found in statements(stack["PublishRole"]) if found["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLikeIfExists": {"s3:prefix": ["raw/*", "parts/*"]}}


def test_a_given_secret_is_the_only_one_that_is_read(stack_with: Any) -> None:
    arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:eums-AbCdEf"
    stack = stack_with(AccountsSecretArn=arn)
    read = {
        resource for action, resource in rights(list(all_statements(stack))) if action.startswith("secretsmanager:")
    }
    assert read == {arn}


def test_only_the_functions_of_webhooks_reach_their_secrets(stack: Any) -> None:
    reaching = {
        name
        for name in RIGHTS
        if any(resource.startswith("WebhooksTable") for _, resource in rights(statements(stack[f"{name}Role"])))
    }
    assert reaching == {"Hooks", "HookSources", "WebhookEndpoints", "FanOut", "Deliver"}
