"""Asks every source for its own list, when the books are to be closed."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from http import HTTPStatus
from typing import Any, Final

from local import stack
from tests.soak.books import OPEN
from tests.soak.evidence import DeadLetter, Evidence, Kept, Recorded
from tests.soak.ledger import marker_of
from tests.soak.load import ACCOUNTS, Load
from tests.soak.stage import Stage

_CHINA: Final = timezone(timedelta(hours=8))  # the accounts' zone
_LISTED: Final = ("delivered", "failed")
_ADDED: Final = ("foreign_delivered", "foreign_failed")
_HASH: Final = 10  # bytes of each recipient in a list
_LONG: Final = 43_200  # seconds; SQS's longest
_SCHEDULED: Final = frozenset({"pull-reports", "pull-inbound", "sweep", "attend", "watch", "reconcile"})


class Gathering:
    """Gathers the evidence; what cannot change any more is not asked for again."""

    def __init__(self, stage: Stage, load: Load, began: datetime) -> None:
        self._stage, self._load, self._began = stage, load, began
        self._kept: dict[str, Kept] = {}
        self._letters: dict[str, DeadLetter] = {}

    def quiet(self) -> str:
        """What is still under way, as far as a look at the queues tells; empty: nothing."""
        for what, count in (
            ("records wait at the gateway", self._waiting()),
            ("in the stack's queues", sum(self._depths().values())),
            ("pages not published", sum(not kept.published for kept in self._journal())),
        ):
            if count:
                return f"{count} {what}"
        return ""

    def evidence(self) -> Evidence:
        """All of it."""
        stage = self._stage
        recorded = self._recorded()
        return Evidence(
            requests=list(self._load.requests),
            taken=stage.book.look(stage.gateway),
            pages=list(stage.book.pages),
            kept=self._journal(),
            recorded=recorded,
            deliveries=stage.deliveries.events(),
            replies=stage.replies.events(),
            names=stage.names.events(),
            dead=self._dead(),
            waiting=self._waiting(),
            queued=sum(self._depths().values()),
            finals={account: self._finals(account) for account in ACCOUNTS},
            unsound=[*stage.deliveries.unsound, *stage.replies.unsound, *stage.names.unsound],
            different=list(self._load.different),
        )

    def with_statistics(self, evidence: Evidence) -> Evidence:
        """The gateway's statistics, too. The bridge keeps an answer for a minute, so they are asked for last."""
        return replace(evidence, gateway_finals={account: self._statistics(account) for account in ACCOUNTS})

    def _waiting(self) -> int:
        return sum(
            count
            for account in self._stage.gateway.overview()
            for waiting in (account["reports"], account["mos"])
            for count in waiting.values()
        )

    def _queues(self) -> dict[str, str]:
        """The URLs of all queues, by name."""
        urls = self._stage.aws.sqs.list_queues().get("QueueUrls", [])
        return {url.rpartition("/")[2]: url for url in urls}

    def _depths(self) -> dict[str, int]:
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        depths = {}
        for name, url in self._queues().items():
            if "DeadLetter" not in name:
                answer = self._stage.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)  # type: ignore[arg-type]  # of these names
                depths[name] = sum(int(count) for count in answer["Attributes"].values())
        return depths

    def _journal(self) -> list[Kept]:
        s3, bucket = self._stage.aws.s3, self._stage.outputs["JournalBucketName"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="raw/"):
            for found in page.get("Contents", []):
                key = found["Key"]
                known = self._kept.get(key)
                if known is not None and known.published:
                    continue
                tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
                published = any(tag["Key"] == "published" for tag in tags)
                if known is None:
                    _, account, kind, _, pull = key.split("/")
                    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                    known = Kept(account=account, kind=kind, pull=pull, body=body, published=published)
                self._kept[key] = replace(known, published=published)
        return list(self._kept.values())

    def _recorded(self) -> list[Recorded]:
        found = {message.id: message for message in self._listed()}
        named = {taken.reference for taken in self._stage.book.look(self._stage.gateway)}
        for request in self._load.requests:
            if request.kind != "batch":
                named.update(request.promised)
        for message_id in sorted(named - found.keys()):
            response = self._stage.client.get(f"messages/{message_id}")
            if response.status_code == HTTPStatus.OK:
                found[message_id] = _recorded(response.json())
        return list(found.values())

    def _listed(self) -> Iterator[Recorded]:
        cursor = None
        while True:
            parameters = {"limit": "100", "created_after": self._began.isoformat()}
            response = self._stage.client.get("messages", params=parameters | ({"cursor": cursor} if cursor else {}))
            response.raise_for_status()
            page = response.json()
            yield from map(_recorded, page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _finals(self, account: str) -> int:
        """The counts by day as they stand in the table: today's, and yesterday's where midnight came between."""
        today = datetime.now(_CHINA).date()
        return sum(counted(self._day(account, day)) for day in (today, today - timedelta(days=1)))

    def _day(self, account: str, day: date) -> Iterator[Mapping[str, Any]]:
        pages = self._stage.aws.dynamodb.get_paginator("query").paginate(
            TableName=self._stage.outputs["MessagesTableName"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"day#{account}#{day.isoformat()}"}},
            ConsistentRead=True,
        )
        return (item for page in pages for item in page["Items"])

    def _statistics(self, account: str) -> int:
        today = datetime.now(_CHINA).date()
        dates = {"start_date": str(today - timedelta(days=1)), "end_date": str(today), "account": account}
        response = self._stage.client.get("statistics", params=dates)
        if response.status_code != HTTPStatus.OK:
            return -1
        totals = response.json()["totals"]
        return int(totals["delivered"]) + int(totals["failed"])

    def _dead(self) -> list[DeadLetter]:
        """Whatever lies in a dead-letter queue. Each is read once and stays there."""
        for name, url in self._queues().items():
            while "DeadLetter" in name:
                received = self._stage.aws.sqs.receive_message(
                    QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_LONG
                )
                messages = received.get("Messages", [])
                if not messages:
                    break
                for message in messages:
                    self._letters[message["MessageId"]] = read_letter(name, message["Body"])
        return list(self._letters.values())


