"""The API in this process: the functions' handlers, wired as on AWS, over moto and a gateway that says yes.

What API Gateway does before a function is asked is done here, as far as it decides anything: the authorizer's answer,
the functions behind the paths, and a body in base64 where it is no text.
"""

import base64
import contextlib
import importlib.util
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

import boto3
from moto import mock_aws

from bridge import handling, wiring
from bridge.adapters import aws as clients
from eums import Accepted, Call, Submit, build_request
from tests.bench.metered import template
from tests.fakes.accounts import FakeAccounts
from tests.fakes.endpoints import environment
from tests.fakes.gateway import FakeGateway
from tests.fakes.webhooks import FakeWebhookClient
from tests.fakes.world import NOON

FUNCTIONS: Final = Path(__file__).parents[2] / "functions"
ACCOUNT_SID: Final = "AC" + "0" * 32
ACCOUNTS: Final = {
    "default": {"base_url": "http://gateway.test", "name": "test", "password": "123456", "version": 17}
    | {"aes_key": "0123456789abcdef"}
}
ALL_SCOPES: Final = "admin,read,send"

# The first part of a path → the function behind it.
_BEHIND: Final = {
    "messages": "messages",
    "batches": "batches",
    "opt-outs": "opt_outs",
    "hooks": "hooks",
    "hook-sources": "hook_sources",
    "webhook-endpoints": "webhook_endpoints",
    "balance": "account",
    "statistics": "account",
    "health": "docs",
    "openapi.json": "docs",
    "docs": "docs",
    "2010-04-01": "twilio",
}
_CONTEXT: Final = SimpleNamespace(
    function_name="eums-bridge-test",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:cn-north-1:123456789012:function:test",
    aws_request_id="52fdfc07-2182-154f-163f-5f0f9a621d72",
    get_remaining_time_in_millis=lambda: 28_000,
)


class WritingGateway(FakeGateway):
    """Writes each submit as the wire has it, so that what cannot be written is found out here, and takes it."""

    def submit(self, account: str, submit: Submit) -> tuple[Accepted, ...]:
        build_request(self.accounts.get(account), Call.SEND, NOON, submit=submit)
        return super().submit(account, submit)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer.

    Attributes:
        headers: by their names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Stack:
    """The API, and what goes out behind it."""

    gateway: WritingGateway
    webhooks: FakeWebhookClient
    queued: int = 0
    handlers: dict[str, Any] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Sequence[tuple[str, str]] = (),
        query: Sequence[tuple[str, str]] = (),
        encoded: bool = False,
        scopes: str = ALL_SCOPES,
    ) -> Said:
        """Ask as API Gateway would.

        Args:
            headers: those that come, some perhaps more than once.
            query: parameters, likewise, decoded.
            encoded: whether the body comes in base64 even where it is a text.
        """
        name = _BEHIND[path.split("/")[1]]
        try:
            text = None if encoded else body.decode()
        except UnicodeDecodeError:
            text = None
        event = {
            "resource": path,
            "path": path,
            "httpMethod": method,
            **_named("headers", "multiValueHeaders", headers),
            **_named("queryStringParameters", "multiValueQueryStringParameters", query),
            "pathParameters": None,
            "body": (base64.b64encode(body).decode() if text is None else text) if body else None,
            "isBase64Encoded": text is None and bool(body),
            "requestContext": {"requestId": "request-1", "path": f"/v1{path}", "stage": "v1"}
            | {"authorizer": _authorized(scopes, twilio=name == "twilio")},
        }
        answer = self._handler(name)(event, _CONTEXT)
        said = {key.lower(): str(values[0]) for key, values in answer["multiValueHeaders"].items()}
        return Said(answer["statusCode"], said, answer["body"])

    def effects(self) -> int:
        """How often anything went out that cannot be taken back: submits, queued work, times, posts to webhooks."""
        return len(self.gateway.submits) + len(self.webhooks.posts) + self.queued

    def count(self, **_: object) -> None:
        """Something was queued, or got its time."""
        self.queued += 1

    def _handler(self, name: str) -> Any:
        if name not in self.handlers:
            spec = importlib.util.spec_from_file_location(f"app_{name}", FUNCTIONS / name / "app.py")
            assert spec
            assert spec.loader
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self.handlers[name] = module.handler
        return self.handlers[name]


