"""MessagesTable: a message is an item, and so is each reported recipient of it.

| pk | sk | what |
|---|---|---|
| `message#<id>` | `message` | the claim, the request and how the submit ended: two writes |
| `message#<id>` | `report#<number>` | what was reported of one recipient |
| `once#<hash of client and key>` | `once` | which message an `Idempotency-Key` stands for, for 24 h |
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, standing_item, to_item
from bridge.domain.errors import StillInFlight
from bridge.domain.ids import stable_id, ulid_time
from bridge.domain.messages import Applied, Message, Once, Owner, Recipient, Standing, Status, TrackedReport

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MESSAGE: Final = "message"
_REPORT: Final = "report#"
_ONCE: Final = "once"
_ONCE_FOR: Final = timedelta(hours=24)
_KEY_IS_FREE: Final = "attribute_not_exists(pk) OR expires_at <= :now OR message_id = :old"
_BATCH_GET: Final = 100  # keys in one BatchGetItem: the service's limit
_BATCH_ROUNDS: Final = 5  # how often what it left unprocessed is asked for again


class MessagesTable:
    """`bridge.ports.Messages` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str, *, retention: timedelta) -> None:
        self._client = client
        self._table = table
        self._retention = retention

    def claim(self, message: Message, once: Once | None = None, *, instead_of: str | None = None) -> Standing | None:
        """See `bridge.ports.Messages`. With `once` two items in one transaction, else one."""
        item = to_item(
            {
                "pk": _pk(message.id),
                "sk": _MESSAGE,
                "client": message.client,
                "account": message.account,
                "client_reference": message.client_reference,
                "text": message.text,
                "extension": message.extension,
                "created_at": message.created_at.isoformat(),
                "deadline": message.deadline.isoformat(),
                "recipients": [_recipient_item(recipient) for recipient in message.recipients],
                "expires_at": self._expires_at(message.created_at),
            }
        )
        if once is None:
            self._client.put_item(TableName=self._table, Item=item)
            return None
        key = {
            "pk": _once_pk(once),
            "sk": _ONCE,
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

    def record(self, message: Message) -> None:
        """See `bridge.ports.Messages`."""
        values = to_item(
            {
                ":recipients": [_recipient_item(recipient) for recipient in message.recipients],
                ":gateway_code": message.gateway_code,
            }
        )
        self._client.update_item(
            TableName=self._table,
            Key=to_item({"pk": _pk(message.id), "sk": _MESSAGE}),
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
        wanted = [to_item({"pk": _pk(message_id), "sk": _MESSAGE}) for message_id in sorted(set(message_ids))]
        owners: dict[str, Owner] = {}
        for start in range(0, len(wanted), _BATCH_GET):
            for item in self._get(wanted[start : start + _BATCH_GET]):
                message_id = item["pk"].removeprefix(_pk(""))
                owners[message_id] = Owner(
                    message_id=message_id,
                    account=item["account"],
                    client=item["client"],
                    client_reference=item.get("client_reference"),
                )
        return owners

    def apply(self, report: TrackedReport) -> Applied:
        """See `bridge.ports.Messages`.

        One conditional write: the row is new, or what stands in it is not final and this is final or newer.
        """
        item = {
            "pk": _pk(report.message_id),
            "sk": _REPORT + report.to,
            "event_id": report.event_id,
            "to": report.to,
            "status": report.status,
            "final": report.final,
            "gateway_message_id": report.gateway_message_id,
            "gateway_status": report.gateway_status,
            "error_class": report.error_class,
            "reported_at": report.reported_at.isoformat() if report.reported_at else "",
            "expires_at": self._expires_at(ulid_time(report.message_id)),  # with its message
        }
        conditions: dict[str, object] = {":no": False}
        condition = "attribute_not_exists(pk) OR #final = :no"
        if not report.final:
            conditions[":reported_at"] = item["reported_at"]
            condition = "attribute_not_exists(pk) OR (#final = :no AND reported_at < :reported_at)"
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_item(item),
                ConditionExpression=condition,
                ExpressionAttributeNames={"#final": "final"},  # a reserved word
                ExpressionAttributeValues=to_item(conditions),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            return _why_not(report, standing_item(exc))
        return Applied.MOVED

    def _read(self, message_id: str, *, with_reports: bool) -> Message | None:
        message: Message | None = None
        reports: dict[str, TrackedReport] = {}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk" if with_reports else "pk = :pk AND sk = :sk",
            ExpressionAttributeValues=to_item({":pk": _pk(message_id), ":sk": None if with_reports else _MESSAGE}),
            ConsistentRead=True,  # whoever was just told the id may ask for it at once
        )
        for page in pages:
            for item in map(from_item, page["Items"]):
                if item["sk"] == _MESSAGE:
                    message = _message(message_id, item)
                else:
                    report = _tracked(message_id, item)
                    reports[report.to] = report
        return message.with_reports(reports) if message else None

    def _standing(self, once: Once) -> Standing:
        """What the key stands for. Where another transaction cancelled ours at this moment, that is nothing yet."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _once_pk(once)}),
            ConsistentRead=True,
        )
        for found in map(from_item, answer["Items"]):
            message = self._read(found["message_id"], with_reports=False)
            if message is not None:
                return Standing(message=message, request_hash=found["request_hash"])
        raise StillInFlight("another request with this Idempotency-Key is being carried out")

    def _get(self, keys: list[Any]) -> Iterable[dict[str, Any]]:
        for _ in range(_BATCH_ROUNDS):
            answer = self._client.batch_get_item(
                RequestItems={
                    self._table: {
                        "Keys": keys,
                        "ProjectionExpression": "pk, account, client, client_reference",
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


def _pk(message_id: str) -> str:
    return f"message#{message_id}"


def _once_pk(once: Once) -> str:
    return f"once#{once.key_hash}"


def _recipient_item(recipient: Recipient) -> dict[str, object]:
    item = {
        "to": recipient.to,
        "status": str(recipient.status),
        "gateway_message_id": recipient.gateway_message_id,
        "billed_segments": recipient.billed_segments,
    }
    return {name: value for name, value in item.items() if value is not None}


def _message(message_id: str, item: Mapping[str, Any]) -> Message:
    code = item.get("gateway_code")
    return Message(
        id=message_id,
        client=item["client"],
        account=item["account"],
        client_reference=item.get("client_reference"),
        text=item["text"],
        extension=item["extension"],
        created_at=datetime.fromisoformat(item["created_at"]),
        deadline=datetime.fromisoformat(item["deadline"]),
        gateway_code=int(code) if code is not None else None,
        recipients=tuple(
            Recipient(
                to=recipient["to"],
                status=Status(recipient["status"]),
                gateway_message_id=recipient.get("gateway_message_id"),
                billed_segments=int(recipient["billed_segments"]) if "billed_segments" in recipient else None,
            )
            for recipient in item["recipients"]
        ),
    )


def _tracked(message_id: str, item: Mapping[str, Any]) -> TrackedReport:
    return TrackedReport(
        event_id=item["event_id"],
        message_id=message_id,
        to=item["to"],
        status=Status(item["status"]),
        final=item["final"],
        gateway_message_id=item.get("gateway_message_id"),
        gateway_status=item["gateway_status"],
        error_class=item.get("error_class"),
        reported_at=datetime.fromisoformat(item["reported_at"]) if item["reported_at"] else None,
    )


def _why_not(report: TrackedReport, standing: Mapping[str, Any]) -> Applied:
    if standing.get("event_id") == report.event_id:
        return Applied.REPEATED
    if standing.get("status") == report.status:
        return Applied.DUPLICATE
    return Applied.CONTRADICTION if report.final else Applied.STALE
