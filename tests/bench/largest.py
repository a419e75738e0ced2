"""The largest that each function may get at once, given to its own handler over the ports in memory.

What the ports in memory keep, where AWS would keep it, counts as the function's: its real memory is less.
"""

import importlib.util
import io
import json
import os
import random
import string
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast

from bridge import wiring
from bridge.adapters.batch_bodies_bucket import BatchBodiesBucket
from bridge.domain.events import received
from bridge.domain.hook_mappings import LARGEST as HOOK_BYTES
from bridge.domain.ids import ulid
from bridge.domain.pulls import Kind, PullId, pointer
from bridge.services.calling_back import CallingBack
from bridge.services.configuring import Configuring
from bridge.services.delivering import Delivering
from bridge.services.drafting import Drafting
from bridge.services.fanning_out import FanningOut
from bridge.services.opting_out import OptingOut
from bridge.services.receiving import Receiving
from eums import Inbound
from local.places import PROJECT
from tests.bench.publishing import world_with
from tests.bench.sending import EVENT, Context
from tests.fakes.callbacks import FakeAuthTokens, FakeCallbacks
from tests.fakes.clients import FakeClients
from tests.fakes.hooks import FakeHookSources, FakeHookUses, FakeSnsSignatures
from tests.fakes.webhooks import FakeDeliveries, FakeDeliverQueue, FakeWebhookClient, FakeWebhookEndpoints, endpoint
from tests.fakes.world import NOON, World

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.fakes.batches import FakeBatchBodies

RECORDS: Final = 10  # of SQS, in one event
EVENT_BYTES: Final = 250_000  # of an event: SNS and SQS take 262,144 with its attributes
PAYLOAD_BYTES: Final = 6 * 2**20  # Lambda's quota of what it is called with
RECIPIENTS: Final = 1000  # of a message
ENTRIES: Final = 10_000  # of a batch
PAGE: Final = 1000  # records that the specification lets a pull bring
HOOK_ENTRIES: Final = 13_000  # of such a call
LONG_PAGE: Final = 10_000  # and ten times as many

Run = Callable[[], object]


class InTime(Context):
    """A context that is never short of time."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Bucket:
    """As much of a client of S3 as the bodies of batches take."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def put_object(self, *, Key: str, Body: bytes, **_: str) -> None:  # noqa: N803 - S3's names
        self._kept[Key] = Body

    def get_object(self, *, Key: str, **_: str) -> dict[str, io.BytesIO]:  # noqa: N803 - likewise
        return {"Body": io.BytesIO(self._kept[Key])}

    def delete_object(self, *, Key: str, **_: str) -> None:  # noqa: N803 - likewise
        self._kept.pop(Key, None)


def runs() -> Iterator[tuple[str, str, Run]]:
    """The function, what it gets, and what gives it that; each in a world of its own, which `wiring` is set to."""
    os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "eums-bridge")
    os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "EumsBridge")
    yield from _pages(PAGE)
    yield from _pages(LONG_PAGE)
    yield from _sends()
    yield from _events()
    yield from _hooks()


def _pages(records: int) -> Iterator[tuple[str, str, Run]]:
    what = f"a page of {records:,} reports"
    world, reply = world_with(records)
    pulling = world.pulling()

    def pull() -> None:
        # The client reads a body into a buffer and hands it over as bytes.
        bytearray(reply.body)
        world.gateway.pages = [reply]
        pulling.pull("default", Kind.REPORTS)

    yield "PullReportsFunction", what, pull
    yield "PullInboundFunction", what, pull
    _wire(publishing=world.publishing())
    world.pointers.keys.clear()
    world.gateway.pages = [reply]
    pulling.pull("default", Kind.REPORTS)
    bodies = list(map(pointer, world.pointers.keys))
    publish = _handler("publish")
    yield "PublishFunction", what, lambda: _all_done(publish(_records(bodies)))


def _sends() -> Iterator[tuple[str, str, Run]]:
    world = World()
    # The real one, which compresses a body and reads it again.
    world.bodies = cast("FakeBatchBodies", BatchBodiesBucket(cast("S3Client", Bucket()), "journal"))
    _wire(sending=world.sending(), batching=world.batching(), queueing=world.queueing())
    numbers = [f"138{number:08}" for number in range(ENTRIES)]
    text = "【京东】" + "好" * 496
    send, accept, submit = (_handler(name) for name in ("messages", "batches", "submit"))
    message = {"to": numbers[:RECIPIENTS], "text": text, "client_reference": "x" * 128}
    yield "MessagesFunction", f"{RECIPIENTS:,} recipients", lambda: _answered(send(_post("/messages", message)), 201)
    # As much of its own for each as fits into what Lambda takes, each character escaped as the event has it.
    entries = [{"to": number, "text": f"【京东】{number}" + "好" * 150} for number in numbers]
    body = json.dumps({"messages": entries}, ensure_ascii=False)
    if len(body.encode()) > PAYLOAD_BYTES:
        raise RuntimeError(f"{len(body.encode()):,} bytes are more than Lambda takes")
    yield "BatchesFunction", f"{ENTRIES:,} texts", lambda: _answered(accept(_post("/batches", body)), 202)

    def unfold() -> None:
        for _ in range(2):  # made into messages; and the first of these, submitted
            _all_done(submit(_records([work.body() for work in world.queue.take()][:RECORDS])))

    yield "SubmitFunction", f"{ENTRIES:,} texts of a batch", unfold


