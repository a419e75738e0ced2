"""Each role on the stack as it runs, under AUTH=true: what its table lists is let through, all else is refused.

What a role is let through with does no harm: it names an item, an object, a message or a schedule that is not there or
that AWS would not take. That what is let through is enough for the work is what every other test here shows.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws import REGION
from local.stack import STACK_NAME
from tests.e2e.deployed import Deployed
from tests.template.test_roles import RIGHTS

INDEXES = {"ByNumber": "number_key", "ByHour": "hour", "ByClient": "client_key", "ByReference": "reference_key"}
FOLDERS = ("raw", "quarantine", "parts", "batches", "elsewhere")
NOBODY = "probe-of-a-role"
REFUSED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}

Clients = Callable[[str], Any]
Probe = Callable[[Clients], object]
Right = tuple[str, str]


def call(service: str, operation: str, arguments: dict[str, Any], clients: Clients) -> object:
    return getattr(clients(service), operation)(**arguments)


@dataclass(frozen=True)
class Reach:
    """The stack as somebody with credentials sees it."""

    endpoint: str
    physical: dict[str, str]
    kinds: dict[str, str]
    keys: dict[str, list[str]]
    secret: str

    def of_type(self, kind: str) -> list[str]:
        """Logical ids."""
        return sorted(name for name, found in self.kinds.items() if found == kind)

    def client(self, session: boto3.Session, service: Any) -> Any:
        config = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=30)
        return session.client(service, endpoint_url=self.endpoint, config=config)

    def clients(self, session: boto3.Session) -> Clients:
        """A client of each service that is asked for, made once."""
        return cache(lambda service: self.client(session, service))

    def probes(self) -> Iterator[tuple[Right, Probe]]:
        """What to try: the right that it takes, as the roles' table writes it, and the call."""
        for right, service, operation, arguments in [
            *self._tables(),
            *self._bucket(),
            *self._queues(),
            *self._others(),
        ]:
            yield right, partial(call, service, operation, arguments)

    def _tables(self) -> Iterator[tuple[Right, str, str, dict[str, Any]]]:
        for table, keys in self.keys.items():
            name, arn = self.physical[table], f"{table}.Arn"
            key = {attribute: {"S": NOBODY} for attribute in keys}
            there = {"TableName": name, "ConditionExpression": "attribute_exists(pk)"}
            query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": NOBODY}}}
            yield ("dynamodb:GetItem", arn), "dynamodb", "get_item", {"TableName": name, "Key": key}
            yield ("dynamodb:Query", arn), "dynamodb", "query", {"TableName": name, **query}
            yield ("dynamodb:PutItem", arn), "dynamodb", "put_item", {**there, "Item": key}
            yield ("dynamodb:UpdateItem", arn), "dynamodb", "update_item", {**there, "Key": key}
            yield ("dynamodb:DeleteItem", arn), "dynamodb", "delete_item", {**there, "Key": key}
            yield (
                ("dynamodb:BatchGetItem", arn),
                "dynamodb",
                "batch_get_item",
                {"RequestItems": {name: {"Keys": [key]}}},
            )
            yield ("dynamodb:Scan", arn), "dynamodb", "scan", {"TableName": name, "Limit": 1}
        for index, attribute in INDEXES.items():
            arguments = {
                "TableName": self.physical["MessagesTable"],
                "IndexName": index,
                "KeyConditionExpression": f"{attribute} = :of",
                "ExpressionAttributeValues": {":of": {"S": NOBODY}},
            }
            yield ("dynamodb:Query", f"MessagesTable.Arn/index/{index}"), "dynamodb", "query", arguments

    def _bucket(self) -> Iterator[tuple[Right, str, str, dict[str, Any]]]:
        bucket = {"Bucket": self.physical["JournalBucket"]}
        for folder in FOLDERS:
            arn, key = f"JournalBucket.Arn/{folder}/*", {"Key": f"{folder}/{NOBODY}"}
            yield ("s3:GetObject", arn), "s3", "get_object", {**bucket, **key}
            # The object is there, so that nothing is written over it.
            yield ("s3:PutObject", arn), "s3", "put_object", {**bucket, **key, "Body": b"", "IfNoneMatch": "*"}
            yield (
                ("s3:DeleteObject", arn),
                "s3",
                "delete_object",
                {**bucket, "Key": f"{folder}/{NOBODY}-that-is-not-there"},
            )
        yield ("s3:DeleteBucket", "JournalBucket.Arn"), "s3", "delete_bucket", bucket

    def _queues(self) -> Iterator[tuple[Right, str, str, dict[str, Any]]]:
        for queue in self.of_type("AWS::SQS::Queue"):
            arn, url = f"{queue}.Arn", {"QueueUrl": self.physical[queue]}
            too_late = {"MessageBody": NOBODY, "DelaySeconds": 901}
            yield ("sqs:SendMessage", arn), "sqs", "send_message", {**url, **too_late}
            yield ("sqs:ReceiveMessage", arn), "sqs", "receive_message", {**url, "MaxNumberOfMessages": 11}
            yield ("sqs:DeleteMessage", arn), "sqs", "delete_message", {**url, "ReceiptHandle": NOBODY}
            yield ("sqs:SetQueueAttributes", arn), "sqs", "set_queue_attributes", {**url, "Attributes": {NOBODY: "1"}}

    def _others(self) -> Iterator[tuple[Right, str, str, dict[str, Any]]]:
        topic = {"TopicArn": self.physical["EventsTopic"]}
        yield ("sns:Publish", "EventsTopic"), "sns", "publish", {**topic, "Message": ""}
        yield ("sns:ListSubscriptionsByTopic", "EventsTopic"), "sns", "list_subscriptions_by_topic", topic
        secret = {"SecretId": self.secret}
        yield ("secretsmanager:GetSecretValue", "AccountsSecret.Id"), "secretsmanager", "get_secret_value", secret
        yield ("secretsmanager:DescribeSecret", "AccountsSecret.Id"), "secretsmanager", "describe_secret", secret
        for function in ("PullReportsFunction", "MessagesFunction"):
            arguments = {"FunctionName": self.physical[function], "InvocationType": "DryRun"}
            yield ("lambda:InvokeFunction", f"{function}.Arn"), "lambda", "invoke", arguments
        group = {"GroupName": self.physical["SendScheduleGroup"], "Name": NOBODY}
        yield ("scheduler:DeleteSchedule", "schedule"), "scheduler", "delete_schedule", group
        yield ("iam:GetRole", "role"), "iam", "get_role", {"RoleName": self.physical["MessagesRole"]}
        yield ("cloudformation:DescribeStacks", "stack"), "cloudformation", "describe_stacks", {"StackName": STACK_NAME}


