"""MessageLists: the indexes ByClient, ByReference and ByNumber of MessagesTable."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.adapters.aws import from_item, to_item
from bridge.adapters.message_items import client_key, message_pk, number_key, reference_key
from bridge.domain.lists import Among
from bridge.domain.messages import Message
from bridge.domain.walks import SHARDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

_AT_ONCE: Final = 10  # queries in flight
_OF_A_NUMBER: Final = 2_000  # entries of an account's number in ByNumber that are looked through: 40 read units


class _Partition(NamedTuple):
    """One partition of an index."""

    of: str
    attribute: str
    key: str


class MessageListsTable:
    """`bridge.ports.MessageLists` on DynamoDB."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        find: Callable[[str], Message | None],
        of_a_number: int = _OF_A_NUMBER,
    ) -> None:
        self._client = client
        self._table = table
        self._find = find
        self._of_a_number = of_a_number

    def newest(self, among: Among, *, first: str, end: str, limit: int) -> list[str]:
        """See `bridge.ports.MessageLists`. A query a shard, an account, or (mostly) a reference."""
        if first >= end:
            return []
        if among.client_reference is not None:
            return self._with_reference(among.client, among.client_reference, first, end, limit)
        if among.number is not None:
            found = self._to(among.accounts, among.number, first)
            if found is not None:
                return sorted((message_id for message_id in found if first <= message_id < end), reverse=True)[:limit]
        return self._of_client(among.client, first, end, limit)

    def read(self, message_ids: Sequence[str]) -> list[Message]:
        """See `bridge.ports.MessageLists`. A query a message, which brings its reports too, ten at once."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return [message for message in pool.map(self._find, message_ids) if message is not None]

    def _of_client(self, client: str, first: str, end: str, limit: int) -> list[str]:
        """The newest of all shards are among the newest of each."""

        def of_shard(shard: int) -> list[str]:
            partition = _Partition("ByClient", "client_key", client_key(client, shard))
            return self._created(partition, first, end, limit)

        with ThreadPoolExecutor(SHARDS) as pool:
            found = [message_id for ids in pool.map(of_shard, range(SHARDS)) for message_id in ids]
        return sorted(found, reverse=True)[:limit]

    def _with_reference(self, client: str, reference: str, first: str, end: str, limit: int) -> list[str]:
        partition = _Partition("ByReference", "reference_key", reference_key(client, reference) or "")
        found: list[str] = []
        while len(found) < limit and first < end:
            entries = self._created(partition, first, end, limit)
            found += dict.fromkeys(entries)  # entries of a batch that share a message may share a reference, too
            if len(entries) < limit:
                break
            end = entries[-1]
        return found[:limit]

    def _created(self, partition: _Partition, first: str, end: str, limit: int) -> list[str]:
        entries = self._entries(partition, "created", (first, _below(end)), limit)
        return [str(entry["created"]) for entry in entries]

    def _to(self, accounts: Sequence[str], number: str, first: str) -> set[str] | None:
        """The messages to a number, or None where there are too many to be looked through each time.

        ByNumber sorts by when a message was begun, and the list by when it was created, which is never later: the
        newest may stand anywhere above its id, so that all entries are looked through. A number that has more of
        them is a test's or a monitor's.
        """

        def of_account(account: str) -> list[str]:
            partition = _Partition("ByNumber", "number_key", number_key(account, number))
            entries = self._entries(partition, "made", (first, "Z"), self._of_a_number + 1)
            return [entry["pk"].removeprefix(message_pk("")) for entry in entries]

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(of_account, accounts))
        if any(len(ids) > self._of_a_number for ids in found):
            return None
        return {message_id for ids in found for message_id in ids}

    def _entries(
        self, partition: _Partition, order: str, between: tuple[str, str], limit: int
    ) -> "Iterator[dict[str, Any]]":
        """At most so many entries of a partition, from the last on, between two sort keys, both included."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=partition.of,
            KeyConditionExpression=f"{partition.attribute} = :key AND {order} BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item({":key": partition.key, ":first": between[0], ":last": between[1]}),
            ScanIndexForward=False,
            PaginationConfig={"PageSize": limit, "MaxItems": limit},
        )
        return (from_item(item) for page in pages for item in page["Items"])


def _below(message_id: str) -> str:
    """What sorts below an id, and above every other id that does: BETWEEN includes both its ends."""
    return message_id[:-1] + chr(ord(message_id[-1]) - 1)
