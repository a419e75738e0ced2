"""The rest of the commands: each of them says to the API or the stack what it was told."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import typer

from bridge.domain.ids import ulid
from bridge.domain.pulls import Kind, PullId
from local.cli.events import _wanted
from local.cli.times import moment, moment_or_ahead
from local.queues import Tail
from tests.fakes.commands import Cli, StubApi, problem

CREATED = "2026-11-23T13:09:00+08:00"
BATCH = {"id": "01JDCKQ3V9T4M3W5Y8Z7N60000", "account": "default", "created_at": CREATED, "total": 3}


def ok(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def batch(status: str, **counts: int) -> httpx.Response:
    return ok({**BATCH, "status": status, "counts": counts}, 202)


def test_a_batch_of_csv(cli: Cli, api: StubApi, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(
        '\ufeffto,code,text,client_reference\n13812345678,7,,a\n13800001234,"8,9",【京东】好,\n', encoding="utf-8"
    )
    api.will(batch("accepted", accepted=3))

    cli("batch", "send", str(tmp_path / "f.csv"), "--template", "{{code}}", "--category", "transactional")

    assert api.bodies == [
        {
            "messages": [
                {"to": "13812345678", "client_reference": "a", "params": {"code": "7"}},
                {"to": "13800001234", "text": "【京东】好", "params": {"code": "8,9"}},
            ],
            "template": "{{code}}",
            "category": "transactional",
        }
    ]
    assert api.requests[0].headers["idempotency-key"]


def test_a_batch_of_json_lines_is_followed(cli: Cli, api: StubApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    api.will(batch("accepted", accepted=3), batch("sending", submitted=2, delivered=1), batch("finished", delivered=3))
    lines = '{"to": "13812345678", "text": "a"}\n\n{"to": "13800001234", "text": "b"}\n'

    document = cli("batch", "send", "-", "--wait", "--json", stdin=lines).document

    assert (document["status"], document["counts"]) == ("finished", {"delivered": 3})
    assert [request.method for request in api.requests] == ["POST", "GET", "GET"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("f.csv", "number\n1\n", "`to`"),
        ("f.csv", "to,text\n1\n", "Line 2"),
        ("f.csv", "to,text\n1,2,3\n", "Line 2"),
        ("f.jsonl", '{"to": "1"}\nno\n', "Line 2"),
        ("f.jsonl", "", "has 0 messages"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_by_its_line(
    cli: Cli, api: StubApi, tmp_path: Path, *, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)

    assert said in cli("batch", "send", str(tmp_path / name), expect=2).err
    assert api.requests == []
    cli("batch", "send", str(tmp_path / "nothing.csv"), expect=2)


def test_a_hook_is_tried(cli: Cli, api: StubApi, tmp_path: Path) -> None:
    sent = {"to": ["+8613812345678"], "text": "t", "account": "a", "client_reference": None, "estimated_segments": 1}
    api.will(ok({"messages": [sent], "dropped": 2}))
    (tmp_path / "body.json").write_text('{"alerts": []}')

    done = cli("hooks", "dry-run", "alerts/x", "--body", str(tmp_path / "body.json"), "--header", "X-Kind: a: b")

    assert "+8613812345678" in done.out
    assert "2 more" in done.err
    assert api.requests[0].url.raw_path == b"/v1/hook-sources/alerts%2Fx/dry-run"
    assert api.bodies == [{"body": {"alerts": []}, "headers": {"X-Kind": "a: b"}}]
    assert cli("hooks", "dry-run", "s", "--body", "-", "--json", stdin="[]").document["dropped"] == 2
    assert "not JSON" in cli("hooks", "dry-run", "s", "--body", "-", stdin="{", expect=2).err
    assert "no header" in cli("hooks", "dry-run", "s", "--body", "-", "--header", "x", stdin="{}", expect=2).err


def test_opt_outs(cli: Cli, api: StubApi) -> None:
    item = {"number": "+8613812345678", "account": "a", "since": CREATED, "source": "api", "keyword": None}
    api.will(ok({"items": [item], "next_cursor": "n"}), ok({"items": [item], "next_cursor": None}))
    assert len(cli("opt-outs", "list", "--json").document["items"]) == 2

    api.will(ok({"items": [item], "next_cursor": None}))
    assert "+8613812345678" in cli("opt-outs", "add", "13812345678", "--account", "a").out
    assert json.loads(api.requests[-1].content) == {"numbers": ["13812345678"], "account": "a"}

    api.will(httpx.Response(204))
    cli("opt-outs", "remove", "+8613812345678", "--account", "a")
    assert (api.requests[-1].method, str(api.requests[-1].url)) == (
        "DELETE",
        "http://api.test/v1/opt-outs/8613812345678?account=a",
    )


def test_endpoints(cli: Cli, api: StubApi) -> None:
    endpoint = {"id": "e1", "status": "enabled", "created_at": CREATED, "url": "https://x", "event_types": ["sms.*"]}
    api.will(ok({"items": [endpoint], "next_cursor": None}))

    assert "https://x" in cli("endpoints", "list").out


def test_a_message_is_cancelled_or_not(cli: Cli, api: StubApi) -> None:
    api.will(problem(409, "not-cancellable"))

    assert "Not-Cancellable" in cli("cancel", "01JD", expect=1).err
    assert api.requests[0].url.path == "/v1/messages/01JD/cancel"


@pytest.mark.usefixtures("deployed")
def test_keys_are_made_listed_and_revoked(cli: Cli) -> None:
    made = cli("keys", "create", "shop", "--accounts", "a,b,c", "--fallback-accounts", " c, b", "--json").document
    assert made["key"].startswith("eb_")
    assert (made["default_account"], made["fallback_accounts"]) == ("a", ["c", "b"])
    second = cli("keys", "create", "shop", "--accounts", "*", "--scopes", "read")
    assert second.out.startswith("eb_")
    assert "shown this once" in second.err
    cli("keys", "create", "bank", "--accounts", "a", "--fallback-accounts", "d", expect=1)
    cli("keys", "create", "bank", "--scopes", "everything", expect=1)

    listed = cli("keys", "list").out
    items = cli("keys", "list", "--json").document["items"]
    assert made["key"] not in listed
    assert [item["client"] for item in items] == ["shop", "shop"]
    assert {item["default_account"] for item in items} == {"a", "default"}

    one = next(item["key_hash"] for item in items if item["default_account"] == "a")
    assert cli("keys", "revoke", "shop", "--key", one, "--json").document == {
        "client": "shop",
        "revoked": 1,
        "hook_sources": [],
        "principals": [],
    }
    assert [item["default_account"] for item in cli("keys", "list", "--json").document["items"]] == ["default"]
    assert cli("keys", "revoke", "shop").out == "Revoked 1 key of shop\n"
    assert "no client shop" in cli("keys", "revoke", "shop", expect=1).err


def test_a_replay_asks_for_what_the_journal_kept(cli: Cli, deployed: dict[str, str]) -> None:
    at = datetime(2026, 11, 23, 1, tzinfo=UTC)
    pull = PullId(account="default", kind=Kind.REPORTS, id=ulid(at, b"one pull!!"), begun_at=at)
    s3 = boto3.client("s3", region_name="cn-north-1")
    s3.put_object(Bucket=deployed["JournalBucketName"], Key=pull.journal_key, Body=b"{}")
    days = ("--from", "2026-11-23", "--to", "2026-11-24")

    assert cli("replay", *days, "--dry-run", "--json").document["pulls"] == 1
    assert cli("replay", *days, "--account", "other").out.startswith("0 pulls of")
    done = cli("replay", *days, "--account", "default", "--kind", "reports")

    assert done.out.startswith("1 pull of 2026-11-23T00:00:00+08:00 to 2026-11-24T00:00:00+08:00")
    sqs = boto3.client("sqs", region_name="cn-north-1")
    received = sqs.receive_message(QueueUrl=deployed["PublishQueueUrl"], MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"]) for message in received] == [{"journal_key": pull.journal_key}]
    assert "not before" in cli("replay", "--from", "2026-11-24", "--to", "2026-11-23", expect=1).err
    assert "no time" in cli("replay", "--from", "x", "--to", "2026-11-23", expect=2).err


def test_a_tail_leaves_nothing_behind(cli: Cli, deployed: dict[str, str]) -> None:
    sns = boto3.client("sns", region_name="cn-north-1")
    sqs = boto3.client("sqs", region_name="cn-north-1")
    before = sqs.list_queues()["QueueUrls"]

    cli("events", "tail", "--seconds", "0")

    assert sqs.list_queues()["QueueUrls"] == before
    assert sns.list_subscriptions_by_topic(TopicArn=deployed["EventsTopicArn"])["Subscriptions"] == []


@pytest.mark.usefixtures("deployed")
def test_a_tail_that_cannot_subscribe_takes_its_queue_away() -> None:
    session = boto3.Session(region_name="cn-north-1")
    sqs = session.client("sqs")
    before = sqs.list_queues()["QueueUrls"]

    class Aws:
        sns, sqs = session.client("sns"), session.client("sqs")

    with pytest.raises(Aws.sns.exceptions.NotFoundException):
        Tail(Aws(), "arn:aws-cn:sns:cn-north-1:123456789012:nothing")

    assert sqs.list_queues()["QueueUrls"] == before


@pytest.mark.parametrize(
    ("patterns", "since", "shown"),
    [
        (["*"], None, True),
        (["sms.message.*"], None, True),
        (["sms.inbound.*", "sms.message.delivered"], None, True),
        (["sms.inbound.*"], None, False),
        (["sms.message"], None, False),
        (["*"], "2026-11-23T05:09:00Z", True),
        (["*"], "2026-11-23T05:09:01Z", False),
    ],
)
def test_only_what_is_wanted_is_shown(patterns: list[str], since: str | None, *, shown: bool) -> None:
    event = {"type": "sms.message.delivered", "time": CREATED}

    assert _wanted(event, patterns, datetime.fromisoformat(since) if since else None) is shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T00:00", "2026-11-22T16:00:00+00:00"),
        ("2026-11-23", "2026-11-22T16:00:00+00:00"),
        ("2026-11-23T00:00Z", "2026-11-23T00:00:00+00:00"),
        ("2026-11-23T00:00:30+02:00", "2026-11-22T22:00:30+00:00"),
    ],
)
def test_a_time_without_an_offset_is_chinas(text: str, expected: str) -> None:
    assert moment(text).astimezone(UTC).isoformat() == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "+1w", "10m"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        moment_or_ahead(text)


def test_how_far_ahead() -> None:
    ahead = moment_or_ahead("+2h") - datetime.now(UTC)

    assert 7190 < ahead.total_seconds() <= 7200
