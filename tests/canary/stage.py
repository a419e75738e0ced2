"""The real handlers over an AWS and a gateway in this process: whatever leaves them is kept, and looked at."""

import contextlib
import importlib.util
import io
import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import parse_qs

import boto3
import httpcore
import httpx
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]  # it ships no types

from bridge import wiring
from bridge.adapters import aws as clients
from bridge.adapters.webhook_client import PublicWebhookClient
from bridge.domain.clients import hash_key
from bridge.domain.twilio import credential_hash
from bridge.handling import logger
from tests.canary import marks
from tests.canary.marks import Marks
from tests.fakes import endpoints
from tests.fakes.clock import FakeClock

ROOT: Final = Path(__file__).parents[2]
ACCOUNT: Final = {
    "base_url": "http://gateway.example",
    "name": "canary",
    "password": marks.PASSWORD,
    "version": 17,
    "aes_key": marks.AES_KEY,
    "previous": [{"password": marks.PREVIOUS_PASSWORD, "aes_key": marks.PREVIOUS_AES_KEY}],
}
_SCOPES: Final = ("admin", "read", "send")
Answer = Callable[[str, dict[str, str]], httpx.Response]
Fault = Callable[[str], Exception]

FAULTS: Final[dict[str, Fault]] = {
    "refused": lambda operation: _client_error("ValidationException", operation),
    "condition": lambda operation: _client_error("ConditionalCheckFailedException", operation),
    "unreachable": lambda _: EndpointConnectionError(endpoint_url=f"https://aws.example/?{marks.QUOTED}"),
    "surprise": lambda _: RuntimeError(marks.QUOTED),
}


def _client_error(code: str, operation: str) -> Exception:
    return ClientError({"Error": {"Code": code, "Message": f"one of these: {marks.QUOTED}"}}, operation)


class Context:
    """What Lambda gives a handler beside the event."""

    function_name = "canary"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:canary"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 100_000


@dataclass
class Stage:
    """Where the stories are played.

    Attributes:
        said: what came out since it was cleared: logs, metrics, and errors as Lambda prints them.
        published: the entries given to SNS.
        queued: the bodies given to SQS and to the scheduler, with where they went.
        calls: of AWS, in order, since they were cleared.
        fail_at: which of them fails, from 0, and how.
        gateway: how the gateway answers: by its call and the fields of the request.
    """

    marks: Marks = field(default_factory=Marks)
    said: io.StringIO = field(default_factory=io.StringIO)
    published: list[Mapping[str, Any]] = field(default_factory=list)
    queued: list[tuple[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    fail_at: tuple[int, str] | None = None
    failed: str = ""
    clock: FakeClock = field(default_factory=FakeClock)
    webhook_answer: bytes | Exception = b"HTTP/1.1 204 No Content\r\n\r\n"
    gateway: Answer = field(init=False)
    _apps: dict[str, ModuleType] = field(default_factory=dict)

    def invoke(self, function: str, event: Any, *, entry: str = "handler") -> Any:
        """Run a function as Lambda does; None where it raised, and what Lambda prints of that is kept."""
        try:
            return getattr(self._app(function), entry)(event, Context())
        except Exception as exc:  # noqa: BLE001 - as the runtime
            # awslambdaric.bootstrap.make_error: the error's own text, its type, and the places of its trace.
            trace = traceback.format_list(traceback.extract_tb(exc.__traceback__))
            self.said.write(json.dumps({"errorMessage": str(exc), "errorType": type(exc).__name__, "trace": trace}))
            return None

    def begin_path(self) -> None:
        """Forget what came out before, and what the processes have read; nothing fails."""
        for kept in (self.published, self.queued, self.calls):
            kept.clear()
        self.marks.passing.clear()
        self.said.seek(0)
        self.said.truncate()
        self.fail_at, self.failed = None, ""
        self.gateway = taken
        self.clock.advance(301)  # the accounts are read again
        # Each setting of LogLevel in turn; what is at DEBUG is at INFO too.
        logger.setLevel("INFO" if logger.log_level == logging.DEBUG else "DEBUG")

    def queue_of(self, name: str) -> list[str]:
        """What was put into a queue since then."""
        return [body for where, body in self.queued if where.endswith(f"/{name}")]

    def _app(self, function: str) -> ModuleType:
        if function not in self._apps:
            spec = importlib.util.spec_from_file_location(
                f"canary_{function}", ROOT / "functions" / function / "app.py"
            )
            assert spec
            assert spec.loader
            self._apps[function] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self._apps[function])
        return self._apps[function]

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The gateway: it remembers what it was signed with."""
        asked = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.marks.passing.add(asked["key"])
        return self.gateway(request.url.path.rpartition("/")[2], asked)

    def watch(self, client: Any) -> None:
        """Keep what a client of AWS is asked, and let it fail."""

        def asked(params: Mapping[str, Any], model: Any, **_: object) -> None:
            self.calls.append(f"{client.meta.service_model.service_name}:{model.name}")
            if self.fail_at is not None and self.fail_at[0] == len(self.calls) - 1:
                self.failed = f"{self.calls[-1]} {self.fail_at}"
                raise FAULTS[self.fail_at[1]](model.name)
            for entry in params.get("PublishBatchRequestEntries", ()):
                self.published.append(entry)
            if "MessageBody" in params:
                self.queued.append((params["QueueUrl"], params["MessageBody"]))
            self.queued.extend(
                (params["QueueUrl"], entry["MessageBody"])
                for entry in params.get("Entries", ())
                if "MessageBody" in entry
            )
            if "Target" in params:
                self.queued.append(("/schedule", json.dumps(params["Target"]) + params["Name"]))

        client.meta.events.register("provide-client-params.*", asked)


def taken(call: str, asked: dict[str, str]) -> httpx.Response:
    """A gateway that does what it is asked, in plain JSON, which some do for encrypted requests too."""
    del asked
    said: dict[str, dict[str, Any]] = {
        "send.do": {"data": [{"dest_number": marks.TO, "message_id": "0603015522454756885", "charge_item": 1}]},
        "balance.do": {"balance_item": 100},
    }
    return httpx.Response(200, json={"code": 0, "data": [], **said.get(call, {})})


class _Logged(logging.Handler):
    """Lambda's own handler on the root logger, as awslambdaric makes it: with whatever the record says."""

    def __init__(self, to: io.StringIO) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("[%(levelname)s]\t%(name)s\t%(message)s\n"))
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        self._to.write(self.format(record))


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Set it, with everything that the functions need, and clear it away."""
    made = Stage()
    environment = endpoints.environment("https://nowhere.example") | {
        "PULL_SECONDS": "60",
        "AWS_ACCESS_KEY_ID": "testing",
        "DELIVER_QUEUE_URL": "https://nowhere.example/deliver",
    }
    environment.pop("AWS_ENDPOINT_URL")
    _forget()
    with contextlib.ExitStack() as at:
        at.enter_context(patch.dict("os.environ", environment))
        at.enter_context(mock_aws())
        at.enter_context(patch.dict("os.environ", _resources()))
        at.callback(_forget)
        at.enter_context(patch.object(wiring, "clock", lambda: made.clock))
        at.enter_context(patch.object(wiring, "webhook_client", lambda: _webhooks(made)))
        at.enter_context(patch("eums.client._transport", lambda _: httpx.MockTransport(made.answer)))
        at.enter_context(patch.object(sys, "stdout", made.said))
        at.enter_context(patch.object(sys, "stderr", made.said))
        root, logged = logging.getLogger(), _Logged(made.said)
        root.addHandler(logged)
        at.callback(root.removeHandler, logged)
        own: Any = logger.registered_handler
        at.callback(own.setStream, own.setStream(made.said))
        at.callback(logger.setLevel, logger.log_level)
        for client in (
            clients.dynamodb(),
            clients.s3(),
            clients.sns(),
            clients.sqs(),
            clients.secretsmanager(),
            clients.scheduler(),
        ):
            made.watch(client)
        made.begin_path()
        yield made


def _webhooks(made: Stage) -> PublicWebhookClient:
    class Backend(httpcore.MockBackend):
        def connect_tcp(self, *arguments: Any, **named: Any) -> httpcore.NetworkStream:
            if isinstance(made.webhook_answer, Exception):
                raise made.webhook_answer
            return super().connect_tcp(*arguments, **named)

    answer = b"" if isinstance(made.webhook_answer, Exception) else made.webhook_answer
    return PublicWebhookClient(allow_loopback=False, resolve=lambda *_: ["93.184.216.34"], connect=Backend([answer]))


def _forget() -> None:
    """Make the next call a process's first."""
    for cached in (*vars(wiring).values(), *vars(clients).values()):
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


