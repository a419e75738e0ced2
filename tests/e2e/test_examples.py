"""The examples, run as whoever copies them runs them, against the deployed stack."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from local import ports, stack
from local.clients import Client
from local.errors import end_of
from local.places import PROJECT
from local.processes import run
from tests.e2e.deployed import Deployed, until

EXAMPLES = PROJECT / "examples"
CLIENT = "examples"
TEXT = "【京东】您的验证码是123456"
GOOD, UNDELIVERED, NO_BALANCE = "13812345678", "19900001003", "19900000205"
OWN_QUEUE = EXAMPLES / "own-queue" / "subscribe.py"

Variables = dict[str, str]


@pytest.fixture(scope="module")
def variables(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Variables:
    """What an example is told, by the line of the examples' README: a shell evaluates it, in a bad environment."""
    folder = tmp_path_factory.mktemp("examples")
    with deployed.client(
        Client(client=CLIENT, accounts=("default",), default_account="default", scopes=("send", "read"))
    ) as api:
        deployed.write_outputs(folder / "outputs.json", api.headers["Authorization"].removeprefix("Bearer "))
    [line] = [line for line in (EXAMPLES / "README.md").read_text("utf-8").splitlines() if line.startswith("eval ")]
    script = line.replace("python3 examples/local_env.py", '"$PYTHON" "$LOCAL_ENV" "$OUTPUTS"')
    done = subprocess.run(  # noqa: S603 - the README's own line
        ["/bin/sh", "-euc", f"{script}; env -0"],
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONUTF8": "1",
            "PYTHON": sys.executable,
            "LOCAL_ENV": str(EXAMPLES / "local_env.py"),
            "OUTPUTS": str(folder / "outputs.json"),
            "AWS_PROFILE": "somebody",
            "AWS_SESSION_TOKEN": "of-another-account",
            "AWS_CONFIG_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        check=True,
        timeout=30,
        text=True,
    )
    found = dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & found.keys()
    return found


def python(variables: Variables, script: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(  # noqa: S603 - an example
        [sys.executable, str(script), *arguments],
        env=variables,
        capture_output=True,
        check=False,
        timeout=120,
        text=True,
    )
    assert done.returncode == status, done.stderr
    return done


def send(variables: Variables, to: str, reference: str) -> None:
    done = python(variables, EXAMPLES / "python" / "send.py", to, TEXT, reference)
    assert done.stdout.split()[1] == "submitted"


@pytest.fixture
def queue(variables: Variables, request: pytest.FixtureRequest) -> Iterator[Variables]:
    """The variables for a queue of this test's own, with the events of the examples' client."""
    name = f"examples-{request.node.callspec.id}"
    made = python(variables, OWN_QUEUE, name, "--client", CLIENT)
    try:
        yield {**variables, "QUEUE_URL": made.stdout.strip()}
    finally:
        python(variables, OWN_QUEUE, name, "--remove")


@pytest.fixture(scope="module")
def node_consumer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the Node example: a copy of its folder, and `npm ci` as its README says."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no node or no npm on this machine")
    folder = tmp_path_factory.mktemp("node") / "node"
    shutil.copytree(EXAMPLES / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(  # noqa: S603 - npm
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "0"],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=120,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"npm cannot install the example's packages here: {done.stderr[-300:]}")
    return [node, str(folder / "consume.mjs")]


