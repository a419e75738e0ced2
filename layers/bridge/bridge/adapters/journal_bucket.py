"""The journal in S3: an object a pull, the bytes as they came, the circumstances as metadata.

`raw/…` is expired by the bucket's lifecycle once it carries the tag `published`; `quarantine/…` never is.
"""

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from bridge.domain.errors import NotFound
from bridge.domain.pulls import JournalEntry, Kind, PullId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_TAKEN: Final = frozenset({"PreconditionFailed", "412"})
_MAX_HEADERS: Final = 1200  # S3 takes 2 KB of metadata in all


class JournalConflict(Exception):
    """Another body stands under this pull's key. It must never happen: pull ids are used once."""


class JournalBucket:
    """`bridge.ports.Journal` on S3."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def store(self, entry: JournalEntry) -> None:
        """See `bridge.ports.Journal`."""
        key = entry.pull.journal_key
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=entry.body, Metadata=_metadata(entry), IfNoneMatch="*"
            )
        except ClientError as exc:
            if _code(exc) not in _TAKEN:
                raise
            # Our own write, whose answer was lost and which boto3 tried again; or something that must not be.
            standing = self._client.head_object(Bucket=self._bucket, Key=key)
            if standing["Metadata"].get("sha256") != _sha256(entry.body):
                raise JournalConflict(f"another body stands under {key}") from exc

    def read(self, key: str) -> JournalEntry:
        """See `bridge.ports.Journal`."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as exc:
            if _code(exc) in _MISSING:
                raise NotFound(f"the journal has no {key}") from exc
            raise
        return _entry(found["Metadata"], found["Body"].read())

    def has(self, key: str) -> bool:
        """See `bridge.ports.Journal`."""
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as exc:
            if _code(exc) in _MISSING:
                return False
            raise
        return True

    def quarantine(self, entry: JournalEntry) -> str:
        """See `bridge.ports.Journal`. A repeat writes the same again."""
        key = "quarantine/" + entry.pull.journal_key.removeprefix("raw/")
        self._client.put_object(Bucket=self._bucket, Key=key, Body=entry.body, Metadata=_metadata(entry))
        return key

    def mark_published(self, key: str) -> None:
        """See `bridge.ports.Journal`."""
        self._client.put_object_tagging(
            Bucket=self._bucket, Key=key, Tagging={"TagSet": [{"Key": "published", "Value": "true"}]}
        )


def _metadata(entry: JournalEntry) -> dict[str, str]:
    headers = json.dumps(entry.headers)  # ASCII: S3's metadata takes nothing else unharmed
    return {
        "account": entry.pull.account,
        "kind": str(entry.pull.kind),
        "pull-id": entry.pull.id,
        "begun-at": entry.pull.begun_at.isoformat(),
        "received-at": entry.received_at.isoformat(),
        "http-status": str(entry.status),
        "http-headers": headers if len(headers) <= _MAX_HEADERS else "[]",
        "version": str(entry.version),
        "cut": "true" if entry.cut else "false",
        "sha256": _sha256(entry.body),
    }


def _entry(metadata: dict[str, str], body: bytes) -> JournalEntry:
    return JournalEntry(
        pull=PullId(
            account=metadata["account"],
            kind=Kind(metadata["kind"]),
            id=metadata["pull-id"],
            begun_at=datetime.fromisoformat(metadata["begun-at"]),
        ),
        received_at=datetime.fromisoformat(metadata["received-at"]),
        status=int(metadata["http-status"]),
        headers=tuple((name, value) for name, value in json.loads(metadata["http-headers"])),
        version=int(metadata["version"]),
        cut=metadata["cut"] == "true",
        body=body,
    )


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _code(exc: ClientError) -> str:
    return exc.response.get("Error", {}).get("Code", "")
