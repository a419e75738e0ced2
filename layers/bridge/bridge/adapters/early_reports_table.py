"""Early reports in MessagesTable: `early#<event id>`, sk `early`; while they wait they are in ByHour, by the minute."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, to_item
from bridge.adapters.day_counts_table import addition
from bridge.adapters.transactions import write_together
from bridge.domain.events import tracked_report
from bridge.domain.messages import EarlyReport, Owner, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PAGE: Final = 500
_COUNTED: Final = {Status.DELIVERED: "foreign_delivered", Status.UNDELIVERED: "foreign_failed"}


class EarlyReportsTable:
    """`bridge.ports.EarlyReports` on DynamoDB."""

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

    def keep(self, report: EarlyReport, *, at: datetime, day: date) -> bool:
        """See `bridge.ports.EarlyReports`. The row outlasts the wait: by it a repeat is known, and not counted."""
        put = {
            "Put": {
                "TableName": self._table,
                "Item": to_item(
                    {
                        **_key(report),
                        "hour": _minute(at),
                        "made": report.event_id,
                        "event": report.event,
                        "expires_at": int((at + self._retention).timestamp()),
                    }
                ),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }
        return self._write(put, report, day, by=1)

    def kept_in(self, minute: datetime, *, after: str) -> Sequence[EarlyReport]:
        """See `bridge.ports.EarlyReports`."""
        answer = self._client.query(
            TableName=self._table,
            IndexName="ByHour",
            KeyConditionExpression="#hour = :hour AND made > :after",
            ExpressionAttributeNames={"#hour": "hour"},  # a reserved word
            ExpressionAttributeValues=to_item({":hour": _minute(minute), ":after": after or " "}),
            Limit=_PAGE,
        )
        found = [tracked_report(from_item(item)["event"]) for item in answer["Items"]]
        return [report for report in found if isinstance(report, EarlyReport)]

    def attach(self, report: EarlyReport, owner: Owner, *, day: date) -> None:
        """See `bridge.ports.EarlyReports`."""
        update = {
            "Update": {
                "TableName": self._table,
                "Key": to_item(_key(report)),
                "UpdateExpression": "SET message_id = :message_id REMOVE #hour",
                "ConditionExpression": "attribute_exists(#hour)",
                "ExpressionAttributeNames": {"#hour": "hour"},
                "ExpressionAttributeValues": to_item({":message_id": owner.message_id}),
            }
        }
        self._write(update, report, day, by=-1)

    def _write(self, write: dict[str, Any], report: EarlyReport, day: date, *, by: int) -> bool:
        def items(number: int) -> list[Any]:
            counted = _COUNTED.get(report.status)
            if counted is None:
                return [write]
            return [
                write,
                addition(
                    self._table,
                    account=report.account,
                    day=day,
                    name=counted,
                    by=by,
                    seed=report.event_id,
                    number=number,
                ),
            ]

        return write_together(self._client, items, sleep=self._sleep)


def _key(report: EarlyReport) -> dict[str, object]:
    return {"pk": f"early#{report.event_id}", "sk": "early"}


def _minute(at: datetime) -> str:
    return f"early#{at.astimezone(UTC):%Y-%m-%dT%H:%M}"
