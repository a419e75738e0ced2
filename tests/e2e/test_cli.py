"""`eums-bridge` against the deployed stack: as a person has it, the script from another folder, where processes matter;
else in this process, which spares each call the second that an interpreter takes to start.
"""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import accounts, ports, stack
from local.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from local.cli.app import run
from local.outputs import Outputs
from local.places import PROJECT
from tests.e2e.conftest import bridge_accounts
from tests.e2e.deployed import Deployed, until
from tests.fakes.commands import Done
from tests.fakes.schemas import hold_against_schema

SCRIPT = PROJECT / ".venv" / "bin" / "eums-bridge"
TEXT = "【京东】您的验证码是123456"
SECONDS = 120.0


@dataclass(frozen=True)
class Shell:
    """A folder that is not the checkout, and the environment of whoever sits there."""

    folder: Path
    environ: dict[str, str]

    def __call__(self, *arguments: str, expect: int = 0, stdin: str = "", **environ: str) -> Done:
        out, err, before = io.StringIO(), io.StringIO(), dict(os.environ)
        try:
            os.environ.clear()
            os.environ.update(self.environ | environ)
            with (
                pytest.MonkeyPatch.context() as patch,
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                patch.setattr("sys.stdin", io.StringIO(stdin))
                code = run(arguments)
        finally:
            os.environ.clear()
            os.environ.update(before)
        return _expected(arguments, Done(code, out.getvalue(), err.getvalue()), expect)

    def script(self, *arguments: str, expect: int = 0, stdin: str = "", **environ: str) -> Done:
        ended = subprocess.run(  # noqa: S603 - this project's own command
            [SCRIPT, *arguments],
            cwd=self.folder,
            env=self.environ | environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return _expected(arguments, Done(ended.returncode, ended.stdout, ended.stderr), expect)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - likewise
            [SCRIPT, *arguments],
            cwd=self.folder,
            env=self.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def _expected(arguments: tuple[str, ...], done: Done, code: int) -> Done:
    assert done.code == code, f"{arguments} ended with {done.code}:\n{done.out}\n{done.err}"
    assert "Traceback" not in done.err
    return done


@pytest.fixture(scope="module")
def shell(deployed: Deployed, shop: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The stack is the local one, found by its outputs."""
    assert SCRIPT.exists(), "make environments writes it"
    folder = tmp_path_factory.mktemp("elsewhere")
    Outputs(
        api_url=deployed.api_url,
        api_key=shop.headers["Authorization"].removeprefix("Bearer "),
        region=REGION,
        aws_endpoint=deployed.aws.endpoint,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        delivery_queue_url=deployed.outputs["DeliveryQueueUrl"],
        inbound_queue_url=deployed.outputs["InboundQueueUrl"],
        topic_arn=deployed.outputs["EventsTopicArn"],
        journal_bucket=deployed.outputs["JournalBucketName"],
        gateway_url=deployed.gateway.url,
        stack_name=stack.STACK_NAME,
    ).write(folder / "outputs.json")
    return Shell(folder, {"PATH": os.defpath, "HOME": str(folder), "EUMS_BRIDGE_STATE": str(folder)})


@pytest.fixture
def secret(deployed: Deployed) -> Iterator[str]:
    """The accounts' secret, as it was again afterwards."""
    arn = deployed.outputs["AccountsSecretArn"]
    yield arn
    accounts.replace(deployed.aws, arn, bridge_accounts(deployed.gateway.url))


def test_a_message_is_sent_waited_for_found_and_listed(shell: Shell) -> None:
    reference = "cli-1"
    sent = shell.script("send", "13812345660", "-t", TEXT, "--client-reference", reference, "--wait", "--json").document

    assert sent["status"] == "delivered"
    got = shell("--json", "get", sent["id"]).document
    assert got["recipients"][0]["gateway_status"] == "DELIVRD"
    listed = shell("list", "--client-reference", reference, "--to", "13812345660", "--json").document
    assert [item["id"] for item in listed["items"]] == [sent["id"]]
    for shown in (shell("get", sent["id"]).out, shell("list", "--status", "delivered").out):
        assert sent["id"] in shown
        assert "+8613812345660" in shown
    many = shell("list", "--all", "--json", "--account", "default").document
    assert not many["more"]


def test_the_exit_code_tells_what_became_of_it(shell: Shell) -> None:
    shell("send", "19900001003", "-t", TEXT, "--wait", expect=1)
    refused = shell("send", "19900000205", "-t", TEXT, "--json", expect=1)
    assert refused.document["gateway_code"] == 205
    assert "no balance" in refused.err
    invalid = shell("send", "123", "-t", "", "--json", expect=1).document
    assert {error["field"] for error in invalid["errors"]} == {"to[0]", "text"}
    shell("send", "13812345660", "-t", TEXT, "--account", "down", expect=1)
    late = shell("send", "19900002000", "-t", TEXT, "--wait", "--timeout", "1", "--json", expect=3)  # never reported
    assert late.document["status"] == "submitted"


def test_the_same_key_sends_once(shell: Shell, deployed: Deployed) -> None:
    order = ("send", "13812345661", "-t", TEXT, "--idempotency-key", "cli-once", "--json")
    with ThreadPoolExecutor(2) as two:
        first, second = two.map(lambda _: shell.script(*order), range(2))

    assert first.document["id"] == second.document["id"]
    assert len(deployed.gateway.submits(reference=first.document["id"])) == 1


def test_what_is_scheduled_is_cancelled(shell: Shell) -> None:
    scheduled = shell("send", "13812345662", "-t", TEXT, "--send-at", "+2h", "--json").document
    assert scheduled["status"] == "scheduled"
    assert shell("cancel", scheduled["id"], "--json").document["status"] == "cancelled"
    now = shell("send", "13812345662", "-t", TEXT, "--json").document
    assert "Not cancellable" in shell("cancel", now["id"], expect=1).err
    assert shell("estimate", "-t", TEXT, "13812345662", "--json").document["estimated_total_segments"] == 1


def test_balance_statistics_and_outputs(shell: Shell, deployed: Deployed) -> None:
    balance = shell("balance", "--json").document
    assert balance["balance"] > 0
    assert "messages left" in shell("balance", "--account", "encrypted").out
    document = shell("statistics", "--days", "2", "--json", "--account", "encrypted").document
    assert set(document["totals"]) == {"submitted", "delivered", "failed", "unknown"}
    assert "total" in shell("statistics", "--days", "2", "--account", "encrypted").out
    outputs = shell("outputs", "--json").document
    assert outputs["ApiUrl"] == deployed.api_url
    assert outputs["EventsTopicArn"] == deployed.outputs["EventsTopicArn"]


def test_a_batch_of_a_file_and_opt_outs(shell: Shell) -> None:
    (shell.folder / "batch.csv").write_text("to,code\n13812345663,1\n13812345664,2\n")

    batch = shell(
        "batch", "send", str(shell.folder / "batch.csv"), "--template", "【京东】{{code}}", "--wait", "--json"
    ).document

    assert batch["counts"] == {"delivered": 2}
    assert shell("batch", "get", batch["id"], "--json").document["status"] == "finished"
    assert len(shell("list", "--batch", batch["id"], "--json").document["items"]) == 2
    shell("opt-outs", "add", "13812345665")
    assert "+8613812345665" in shell("opt-outs", "list").out
    shell("opt-outs", "remove", "+8613812345665")
    assert "+8613812345665" not in shell("opt-outs", "list").out
    assert "items" in shell("endpoints", "list", "--json").document


def test_a_key_works_until_it_is_revoked(shell: Shell) -> None:
    made = shell("keys", "create", "kiosk", "--accounts", "default", "--json")
    key = made.document["key"]
    assert key not in made.err

    sent = shell("send", "13812345666", "-t", TEXT, "--json", EUMS_BRIDGE_API_KEY=key).document
    assert sent["id"]
    shell("hooks", "dry-run", "x", "--body", "-", stdin="{}", expect=1, EUMS_BRIDGE_API_KEY=key)  # no admin
    assert "kiosk" in shell("keys", "list").out
    assert shell("keys", "revoke", "kiosk", "--json").document["revoked"] == 1
    assert "kiosk" not in shell("keys", "list").out
    shell("balance", expect=1, EUMS_BRIDGE_API_KEY="eb_nobodys")


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    """What it prints, as it comes."""
    lines: list[str] = []
    assert process.stdout is not None
    threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True).start()  # type: ignore[union-attr]
    return lines


def left_behind(deployed: Deployed) -> Callable[[], set[str]]:
    def look() -> set[str]:
        queues = deployed.aws.sqs.list_queues(QueueNamePrefix="tail-").get("QueueUrls", [])
        subscribed = deployed.aws.sns.list_subscriptions_by_topic(TopicArn=deployed.outputs["EventsTopicArn"])
        return {*queues, *(each["Endpoint"] for each in subscribed["Subscriptions"])}

    return look


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_tail_shows_events_and_leaves_nothing_behind(shell: Shell, deployed: Deployed, number: int) -> None:
    look = left_behind(deployed)
    before = look()
    process = shell.begin("events", "tail", "--json", "--type", "sms.message.*", "--since-start")
    try:
        lines = lines_of(process)
        until(lambda: look() - before, "the queue of the tail")
        sent = shell("send", "13812345667", "-t", TEXT, "--json").document

        def ours() -> Any:
            events = [json.loads(line) for line in lines if line.endswith("\n")]
            return [event for event in events if event["data"].get("message_id") == sent["id"]]

        [event] = until(ours, "the event")
        hold_against_schema(json.dumps(event))
        assert event["type"] == "sms.message.delivered"
        process.send_signal(number)
        assert process.wait(SECONDS) == 130
    finally:
        process.kill()
        _, said = process.communicate()
    assert look() == before
    assert "Traceback" not in said


def test_two_tails_see_the_same_and_end_by_themselves(shell: Shell, deployed: Deployed) -> None:
    look = left_behind(deployed)
    before = look()
    tails = [shell.begin("events", "tail", "--type", "sms.inbound.received", "-n", "1") for _ in range(2)]
    try:
        until(lambda: len(look() - before) >= 4, "both queues, subscribed")
        deployed.gateway.inject_mo("13812345668", "两个都看", account="test")
        said = [process.communicate(timeout=SECONDS)[0] for process in tails]
    finally:
        for process in tails:
            process.kill()
            process.wait()
    for text in said:
        assert re.fullmatch(r"\d\d:\d\d:\d\d  sms\.inbound\.received  .*text=两个都看.*\n", text)
    assert look() == before


def test_a_replay_brings_the_events_again(shell: Shell, deployed: Deployed) -> None:
    sent = shell("send", "13812345669", "-t", TEXT, "--wait", "--json").document
    look = left_behind(deployed)
    before = look()
    process = shell.begin("events", "tail", "--json", "--type", "sms.message.delivered")
    try:
        lines = lines_of(process)
        until(lambda: len(look() - before) >= 2, "the queue of the tail")
        span = ("--from", "2020-01-01", "--to", "2029-01-01")
        counted = shell("replay", *span, "--account", "default", "--kind", "reports", "--dry-run", "--json").document
        replayed = shell("replay", *span, "--account", "default", "--kind", "reports", "--json").document
        assert 0 < counted["pulls"] <= replayed["pulls"]
        until(lambda: any(sent["id"] in line for line in list(lines)), "the event, again")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)


def test_a_hook_is_tried(shell: Shell, shop: httpx.Client) -> None:
    auth = {"kind": "bearer", "secret": "choose-one-of-your-own"}
    made = shop.put("hook-sources/cli", json={"preset": "plain", "auth": auth})
    assert made.status_code in {200, 201}, made.text
    body = json.dumps({"to": "13812345678", "text": TEXT})

    document = shell("hooks", "dry-run", "cli", "--body", "-", "--json", stdin=body).document

    assert document["messages"][0]["text"] == TEXT
    assert TEXT in shell("hooks", "dry-run", "cli", "--body", "-", stdin=body).out
    shell("hooks", "dry-run", "nothing", "--body", "-", stdin=body, expect=1)


def test_an_account_that_is_right_and_all_that_may_be_wrong_with_one(
    shell: Shell, deployed: Deployed, secret: str
) -> None:
    where = ("--base-url", deployed.gateway.url)
    shell("accounts", "set", "trial", *where, "--name", "test", "--password-stdin", stdin="123456\n")
    assert "trial: ok" in shell("accounts", "test", "trial").out

    def wrong(name: str = "trial") -> Any:
        [item] = shell("accounts", "test", name, "--json", expect=1).document["items"]
        return item

    done = shell("accounts", "set", "trial", "--password-stdin", stdin="s3cret!\n")
    assert "s3cret!" not in done.out + done.err
    assert (wrong()["problem"], wrong()["gateway_code"]) == ("password", 107)
    aes = ("--version", "17", "--password-stdin", "--aes-key-stdin")
    shell("accounts", "set", "trial", *aes, stdin="123456\n0123456789abcdef\n")
    assert shell("accounts", "test", "trial", "--json").document["items"][0]["ok"]
    shell("accounts", "set", "trial", *aes, stdin="123456\nanother key 1234\n")
    assert wrong()["problem"] == "aes-key"
    shell("accounts", "set", "trial", "--zone", "UTC", "--version", "1", "--no-aes-key")
    assert wrong()["problem"] == "clock"
    shell("accounts", "set", "trial", "--zone", "Asia/Shanghai", "--base-url", f"http://127.0.0.1:{ports.find_free()}")
    assert wrong()["problem"] == "refused"
    assert wrong("down")["problem"] == "refused"
    shell("accounts", "set", "trial", "--base-url", f"{deployed.gateway.url}/nowhere")
    assert wrong()["problem"] == "path"
    stored = json.loads(deployed.aws.secrets.get_secret_value(SecretId=secret)["SecretString"])
    assert stored["default"]["password"] == "123456"
    shell("accounts", "remove", "trial")
    assert "trial" not in shell("accounts", "list").out

    assert shell("accounts", "test", "--through-bridge", "default", "--json").document["items"][0]["ok"]
    [down] = shell("accounts", "test", "--through-bridge", "down", "--json", expect=1).document["items"]
    assert down["problem"] == "gateway-unreachable"


def test_two_who_change_accounts_at_once_lose_nothing(shell: Shell, deployed: Deployed, secret: str) -> None:
    names = [f"race-{number}" for number in range(4)]

    def add(name: str) -> None:
        shell.script("accounts", "set", name, "--base-url", "http://x", "--name", name, "--password-stdin", stdin="p\n")

    with ThreadPoolExecutor(len(names)) as several:
        list(several.map(add, names))

    stored = json.loads(deployed.aws.secrets.get_secret_value(SecretId=secret)["SecretString"])
    assert set(names) <= set(stored)
    versions = deployed.aws.secrets.list_secret_version_ids(SecretId=secret)["Versions"]
    labels = [label for version in versions for label in version.get("VersionStages", [])]
    assert sorted(labels) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_stack_on_aws_is_named_and_found_by_the_usual_variables(shell: Shell, deployed: Deployed) -> None:
    key = shell("keys", "create", "remote", "--accounts", "default", "--json").document["key"]
    usual = {
        "AWS_ENDPOINT_URL": deployed.aws.endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "EUMS_BRIDGE_STATE": "/nowhere",
        "NO_PROXY": "127.0.0.1",
    }
    remote = Shell(shell.folder, shell.environ | usual)

    assert "remote" in remote("keys", "list", "--stack", stack.STACK_NAME).out
    assert "remote" in remote("keys", "list", EUMS_BRIDGE_STACK=stack.STACK_NAME).out
    assert "no stack nothing" in remote("keys", "list", "--stack", "nothing", expect=1).err
    alone = {"EUMS_BRIDGE_API_URL": deployed.api_url, "EUMS_BRIDGE_API_KEY": key}
    assert remote("balance", "--stack", stack.STACK_NAME, "--json", **alone).document["balance"] > 0
    assert remote("balance", "--json", **alone).document["balance"] > 0
    shell("keys", "revoke", "remote")


def test_without_a_stack_it_says_how_to_have_one(shell: Shell, tmp_path: Path) -> None:
    assert "`make run`" in shell.script("balance", expect=1, EUMS_BRIDGE_STATE=str(tmp_path)).err


def test_a_reader_that_has_seen_enough(shell: Shell) -> None:
    ended = subprocess.run(  # noqa: S603 - this project's own command
        ["/bin/sh", "-c", f'"{SCRIPT}" list --json --all | head -n 1'],
        cwd=shell.folder,
        env=shell.environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )

    assert ended.stdout == "{\n"
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


def test_interrupted_while_waiting(shell: Shell) -> None:
    named = ("--client-reference", "cli-interrupted", "--json")
    process = shell.begin("send", "19900002000", "-t", TEXT, "--wait", *named)  # never reported
    try:
        until(lambda: shell("list", *named).document["items"], "the message")
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert out == ""
    assert said == "Interrupted.\n"
