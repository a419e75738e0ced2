"""The stack as a whole: partitions, parameters, functions, outputs."""

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]

FUNCTIONS = {  # logical id → (name, handler, seconds, memory)
    "AuthorizerFunction": ("authorizer", "app.handler", 10, 512),
    "MessagesFunction": ("messages", "app.handler", 28, 512),
    "BatchesFunction": ("batches", "app.handler", 28, 512),
    "OptOutsFunction": ("opt-outs", "app.handler", 28, 512),
    "TwilioFunction": ("twilio", "app.handler", 28, 512),
    "HooksFunction": ("hooks", "app.handler", 28, 512),
    "HookSourcesFunction": ("hook-sources", "app.handler", 28, 512),
    "SubmitFunction": ("submit", "app.handler", 60, 512),
    "WebhookEndpointsFunction": ("webhook-endpoints", "app.handler", 28, 512),
    "FanOutFunction": ("fan-out", "app.handler", 30, 256),
    "DeliverFunction": ("deliver", "app.handler", 60, 512),
    "AccountFunction": ("account", "app.handler", 28, 512),
    "DocsFunction": ("docs", "app.handler", 10, 512),
    "PullReportsFunction": ("pull-reports", "app.reports", 120, 256),
    "PullInboundFunction": ("pull-inbound", "app.inbound", 120, 256),
    "PublishFunction": ("publish", "app.handler", 60, 512),
    "SweepFunction": ("sweep", "app.handler", 60, 256),
    "TrackFunction": ("track", "app.handler", 30, 512),
    "WatchFunction": ("watch", "app.handler", 60, 256),
    "AttendFunction": ("attend", "app.handler", 60, 256),
    "ReconcileFunction": ("reconcile", "app.handler", 60, 256),
}
CALL_THE_GATEWAY = {
    "MessagesFunction",
    "SubmitFunction",
    "AccountFunction",
    "PullReportsFunction",
    "PullInboundFunction",
    "WatchFunction",
    "ReconcileFunction",
}
OUTPUTS = {
    "ApiUrl",
    "ApiId",
    "DeliveryQueueUrl",
    "DeliveryQueueArn",
    "InboundQueueUrl",
    "InboundQueueArn",
    "PublishQueueUrl",
    "SendQueueUrl",
    "EventsTopicArn",
    "JournalBucketName",
    "AccountsSecretArn",
    "ApiAuthorization",
    "ClientsTableName",
    "MessagesTableName",
    "StateTableName",
    "WebhooksTableName",
}
ENVIRONMENT = {
    "MESSAGES_TABLE": "MessagesTable",
    "STATE_TABLE": "StateTable",
    "CLIENTS_TABLE": "ClientsTable",
    "API_AUTHORIZATION": "KeyAuthorizer",
    "OPT_OUTS_TABLE": "OptOutsTable",
    "WEBHOOKS_TABLE": "WebhooksTable",
    "JOURNAL_BUCKET": "JournalBucket",
    "PUBLISH_QUEUE_URL": "PublishQueue",
    "SEND_QUEUE_URL": "SendQueue",
    "SEND_QUEUE_ARN": "SendQueue.Arn",
    "SCHEDULE_GROUP": "SendScheduleGroup",
    "SCHEDULE_ROLE_ARN": "SendScheduleRole.Arn",
    "SCHEDULE_DEAD_LETTER_QUEUE_ARN": "ScheduleDeadLetterQueue.Arn",
    "DELIVER_QUEUE_URL": "DeliverQueue",
    "DELIVER_DEAD_LETTER_QUEUE_URL": "DeliverDeadLetterQueue",
    "ALLOW_LOOPBACK_WEBHOOKS": "false",
    "EVENTS_TOPIC_ARN": "EventsTopic",
    "ACCOUNTS_SECRET_ARN": "AccountsSecret.Id",
    "PULL_SECONDS": 5,
    "LOW_BALANCE_THRESHOLD": 1000,
    "LOW_BALANCE_HOURS": 24,
    "REPORT_GAP_MINUTES": 30,
    "MESSAGE_RETENTION_DAYS": 30,
    "POWERTOOLS_SERVICE_NAME": "stack",
    "POWERTOOLS_METRICS_NAMESPACE": "EumsBridge",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}
Strings = Callable[[Any], Iterator[tuple[str, str]]]
SECRET = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:eums-AbCdEf"


