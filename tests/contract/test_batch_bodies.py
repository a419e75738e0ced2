from typing import TYPE_CHECKING

import boto3
import pytest

from bridge.adapters.batch_bodies_bucket import BatchBodiesBucket
from bridge.domain.batches import Batch, BatchEntry, batch_id
from bridge.domain.errors import NotFound
from bridge.domain.ids import ulid
from bridge.ports import BatchBodies
from tests.contract.conftest import REGION
from tests.fakes.batches import FakeBatchBodies
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "journal"
BATCH = Batch(
    id=batch_id(ulid(NOON, b"one batch!")), client="shop", account="default", size=2, most=1000, created_at=NOON
)
ENTRIES = (
    BatchEntry(to="13812345678", text="【京东】您的验证码是123456 😀", client_reference="a;b\n\x00", signature="京东"),
    BatchEntry(to="13812345679", text="no reference"),
)


@pytest.fixture
def s3(aws: None) -> "S3Client":  # noqa: ARG001 - the client is made inside it
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture(params=["fake", "s3"])
def bodies(request: pytest.FixtureRequest) -> BatchBodies:
    return FakeBatchBodies() if request.param == "fake" else BatchBodiesBucket(request.getfixturevalue("s3"), BUCKET)


def test_what_is_kept_is_read(bodies: BatchBodies) -> None:
    bodies.keep(BATCH, ENTRIES)
    bodies.keep(BATCH, ENTRIES)
    assert bodies.read(BATCH) == ENTRIES


def test_what_was_forgotten_is_not_there(bodies: BatchBodies) -> None:
    bodies.keep(BATCH, ENTRIES)
    bodies.forget(BATCH)
    bodies.forget(BATCH)
    with pytest.raises(NotFound):
        bodies.read(BATCH)


def test_it_is_kept_by_client_and_small(s3: "S3Client") -> None:
    BatchBodiesBucket(s3, BUCKET).keep(BATCH, ENTRIES * 5000)

    (found,) = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert found["Key"] == f"batches/shop/{BATCH.id}"
    assert found["Size"] < 100_000
