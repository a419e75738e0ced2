"""What the bridge adds to a synchronous send, against the three calls that it cannot do without: `make bench`.

The floor is one POST by httpx on a kept connection and two writes by a boto3 client of DynamoDB: the same bytes and the
same item. The handler is all of `functions/messages`, from API Gateway's event to its answer, metrics written out. A
gateway and a DynamoDB that answer at once run in a process of their own, on another processor where there is one.
Floor and handler in turn, medians, and a ratio for each round, so that a machine whose speed drifts moves both.
"""

import contextlib
import importlib.util
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import httpx

from eums import Account, Call, Submit, build_request
from tests.bench.frame import finish, pin, processors, round_of
from tests.fakes.endpoints import Apart, apart, environment, gateway_account

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ROUNDS: Final = 7
SENDS: Final = 250  # in each round
WARM: Final = 100
GOAL: Final = 1.5
TEXT: Final = "【京东】您的验证码是123456"
EVENT: Final = {
    "resource": "/messages",
    "path": "/messages",
    "httpMethod": "POST",
    "headers": {"Authorization": "Bearer eb_0000000000000000", "Content-Type": "application/json"},
    "multiValueHeaders": {},
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "body": json.dumps({"to": "+8613812345678", "text": TEXT, "client_reference": "order-42"}),
    "isBase64Encoded": False,
    "requestContext": {
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "path": "/v1/messages",
        "stage": "v1",
        "authorizer": {
            "principalId": "shop",
            "client": "shop",
            "accounts": "default",
            "default_account": "default",
            "scopes": "read,send",
        },
    },
}


class Context:
    """What Lambda gives a handler beside the event."""

    function_name = "messages"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:messages"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"


def handler() -> Callable[[], dict[str, Any]]:
    """`POST /messages`, whole, with its answer."""
    spec = importlib.util.spec_from_file_location("app", Path(__file__).parents[2] / "functions/messages/app.py")
    if spec is None or spec.loader is None:
        raise ImportError("functions/messages/app.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    context = Context()

    def send() -> dict[str, Any]:
        answer: dict[str, Any] = app.handler(EVENT, context)
        if answer["statusCode"] != 201:
            raise RuntimeError(f"the handler answered {answer['statusCode']}")
        return answer

    return send


def reading(writes: dict[str, dict[str, Any]]) -> Callable[[], None]:
    """A GetItem as the bridge makes one: what each read would add to a send."""
    from bridge.adapters.aws import dynamodb  # noqa: PLC0415 - its client reads the environment

    client = dynamodb()
    table, key = (writes["UpdateItem"][name] for name in ("TableName", "Key"))

    def get() -> None:
        client.get_item(TableName=table, Key=key)

    return get


def written(send: Callable[[], object]) -> dict[str, dict[str, Any]]:
    """What a send gives boto3 to write, by operation."""
    from bridge.adapters.aws import dynamodb  # noqa: PLC0415 - its client reads the environment

    seen: dict[str, dict[str, Any]] = {}

    def look(params: dict[str, Any], model: Any, **_: object) -> None:
        seen[model.name] = params

    events = dynamodb().meta.events
    events.register("provide-client-params.dynamodb", look)
    send()
    events.unregister("provide-client-params.dynamodb", look)
    return seen


class Floor:
    """The three calls, each by a client that was made as anybody would."""

    def __init__(self, at: Apart, writes: dict[str, dict[str, Any]]) -> None:
        account = Account.from_mapping(gateway_account(at.gateway))
        submit = Submit(("13812345678",), TEXT, "", "01JDCKQ3V9T4M3W5Y8Z7N6P2QR")
        request = build_request(account, Call.SEND, datetime.now(UTC), submit=submit)
        self._url, self._body = request.url, request.body
        self._headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        self._http = httpx.Client()
        self._dynamodb: DynamoDBClient = boto3.client("dynamodb")
        self._put, self._update = writes["PutItem"], writes["UpdateItem"]

    def post(self) -> None:
        self._http.post(self._url, content=self._body, headers=self._headers)

    def put(self) -> None:
        self._dynamodb.put_item(**self._put)

    def update(self) -> None:
        self._dynamodb.update_item(**self._update)

    def all(self) -> None:
        # In one piece, as the handler is: of three short ones the medians would leave out whatever else the machine
        # does at times, and those of a long one would not.
        self.post()
        self.put()
        self.update()


def measure(at: Apart) -> dict[str, float]:
    """The figures: medians of a send, and of what it is made of, over all rounds."""
    send = handler()
    writes = written(send)
    floor = Floor(at, writes)
    parts = {
        "of the handler": send,
        "of its floor": floor.all,
        "of a POST by httpx": floor.post,
        "of a PutItem by boto3": floor.put,
        "of an UpdateItem by boto3": floor.update,
        "of a GetItem by the bridge, which is not in the floor": reading(writes),
    }
    for run in parts.values():
        for _ in range(WARM):
            run()
    rounds = [round_of(parts, SENDS) for _ in range(ROUNDS)]
    clock, processor = ([each[index] for each in rounds] for index in (0, 1))
    return {
        "against its floor": statistics.median(against_floor(each) for each in clock),
        "against its floor, of the processor": statistics.median(against_floor(each) for each in processor),
        **{f"milliseconds {name}": statistics.median(each[name] for each in clock) * 1000 for name in parts},
    }


def against_floor(medians: dict[str, float]) -> float:
    handled, floor, *_ = medians.values()
    return handled / floor


@contextlib.contextmanager
def without_logs() -> Iterator[None]:
    """Logs and metrics go where writing costs least: on Lambda they are a pipe that somebody else reads."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def main() -> int:
    ours, theirs = processors()
    with apart(processor=theirs) as at:
        os.environ.update(environment(at.aws))
        pin(ours)
        with without_logs():
            figures = measure(at)
    return finish(figures, {"against its floor": GOAL})


if __name__ == "__main__":
    sys.exit(main())
