"""The journal in S3: an object a pull, the bytes as they came, the circumstances as metadata.

`raw/…` is expired by the bucket's lifecycle once it carries the tag `published`; `quarantine/…` never is. Under
`parts/…` the pieces of a pull that came through the queue wait for each other.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from bridge.domain.errors import NotFound
from bridge.domain.pulls import JournalEntry, Kind, Part, PullId, parts_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import TagTypeDef

_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_PUBLISHED: "Final[TagTypeDef]" = {"Key": "published", "Value": "true"}  # the lifecycle in template.yaml looks for it
_TAKEN: Final = frozenset({"PreconditionFailed", "412"})


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
        return JournalEntry.under(found["Metadata"], found["Body"].read())

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
        self._client.put_object_tagging(Bucket=self._bucket, Key=key, Tagging={"TagSet": [_PUBLISHED]})

    def keys(self, account: str, kind: Kind, *, after: str, limit: int) -> Sequence[str]:
        """See `bridge.ports.Journal`."""
        listed = self._client.list_objects_v2(
            Bucket=self._bucket, Prefix=f"raw/{account}/{kind}/", StartAfter=after, MaxKeys=limit
        )
        return [found["Key"] for found in listed.get("Contents", [])]

    def is_published(self, key: str) -> bool:
        """See `bridge.ports.Journal`."""
        try:
            tags = self._client.get_object_tagging(Bucket=self._bucket, Key=key)["TagSet"]
        except ClientError as exc:
            if _code(exc) in _MISSING:
                return True
            raise
        return _PUBLISHED in tags

    def keep_part(self, part: Part) -> JournalEntry | None:
        """See `bridge.ports.Journal`.

        S3 lists what was just written: of two that keep the last two parts at once, one at least finds them all.
        """
        self._client.put_object(Bucket=self._bucket, Key=part.key, Body=part.entry.body, Metadata=_metadata(part.entry))
        keys = self._part_keys(part.entry.pull)
        if len(keys) < part.of:
            return None
        try:
            pieces = [self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read() for key in keys]
        except ClientError as exc:
            if _code(exc) in _MISSING:
                return None  # somebody else has put them together, and removes them
            raise
        return replace(part.entry, body=b"".join(pieces))

    def forget_parts(self, pull: PullId) -> None:
        """See `bridge.ports.Journal`."""
        for key in self._part_keys(pull):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def _part_keys(self, pull: PullId) -> list[str]:
        # At most 92 of them: no body is longer than the 64 MiB that eums.Client reads.
        listed = self._client.list_objects_v2(Bucket=self._bucket, Prefix=parts_prefix(pull))
        return [found["Key"] for found in listed.get("Contents", [])]


def _metadata(entry: JournalEntry) -> dict[str, str]:
    return {**entry.circumstances(), "sha256": _sha256(entry.body)}


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _code(exc: ClientError) -> str:
    return exc.response.get("Error", {}).get("Code", "")
