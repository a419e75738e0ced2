import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from bridge.domain.ids import ulid
from bridge.domain.pulls import Kind, PullId, pointer
from local.errors import LocalError
from local.replay import Range, keys, point

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

BUCKET = "journal"
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def s3() -> "S3Client":
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def sqs() -> "SQSClient":
    return boto3.client("sqs")


def keep(s3: "S3Client", hours: float, *, account: str = "default", kind: Kind = Kind.REPORTS) -> str:
    at = MIDNIGHT + hours * HOUR
    key = PullId(account=account, kind=kind, id=ulid(at, b"one pull!!"), begun_at=at).journal_key
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    return key


def test_what_was_begun_in_the_range_and_nothing_else(s3: "S3Client") -> None:
    kept = [keep(s3, hours) for hours in (-48, -25, -0.001, 0, 5, 23.999, 24, 25, 72)]

    assert list(keys(s3, BUCKET, Range(begin=MIDNIGHT, end=MIDNIGHT + 24 * HOUR))) == kept[3:6]
    assert list(keys(s3, BUCKET, Range(begin=MIDNIGHT - 72 * HOUR, end=MIDNIGHT + 73 * HOUR))) == kept
    assert list(keys(s3, BUCKET, Range(begin=MIDNIGHT + HOUR, end=MIDNIGHT + 2 * HOUR))) == []


def test_of_one_account_of_one_kind_or_of_all(s3: "S3Client") -> None:
    reports, inbound = keep(s3, 1), keep(s3, 1, kind=Kind.INBOUND)
    other = keep(s3, 1, account="other")

    def found(**only: Any) -> set[str]:
        return set(keys(s3, BUCKET, Range(begin=MIDNIGHT, end=MIDNIGHT + 24 * HOUR, **only)))

    assert found() == {reports, inbound, other}
    assert found(account="default") == {reports, inbound}
    assert found(kind="reports") == {reports, other}
    assert found(account="other", kind="inbound") == set()


def test_what_is_in_quarantine(s3: "S3Client") -> None:
    key = keep(s3, 1).replace("raw/", "quarantine/")
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")

    assert list(keys(s3, BUCKET, Range(begin=MIDNIGHT, end=MIDNIGHT + 24 * HOUR, quarantined=True))) == [key]


def test_the_pointers_are_the_bridges_own(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="publish")["QueueUrl"]
    wanted = [f"raw/default/reports/2026-11-23/{number}" for number in range(25)]

    assert point(sqs, url, iter(wanted)) == 25

    bodies = []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in received]
    assert sorted(bodies) == sorted(map(pointer, wanted))


class Queue:
    """Takes nothing of the first rounds, then all but the first of each call, then all."""

    def __init__(self, refuses: int) -> None:
        self.refuses = refuses
        self.taken: list[str] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: ARG002, N803 - boto3's
        self.refuses -= 1
        failed = Entries[:1] if self.refuses >= 0 else []
        self.taken += [json.loads(entry["MessageBody"])["journal_key"] for entry in Entries if entry not in failed]
        return {"Failed": [{"Id": entry["Id"]} for entry in failed]}


def test_what_the_queue_did_not_take_is_sent_again() -> None:
    queue, said = Queue(refuses=2), list[int]()

    assert point(queue, "url", iter(map(str, range(1500))), sleep=lambda _: None, progress=said.append) == 1500  # type: ignore[arg-type]

    assert sorted(queue.taken, key=int) == list(map(str, range(1500)))
    assert said == list(range(10, 1501, 10))


def test_a_queue_that_takes_nothing_is_said() -> None:
    with pytest.raises(LocalError, match="Run the same again"):
        point(Queue(refuses=100), "url", iter("a"), sleep=lambda _: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("hours", [0, -1, 24 * 4000])
def test_a_range_that_makes_no_sense(hours: float) -> None:
    with pytest.raises(LocalError):
        Range(begin=MIDNIGHT, end=MIDNIGHT + hours * HOUR)