def _named(single: str, several: str, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    # Of a name that comes more than once, API Gateway gives the last.
    return {single: {name: each[-1] for name, each in values.items()} or None, several: values or None}


def _authorized(scopes: str, *, twilio: bool) -> dict[str, str]:
    caller = {
        "client": "shop",
        "accounts": "default",
        "default_account": "default",
        "scopes": scopes,
        "principalId": "shop",
    }
    return caller | ({"account_sid": ACCOUNT_SID} if twilio else {})


@contextlib.contextmanager
def stack() -> Iterator[Stack]:
    """Run it, with the tables, queues, bucket and secret of template.yaml."""
    variables = environment("unused")
    del variables["AWS_ENDPOINT_URL"]
    before = dict(os.environ)
    os.environ.update(variables)
    os.environ.pop("AWS_PROFILE", None)
    os.environ.pop("AWS_ENDPOINT_URL", None)
    _forget()
    try:
        with mock_aws(), _quiet():
            os.environ.update(_resources())
            gateway = WritingGateway(FakeAccounts())
            gateway.accounts = wiring.accounts()  # type: ignore[assignment] # the same port
            webhooks = FakeWebhookClient(lambda: NOON)
            with (
                mock.patch.object(wiring, "gateway", return_value=gateway),
                mock.patch.object(wiring, "webhook_client", return_value=webhooks),
            ):
                api = Stack(gateway, webhooks)
                for client, call in ((clients.sqs(), "SendMessage"), (clients.scheduler(), "CreateSchedule")):
                    client.meta.events.register(f"before-call.*.{call}", api.count)
                yield api
    finally:
        os.environ.clear()
        os.environ.update(before)
        _forget()


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard), mock.patch.object(handling.logger.registered_handler, "stream", heard):
        yield heard


def _resources() -> dict[str, str]:
    dynamodb, sqs, s3 = boto3.client("dynamodb"), boto3.client("sqs"), boto3.client("s3")
    for name, resource in template()["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            described = resource["Properties"]
            kept = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                **{each: described[each] for each in kept if each in described},
            )
    s3.create_bucket(Bucket="journal", CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
    boto3.client("scheduler").create_schedule_group(Name="sends")
    secret = boto3.client("secretsmanager").create_secret(Name="accounts", SecretString=json.dumps(ACCOUNTS))
    return {
        **{f"{name.upper()}_TABLE": f"{name.title().replace('_', '')}Table" for name in _TABLES},
        "JOURNAL_BUCKET": "journal",
        "EVENTS_TOPIC_ARN": boto3.client("sns").create_topic(Name="events")["TopicArn"],
        **{
            f"{name.upper()}_QUEUE_URL": sqs.create_queue(QueueName=name)["QueueUrl"]
            for name in ("publish", "send", "deliver", "deliver_dead_letter")
        },
        "SCHEDULE_GROUP": "sends",
        "SEND_QUEUE_ARN": "arn:aws:sqs:cn-north-1:123456789012:send",
        "SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/schedules",
        "SCHEDULE_DEAD_LETTER_QUEUE_ARN": "arn:aws:sqs:cn-north-1:123456789012:schedules",
        "ACCOUNTS_SECRET_ARN": secret["ARN"],
    }


_TABLES: Final = ("messages", "state", "clients", "opt_outs", "webhooks")


def _forget() -> None:
    for cached in (*vars(wiring).values(), *vars(clients).values()):
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


def is_refused(said: Said) -> bool:
    """Whether it is an answer of 4xx."""
    return HTTPStatus.BAD_REQUEST <= said.status < HTTPStatus.INTERNAL_SERVER_ERROR
