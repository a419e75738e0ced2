"""MessagesTable: a message is an item, and so is each reported recipient of it.

| pk | sk | what |
|---|---|---|
| `message#<id>` | `message` | the claim, the request and how the submit ended: two writes |
| `message#<id>` | `report#<number>` | what was reported of one recipient, and what contradicts it |
| `message#<id>` | `to#<number>` | of a message to several numbers: for ByNumber |
| `once#<hash of client and key>` | `once` | which message an `Idempotency-Key` stands for, for 24 h |
| `early#<event id>` | `early` | a report without a message: `bridge.adapters.early_reports_table` |
| `day#<account>#<day>` | `shard#<0..7>` | how many were delivered and failed: `bridge.adapters.day_counts_table` |

Sparse indexes. Two are sorted by `made`, the message's id. ByNumber (`number_key`, `<account>#<number>`) has the
messages to a number: of a message to one number it is the message's own item, so that a send stays at two writes.
ByHour (`hour`, `<hour>#<shard>`) has the messages of an hour. Two are sorted by `created`, the message's id too:
ByClient (`client_key`, `<client>#<shard>`) has a client's messages, ByReference (`reference_key`,
`<client>#<reference>`) those with a `client_reference`. See `bridge.adapters.message_lists_table`.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, to_item
from bridge.adapters.day_counts_table import addition
from bridge.adapters.message_items import (
    MESSAGE,
    NUMBER,
    ONCE,
    client_key,
    hour_key,
    message_of,
    message_pk,
    number_key,
    once_pk,
    owner_of,
    recipient_item,
    reference_key,
    report_key,
    report_of,
    time_text,
)
from bridge.adapters.transactions import write_together
from bridge.domain.errors import StillInFlight
from bridge.domain.ids import stable_id, ulid_time, ulids_between
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
from bridge.domain.walks import shard_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ONCE_FOR: Final = timedelta(hours=24)
_KEY_IS_FREE: Final = "attribute_not_exists(pk) OR expires_at <= :now OR message_id = :old"
_BATCH_GET: Final = 100  # keys in one BatchGetItem: the service's limit
_BATCH_WRITE: Final = 25  # items in one BatchWriteItem: likewise
_BATCH_ROUNDS: Final = 5  # how often what it left unprocessed is asked for again
_FIRST_PAUSE: Final = 0.05  # seconds before that, doubled each time
_AT_ONCE: Final = 10  # queries and writes in flight
_CANDIDATES: Final = 50  # messages to one number that are looked at
_HOUR_PAGE: Final = 100  # messages of an hour in one page
_EVENTS: Final = 200  # event ids that a row remembers: so many reports of one recipient are more than anybody sends
_COUNTED: Final = {Status.DELIVERED: "delivered", Status.UNDELIVERED: "failed"}
_OWNER: Final = "pk, account, client, client_reference"


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

    def claim(self, message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing | None:
        """See `bridge.ports.Messages`. With `once` two items in one transaction, else one."""
        item = to_item(
            {
                "pk": message_pk(message.id),
                "sk": MESSAGE,
                "client": message.client,
                "account": message.account,
                "client_reference": message.client_reference,
                "text": message.text,
                "extension": message.extension,
                "created_at": message.created_at.isoformat(),
                "deadline": message.deadline.isoformat(),
                "recipients": [recipient_item(recipient) for recipient in message.recipients],
                "expires_at": self._expires_at(message.created_at),
                "made": message.id,
                "created": message.id,
                "client_key": client_key(message.client, shard_of(message.id)),
                "reference_key": reference_key(message.client, message.client_reference),
                "hour": hour_key(ulid_time(message.id), shard_of(message.id)),
                # Of several numbers each has an item of its own: see `index`.
                "number_key": number_key(message.account, message.recipients[0].to)
                if len(message.recipients) == 1
                else None,
            }
        )
        if once is None:
            self._client.put_item(TableName=self._table, Item=item)
            return None
        key = {
            "pk": once_pk(once),
            "sk": ONCE,
            "message_id": message.id,
            "request_hash": once.request_hash,
            "expires_at": int((message.created_at + _ONCE_FOR).timestamp()),
        }
        try:
            self._client.transact_write_items(
                # boto3 may try again what it got no answer to; with the same token that is no second write.
                ClientRequestToken=stable_id(message.id, instead_of or ""),
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": to_item(key),
                            "ConditionExpression": _KEY_IS_FREE,
                            "ExpressionAttributeValues": to_item(
                                {":now": int(message.created_at.timestamp()), ":old": instead_of or "none"}
                            ),
                        }
                    },
                    {"Put": {"TableName": self._table, "Item": item}},
                ],
            )
        except self._client.exceptions.TransactionCanceledException:
            return self._standing(once)
        return None

    def index(self, message: Message) -> None:
        """See `bridge.ports.Messages`. 25 items a call, several calls at once."""
        if len(message.recipients) == 1:
            return
        rows = [
            to_item(
                {
                    "pk": message_pk(message.id),
                    "sk": NUMBER + recipient.to,
                    "number_key": number_key(message.account, recipient.to),
                    "made": message.id,
                    "reference_key": reference_key(message.client, recipient.client_reference),
                    "created": message.id if recipient.client_reference else None,
                    "expires_at": self._expires_at(message.created_at),
                }
            )
            for recipient in message.recipients
        ]
        batches = [rows[start : start + _BATCH_WRITE] for start in range(0, len(rows), _BATCH_WRITE)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._put, batches))

    def record(self, message: Message) -> None:
        """See `bridge.ports.Messages`."""
        values = to_item(
            {
                ":recipients": [recipient_item(recipient) for recipient in message.recipients],
                ":gateway_code": message.gateway_code,
            }
        )
        self._client.update_item(
            TableName=self._table,
            Key=to_item({"pk": message_pk(message.id), "sk": MESSAGE}),
            UpdateExpression="SET recipients = :recipients"
            + (", gateway_code = :gateway_code" if ":gateway_code" in values else ""),
            ExpressionAttributeValues=values,
            ConditionExpression="attribute_exists(pk)",
        )

    def find(self, message_id: str) -> Message | None:
        """See `bridge.ports.Messages`."""
        return self._read(message_id, with_reports=True)

    def owners(self, message_ids: Iterable[str]) -> Mapping[str, Owner]:
        """See `bridge.ports.Messages`."""
        wanted = [to_item({"pk": message_pk(message_id), "sk": MESSAGE}) for message_id in sorted(set(message_ids))]
        owners: dict[str, Owner] = {}
        for start in range(0, len(wanted), _BATCH_GET):
            for item in self._get(wanted[start : start + _BATCH_GET], _OWNER):
                owner = owner_of(item)
                owners[owner.message_id] = owner
        return owners

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

    def made_in(self, hour: datetime, shard: int, *, after: str) -> Sequence[str]:
        """See `bridge.ports.Messages`."""
        answer = self._client.query(
            TableName=self._table,
            IndexName="ByHour",
            KeyConditionExpression="#hour = :hour AND made > :after",
            ExpressionAttributeNames={"#hour": "hour"},  # a reserved word
            # DynamoDB takes no empty key; a space sorts before all ids.
            ExpressionAttributeValues=to_item({":hour": hour_key(hour, shard), ":after": after or " "}),
            Limit=_HOUR_PAGE,
        )
        return [from_item(item)["made"] for item in answer["Items"]]

    def apply(self, report: TrackedReport, *, day: date) -> Applied:
        """See `bridge.ports.Messages`.

        One conditional write: the row is new, or what stands in it is not final and this is final or newer. A final
        report and its count are one transaction.
        """
        update = {"Update": self._update(report)}

        def items(number: int) -> list[Any]:
            counted = _COUNTED.get(report.status)
            if counted is None:
                return [update]
            seed = report.message_id + report.to
            return [
                update,
                addition(self._table, account=report.account, day=day, name=counted, by=1, seed=seed, number=number),
            ]

        if write_together(self._client, items, sleep=self._sleep):
            return Applied.MOVED
        return self._write_down(report)

    def _update(self, report: TrackedReport) -> dict[str, Any]:
        silent = report.status is Status.UNKNOWN_EXPIRED  # nothing was reported: what was reported before stays
        values = to_item(
            {
                ":to": report.to,
                ":status": report.status,
                ":final": report.final,
                ":event_id": report.event_id,
                ":events": {report.event_id},
                ":reported_at": "" if silent else time_text(report.reported_at),
                ":expires_at": self._expires_at(ulid_time(report.message_id)),  # with its message
                ":no": False,
            }
        )
        sets = [
            "#to = :to",
            "#status = :status",
            "#final = :final",
            "event_id = :event_id",
            "expires_at = :expires_at",
            "reported_at = if_not_exists(reported_at, :reported_at)" if silent else "reported_at = :reported_at",
        ]
        if not silent:
            told = {
                "gateway_message_id": report.gateway_message_id,
                "gateway_status": report.gateway_status,
                "error_class": report.error_class,
            }
            values |= to_item({f":{name}": value for name, value in told.items()})
            sets += [f"{name} = :{name}" for name, value in told.items() if value is not None]
        open_still = "#final = :no AND NOT contains(events, :event_id)"
        if not report.final and not silent:
            open_still += " AND reported_at < :reported_at"
        return {
            "TableName": self._table,
            "Key": report_key(report),
            "UpdateExpression": f"SET {', '.join(sets)} ADD events :events",
            "ConditionExpression": f"attribute_not_exists(pk) OR ({open_still})",
            "ExpressionAttributeNames": {"#to": "to", "#status": "status", "#final": "final"},  # reserved words
            "ExpressionAttributeValues": values,
        }

    def _write_down(self, report: TrackedReport) -> Applied:
        """Why a report was not applied, written into the row, so that the same event is not counted again."""
        item = self._client.get_item(TableName=self._table, Key=report_key(report), ConsistentRead=True).get("Item")
        why = _why_not(report, from_item(item or {}))
        if why in {Applied.REPEATED, Applied.STALE}:
            return why
        update = "ADD events :events"
        values: dict[str, object] = {
            ":events": {report.event_id},
            ":event_id": report.event_id,
            ":many": _EVENTS,
        }
        if why is Applied.CONTRADICTION:
            update = f"SET contradiction = :contradiction {update}"
            values[":contradiction"] = {
                "event_id": report.event_id,
                "status": str(report.status),
                "gateway_status": report.gateway_status,
                "reported_at": time_text(report.reported_at),
            }
        try:
            self._client.update_item(
                TableName=self._table,
                Key=report_key(report),
                UpdateExpression=update,
                ConditionExpression=(
                    "attribute_exists(pk) AND NOT contains(events, :event_id) "
                    "AND (attribute_not_exists(events) OR size(events) < :many)"
                ),
                ExpressionAttributeValues=to_item(values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return Applied.REPEATED
        return why

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
                    message = message_of(message_id, item)
                elif message is not None:  # which sorts before its reports
                    report = report_of(message, item)
                    reports[report.to] = report
        return message.with_reports(reports) if message else None

    def _standing(self, once: Once) -> Standing:
        """What the key stands for. Where another transaction cancelled ours at this moment, that is nothing yet."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": once_pk(once)}),
            ConsistentRead=True,
        )
        for found in map(from_item, answer["Items"]):
            message = self._read(found["message_id"], with_reports=False)
            if message is not None:
                return Standing(message=message, request_hash=found["request_hash"])
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
        return [from_item(item)["made"] for item in answer["Items"]]

    def _outbound(self, message_ids: set[str], numbers: frozenset[str]) -> dict[tuple[str, str], Outbound]:
        """By message and number; of a message to a thousand numbers, those that are asked for."""
        wanted = [to_item({"pk": message_pk(message_id), "sk": MESSAGE}) for message_id in sorted(message_ids)]
        outbound: dict[tuple[str, str], Outbound] = {}
        for start in range(0, len(wanted), _BATCH_GET):
            for item in self._get(wanted[start : start + _BATCH_GET], f"{_OWNER}, extension, recipients"):
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

    def _put(self, rows: list[Any]) -> None:
        requests: Any = [{"PutRequest": {"Item": row}} for row in rows]
        for _ in self._rounds():
            answer = self._client.batch_write_item(RequestItems={self._table: requests})
            requests = answer.get("UnprocessedItems", {}).get(self._table)
            if not requests:
                return
        raise TimeoutError(f"DynamoDB left {len(requests)} items unprocessed after {_BATCH_ROUNDS} rounds")

    def _rounds(self) -> Iterator[int]:
        """As often as a batch is asked for, with a pause in between."""
        for number in range(_BATCH_ROUNDS):
            if number:
                self._sleep(_FIRST_PAUSE * 2**number)
            yield number

    def _get(self, keys: list[Any], projection: str) -> Iterable[dict[str, Any]]:
        for _ in self._rounds():
            answer = self._client.batch_get_item(
                RequestItems={
                    self._table: {
                        "Keys": keys,
                        "ProjectionExpression": projection,
                        "ConsistentRead": True,  # a report can be quicker than the replicas
                    }
                }
            )
            yield from map(from_item, answer["Responses"].get(self._table, []))
            if self._table not in answer["UnprocessedKeys"]:
                return
            keys = list(answer["UnprocessedKeys"][self._table]["Keys"])
        raise TimeoutError(f"DynamoDB left {len(keys)} keys unprocessed after {_BATCH_ROUNDS} rounds")

    def _expires_at(self, created_at: datetime) -> int:
        return int((created_at + self._retention).timestamp())


def _why_not(report: TrackedReport, standing: Mapping[str, Any]) -> Applied:
    if report.event_id == standing.get("event_id") or report.event_id in standing.get("events", ()):
        return Applied.REPEATED
    # An early report that was attached came by another event; a replay of the journal brings the first one again.
    told = ("gateway_message_id", "gateway_status", "reported_at")
    if [standing.get(name) for name in told] == [
        report.gateway_message_id,
        report.gateway_status,
        time_text(report.reported_at),
    ]:
        return Applied.REPEATED
    if standing.get("status") == report.status:
        return Applied.DUPLICATE
    return Applied.CONTRADICTION if report.final else Applied.STALE
