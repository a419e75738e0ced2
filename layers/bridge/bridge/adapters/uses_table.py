"""What clients have used of their limits: the item `use#<client>` of StateTable.

| attribute | |
|---|---|
| `free_at` | microseconds since 1970: what the rate allows is used up until then |
| `day`, `messages`, `segments` | what was counted on the last day on which something was |
| `expires_at` | TTL: when neither means anything any more |
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, standing_item, to_item
from bridge.domain.errors import RateLimited
from bridge.domain.limits import Limits, Taking, Tally, Use, admitted, end_of
from bridge.domain.pace import MICROSECONDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# The second time it is known what stands there. Every further time somebody has crossed a border in between: midnight,
# or the moment at which nobody waits for the rate.
_ROUNDS: Final = 6
_KEPT: Final = 86_400  # seconds that the item outlives its use


class UsesTable:
    """`bridge.ports.Uses` on DynamoDB: one conditional write for rate and caps together.

    The write adds to what stands there, whatever that is, and holds only where the limits let the request through. So
    those who take at the same moment are not in each other's way, and nothing is read. What it adds to is one of four
    cases (the same day or a new one, the rate in use or idle), guessed by what was seen last; where that was wrong,
    what stands there comes back with the refusal. What was seen only grows, so that what it refuses is refused now.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table
        self._seen: dict[str, Tally] = {}

    def take(self, client: str, limits: Limits, use: Use, *, now: datetime) -> None:
        """See `bridge.ports.Uses`."""
        for _ in range(_ROUNDS):
            taking = admitted(limits, use, self._seen.get(client, Tally()), now)
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(client),
                    **_writing(taking, paced=limits.rate is not None),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as exc:
                self._seen[client] = _tally_of(standing_item(exc))
            else:
                self._seen[client] = _tally_of(from_item(answer["Attributes"]))
                return
        raise RateLimited("too many requests of the client at this very moment; nothing was sent", retry_after=1)

    def of(self, client: str, *, now: datetime) -> Tally:
        """See `bridge.ports.Uses`."""
        answer = self._client.get_item(TableName=self._table, Key=_key(client), ConsistentRead=True)
        return _tally_of(from_item(answer.get("Item", {}))).on(now)


def _writing(taking: Taking, *, paced: bool) -> dict[str, Any]:
    """The update's expressions."""
    kept_until = max(taking.latest + taking.length, int(end_of(taking.day).timestamp()) * MICROSECONDS)
    values: dict[str, Any] = {
        ":day": taking.day,
        ":messages": taking.use.messages,
        ":segments": taking.use.segments,
        ":expires_at": kept_until // MICROSECONDS + _KEPT,
    }
    sets, adds, conditions = ["expires_at = :expires_at"], [], []
    if taking.new_day:
        sets += ["#day = :day", "messages = :messages", "#segments = :segments"]
        conditions.append("(attribute_not_exists(#day) OR #day < :day)")
    else:
        adds += ["messages :messages", "#segments :segments"]
        conditions.append("#day = :day")
        for name, attribute in (("messages", "messages"), ("segments", "#segments")):
            if (room := taking.room[name]) is not None:
                values[f":{name}_before"] = room
                conditions.append(f"{attribute} <= :{name}_before")
    if paced:
        if taking.idle:
            values |= {":now": taking.now, ":free_at": taking.now + taking.length}
            sets.append("free_at = :free_at")
            conditions.append("(attribute_not_exists(free_at) OR free_at <= :now)")
        else:
            values |= {":now": taking.now, ":latest": taking.latest, ":length": taking.length}
            adds.append("free_at :length")
            conditions.append("free_at BETWEEN :now AND :latest")
    return {
        "UpdateExpression": f"SET {', '.join(sets)}" + (f" ADD {', '.join(adds)}" if adds else ""),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {"#day": "day", "#segments": "segments"},  # reserved words
        "ExpressionAttributeValues": to_item(values),
    }


def _tally_of(item: dict[str, Any]) -> Tally:
    return Tally(
        free_at=int(item.get("free_at", 0)),
        day=item.get("day", ""),
        messages=int(item.get("messages", 0)),
        segments=int(item.get("segments", 0)),
    )


def _key(client: str) -> Any:
    return to_item({"pk": f"use#{client}"})
