"""What the bridge does where sending goes wrong: deployed, on an emulated AWS, and with a client's key as anybody's."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from local import stack
from tests.bench.comparing.account import PATIENCE
from tests.bench.comparing.behaving import MESSAGES, Behaviour, books
from tests.bench.comparing.sides import TEXT, TO
from tests.bench.comparing.simulated import Simulator, until
from tests.bench.comparing.stacked import Stacked

_REPORTED: Final = 5
_HIDDEN: Final = 60
"""Seconds that what a killed function had taken stays away from the next; 360 in the template. It is shorter here so
that nobody waits for six minutes."""
_HANGS: Final = 600.0  # seconds that the gateway keeps its answers back: longer than any patience


def of_bridge(simulator: Simulator, deployed: Stacked) -> Behaviour:
    """The bridge's."""
    headers = {"Authorization": f"Bearer {deployed.key}"}
    with httpx.Client(base_url=deployed.api, headers=headers, timeout=PATIENCE, trust_env=False) as api:
        simulator.begin()
        simulator.order(kind="drop")
        answer = _post(api, {"Idempotency-Key": "lost"})
        lost = answer.json()["id"]
        until(lambda: _status(api, lost) == "delivered")  # by its report, which has our id
        copies = len(simulator.arrivals()[lost])
        repeated = {_post(api, {"Idempotency-Key": "repeated"}).json()["id"] for _ in range(2)}
        arrivals = simulator.arrivals()
        reports, replies = _fetched(simulator, deployed, api)
        missing, twice, known = _kill(simulator, deployed, api)
    return Behaviour(
        copies=copies,
        told=f"{answer.status_code}, `{answer.json()['status']}`; then `delivered`",
        repeated=sum(len(arrivals[one]) for one in repeated),
        lost=missing,
        twice=twice,
        known=known,
        reports=reports,
        replies=replies,
        logged=sum(TO in line for line in _logged(deployed)),
    )


def _post(api: httpx.Client, headers: dict[str, str]) -> httpx.Response:
    return api.post("messages", json={"to": f"+86{TO}", "text": TEXT}, headers=headers).raise_for_status()


def _status(api: httpx.Client, message_id: str) -> str:
    return str(api.get(f"messages/{message_id}").raise_for_status().json()["status"])


def _fetched(simulator: Simulator, deployed: Stacked, api: httpx.Client) -> tuple[int, int]:
    """How many of the reports of some messages came into the application's queue, and of one reply."""
    sent = {_post(api, {}).json()["id"] for _ in range(_REPORTED)}
    simulator.reply(TO, "好的")
    reported, replied = set[str](), set[str]()

    def come() -> bool:
        for queue, events in (("DeliveryQueueUrl", reported), ("InboundQueueUrl", replied)):
            events.update(_events(deployed, deployed.outputs[queue]))
        return sent <= reported and bool(replied)

    until(come)
    return len(sent & reported), len(replied)


def _events(deployed: Stacked, queue: str) -> Iterator[str]:
    """What the events of a queue are about; they are taken out of it."""
    got: list[Any] = deployed.aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    for message in got:
        deployed.aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        yield json.loads(message["Body"])["subject"]


def _kill(simulator: Simulator, deployed: Stacked, api: httpx.Client) -> tuple[int, int, int]:
    """The functions that submit are killed with messages on their way; the queue hands theirs to the next."""
    resources = deployed.aws.cloudformation.describe_stack_resource(
        StackName=stack.STACK_NAME, LogicalResourceId="SendQueue"
    )
    deployed.aws.sqs.set_queue_attributes(
        QueueUrl=resources["StackResourceDetail"]["PhysicalResourceId"], Attributes={"VisibilityTimeout": str(_HIDDEN)}
    )
    simulator.begin()
    simulator.order(kind="delay", seconds=_HANGS, times=MESSAGES)
    sent = [_post(api, {"Prefer": "respond-async"}).json()["id"] for _ in range(MESSAGES)]
    simulator.wait(1)
    simulator.calm()
    workers = list(_workers(deployed))
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    if not workers:
        raise RuntimeError("no function that submits was found")

    def settled() -> bool:
        arrived = simulator.arrivals()
        # What was killed before it came to the gateway stays unknown: nobody can tell.
        return all(_status(api, one) in ({"delivered"} if one in arrived else {"unknown"}) for one in sent)

    until(settled, 3 * PATIENCE)
    lost, twice = books(simulator)
    return lost, twice, sum(_status(api, one) == "unknown" for one in sent)


def _workers(deployed: Stacked) -> Iterator[int]:
    """The processes of this stack's function that submits."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
        except OSError:  # it is gone, or somebody else's
            continue
        here = f"AWS_ENDPOINT_URL={deployed.aws.endpoint}".encode() in environment
        if here and f"AWS_LAMBDA_FUNCTION_NAME={stack.STACK_NAME}-submit".encode() in environment:
            yield int(process.name)


def _logged(deployed: Stacked) -> Iterator[str]:
    logs = deployed.aws.session.client("logs", endpoint_url=deployed.aws.endpoint)
    for groups in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/lambda/"):
        for group in groups["logGroups"]:
            for events in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                yield from (event["message"] for event in events["events"])