def _resources() -> dict[str, str]:
    """The stack's tables, queues, topic, bucket and secret; what the functions are told of them."""
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
    told: dict[str, str] = {}
    for logical, resource in template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            properties = resource["Properties"]
            kept = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            dynamodb.create_table(
                TableName=logical,
                BillingMode="PAY_PER_REQUEST",
                **{name: properties[name] for name in kept if name in properties},
            )
            told[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", logical).upper()] = logical
    for name in ("publish", "send", "deliver", "deliver_dead_letter"):
        told[f"{name}_queue_url".upper()] = sqs.create_queue(QueueName=name)["QueueUrl"]
    boto3.client("s3").create_bucket(Bucket="journal", CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
    boto3.client("scheduler").create_schedule_group(Name="sends")
    secret = boto3.client("secretsmanager").create_secret(
        Name="accounts", SecretString=json.dumps({"default": ACCOUNT})
    )
    caller: Any = {
        "client": {"S": "shop"},
        "accounts": {"L": [{"S": "default"}]},
        "default_account": {"S": "default"},
        "scopes": {"L": [{"S": scope} for scope in _SCOPES]},
    }
    for key in (hash_key(marks.API_KEY), credential_hash(marks.ACCOUNT_SID, marks.AUTH_TOKEN)):
        dynamodb.put_item(TableName="ClientsTable", Item=caller | {"pk": {"S": key}})
    token: Any = {"pk": {"S": "twilio"}, "sk": {"S": marks.ACCOUNT_SID}, "token": {"S": marks.AUTH_TOKEN}}
    dynamodb.put_item(TableName="WebhooksTable", Item=token)
    return told | {
        "JOURNAL_BUCKET": "journal",
        "EVENTS_TOPIC_ARN": boto3.client("sns").create_topic(Name="events")["TopicArn"],
        "ACCOUNTS_SECRET_ARN": secret["ARN"],
        "SCHEDULE_GROUP": "sends",
        "SEND_QUEUE_ARN": "arn:aws-cn:sqs:cn-north-1:123456789012:send",
        "SCHEDULE_ROLE_ARN": "arn:aws-cn:iam::123456789012:role/schedule",
        "SCHEDULE_DEAD_LETTER_QUEUE_ARN": "arn:aws-cn:sqs:cn-north-1:123456789012:dead",
    }