@pytest.fixture(params=["python", "node"])
def consumer(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "node":
        found: list[str] = request.getfixturevalue("node_consumer")
        return found
    return [sys.executable, str(EXAMPLES / "python" / "consume.py")]


@contextmanager
def running(command: list[str], variables: Variables, log: Path) -> Iterator[Callable[[], int]]:
    """The consumer while it runs; what is given asks it to end, and returns how it ended."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603 - likewise

    def stop() -> int:
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=15)  # less than it would wait for a message

    try:
        yield stop
    finally:
        process.kill()
        process.wait()


def said(log: Path, line: str) -> int:
    return log.read_text("utf-8").splitlines().count(line)


def waiting(deployed: Deployed, url: str) -> dict[str, int]:
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = deployed.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return {"visible": int(found[names[0]]), "taken": int(found[names[1]])}


def test_a_consumer_sees_what_became_of_a_message_and_ends_when_told(
    consumer: list[str], queue: Variables, deployed: Deployed, tmp_path: Path
) -> None:
    log = tmp_path / "consumer.log"
    with running(consumer, queue, log) as stop:
        send(queue, GOOD, "consumed-1")
        send(queue, UNDELIVERED, "consumed-2")
        until(lambda: said(log, "sms.message.delivered consumed-1 delivered -"), f"an event: {end_of(log)}")
        undelivered = "sms.message.undelivered consumed-2 undelivered "
        until(lambda: undelivered in log.read_text("utf-8"), f"an event: {end_of(log)}")
        until(lambda: waiting(deployed, queue["QUEUE_URL"]) == {"visible": 0, "taken": 0}, "all of it deleted")

        assert stop() == 0, end_of(log)


def test_a_consumer_handles_an_event_once_and_leaves_what_it_cannot_handle(
    consumer: list[str], queue: Variables, deployed: Deployed, tmp_path: Path
) -> None:
    log, url = tmp_path / "consumer.log", queue["QUEUE_URL"]
    data = {"client_reference": "twice", "status": "delivered", "final": True, "error_class": None}
    event = {"specversion": "1.0", "id": "one", "type": "sms.message.delivered", "data": data}
    other = {**event, "id": "two", "type": "sms.something.new"}
    for body in ("no event at all", json.dumps(event), json.dumps(event), json.dumps(other)):
        deployed.aws.sqs.send_message(QueueUrl=url, MessageBody=body)
    with running(consumer, queue, log) as stop:
        until(lambda: said(log, "sms.something.new"), f"the last one: {end_of(log)}")
        until(lambda: waiting(deployed, url) == {"visible": 0, "taken": 1}, "all but one deleted")

        assert stop() == 0, end_of(log)
    assert said(log, "sms.message.delivered twice delivered -") == 1
    assert "not handled: " in log.read_text("utf-8")


def test_a_webhook_takes_events_that_are_signed_and_each_once(
    variables: Variables, shop: httpx.Client, tmp_path: Path
) -> None:
    log, port = tmp_path / "receiver.log", ports.find_free()
    address = f"http://127.0.0.1:{port}/"
    made = shop.post("webhook-endpoints", json={"url": address, "event_types": ["sms.message.*"]}).json()
    try:
        command = [sys.executable, str(EXAMPLES / "webhook" / "receive.py"), str(port)]
        with running(command, {**variables, "WEBHOOK_SECRET": made["secret"]}, log) as stop:
            until(lambda: said(log, f"Listening on {address}"), f"the receiver: {end_of(log)}")
            tried = shop.post(f"webhook-endpoints/{made['id']}/test")
            assert tried.json() == {"delivered": True, "http_status": 204, "error": None}
            body = json.dumps({"id": "one", "type": "sms.message.delivered", "data": {"client_reference": "by-hand"}})
            assert [post(address, body, secret) for secret in ("whsec_" + "A" * 43 + "=", "")] == [401, 401]
            assert [post(address, body, made["secret"]) for _ in range(2)] == [204, 204]
            shop.post("messages", json={"to": GOOD, "text": TEXT, "client_reference": "hooked"}).raise_for_status()
            until(lambda: said(log, "sms.message.delivered hooked delivered"), f"an event: {end_of(log)}")

            assert stop() == 0, end_of(log)
    finally:
        shop.delete(f"webhook-endpoints/{made['id']}")
    assert said(log, "sms.message.delivered by-hand -") == 1


def post(address: str, body: str, secret: str) -> int:
    """The answer to an event that is signed by that secret; by none, without a signature."""
    now = datetime.now(UTC)
    signed = {"webhook-id": "one", "webhook-timestamp": str(int(now.timestamp()))}
    if secret:
        signed["webhook-signature"] = Webhook(secret).sign("one", now, body)
    return httpx.post(address, content=body, headers=signed, trust_env=False).status_code


@pytest.mark.parametrize(
    ("to", "reason"),
    [(NO_BALANCE, "402 No balance left"), ("123", "to[0]: must be"), (f"{GOOD}x", "422 Invalid request")],
)
def test_sending_says_why_nothing_was_sent(variables: Variables, to: str, reason: str) -> None:
    done = python(variables, EXAMPLES / "python" / "send.py", to, TEXT, status=1)

    assert reason in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("way", ["boto3", "sam"])
def test_a_queue_of_ones_own_has_what_its_filter_lets_through_and_is_removed_again(
    way: str, variables: Variables, deployed: Deployed
) -> None:
    before = queues(deployed)
    url = by_boto3(variables) if way == "boto3" else by_sam(deployed)
    guarded(deployed, url)

    # A stranger's message, an undelivered one, and then the one that it is for.
    send(variables, UNDELIVERED, f"{way}-undelivered")
    stranger = Client(client="stranger", accounts=("default",), default_account="default", scopes=("send",))
    with deployed.client(stranger) as api:
        api.post("messages", json={"to": GOOD, "text": TEXT, "client_reference": f"{way}-stranger"}).raise_for_status()
    for reference in (f"{way}-undelivered", f"{way}-stranger"):
        deployed.deliveries.wait(
            lambda event, wanted=reference: event["data"].get("client_reference") == wanted and event["data"]["final"],  # type: ignore[misc]
            reference,
        )
    send(variables, GOOD, f"{way}-delivered")
    received = until(lambda: events(deployed, url), "an event in the queue")

    assert [(event["type"], event["data"]["client_reference"]) for event in received] == [
        ("sms.message.delivered", f"{way}-delivered")
    ]
    assert sum(waiting(deployed, url).values()) == 1, "nothing else came"

    if way == "boto3":
        assert by_boto3(variables) == url, "it can be repeated"
        for _ in range(2):
            python(variables, OWN_QUEUE, "examples-own", "--remove")
    else:
        deployed.aws.cloudformation.delete_stack(StackName="examples-own")
    until(lambda: queues(deployed) == before, "both queues removed")


def by_boto3(variables: Variables) -> str:
    made = python(variables, OWN_QUEUE, "examples-own", "--client", CLIENT, "--event-type", "sms.message.delivered")
    return made.stdout.strip()


def by_sam(deployed: Deployed) -> str:
    """As its README says, with what `make run` deploys with."""
    places = deployed.places
    run(
        [
            *(places.tool("sam", "sam"), "deploy", "--template-file", EXAMPLES / "own-queue" / "template.yaml"),
            *("--stack-name", "examples-own", "--resolve-s3", "--no-confirm-changeset", "--no-progressbar"),
            *("--parameter-overrides", f"EventsTopicArn={deployed.outputs['EventsTopicArn']}", f"Client={CLIENT}"),
            "EventTypes=sms.message.delivered",
        ],
        environment=stack._environment(places, deployed.aws),
        log=places.log("own-queue"),
        folder=places.state,  # away from this project's samconfig.toml
        timeout=stack.DEPLOY_SECONDS,
    )
    return stack.outputs(deployed.aws, "examples-own")["QueueUrl"]


def guarded(deployed: Deployed, url: str) -> None:
    """It is encrypted by SQS, takes from this topic only, and puts aside what nobody handles."""
    names: Any = ["All"]
    found = deployed.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    [statement] = json.loads(found["Policy"])["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": deployed.outputs["EventsTopicArn"]}}
    assert found["SqsManagedSseEnabled"] == "true"
    assert json.loads(found["RedrivePolicy"])["maxReceiveCount"] == 5


def events(deployed: Deployed, url: str) -> list[dict[str, Any]]:
    received = deployed.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    return [json.loads(message["Body"]) for message in received.get("Messages", [])]


def queues(deployed: Deployed) -> tuple[set[str], set[str]]:
    """All queues, and what is subscribed to the topic."""
    topic = deployed.outputs["EventsTopicArn"]
    subscriptions = deployed.aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return set(deployed.aws.sqs.list_queues().get("QueueUrls", [])), {each["Endpoint"] for each in subscriptions}
