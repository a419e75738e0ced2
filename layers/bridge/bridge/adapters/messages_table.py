"""MessagesTable: a message is an item, and so is each reported recipient of it.

| pk | sk | what |
|---|---|---|
| `message#<id>` | `message` | the request, the state of its submit and who holds the claim on it |
| `message#<id>` | `report#<number>` | what was reported of one recipient, and what contradicts it |
| `message#<id>` | `to#<number>` | of a message to several numbers: for ByNumber and ByReference |
| `once#<hash of client and key>` | `once` | what an `Idempotency-Key` stands for: `bridge.adapters.once_items` |
| `batch#<id>` | `batch` | a batch: `bridge.adapters.batches_table` |
| `early#<event id>` | `early` | a report without a message: `bridge.adapters.early_reports_table` |
| `day#<account>#<day>` | `tally#<time>#<hash>` | which were delivered and failed: `bridge.adapters.day_counts_table` |
| `day#<account>#<day>` | `shard#<0..7>` | how many reports of another system's there were: likewise |

The indexes are sparse: what lacks the attribute is not in them.

| index | partition | sorted by | finds |
|---|---|---|---|
| ByNumber | `number_key`: `<account>#<number>` | `made` | the messages to a number |
| ByHour | `hour`: `<hour>#<shard>`, or `due#<minute>` | `made` | what was begun then; what waits since |
| ByClient | `client_key`: `<client>#<shard>` | `created` | a client's messages |
| ByReference | `reference_key`: `<client>#<reference>` | `created` | the messages with a `client_reference` |
| ByBatch | `batch_key`: `<batch>#<shard>` | `pk` | a batch's messages and what was reported of them |

`created` is the message's id, a ULID. So is `made`, until a queued message is claimed: then it sorts by that time. A
message to one number is in ByNumber by its own item, so that a send stays at two writes.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, standing_item, to_item
from bridge.adapters.message_items import (
    MESSAGE,
    NUMBER,
    UNCHANGING,
    due_key,
    entry_of,
    hour_key,
    message_item,
    message_of,
    message_pk,
    number_key,
    owner_of,
    report_of,
    rows,
)
from bridge.adapters.once_items import key_put, standing_key
from bridge.adapters.report_rows_table import ReportRowsTable
from bridge.domain.errors import NotFound, StillInFlight
from bridge.domain.ids import stable_id, ulids_between
from bridge.domain.messages import (
    Applied,
    Message,
    Once,
    Outbound,
    Owner,
    Standing,
    Status,
    TrackedReport,
)
from bridge.domain.submits import state_of
from bridge.domain.walks import Entry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH_GET: Final = 100  # keys in one BatchGetItem: the service's limit
_BATCH_WRITE: Final = 25  # items in one BatchWriteItem: likewise
_TRANSACTION: Final = 100  # items in one transaction: likewise
_TRANSACTION_BYTES: Final = 3_000_000  # and bytes, of which it takes 4 MB
_ITEM: Final = 1000  # bytes of a message beside its text and its recipients, or less
_RECIPIENT: Final = 200  # bytes
_BATCH_ROUNDS: Final = 5  # how often what it left unprocessed is asked for again
_FIRST_PAUSE: Final = 0.05  # seconds before that, doubled each time
_AT_ONCE: Final = 10  # queries and writes in flight
_CANDIDATES: Final = 50  # messages to one number that are looked at
_HOUR_PAGE: Final = 100  # messages of an hour in one page
_OWNER: Final = "pk, account, client, client_reference, created_at, claimed_at, batch_id, client_references, twilio"


class MessagesTable:
    """`bridge.ports.Messages` on DynamoDB."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        retention: timedelta,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._retention = retention
        self._sleep = sleep
        self._reports = ReportRowsTable(client, table, retention=retention)

    def add(self, message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing | None:
        """See `bridge.ports.Messages`. With `once` two items in one transaction, else one."""
        item = to_item(message_item(message, self._retention))
        if once is None:
            self._client.put_item(TableName=self._table, Item=item)
            return None
        try:
            self._client.transact_write_items(
                # boto3 may try again what it got no answer to; with the same token that is no second write.
                ClientRequestToken=stable_id(message.id, instead_of or ""),
                TransactItems=[
                    key_put(self._table, once, message.id, now=message.created_at, instead_of=instead_of),
                    {"Put": {"TableName": self._table, "Item": item}},
                ],
            )
        except self._client.exceptions.TransactionCanceledException:
            return self._standing(once)
        return None

    def add_all(self, messages: Sequence[Message]) -> frozenset[str]:
        """See `bridge.ports.Messages`. Transactions of at most a hundred items and some megabytes."""
        items = ((message.id, to_item(message_item(message, self._retention))) for message in messages)
        return frozenset(chain.from_iterable(map(self._add_new, _portions(items))))

    def standing(self, once: Once, *, now: datetime) -> Standing | None:
        """See `bridge.ports.Messages`."""
        found = standing_key(self._client, self._table, once, now=now)
        message = self._read(found[0], with_reports=False) if found else None
        return Standing(message=message, request_hash=found[1]) if found and message else None

    def index(self, message: Message) -> None:
        """See `bridge.ports.Messages`. 25 items a call, several calls at once."""
        if len(message.recipients) == 1:
            return
        items = [to_item(row) for row in rows(message, self._retention)]
        batches = [items[start : start + _BATCH_WRITE] for start in range(0, len(items), _BATCH_WRITE)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._put, batches))

    def move(self, before: Message, after: Message) -> Message | None:
        """See `bridge.ports.Messages`. One conditional write of all that may ever change.

        What differs would not be enough: in the same state there may be the work of somebody else who had it in
        between, or of a write whose answer was lost. An attribute that stays the same costs no index anything.
        """
        item = message_item(after, self._retention)
        sets = {name: value for name, value in item.items() if value is not None and name not in UNCHANGING}
        update, names = _writing(tuple(sets), tuple(name for name, value in item.items() if value is None))
        held = "claim = :was_claim" if before.claim else "attribute_not_exists(claim)"
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item({"pk": item["pk"], "sk": MESSAGE}),
                UpdateExpression=update,
                ConditionExpression=f"#state = :was_state AND {held}",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_item(
                    {f":{name}": value for name, value in sets.items()}
                    | {":was_state": str(state_of(before)), ":was_claim": before.claim or None}
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            item = standing_item(exc)
            if not item:
                raise NotFound("there is no such message") from exc
            standing = message_of(item)
            # boto3 tries again what it got no answer to, and then finds what it wrote itself.
            return None if standing == after else standing
        return None

    def recorded(self, message_id: str) -> Message | None:
        """See `bridge.ports.Messages`."""
        answer = self._client.get_item(
            TableName=self._table, Key=to_item({"pk": message_pk(message_id), "sk": MESSAGE}), ConsistentRead=True
        )
        return message_of(from_item(answer["Item"])) if "Item" in answer else None

    def recorded_all(self, message_ids: Iterable[str]) -> Mapping[str, Message]:
        """See `bridge.ports.Messages`."""
        return {message.id: message for message in map(message_of, self._get_all(message_ids))}

    def find(self, message_id: str) -> Message | None:
        """See `bridge.ports.Messages`."""
        return self._read(message_id, with_reports=True)

    def owners(self, message_ids: Iterable[str]) -> Mapping[str, Owner]:
        """See `bridge.ports.Messages`."""
        return {owner.message_id: owner for owner in map(owner_of, self._get_all(message_ids, _OWNER))}

    def sent_to(
        self, account: str, numbers: Iterable[str], *, since: datetime, until: datetime
    ) -> Mapping[str, tuple[Outbound, ...]]:
        """See `bridge.ports.Messages`. A query a number, then one BatchGetItem for each hundred messages."""
        wanted = sorted(set(numbers))
        between = ulids_between(since, until)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            ids = list(pool.map(lambda number: self._ids_to(account, number, between), wanted))
        outbound = self._outbound({message_id for found in ids for message_id in found}, frozenset(wanted))
        sent = {
            number: tuple(outbound[message_id, number] for message_id in found if (message_id, number) in outbound)
            for number, found in zip(wanted, ids, strict=True)
        }
        return {number: found for number, found in sent.items() if found}

    def begun_in(self, hour: datetime, shard: int, *, after: str) -> Sequence[Entry]:
        """See `bridge.ports.Messages`."""
        return self._by_hour(hour_key(hour, shard), after)

    def due_in(self, minute: datetime, *, after: str) -> Sequence[Entry]:
        """See `bridge.ports.Messages`."""
        return self._by_hour(due_key(minute), after)

    def _by_hour(self, key: str, after: str) -> Sequence[Entry]:
        answer = self._client.query(
            TableName=self._table,
            IndexName="ByHour",
            KeyConditionExpression="#hour = :hour AND made > :after",
            ExpressionAttributeNames={"#hour": "hour"},  # a reserved word
            # DynamoDB takes no empty key; a space sorts before all ids.
            ExpressionAttributeValues=to_item({":hour": key, ":after": after or " "}),
            Limit=_HOUR_PAGE,
        )
        return [entry_of(from_item(item)) for item in answer["Items"]]

    def apply(self, report: TrackedReport, *, day: date) -> Applied:
        """See `bridge.ports.Messages`."""
        [applied] = self.apply_all([(report, day)])
        if isinstance(applied, Exception):
            raise applied
        return applied

    def apply_all(self, reports: Sequence[tuple[TrackedReport, date]]) -> list[Applied | Exception]:
        """See `bridge.ports.Messages`, and `bridge.adapters.report_rows_table`."""
        return self._reports.apply_all(reports)

    def _read(self, message_id: str, *, with_reports: bool) -> Message | None:
        message: Message | None = None
        reports: dict[str, TrackedReport] = {}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk < :sk" if with_reports else "pk = :pk AND sk = :sk",
            ExpressionAttributeValues=to_item(
                {":pk": message_pk(message_id), ":sk": NUMBER if with_reports else MESSAGE}
            ),
            ConsistentRead=True,  # whoever was just told the id may ask for it at once
        )
        for page in pages:
            for item in map(from_item, page["Items"]):
                if item["sk"] == MESSAGE:
                    message = message_of(item)
                elif message is not None:  # which sorts before its reports
                    report = report_of(message, item)
                    reports[report.to] = report
        return message.with_reports(reports) if message else None

    def _standing(self, once: Once) -> Standing:
        """What the key stands for. Where another transaction cancelled ours at this moment, that is nothing yet."""
        found = standing_key(self._client, self._table, once)
        if found is not None:
            message = self._read(found[0], with_reports=False)
            if message is not None:
                return Standing(message=message, request_hash=found[1])
        raise StillInFlight("another request with this Idempotency-Key is being carried out")

    def _ids_to(self, account: str, number: str, between: tuple[str, str]) -> list[str]:
        """The newest messages to a number, by ByNumber."""
        first, last = between
        answer = self._client.query(
            TableName=self._table,
            IndexName="ByNumber",
            KeyConditionExpression="number_key = :number_key AND made BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item(
                {":number_key": number_key(account, number), ":first": first, ":last": last}
            ),
            ScanIndexForward=False,
            Limit=_CANDIDATES,
        )
        return [entry_of(from_item(item)).id for item in answer["Items"]]

    def _outbound(self, message_ids: set[str], numbers: frozenset[str]) -> dict[tuple[str, str], Outbound]:
        """By message and number; of a message to a thousand numbers, those that are asked for."""
        outbound: dict[tuple[str, str], Outbound] = {}
        for item in self._get_all(message_ids, f"{_OWNER}, extension, recipients"):
            owner = owner_of(item)
            for recipient in item["recipients"]:
                if recipient["to"] in numbers:
                    outbound[owner.message_id, recipient["to"]] = Outbound(
                        owner=owner,
                        extension=item["extension"],
                        status=Status(recipient["status"]),
                        gateway_message_id=recipient.get("gateway_message_id"),
                    )
        return outbound

    def _get_all(self, message_ids: Iterable[str], projection: str | None = None) -> Iterator[dict[str, Any]]:
        """The messages' own items, or what a projection leaves of them, in no order."""
        wanted = [to_item({"pk": message_pk(message_id), "sk": MESSAGE}) for message_id in sorted(set(message_ids))]
        for start in range(0, len(wanted), _BATCH_GET):
            yield from self._get(wanted[start : start + _BATCH_GET], projection)

    def _put(self, rows: list[Any]) -> None:
        requests: Any = [{"PutRequest": {"Item": row}} for row in rows]
        for _ in self._rounds():
            answer = self._client.batch_write_item(RequestItems={self._table: requests})
            requests = answer.get("UnprocessedItems", {}).get(self._table)
            if not requests:
                return
        raise TimeoutError(f"DynamoDB left {len(requests)} items unprocessed after {_BATCH_ROUNDS} rounds")

    def _add_new(self, items: list[tuple[str, Any]]) -> list[str]:
        """Those that were not there. A transaction goes through as a whole or not at all, and says what hindered it."""
        for _ in self._rounds():
            puts: Any = [
                {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
                for _, item in items
            ]
            try:
                if puts:
                    self._client.transact_write_items(TransactItems=puts)
            except self._client.exceptions.TransactionCanceledException as exc:
                response: Any = exc.response
                reasons = [reason.get("Code") for reason in response["CancellationReasons"]]
                items = [
                    item for item, reason in zip(items, reasons, strict=True) if reason != "ConditionalCheckFailed"
                ]
            else:
                return [message_id for message_id, _ in items]
        raise TimeoutError(f"DynamoDB cancelled {len(items)} puts {_BATCH_ROUNDS} times")

    def _rounds(self) -> Iterator[int]:
        """As often as a batch is asked for, with a pause in between."""
        for number in range(_BATCH_ROUNDS):
            if number:
                self._sleep(_FIRST_PAUSE * 2**number)
            yield number

    def _get(self, keys: list[Any], projection: str | None) -> Iterable[dict[str, Any]]:
        # Consistent: a report can be quicker than the replicas.
        asked: Any = {"ConsistentRead": True} | ({"ProjectionExpression": projection} if projection else {})
        for _ in self._rounds():
            answer = self._client.batch_get_item(RequestItems={self._table: asked | {"Keys": keys}})
            yield from map(from_item, answer["Responses"].get(self._table, []))
            if self._table not in answer["UnprocessedKeys"]:
                return
            keys = list(answer["UnprocessedKeys"][self._table]["Keys"])
        raise TimeoutError(f"DynamoDB left {len(keys)} keys unprocessed after {_BATCH_ROUNDS} rounds")


def _portions(items: Iterable[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    """As much as one transaction takes."""
    portion: list[tuple[str, Any]] = []
    size = 0
    for message_id, item in items:
        # Of each recipient its map and its reference are somewhat less than this, in UTF-8.
        recipients = len(item["recipients"]["L"])
        references = sum(len(each["S"]) for each in item.get("client_references", {}).get("M", {}).values())
        length = _ITEM + 4 * (len(item["text"]["S"]) + references) + _RECIPIENT * recipients
        if portion and (len(portion) == _TRANSACTION or size + length > _TRANSACTION_BYTES):
            yield portion
            portion, size = [], 0
        portion.append((message_id, item))
        size += length
    if portion:
        yield portion


@lru_cache(maxsize=256)
def _writing(sets: tuple[str, ...], gone: tuple[str, ...]) -> tuple[str, Mapping[str, str]]:
    """The update that writes these attributes and removes those, and the placeholders of their names.

    Nearly all messages have the same, so that it is not put together for each.
    """
    gone = tuple(name for name in gone if name not in UNCHANGING)
    update = f"SET {', '.join(f'#{name} = :{name}' for name in sets)}"
    if gone:
        update += f" REMOVE {', '.join(f'#{name}' for name in gone)}"
    return update, {f"#{name}": name for name in (*sets, *gone)}
