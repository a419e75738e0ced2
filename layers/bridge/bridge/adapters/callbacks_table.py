"""Status callbacks: where a message's go is in MessagesTable, what an account's are signed with in WebhooksTable.

| table | pk | sk | what |
|---|---|---|---|
| MessagesTable | `message#<id>` | `message` | the message, with what it remembers of the Twilio-shaped door |
| WebhooksTable | `twilio` | the account's SID | its primary auth token: HMAC needs it as it is |
"""

from typing import TYPE_CHECKING, Final

from bridge.adapters.aws import from_item, to_item
from bridge.adapters.message_items import MESSAGE, message_pk
from bridge.domain.twilio import TwilioSend, send_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TOKENS: Final = "twilio"


class CallbacksTable:
    """`bridge.ports.Callbacks` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", messages_table: str) -> None:
        self._client = client
        self._table = messages_table

    def of(self, message_id: str) -> TwilioSend | None:
        """See `bridge.ports.Callbacks`."""
        answer = self._client.get_item(
            TableName=self._table,
            Key=to_item({"pk": message_pk(message_id), "sk": MESSAGE}),
            ProjectionExpression="twilio",
            ConsistentRead=True,
        )
        send = send_of(from_item(answer.get("Item", {})).get("twilio"))
        return send if send is not None and send.callback_url is not None else None


class AuthTokensTable:
    """`bridge.ports.AuthTokens` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", webhooks_table: str) -> None:
        self._client = client
        self._table = webhooks_table

    def primary(self, account_sid: str) -> str | None:
        """See `bridge.ports.AuthTokens`."""
        answer = self._client.get_item(
            TableName=self._table, Key=to_item({"pk": _TOKENS, "sk": account_sid}), ConsistentRead=True
        )
        token = from_item(answer.get("Item", {})).get("token")
        return str(token) if token else None
