"""The items `once#…` of MessagesTable: what an `Idempotency-Key` stands for, for 24 h."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, to_item
from bridge.adapters.message_items import ONCE, once_pk
from bridge.domain.messages import Once

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT: Final = timedelta(hours=24)
_IS_FREE: Final = "attribute_not_exists(pk) OR expires_at <= :now OR message_id = :old"


def key_put(table: str, once: Once, stands_for: str, *, now: datetime, instead_of: str | None = None) -> Any:
    """The key, as a part of the transaction that writes what it stands for; it fails where the key is not free.

    Args:
        table: MessagesTable.
        once: the key.
        stands_for: the id of a message or batch.
        now: when it is taken.
        instead_of: the id that it may stand for until then.
    """
    item = {
        "pk": once_pk(once),
        "sk": ONCE,
        "message_id": stands_for,
        "request_hash": once.request_hash,
        "expires_at": int((now + _KEPT).timestamp()),
    }
    return {
        "Put": {
            "TableName": table,
            "Item": to_item(item),
            "ConditionExpression": _IS_FREE,
            "ExpressionAttributeValues": to_item({":now": int(now.timestamp()), ":old": instead_of or "none"}),
        }
    }


def standing_key(
    client: "DynamoDBClient", table: str, once: Once, *, now: datetime | None = None
) -> tuple[str, str] | None:
    """The id that a key stands for, and the hash of its request. None where it is not there, or not yet.

    With `now`, None too where it may be taken anew by then.
    """
    # A query, and not a GetItem, for which whoever sends messages would need one right more.
    answer = client.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=to_item({":pk": once_pk(once)}),
        ConsistentRead=True,
    )
    found = next(map(from_item, answer["Items"]), None)
    if found is None or (now is not None and found["expires_at"] <= int(now.timestamp())):
        return None
    return found["message_id"], found["request_hash"]
