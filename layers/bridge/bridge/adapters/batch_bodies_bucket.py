"""What batches are to send, in the journal's bucket, as `batches/<client>/<batch id>`: gzipped JSON, a list an entry.

An object is there for as long as a batch is being made into messages. What a request left that was not accepted in
the end is expired by the bucket's lifecycle.
"""

import gzip
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from bridge.domain.batches import Batch, BatchEntry
from bridge.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Ten thousand texts of 500 characters are 15 MB, mostly alike: the lowest level makes little of them in a moment.
_LEVEL: Final = 1
_MISSING: Final = frozenset({"404", "NoSuchKey"})


class BatchBodiesBucket:
    """`bridge.ports.BatchBodies` on S3."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, batch: Batch, entries: Sequence[BatchEntry]) -> None:
        """See `bridge.ports.BatchBodies`."""
        rows = [[entry.to, entry.text, entry.client_reference, entry.signature] for entry in entries]
        text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
        body = gzip.compress(text.encode(), _LEVEL, mtime=0)
        self._client.put_object(Bucket=self._bucket, Key=_key(batch), Body=body, ContentType="application/gzip")

    def read(self, batch: Batch) -> tuple[BatchEntry, ...]:
        """See `bridge.ports.BatchBodies`."""
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=_key(batch))["Body"].read()
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") in _MISSING:
                raise NotFound(f"no body is kept of batch {batch.id}") from exc
            raise
        return tuple(
            BatchEntry(to=to, text=text, client_reference=reference, signature=signature)
            for to, text, reference, signature in json.loads(gzip.decompress(body))
        )

    def forget(self, batch: Batch) -> None:
        """See `bridge.ports.BatchBodies`."""
        self._client.delete_object(Bucket=self._bucket, Key=_key(batch))


def _key(batch: Batch) -> str:
    return f"batches/{batch.client}/{batch.id}"