def test_no_partition_and_no_host_is_written_down(source: Any, strings: Strings) -> None:
    for path, text in strings(source):
        assert "arn:aws:" not in text, path
        assert "arn:aws-cn:" not in text, path
        # Service principals are spelled the same in every partition.
        if not (
            path.endswith(("/Principal/Service", "/iam:PassedToService"))
            and re.fullmatch(r"[a-z]+\.amazonaws\.com", text)
        ):
            assert "amazonaws.com" not in text, path


def test_every_arn_is_of_the_stacks_own_partition(stack: Any, strings: Strings) -> None:
    arns = [text for _, text in strings(dict(stack.resources)) if text.startswith("arn:")]
    assert arns
    assert {arn.split(":")[1] for arn in arns} == {stack.partition}


def test_the_api_is_regional(stack: Any) -> None:
    # China's regions have no other.
    assert stack["Api"]["EndpointConfiguration"]["Types"] == ["REGIONAL"]


def test_every_parameter_is_described_grouped_and_bounded(source: Any) -> None:
    interface = source["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(source["Parameters"])
    assert sorted(interface["ParameterLabels"]) == sorted(source["Parameters"])
    for name, declared in source["Parameters"].items():
        assert len(declared["Description"]) > 20, name
        assert "Default" in declared, name
        bounds = {"AllowedValues", "AllowedPattern", "MinValue"} & set(declared)
        assert bounds or declared["Type"] == "CommaDelimitedList", name


@pytest.mark.parametrize("arn", ["", SECRET, SECRET.replace("aws-cn", "aws"), SECRET.replace("aws-cn", "aws-us-gov")])
def test_a_secret_of_any_partition_is_accepted(source: Any, arn: str) -> None:
    assert re.fullmatch(source["Parameters"]["AccountsSecretArn"]["AllowedPattern"], arn)


@pytest.mark.parametrize("text", ["eums", "arn:aws:s3:::bucket", SECRET.replace(":secret:", ":"), f"{SECRET} "])
def test_another_thing_than_a_secret_is_refused(source: Any, text: str) -> None:
    assert not re.fullmatch(source["Parameters"]["AccountsSecretArn"]["AllowedPattern"], text)


@pytest.mark.parametrize(("text", "fits"), [("off", True), ("1", False), ("2", True), ("99", True), ("0", False)])
def test_reserving_less_than_two_for_a_pull_is_refused(source: Any, text: str, fits: bool) -> None:  # noqa: FBT001
    assert bool(re.fullmatch(source["Parameters"]["PullReservedConcurrency"]["AllowedPattern"], text)) is fits


def test_the_functions_are_the_ones_agreed(stack: Any) -> None:
    functions = stack.of_type("AWS::Lambda::Function")
    found = {
        name: (
            function["FunctionName"].removeprefix("stack-"),
            function["Handler"],
            function["Timeout"],
            function["MemorySize"],
        )
        for name, function in functions.items()
    }
    assert found == FUNCTIONS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_what_all_have(stack: Any, name: str) -> None:
    function = stack[name]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["TracingConfig"] == {"Mode": "PassThrough"}
    assert [re.sub(r"[0-9a-f]{10}$", "", layer) for layer in function["Layers"]] == ["EumsLayer", "BridgeLayer"]
    own = {"PUBLIC_URL": ""} if name == "DocsFunction" else {}
    assert function["Environment"]["Variables"] == ENVIRONMENT | own
    assert function["Description"]


def test_everything_is_traced_where_that_is_wanted(stack: Any, stack_with: Any) -> None:
    for traced, mode in ((stack_with(Tracing="Active"), "Active"), (stack, "PassThrough")):
        assert {traced[name]["TracingConfig"]["Mode"] for name in FUNCTIONS} == {mode}
        (stage,) = traced.of_type("AWS::ApiGateway::Stage").values()
        assert stage["TracingEnabled"] is (mode == "Active")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_log_group_that_ends(stack_with: Any, name: str) -> None:
    stack = stack_with(LogRetentionDays=7)
    group = stack[name]["LoggingConfig"]["LogGroup"]
    assert stack[group] == {"LogGroupName": f"/aws/lambda/{stack[name]['FunctionName']}", "RetentionInDays": 7}


def test_every_log_group_belongs_to_a_function(stack: Any) -> None:
    used = {function["LoggingConfig"]["LogGroup"] for function in stack.of_type("AWS::Lambda::Function").values()}
    assert set(stack.of_type("AWS::Logs::LogGroup")) == used


def test_api_functions_answer_before_api_gateway_gives_up(stack: Any) -> None:
    behind = ("Messages", "Batches", "OptOuts", "Twilio", "Hooks", "HookSources", "Account", "Docs", "Authorizer")
    for name in (f"{function}Function" for function in behind):
        assert stack[name]["Timeout"] < 29, name


def test_without_subnets_no_function_is_in_a_vpc(stack: Any) -> None:
    assert not any("VpcConfig" in function for function in stack.of_type("AWS::Lambda::Function").values())
    assert "NetworkPolicy" not in stack.resources


def test_with_subnets_what_calls_the_gateway_is_in_the_vpc(stack_with: Any) -> None:
    stack = stack_with(SubnetIds="subnet-1,subnet-2", SecurityGroupIds="sg-1")
    inside = {
        name: function["VpcConfig"]
        for name, function in stack.of_type("AWS::Lambda::Function").items()
        if "VpcConfig" in function
    }
    expected = {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert inside == dict.fromkeys(CALL_THE_GATEWAY, expected)


@pytest.mark.parametrize("given", [{"SubnetIds": "subnet-1"}, {"SecurityGroupIds": "sg-1"}])
def test_half_a_vpc_is_not_taken_for_none(stack_with: Any, given: dict[str, str]) -> None:
    # Lambda then refuses it, rather than the functions leaving through an address the gateway does not know.
    assert "VpcConfig" in stack_with(**given)["MessagesFunction"]


def test_concurrency_is_reserved_only_when_asked_for(stack_with: Any) -> None:
    reserved = {
        choice: {
            name
            for name, function in stack_with(PullReservedConcurrency=choice).of_type("AWS::Lambda::Function").items()
            if "ReservedConcurrentExecutions" in function
        }
        for choice in ("off", "2")
    }
    assert reserved == {"off": set(), "2": {"PullReportsFunction", "PullInboundFunction"}}


def test_a_given_secret_is_used_and_none_is_made(stack_with: Any) -> None:
    stack = stack_with(AccountsSecretArn=SECRET)
    assert not stack.of_type("AWS::SecretsManager::Secret")
    assert stack["MessagesFunction"]["Environment"]["Variables"]["ACCOUNTS_SECRET_ARN"] == SECRET
    assert stack.outputs["AccountsSecretArn"]["Value"] == SECRET


def test_the_secret_that_is_made_holds_nothing_yet(stack: Any) -> None:
    assert stack["AccountsSecret"]["SecretString"] == "{}"


def test_the_outputs_are_the_ones_agreed(stack: Any) -> None:
    assert set(stack.outputs) == OUTPUTS
    assert all(output["Description"] for output in stack.outputs.values())
    assert stack.outputs["ApiUrl"]["Value"] == f"https://Api.execute-api.{stack.region}.{stack.url_suffix}/v1"


def test_layers_are_built_by_their_makefiles_and_leave_with_the_stack(source: Any, stack: Any) -> None:
    for name in ("EumsLayer", "BridgeLayer"):
        assert source["Resources"][name]["Metadata"]["BuildMethod"] == "makefile"
    layers = stack.of_type("AWS::Lambda::LayerVersion")
    assert {layer["LayerName"] for layer in layers.values()} == {"stack-eums", "stack-bridge"}
    assert all(stack.resources[name]["DeletionPolicy"] == "Delete" for name in layers)


def test_conditions_use_only_what_emulated_aws_resolves_too(source: Any, strings: Strings) -> None:
    # It takes a Join, or a pseudo parameter, for text that equals nothing: a condition would be silently wrong there.
    functions = {"Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or", "Fn::Select", "Ref", "Condition"}
    for name, condition in source["Conditions"].items():
        found = {text for _, text in strings(condition) if text.startswith("Fn::")}
        assert found <= functions, name
        assert not [text for _, text in strings(condition) if text.startswith("AWS::")], name


@pytest.mark.parametrize("environment", ["default", "local"])
def test_samconfig_gives_parameters_that_exist(source: Any, environment: str) -> None:
    settings = tomllib.loads((PROJECT / "samconfig.toml").read_text(encoding="utf-8"))[environment]
    given = dict(text.split("=", 1) for text in settings["deploy"]["parameters"].get("parameter_overrides", []))
    assert set(given) <= set(source["Parameters"])
    assert given.get("RequireTls") == ("false" if environment == "local" else None)


def test_a_build_for_this_machine_stays_out_of_the_way_of_a_deployment_to_aws() -> None:
    local = tomllib.loads((PROJECT / "samconfig.toml").read_text(encoding="utf-8"))["local"]
    folder = local["build"]["parameters"]["build_dir"]
    assert not folder.startswith(".aws-sam")
    assert local["deploy"]["parameters"]["template_file"] == f"{folder}/template.yaml"