@pytest.fixture(scope="module")
def reach(deployed: Deployed) -> Iterator[Reach]:
    pages = deployed.aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK_NAME)
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    physical = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
    kinds = {one["LogicalResourceId"]: one["ResourceType"] for one in resources}
    keys = {
        table: [
            key["AttributeName"]
            for key in deployed.aws.dynamodb.describe_table(TableName=physical[table])["Table"]["KeySchema"]
        ]
        for table, kind in kinds.items()
        if kind == "AWS::DynamoDB::Table"
    }
    bucket = physical["JournalBucket"]
    for folder in FOLDERS:
        deployed.aws.s3.put_object(Bucket=bucket, Key=f"{folder}/{NOBODY}", Body=b"")
    yield Reach(deployed.aws.endpoint, physical, kinds, keys, deployed.outputs["AccountsSecretArn"])
    for folder in FOLDERS:
        deployed.aws.s3.delete_object(Bucket=bucket, Key=f"{folder}/{NOBODY}")


@pytest.fixture
def taken(deployed: Deployed, reach: Reach) -> Iterator[Callable[[str], boto3.Session]]:
    """Somebody with a role: for as long as the test, the role also trusts this account."""
    iam = reach.client(deployed.aws.session, "iam")
    sts = reach.client(deployed.aws.session, "sts")
    trusted: dict[str, str] = {}

    def take(role: str) -> boto3.Session:
        name = reach.physical[f"{role}Role"]
        found = iam.get_role(RoleName=name)["Role"]
        trust = found["AssumeRolePolicyDocument"]
        trusted[name] = json.dumps(trust)
        account = {"AWS": f"arn:aws:iam::{sts.get_caller_identity()['Account']}:root"}
        more = {"Effect": "Allow", "Principal": account, "Action": "sts:AssumeRole"}
        wider = {**trust, "Statement": [*trust["Statement"], more]}
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(wider))
        key = sts.assume_role(RoleArn=found["Arn"], RoleSessionName="tests")["Credentials"]
        return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], region_name=REGION)

    yield take
    for name, trust in trusted.items():
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)


def refused(probe: Probe, clients: Clients) -> bool:
    """Whether the role does not allow it; whatever else is wrong with the call, it was let through."""
    try:
        probe(clients)
    except ClientError as error:
        return error.response["Error"]["Code"] in REFUSED
    return False


# Rights with a condition that a plain call does not meet; tests/template/test_roles.py has their words.
ON_CONDITION: Final = {"FanOut": {("dynamodb:GetItem", "MessagesTable.Arn")}}


def may(role: str, right: Right) -> bool:
    action, _ = right
    if right in ON_CONDITION.get(role, ()):
        return False
    if action.startswith("scheduler:"):
        return any(allowed == action for allowed, _ in RIGHTS[role])
    return right in RIGHTS[role]


def test_every_role_of_the_stack_is_tried_on_every_table_and_queue(reach: Reach) -> None:
    assert reach.of_type("AWS::IAM::Role") == sorted(f"{role}Role" for role in RIGHTS)
    tried = {resource for (_, resource), _ in reach.probes()}
    for kind in ("AWS::DynamoDB::Table", "AWS::SQS::Queue"):
        assert reach.of_type(kind)
        assert {f"{name}.Arn" for name in reach.of_type(kind)} <= tried


@pytest.mark.parametrize("role", sorted(RIGHTS))
def test_a_role_is_let_through_with_its_own_rights_and_refused_all_others(
    reach: Reach, taken: Callable[[str], boto3.Session], role: str
) -> None:
    clients = reach.clients(taken(role))
    found = {right: not refused(probe, clients) for right, probe in reach.probes()}
    expected = {right: may(role, right) for right in found}
    assert {right: let for right, let in found.items() if let is not expected[right]} == {}
    assert not all(found.values())
    assert any(found.values()) or not RIGHTS[role]
