"""What the functions' own work costs: processor time, measured here, for `times.json`.

`env PYTHONPATH=layers/eums:layers/bridge:. .venv/bin/python -m tests.scaling.measuring` prints it.

Processor time of the one thread that does the work, so that a machine with others to serve says the same. AWS and the
gateway are stubs: what they take is not measured but assumed, and `times.json` says so.
"""

import contextlib
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from bridge.domain.ids import ulid
from bridge.domain.messages import Message, Recipient, Status, TrackedReport
from bridge.domain.pulls import Kind
from eums import Account, Reply, encrypt_hex
from tests.fakes.accounts import FakeAccounts
from tests.fakes.endpoints import apart, environment
from tests.fakes.world import NOON, World

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ROUNDS: Final = 9
BATCH: Final = 10  # reports
PAGE: Final = 1000
AES_KEY: Final = "0123456789abcdef"
BODY: Final = {"to": "+8613812345678", "text": "【京东】您的验证码是123456", "client_reference": "order-42"}


class _Context:
    function_name = "messages"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:messages"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"


class _Answer:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> list[bytes]:
        return [self._content]


def sending() -> Callable[[], None]:
    """`POST /messages`, whole: two writes, the opt-outs, one post."""
    spec = importlib.util.spec_from_file_location("app", Path(__file__).parents[2] / "functions/messages/app.py")
    if spec is None or spec.loader is None:
        raise ImportError("functions/messages/app.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    client = {"principalId": "shop", "client": "shop", "accounts": "default", "default_account": "default"}
    event: dict[str, Any] = {
        "resource": "/messages",
        "path": "/messages",
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "body": json.dumps(BODY),
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "path": "/v1/messages",
            "stage": "v1",
            "authorizer": {**client, "scopes": "read,send"},
        },
    }

    def run() -> None:
        answer = app.handler(event, _Context())
        if answer["statusCode"] != 201:
            raise RuntimeError(f"the handler answered {answer['statusCode']}")

    return run


def tracking() -> Callable[[], None]:
    """Ten final reports, written down: a row each, and the day's tally."""
    from bridge.adapters.aws import dynamodb  # noqa: PLC0415 - its client reads the environment
    from bridge.adapters.messages_table import MessagesTable  # noqa: PLC0415 - likewise

    table = MessagesTable(dynamodb(), "messages", retention=timedelta(days=30))
    one = TrackedReport(
        event_id="5db0f5800fa0e49508bd3de4c5e89006",
        account="default",
        message_id=ulid(NOON, bytes(10)),
        to="+8613812345678",
        status=Status.DELIVERED,
        final=True,
        gateway_message_id="0603015522454756885",
        gateway_status="DELIVRD",
        error_class=None,
        reported_at=NOON,
    )

    day = date(2026, 11, 23)
    reports = [(replace(one, to=f"+86138123456{number:02}"), day) for number in range(BATCH)]

    def run() -> None:
        table.apply_all(reports)

    return run


def calling() -> Callable[[], None]:
    """One small call of DynamoDB, as the bridge makes them."""
    from bridge.adapters.aws import dynamodb, to_item  # noqa: PLC0415 - its client reads the environment

    key = to_item({"pk": "message#01JDCKQ3V9T4M3W5Y8Z7N6P2QR", "sk": "message"})
    client = dynamodb()

    def run() -> None:
        client.get_item(TableName="messages", Key=key)

    return run


def publishing() -> Callable[[], None]:
    """A ver-17 page of 1,000 reports, from its bytes to the last `publish_batch` of SNS, which answers at once."""
    from bridge.adapters.events_topic import EventsTopic  # noqa: PLC0415 - its client reads the environment

    world, reply = _page()
    sns = _sns()
    pulling = world.pulling(world.topic)
    service = world.publishing(EventsTopic(lambda: sns, "arn:aws-cn:sns:cn-north-1:123456789012:events"))

    def run() -> None:
        world.gateway.pages = [reply]
        pulling.pull("default", Kind.REPORTS)
        service.publish(world.pointers.keys.pop())
        world.journal.entries.clear()

    return run


def _page() -> tuple[World, Reply]:
    world = World()
    world.accounts = FakeAccounts(
        {"default": Account(base_url="http://127.0.0.1:9", name="test", password="123456", version=17, aes_key=AES_KEY)}
    )
    data = []
    for number in range(PAGE):
        message_id, to = ulid(NOON, number.to_bytes(10, "big")), f"138{number:08}"
        world.messages.messages[message_id] = Message(
            id=message_id,
            client="shop",
            account="default",
            text="x",
            recipients=(Recipient(to=f"+86{to}", status=Status.SUBMITTED),),
            created_at=NOON,
            deadline=NOON,
        )
        data.append(
            {
                "message_id": f"0{number:018}",
                "dest_number": to,
                "report_status": "DELIVRD",
                "report_time": f"2026-11-23 11:59:{number % 60:02}",
                "reference": message_id,
            }
        )
    body = encrypt_hex(json.dumps({"code": 0, "data": data}, separators=(",", ":")), AES_KEY.encode())
    return world, Reply(status=200, headers=(), body=body.encode(), cut=False)


def _sns() -> "SNSClient":
    """A client of SNS that gets its answers here; everything else that boto3 does for a call, it does."""
    made = boto3.client("sns", region_name="cn-north-1", aws_access_key_id="x", aws_secret_access_key="x")
    content = (
        b'<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Failed/>'
        b"<Successful/></PublishBatchResult></PublishBatchResponse>"
    )

    def answer(request: Any, **_: object) -> AWSResponse:
        return AWSResponse(request.url, 200, HTTPHeaders(), _Answer(content))

    # The stubs say that a handler answers nothing; that of `before-send` may answer the response.
    made.meta.events.register("before-send.sns.PublishBatch", answer)  # type: ignore[arg-type]
    return made


def milliseconds(run: Callable[[], None], *, times: int) -> float:
    """The median over some rounds of one run's processor time."""
    run()
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            run()
        rounds.append((time.process_time() - began) / times)
    return statistics.median(rounds) * 1000


def main() -> int:
    with apart(processor=None) as at:
        os.environ.update(environment(at.aws))
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            page = milliseconds(publishing(), times=1)
            figures = {
                "a send that its caller waits for": milliseconds(sending(), times=50),
                "a report, written down": milliseconds(tracking(), times=20) / BATCH,
                "a call of DynamoDB": milliseconds(calling(), times=100),
                "a report, published": page / PAGE,
            }
    said = {"on": f"{datetime.now(UTC):%Y-%m-%d}", "milliseconds": {name: round(ms, 3) for name, ms in figures.items()}}
    sys.stdout.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
