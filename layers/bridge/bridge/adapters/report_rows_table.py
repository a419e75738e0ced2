"""What was reported of each recipient, in MessagesTable: `message#<id>`, sk `report#<number>`; and the day's tallies.

A report is one conditional write. What is final is counted by a second one, which many reports share: an item that
lists them (`bridge.adapters.day_counts_table`). Who dies in between leaves a row that nobody has listed. SQS then hands
the same reports out again, they are found in their rows, and listed from there; what is listed twice counts once.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import standing_item, to_item
from bridge.adapters.day_counts_table import Counted, put_tallies
from bridge.adapters.message_items import batch_key, expires_at, report_key, time_text
from bridge.domain.ids import ulid_time
from bridge.domain.messages import Applied, Status, TrackedReport

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AT_ONCE: Final = 10  # writes in flight
_EVENTS: Final = 200  # event ids that a row remembers: so many reports of one recipient are more than anybody sends
_COUNTED: Final = frozenset({Status.DELIVERED, Status.UNDELIVERED})


class ReportRowsTable:
    """What `bridge.adapters.messages_table` leaves to it."""

    def __init__(self, client: "DynamoDBClient", table: str, *, retention: timedelta) -> None:
        self._client = client
        self._table = table
        self._retention = retention

    def apply_all(self, reports: Sequence[tuple[TrackedReport, date]]) -> list[Applied | Exception]:
        """See `bridge.ports.Messages`. Several writes at once; those of one row in the order in which they came."""
        rows: dict[tuple[str, str], list[int]] = {}
        for index, (report, _) in enumerate(reports):
            rows.setdefault((report.message_id, report.to), []).append(index)
        applied: list[Applied | Exception] = [Applied.STALE] * len(reports)
        counted: dict[int, Counted] = {}

        def write(indexes: list[int]) -> None:
            for index in indexes:
                try:
                    applied[index], final = self._apply(*reports[index])
                except Exception as exc:  # noqa: BLE001 - whatever it is, the other reports are written down
                    applied[index] = exc
                else:
                    if final is not None:
                        counted[index] = final

        if len(rows) == 1:
            write(*rows.values())
        else:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(write, rows.values()))
        for index, exc in put_tallies(self._client, self._table, counted).items():
            applied[index] = exc  # it comes again, and is listed then
        return applied

    def _apply(self, report: TrackedReport, day: date) -> tuple[Applied, Counted | None]:
        """One conditional write: the row is new, or what stands in it is not final and this is final or newer.

        Returns, too, what is to be listed: what this report made of the row, or what it had made of it before, by a
        process that may have died before it could.
        """
        counted = self._counted(report, day)
        try:
            self._client.update_item(**self._update(report, counted))
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            standing = standing_item(exc)
            applied = self._write_down(report, standing)
            return applied, Counted.of_row(report, standing) if applied is Applied.REPEATED else None
        return Applied.MOVED, counted

    def _counted(self, report: TrackedReport, day: date) -> Counted | None:
        if report.status not in _COUNTED:
            return None
        submitted_at = report.submitted_at or ulid_time(report.message_id)
        return Counted.at(report, day, submitted_at, expires_at=expires_at(submitted_at, self._retention))

    def _update(self, report: TrackedReport, counted: Counted | None) -> dict[str, Any]:
        silent = report.status is Status.UNKNOWN_EXPIRED  # nothing was reported: what was reported before stays
        submitted_at = report.submitted_at or ulid_time(report.message_id)
        values = to_item(
            {
                ":to": report.to,
                ":status": report.status,
                ":final": report.final,
                ":event_id": report.event_id,
                ":events": {report.event_id},
                ":reported_at": "" if silent else time_text(report.reported_at),
                ":expires_at": expires_at(submitted_at, self._retention),  # with its message
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
        if report.batch_id:
            values |= to_item({":batch_key": batch_key(report.message_id, report.batch_id)})
            sets.append("batch_key = :batch_key")
        if counted:
            values |= to_item({":counted": counted.where})
            sets.append("counted = :counted")
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
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _write_down(self, report: TrackedReport, standing: Mapping[str, Any]) -> Applied:
        """Why a report was not applied, written into the row, so that the same event is not counted again."""
        why = _why_not(report, standing)
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
