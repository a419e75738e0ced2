from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
import pytest

from bridge.adapters.journal_bucket import JournalBucket, JournalConflict
from bridge.domain.errors import NotFound
from bridge.domain.ids import ulid
from bridge.domain.pulls import JournalEntry, Kind, PullId, in_parts
from bridge.ports import Journal
from tests.contract.conftest import REGION
from tests.fakes.pulls import FakeJournal
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "journal"
ENTRY = JournalEntry(
    pull=PullId(account="default", kind=Kind.REPORTS, id=ulid(NOON, b"one pull!!"), begun_at=NOON),
    received_at=NOON + timedelta(seconds=1),
    status=200,
    headers=(("Content-Type", "text/html;charset=utf-8"), ("X-Odd", "é短信")),
    version=17,
    cut=True,
    body=b"\x00\xff raw \r\n",
)


@pytest.fixture
def s3(aws: None) -> "S3Client":  # noqa: ARG001 - the client is made inside it
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture(params=["fake", "s3"])
def journal(request: pytest.FixtureRequest) -> Journal:
    return FakeJournal() if request.param == "fake" else JournalBucket(request.getfixturevalue("s3"), BUCKET)


def test_what_was_stored_is_read_to_the_byte(journal: Journal) -> None:
    assert not journal.has(ENTRY.pull.journal_key)
    journal.store(ENTRY)

    assert journal.has(ENTRY.pull.journal_key)
    assert journal.read(ENTRY.pull.journal_key) == ENTRY


def test_storing_the_same_again_is_no_error(journal: Journal) -> None:
    journal.store(ENTRY)
    journal.store(ENTRY)
    assert journal.read(ENTRY.pull.journal_key) == ENTRY


def test_nothing_is_ever_written_over(journal: Journal) -> None:
    journal.store(ENTRY)

    with pytest.raises((JournalConflict, AssertionError)):
        journal.store(replace(ENTRY, body=b"other"))

    assert journal.read(ENTRY.pull.journal_key) == ENTRY


def test_what_is_not_there(journal: Journal) -> None:
    with pytest.raises(NotFound):
        journal.read("raw/default/reports/2026-11-23/nothing")


def test_quarantine_keeps_a_copy_aside(journal: Journal, request: pytest.FixtureRequest) -> None:
    journal.store(ENTRY)

    key = journal.quarantine(ENTRY)
    assert journal.quarantine(ENTRY) == key

    assert key == f"quarantine/default/reports/2026-11-23/{ENTRY.pull.id}"
    if isinstance(journal, JournalBucket):
        assert request.getfixturevalue("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == ENTRY.body


def test_only_what_was_published_carries_the_tag_that_the_lifecycle_looks_for(s3: "S3Client") -> None:
    journal = JournalBucket(s3, BUCKET)
    journal.store(ENTRY)

    def tags() -> object:
        return s3.get_object_tagging(Bucket=BUCKET, Key=ENTRY.pull.journal_key)["TagSet"]

    assert tags() == []

    journal.mark_published(ENTRY.pull.journal_key)

    assert tags() == [{"Key": "published", "Value": "true"}]


def test_headers_too_long_for_the_metadata_do_not_stop_the_body(s3: "S3Client") -> None:
    journal = JournalBucket(s3, BUCKET)
    entry = replace(ENTRY, headers=(("X-Long", "x" * 5000),))
    journal.store(entry)
    assert journal.read(entry.pull.journal_key) == replace(entry, headers=())


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 1, 0, 1, 2)])
def test_parts_in_any_order_and_twice_give_the_whole(journal: Journal, order: tuple[int, ...]) -> None:
    parts = in_parts(ENTRY, size=4)
    assert len(parts) == 3

    *before, last = [journal.keep_part(parts[number]) for number in order]

    assert before == [None] * len(before)
    assert last == ENTRY
    journal.forget_parts(ENTRY.pull)
    journal.forget_parts(ENTRY.pull)
    assert journal.keep_part(parts[0]) is None
    assert not journal.has(ENTRY.pull.journal_key)


def test_keys_are_listed_in_the_order_of_time_and_are_published_when_marked(journal: Journal) -> None:
    pulls = [
        replace(
            ENTRY.pull, id=ulid(NOON + timedelta(hours=hours), b"one pull!!"), begun_at=NOON + timedelta(hours=hours)
        )
        for hours in (0, 1, 30, 31)
    ]
    for pull in reversed(pulls):
        journal.store(replace(ENTRY, pull=pull))
    journal.store(replace(ENTRY, pull=replace(pulls[0], kind=Kind.INBOUND)))
    journal.store(replace(ENTRY, pull=replace(pulls[0], account="default2")))
    keys = [pull.journal_key for pull in pulls]

    assert list(journal.keys("default", Kind.REPORTS, after="", limit=10)) == keys
    assert list(journal.keys("default", Kind.REPORTS, after=keys[1], limit=1)) == keys[2:3]
    assert list(journal.keys("default", Kind.REPORTS, after=keys[3], limit=10)) == []

    journal.mark_published(keys[1])
    assert [journal.is_published(key) for key in keys] == [False, True, False, False]
    assert journal.is_published(keys[1] + "x")  # gone: only what was published expires
