"""StateTable: leases of the pulls, slots of the statistics limit, what was learned for a while.

| pk | what |
|---|---|
| `pull#<account>#<kind>` | the lease: fence, pull in flight, end; dangling pulls; when one last ended, had records |
| `slots#<account>` | when the last three statistics calls were made |
| `statistics#<account>#<start>#<end>` | an answer, until `fresh_until` |
| `walk#<name>` | how far a walk through what is due has got |
| `sweep#<account>#<kind>` | how far the journal is known to be published, and what waits |
| `watch#<account>` | what the watchers know of the account: see `bridge.domain.watches` |
| `reconciled#<account>` | the day on which it was last compared with the gateway's statistics |
| `pace#<account>` | from when on its next recipients may go: see `bridge.domain.pace` |
"""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bridge.adapters.aws import from_item, standing_item, to_item
from bridge.domain.pulls import Intent, Kind, PullId
from bridge.domain.sweeps import Sweep, Waiting
from bridge.domain.walks import Place
from eums import DayStatistics

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SLOTS: Final = 3  # 查询账户下行统计, 频次限制：每分钟 3 次
# A call is counted by the gateway when it arrives, by us when it is made: two seconds for the difference.
_WINDOW: Final = 62.0
_TRIES: Final = 5


class PullLeases:
    """`bridge.ports.Leases` on DynamoDB: one conditional write to begin, one to complete.

    A lease that nobody gave back costs a second write, which moves its pull into the set `dangling` as it puts the
    new one in its place: whoever dies after that leaves both behind.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def begin(self, pull: PullId, *, expires_at: datetime) -> Intent | None:
        """See `bridge.ports.Leases`."""
        try:
            before = self._write_intent(pull, expires_at, only_if="attribute_not_exists(pk) OR in_flight = :no")
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            standing = standing_item(exc)
            if _is_of(standing, pull):
                return _own_intent(pull, expires_at, standing)
            if standing["leased_until"] >= _number(pull.begun_at):
                return None
            return self._take_over(pull, expires_at, standing)
        return Intent(
            pull=pull, expires_at=expires_at, fence=int(before.get("fence", 0)) + 1, dangling=_dangling(pull, before)
        )

    def settle(self, dangling: PullId) -> None:
        """See `bridge.ports.Leases`."""
        self._client.update_item(
            TableName=self._table,
            Key=_lease_key(dangling),
            UpdateExpression="DELETE dangling :settled",
            ExpressionAttributeValues=to_item({":settled": {_remembered(dangling.id, dangling.begun_at.isoformat())}}),
        )

    def complete(self, intent: Intent, *, at: datetime, brought_records: bool, suspended: bool = False) -> bool:
        """See `bridge.ports.Leases`: the fencing number keeps a stale puller from completing a newer pull."""
        update = "SET in_flight = :no, completed_at = :at, suspended = :suspended"
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_lease_key(intent.pull),
                UpdateExpression=f"{update}, records_at = :at" if brought_records else update,
                ConditionExpression="fence = :fence",
                ExpressionAttributeValues=to_item(
                    {":no": False, ":fence": intent.fence, ":at": at.isoformat(), ":suspended": suspended}
                ),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _take_over(self, pull: PullId, expires_at: datetime, ended: dict[str, Any]) -> Intent | None:
        memory = _remembered(ended["pull_id"], ended["begun_at"])
        try:
            before = self._write_intent(
                pull,
                expires_at,
                only_if="fence = :fence AND in_flight = :yes",
                and_also="ADD dangling :dangling",
                values={":fence": ended["fence"], ":dangling": {memory}},
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            standing = standing_item(exc)
            return _own_intent(pull, expires_at, standing) if _is_of(standing, pull) else None
        return Intent(
            pull=pull,
            expires_at=expires_at,
            fence=int(before["fence"]) + 1,
            dangling=_dangling(pull, {"dangling": {*before.get("dangling", ()), memory}}),
        )

    def _write_intent(
        self,
        pull: PullId,
        expires_at: datetime,
        *,
        only_if: str,
        and_also: str = "",
        values: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Put the pull into the lease; what stood there before."""
        given = {
            ":zero": 0,
            ":one": 1,
            ":pull_id": pull.id,
            ":begun_at": pull.begun_at.isoformat(),
            ":until": _number(expires_at),
            ":yes": True,
            **(values or {":no": False}),
        }
        answer = self._client.update_item(
            TableName=self._table,
            Key=_lease_key(pull),
            UpdateExpression=(
                "SET fence = if_not_exists(fence, :zero) + :one, pull_id = :pull_id, begun_at = :begun_at, "
                f"leased_until = :until, in_flight = :yes {and_also}"
            ),
            ConditionExpression=only_if,
            ExpressionAttributeValues=to_item(given),
            ReturnValues="ALL_OLD",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return from_item(answer.get("Attributes", {}))


class StatisticsSlots:
    """`bridge.ports.Slots` on DynamoDB: three calls in any minute, whoever makes them."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def take(self, account: str, now: datetime) -> float:
        """See `bridge.ports.Slots`."""
        key = to_item({"pk": f"slots#{account}"})
        for _ in range(_TRIES):
            item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})
            standing = from_item(item)
            taken = [float(at) for at in standing.get("taken", [])]
            recent = [at for at in taken if at > now.timestamp() - _WINDOW]
            if len(recent) >= _SLOTS:
                return min(recent) + _WINDOW - now.timestamp()
            if self._write(key, [*recent, now.timestamp()], int(standing.get("version", 0)), now):
                return 0.0
        return 1.0  # many ask at this very moment: the next one may be luckier

    def exhaust(self, account: str, now: datetime) -> None:
        """See `bridge.ports.Slots`."""
        self._client.update_item(
            TableName=self._table,
            Key=to_item({"pk": f"slots#{account}"}),
            UpdateExpression="SET taken = :taken, expires_at = :expires_at ADD version :one",
            ExpressionAttributeValues=to_item(
                {":taken": [_number(now)] * _SLOTS, ":expires_at": _expiry(now + timedelta(hours=1)), ":one": 1}
            ),
        )

    def _write(self, key: Any, taken: list[float], version: int, now: datetime) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET taken = :taken, expires_at = :expires_at, version = :next",
                ConditionExpression="attribute_not_exists(pk) OR version = :version",
                ExpressionAttributeValues=to_item(
                    {
                        ":taken": [Decimal(str(at)) for at in taken],
                        ":expires_at": _expiry(now + timedelta(hours=1)),
                        ":version": version,
                        ":next": version + 1,
                    }
                ),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


class StatisticsCache:
    """`bridge.ports.StatisticsCache` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def get(self, account: str, start: date, end: date, now: datetime) -> tuple[DayStatistics, ...] | None:
        """See `bridge.ports.StatisticsCache`."""
        key = to_item({"pk": _statistics_pk(account, start, end)})
        item = self._client.get_item(TableName=self._table, Key=key).get("Item")
        if not item:
            return None
        standing = from_item(item)
        # DynamoDB removes an expired item when it gets to it, which can be days later.
        if float(standing["fresh_until"]) <= now.timestamp():
            return None
        return tuple(
            DayStatistics(date.fromisoformat(day), submit, delivrd, undeliv, unknown)
            for day, submit, delivrd, undeliv, unknown in json.loads(standing["days"])
        )

    def put(self, account: str, start: date, end: date, days: tuple[DayStatistics, ...], expires_at: datetime) -> None:
        """See `bridge.ports.StatisticsCache`."""
        rows = [[day.date.isoformat(), day.submit, day.delivrd, day.undeliv, day.unknown] for day in days]
        self._client.put_item(
            TableName=self._table,
            Item=to_item(
                {
                    "pk": _statistics_pk(account, start, end),
                    "days": json.dumps(rows),
                    "fresh_until": _number(expires_at),
                    "expires_at": _expiry(expires_at),
                }
            ),
        )


class JournalSweeps:
    """`bridge.ports.Sweeps` on DynamoDB: one item for (account, kind)."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def load(self, account: str, kind: Kind) -> Sweep:
        """See `bridge.ports.Sweeps`."""
        key = to_item({"pk": _sweep_pk(account, kind)})
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        if not item:
            return Sweep()
        standing = from_item(item)
        return Sweep(
            until=standing["until"],
            waiting=tuple(
                Waiting(key=one["key"], tries=int(one["tries"]), again_at=datetime.fromisoformat(one["again_at"]))
                for one in standing["waiting"]
            ),
            version=int(standing["version"]),
        )

    def save(self, account: str, kind: Kind, sweep: Sweep) -> bool:
        """See `bridge.ports.Sweeps`."""
        waiting = [{"key": one.key, "tries": one.tries, "again_at": one.again_at.isoformat()} for one in sweep.waiting]
        item = {
            "pk": _sweep_pk(account, kind),
            "until": sweep.until,
            "waiting": waiting,
            "version": sweep.version + 1,
        }
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_item(item),
                ConditionExpression="attribute_not_exists(pk) OR version = :version",
                ExpressionAttributeValues=to_item({":version": sweep.version}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


class Reconciliations:
    """`bridge.ports.Reconciliations` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def last(self, account: str) -> date | None:
        """See `bridge.ports.Reconciliations`."""
        key = to_item({"pk": f"reconciled#{account}"})
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return date.fromisoformat(from_item(item)["day"]) if item else None

    def done(self, account: str, today: date) -> None:
        """See `bridge.ports.Reconciliations`."""
        item = to_item({"pk": f"reconciled#{account}", "day": today.isoformat()})
        self._client.put_item(TableName=self._table, Item=item)


class WalkProgress:
    """`bridge.ports.Progress` on DynamoDB.

    Two runs at once may set each other back: then something is visited again, and nothing is left out.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def reached(self, walk: str) -> Place | None:
        """See `bridge.ports.Progress`."""
        key = to_item({"pk": f"walk#{walk}"})
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        if not item:
            return None
        standing = from_item(item)
        return Place(at=datetime.fromisoformat(standing["at"]), shard=int(standing["shard"]), after=standing["after"])

    def remember(self, walk: str, place: Place) -> None:
        """See `bridge.ports.Progress`."""
        values = {"pk": f"walk#{walk}", "at": place.at.isoformat(), "shard": place.shard, "after": place.after}
        self._client.put_item(TableName=self._table, Item=to_item(values))


def _lease_key(pull: PullId) -> Any:
    return to_item({"pk": f"pull#{pull.account}#{pull.kind}"})


def _is_of(standing: dict[str, Any], pull: PullId) -> bool:
    """Whether the lease is already this pull's: our own write, whose answer was lost and which boto3 tried again."""
    return standing.get("pull_id") == pull.id and standing.get("in_flight") is True


def _own_intent(pull: PullId, expires_at: datetime, standing: dict[str, Any]) -> Intent:
    return Intent(pull=pull, expires_at=expires_at, fence=int(standing["fence"]), dangling=_dangling(pull, standing))


def _remembered(pull_id: str, begun_at: str) -> str:
    return f"{pull_id} {begun_at}"


def _dangling(pull: PullId, item: dict[str, Any]) -> tuple[PullId, ...]:
    memories = (memory.partition(" ") for memory in sorted(item.get("dangling", ())))
    return tuple(
        PullId(account=pull.account, kind=pull.kind, id=pull_id, begun_at=datetime.fromisoformat(begun_at))
        for pull_id, _, begun_at in memories
    )


def _sweep_pk(account: str, kind: Kind) -> str:
    return f"sweep#{account}#{kind}"


def _statistics_pk(account: str, start: date, end: date) -> str:
    return f"statistics#{account}#{start:%Y%m%d}#{end:%Y%m%d}"


def _number(at: datetime) -> Decimal:
    return Decimal(str(at.timestamp()))


def _expiry(at: datetime) -> int:
    return int(at.timestamp()) + 1