def _events() -> Iterator[tuple[str, str, Run]]:
    world, what = World(), f"{RECORDS} events of {EVENT_BYTES // 1000} KB"
    bodies = [_inbound(number) for number in range(RECORDS)]
    endpoints, queue = FakeWebhookEndpoints(), FakeDeliverQueue(count().__next__)
    endpoints.add(endpoint())
    calling_back = CallingBack(callbacks=FakeCallbacks(), endpoints=endpoints, clock=world.clock)
    _wire(
        opting_out=OptingOut(
            accounts=world.accounts,
            keywords=lambda _: ("TD",),
            opt_outs=world.opt_outs,
            clock=world.clock,
            counters=world.counters,
        ),
        fanning_out=FanningOut(
            endpoints=endpoints,
            queue=queue,
            calling_back=calling_back,
            clients=FakeClients(),
            counters=world.counters,
        ),
        delivering=Delivering(
            endpoints=endpoints,
            deliveries=FakeDeliveries(),
            queue=queue,
            client=FakeWebhookClient(world.clock.now),
            tokens=FakeAuthTokens(),
            topic=world.topic,
            clock=world.clock,
            counters=world.counters,
            chance=lambda: 0.5,
        ),
    )
    track, fan_out, deliver = (_handler(name) for name in ("track", "fan_out", "deliver"))
    yield "TrackFunction", what, lambda: _all_done(track(_records(bodies)))
    yield "FanOutFunction", what, lambda: _all_done(fan_out(_records(bodies, client="shop")))
    pointed = [handed.body for handed in queue.receive(RECORDS)]
    if len(pointed) != RECORDS:
        raise RuntimeError(f"{len(pointed)} deliveries of {RECORDS} events")
    yield "DeliverFunction", what, lambda: _all_done(deliver(_records(pointed)))


def _hooks() -> Iterator[tuple[str, str, Run]]:
    world, sources, secret = World(), FakeHookSources(), "the-secret-of-the-bench"
    drafting = Drafting(accounts=world.accounts, gateway=world.gateway)
    _wire(
        configuring=Configuring(sources=sources, accounts=world.accounts, drafting=drafting, clock=world.clock),
        receiving=Receiving(
            clients=FakeClients(),
            sources=sources,
            uses=FakeHookUses(),
            signatures=FakeSnsSignatures(),
            drafting=drafting,
            sending=world.sending(),
            clock=world.clock,
            counters=world.counters,
        ),
    )
    configure, receive = _handler("hook_sources"), _handler("hooks")
    source = {"preset": "plain", "auth": {"kind": "bearer", "secret": secret}, "to": "13812345678"}
    made = _post("/hook-sources/{name}", source, path="/hook-sources/bench", httpMethod="PUT")
    made["requestContext"] = {
        **made["requestContext"],
        "authorizer": {**made["requestContext"]["authorizer"], "scopes": "admin"},
    }
    _answered(configure(made), 201)
    # Many small values take the most: each is an object of its own.
    said: dict[str, Any] = {"text": "【京东】好", "rest": []}
    said["rest"] = [{str(number): [number]} for number in range(HOOK_ENTRIES)]
    body = json.dumps(said, ensure_ascii=False)
    if not HOOK_BYTES * 0.9 < len(body.encode()) <= HOOK_BYTES:
        raise RuntimeError(f"{len(body.encode()):,} bytes are not what a hook takes at most")
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    multiple = {name: [value] for name, value in headers.items()}
    call = _post("/hooks/{source}", body, path="/hooks/bench", headers=headers, multiValueHeaders=multiple)
    yield "HooksFunction", f"a call of {HOOK_BYTES // 1024} KiB", lambda: _answered(receive(call), 202)


def _inbound(number: int) -> str:
    # Not one text ten times over, which Python would keep once.
    text = "".join(random.Random(number).choices(string.ascii_letters, k=EVENT_BYTES))  # noqa: S311 - no secret
    pull = PullId(account="default", kind=Kind.INBOUND, id=ulid(NOON, number.to_bytes(10, "big")), begun_at=NOON)
    said = Inbound(
        ordinal=0,
        dest="106901",
        src="13812345678",
        content=text,
        receive_time=NOON,
        receive_time_raw="",
        binary_content="",
        msg_fmt=None,
        reference="",
        sign="",
    )
    return received(pull, said, None, NOON).body()


def _wire(**services: object) -> None:
    for name, service in services.items():
        setattr(wiring, name, lambda service=service: service)


def _handler(name: str) -> Callable[[Mapping[str, Any]], Any]:
    spec = importlib.util.spec_from_file_location("app", PROJECT / "functions" / name / "app.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    # From JSON, as Lambda gives it: what the texts of an event take is the function's.
    return lambda event: app.handler(json.loads(json.dumps(event)), InTime())


def _post(resource: str, body: object, **more: object) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return {**EVENT, "resource": resource, "path": resource, "body": text, **more}


def _records(bodies: list[str], **attributes: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": str(number),
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {
                    name: {"dataType": "String", "stringValue": value} for name, value in attributes.items()
                },
            }
            for number, body in enumerate(bodies)
        ]
    }


def _answered(answer: Mapping[str, Any], status: int) -> None:
    if answer["statusCode"] != status:
        raise RuntimeError(f"answered {answer['statusCode']} instead of {status}: {answer['body'][:500]}")


def _all_done(answer: Mapping[str, Any]) -> None:
    if answer["batchItemFailures"]:
        raise RuntimeError(f"{len(answer['batchItemFailures'])} records failed")
