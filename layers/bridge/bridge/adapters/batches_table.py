"""The batches in MessagesTable: an item each, `batch#<id>` / `batch`, beside the messages that it is made into.

Until it is finished it is in ByHour, under the minute in which it got on last, as a message that waits is under the
minute in which it was due: whoever looks for what was left behind there finds it. Its messages, and what was reported
of them, are in ByBatch (`batch_key`, `<batch id>#<shard>`), with no more than what is counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, standing_item, to_item
from bridge.adapters.message_items import due_key, expires_at
from bridge.adapters.once_items import key_put, standing_key
from bridge.domain.batches import Batch, BatchStanding, BatchStatus
from bridge.domain.errors import StillInFlight
from bridge.domain.ids import stable_id
from bridge.domain.messages import Category, OnAmbiguous, Once, Status
from bridge.domain.walks import SHARDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH: Final = "batch"

# What a recipient may be whose report came, the likeliest first: its message's tally does not say which of them it was.
_REPORTED: Final = ("submitted", "unknown", "submitting", "rejected", "accepted", "scheduled", "cancelled")


class BatchesTable:
    """`bridge.ports.Batches` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str, *, retention: timedelta) -> None:
        self._client = client
        self._table = table
        self._retention = retention

    def add(self, batch: Batch, once: Once | None = None) -> BatchStanding | None:
        """See `bridge.ports.Batches`. With `once` two items in one transaction, else one."""
        item = to_item(self._item(batch))
        if once is None:
            self._client.put_item(TableName=self._table, Item=item)
            return None
        try:
            self._client.transact_write_items(
                # boto3 may try again what it got no answer to; with the same token that is no second write.
                ClientRequestToken=stable_id(batch.id),
                TransactItems=[
                    key_put(self._table, once, batch.id, now=batch.created_at),
                    {"Put": {"TableName": self._table, "Item": item}},
                ],
            )
        except self._client.exceptions.TransactionCanceledException:
            return self._standing(once)
        return None

    def standing(self, once: Once, *, now: datetime) -> BatchStanding | None:
        """See `bridge.ports.Batches`."""
        found = standing_key(self._client, self._table, once, now=now)
        batch = self.get(found[0]) if found else None
        return BatchStanding(batch=batch, request_hash=found[1]) if found and batch else None

    def get(self, batch_id: str) -> Batch | None:
        """See `bridge.ports.Batches`."""
        item = self._client.get_item(TableName=self._table, Key=_key(batch_id), ConsistentRead=True).get("Item")
        return _batch_of(from_item(item)) if item else None

    def planned(self, batch: Batch, submits: int, *, at: datetime) -> None:
        """See `bridge.ports.Batches`."""
        self._write(
            batch,
            at,
            "SET #status = :status, submits = :submits, #hour = :hour, progress_at = :at",
            "#status = :accepted",
            {
                ":status": str(BatchStatus.SENDING),
                ":accepted": str(BatchStatus.ACCEPTED),
                ":submits": submits,
                ":hour": due_key(at),
            },
        )

    def walked(self, batch: Batch, up_to: int, *, at: datetime) -> bool:
        """See `bridge.ports.Batches`. A batch that is finished leaves ByHour."""
        if batch.status is BatchStatus.FINISHED:
            return False
        finished = up_to == batch.submits
        return self._write(
            batch,
            at,
            "SET #status = :status, walked = :up_to, progress_at = :at"
            + (" REMOVE #hour, made" if finished else ", #hour = :hour"),
            "#status = :was AND walked = :walked AND "
            + ("progress_at = :seen" if batch.progress_at else "attribute_not_exists(progress_at)"),
            {
                ":status": str(BatchStatus.FINISHED if finished else batch.status),
                ":was": str(batch.status),
                ":walked": batch.walked,
                ":up_to": up_to,
                ":hour": None if finished else due_key(at),
                ":seen": batch.progress_at.isoformat() if batch.progress_at else None,
            },
        )

    def counts(self, batch_id: str) -> Mapping[Status, int]:
        """See `bridge.ports.Batches`. Four queries at once, a page of them for each megabyte."""
        with ThreadPoolExecutor(SHARDS) as pool:
            shards = pool.map(lambda shard: list(self._counted(f"{batch_id}#{shard}")), range(SHARDS))
            return count(chain.from_iterable(shards))

    def _counted(self, batch_key: str) -> Iterator[Mapping[str, Any]]:
        query: Any = {
            "TableName": self._table,
            "IndexName": "ByBatch",
            "KeyConditionExpression": "batch_key = :key",
            "ProjectionExpression": "pk, tally, #status",
            "ExpressionAttributeNames": {"#status": "status"},  # a reserved word
            "ExpressionAttributeValues": to_item({":key": batch_key}),
        }
        while True:
            answer = self._client.query(**query)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _standing(self, once: Once) -> BatchStanding:
        """What the key stands for. Where another transaction cancelled ours at this moment, that is nothing yet."""
        found = standing_key(self._client, self._table, once)
        if found is not None:
            batch = self.get(found[0])
            if batch is not None:
                return BatchStanding(batch=batch, request_hash=found[1])
        raise StillInFlight("another request with this Idempotency-Key is being carried out")

    def _write(self, batch: Batch, at: datetime, update: str, condition: str, values: Mapping[str, object]) -> bool:
        """Where the condition holds, or where this very write went through before and its answer was lost."""
        progress = at.isoformat()
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(batch.id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#status": "status", "#hour": "hour"},  # reserved words
                ExpressionAttributeValues=to_item({**values, ":at": progress}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            return bool(standing_item(exc).get("progress_at") == progress)
        return True

    def _item(self, batch: Batch) -> dict[str, object]:
        return {
            "pk": f"batch#{batch.id}",
            "sk": _BATCH,
            "client": batch.client,
            "account": batch.account,
            "size": batch.size,
            "most": batch.most,
            "created_at": batch.created_at.isoformat(),
            "extension": batch.extension,
            "category": str(batch.category),
            "on_ambiguous": str(batch.on_ambiguous),
            "fallback_accounts": list(batch.fallback_accounts),
            "status": str(batch.status),
            "walked": batch.walked,
            "made": batch.id,
            "hour": due_key(batch.created_at),
            "expires_at": expires_at(batch.created_at, self._retention),
        }


def count(items: Iterable[Mapping[str, Any]]) -> Mapping[Status, int]:
    """Recipients by status, from the items of ByBatch in DynamoDB's own notation: ten thousand of them take a while.

    A message's tally says how its submit went; each of its reports moves one recipient on from there.
    """
    tallies: dict[str, dict[str, int]] = {}
    reports: list[tuple[str, str]] = []
    for item in items:
        pk = item["pk"]["S"]
        if "tally" in item:
            tallies[pk] = {status: int(number["N"]) for status, number in item["tally"]["M"].items()}
        elif "status" in item:
            reports.append((pk, item["status"]["S"]))
    counts: Counter[str] = Counter()
    for pk, status in reports:
        tally = tallies.get(pk)
        if tally is None:
            continue  # its message is not in the index yet
        was = next((each for each in _REPORTED if tally.get(each)), None)
        if was is not None:
            tally[was] -= 1
            counts[status] += 1
    for tally in tallies.values():
        counts.update(tally)
    return {Status(status): number for status, number in counts.items() if number}


def _key(batch_id: str) -> Any:
    return to_item({"pk": f"batch#{batch_id}", "sk": _BATCH})


def _batch_of(item: Mapping[str, Any]) -> Batch:
    return Batch(
        id=item["pk"].removeprefix("batch#"),
        client=item["client"],
        account=item["account"],
        size=int(item["size"]),
        most=int(item["most"]),
        created_at=datetime.fromisoformat(item["created_at"]),
        extension=item["extension"],
        category=Category(item["category"]),
        on_ambiguous=OnAmbiguous(item["on_ambiguous"]),
        fallback_accounts=tuple(item["fallback_accounts"]),
        status=BatchStatus(item["status"]),
        submits=int(item["submits"]) if "submits" in item else None,
        walked=int(item["walked"]),
        progress_at=datetime.fromisoformat(item["progress_at"]) if "progress_at" in item else None,
    )
