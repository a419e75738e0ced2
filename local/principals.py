"""The applications that call the API where IAM says who calls: each is a role or a user of the stack's AWS account."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bridge.domain.principals import PREFIX, principal_key, principal_of
from local.clients import Client, client_item, client_of
from local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, kw_only=True)
class StoredPrincipal:
    """A principal as the table has it.

    Attributes:
        principal: the ARN of a role or user, without its path.
        client: for whom it calls, and what it may do.
    """

    principal: str
    created_at: str
    client: Client


class Principals:
    """The principals in the table of the clients. The API may remember one for a minute."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        """Build it; nothing is read."""
        self._dynamodb = dynamodb
        self._table = table

    def add(self, arn: str, client: Client) -> str:
        """Name the client that a principal calls for, and return the principal as it is stored.

        Raises:
            LocalError: it is no role or user, or was named already.
        """
        principal = _principal(arn)
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": principal_key(principal)},
                    **client_item(client),
                    "created_at": {"S": datetime.now(UTC).isoformat(timespec="seconds")},
                },
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                raise LocalError(f"{principal} calls for a client already: remove it first") from error
            raise
        return principal

    def __iter__(self) -> Iterator[StoredPrincipal]:
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :principal)",
            ExpressionAttributeValues={":principal": {"S": PREFIX}},
        )
        for page in pages:
            for item in page["Items"]:
                yield StoredPrincipal(
                    principal=item["pk"]["S"].removeprefix(PREFIX),
                    created_at=item["created_at"]["S"],
                    client=client_of(item),
                )

    def remove(self, arn: str) -> str:
        """Let a principal call for nobody; return it as it was stored.

        Raises:
            LocalError: it is no role or user, or nobody named it.
        """
        principal = _principal(arn)
        gone = self._dynamodb.delete_item(
            TableName=self._table, Key={"pk": {"S": principal_key(principal)}}, ReturnValues="ALL_OLD"
        )
        if "Attributes" not in gone:
            raise LocalError(f"nobody named {principal}; `principals list` shows those that are")
        return principal


def _principal(arn: str) -> str:
    principal = principal_of(arn.strip())
    if principal is None:
        example = "arn:aws-cn:iam::123456789012:role/webshop"
        raise LocalError(f"{arn!r} is the ARN of no role and of no user, such as {example}")
    return principal
