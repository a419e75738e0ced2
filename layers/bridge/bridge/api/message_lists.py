"""Lists of messages: the query of `GET /messages`, and the page that answers it."""

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from bridge.api.models import Model
from bridge.api.requests import AccountName, Moment, Number
from bridge.api.responses import MessageResponse, NextCursor, message_response
from bridge.domain.lists import Filters, Page
from bridge.domain.messages import Status
from bridge.domain.numbers import e164

MOST: Final = 100
_USUAL: Final = 20
_CURSOR: Final = "eyJhZnRlciI6IjAxSkQifQ"


def _plus(value: object) -> object:
    # In a query a + that was not encoded is a space, and neither a number nor a time has one.
    return value.replace(" ", "+") if isinstance(value, str) else value


def _schema(description: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": description,
            "examples": ["2026-11-23T13:09:00+08:00"],
        }
    )


class MessagesQuery(Model):
    """The query of `GET /messages`."""

    model_config = ConfigDict(extra="forbid")

    client_reference: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=128,
                description="The application's own reference, exactly.",
                examples=["order-42"],
            ),
        ]
        | None
    ) = None
    to: (
        Annotated[
            Number,
            BeforeValidator(_plus),
            AfterValidator(e164),
            WithJsonSchema(
                {
                    "type": "string",
                    "pattern": r"^(\+86|0086|86)?1[3-9][0-9]{9}$",
                    "description": "One of the recipients, sent to from an account that the key may use.",
                    "examples": ["+8613812345678"],
                }
            ),
        ]
        | None
    ) = None
    status: (
        Annotated[
            Status,
            WithJsonSchema(
                {
                    "type": "string",
                    "enum": [str(status) for status in Status],
                    "description": "The message's status, as it is now.",
                    "examples": ["delivered"],
                }
            ),
        ]
        | None
    ) = None
    account: (
        Annotated[AccountName, Field(description="Sent from this gateway account.", examples=["default"])] | None
    ) = None
    batch_id: (
        Annotated[
            str,
            Field(
                pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{21}0000$",
                description="The batch's `id`.",
                examples=["01JDCKQ3V9T4M3W5Y8Z7N60000"],
            ),
        ]
        | None
    ) = None
    created_after: Annotated[Moment, BeforeValidator(_plus), _schema("Created at this time or later.")] | None = None
    created_before: Annotated[Moment, BeforeValidator(_plus), _schema("Created before this time.")] | None = None
    cursor: (
        Annotated[
            str,
            Field(
                max_length=200,
                description="The `next_cursor` of the page before, with the same filters; `limit` may be another.",
                examples=[_CURSOR],
            ),
        ]
        | None
    ) = None
    limit: Annotated[
        int, Field(ge=1, le=MOST, description=f"The most messages in the page; else {_USUAL}.", examples=[50])
    ] = _USUAL

    def filters(self) -> Filters:
        """What the `finding` service takes."""
        return Filters(
            client_reference=self.client_reference,
            to=self.to,
            status=self.status,
            account=self.account,
            batch_id=self.batch_id,
            created_after=self.created_after,
            created_before=self.created_before,
        )


class MessagesResponse(Model):
    """A page of messages, the newest first."""

    items: Annotated[list[MessageResponse], Field(description="The messages, the newest first.")]
    next_cursor: NextCursor


def messages_response(page: Page) -> MessagesResponse:
    """A page as the API shows it."""
    return MessagesResponse(
        items=[message_response(message) for message in page.messages], next_cursor=page.next_cursor
    )