def read_letter(queue: str, body: str) -> DeadLetter:
    """What a dead letter is about, without a number or a text, and why it may lie there."""
    name = queue.removeprefix(f"{stack.STACK_NAME}-").partition("-")[0]
    try:
        content: dict[str, Any] = json.loads(body)
        function = str(content["requestContext"]["functionArn"]).partition(f"{stack.STACK_NAME}-")[2].partition(":")[0]
    except (ValueError, LookupError, TypeError):
        return DeadLetter(queue=name, what=f"{len(body)} characters")
    explained = "the next run of the schedule does what this one left" if function in _SCHEDULED else ""
    return DeadLetter(queue=name, what=f"a run of {function}", explained=explained)


def counted(items: Iterable[Mapping[str, Any]]) -> int:
    """The final reports of a day, as DynamoDB has its items: whoever stands in several lists is one."""
    listed = {name: set[bytes]() for name in _LISTED}
    added = 0
    for item in items:
        added += sum(int(item[name]["N"]) for name in _ADDED if name in item)
        for name in _LISTED:
            together = item.get(name, {"B": b""})["B"]
            listed[name].update(together[at : at + _HASH] for at in range(0, len(together), _HASH))
    return added + sum(map(len, listed.values()))


def _recorded(message: dict[str, Any]) -> Recorded:
    return Recorded(
        id=message["id"],
        account=message["account"],
        marker=marker_of(message["text"]),
        recipients={recipient["to"]: recipient["status"] for recipient in message["recipients"]},
    )


def still_open(evidence: Evidence) -> int:
    """How many recipients have no end yet."""
    return sum(status in OPEN for message in evidence.recorded for status in message.recipients.values())
