"""Batches as callers send them and get them. See `bridge.services.batching`."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from bridge.api.models import Model
from bridge.api.requests import (
    NUMBER_SCHEMA,
    AccountName,
    CategoryName,
    ClientReference,
    Extension,
    Number,
    OnAmbiguousName,
)
from bridge.api.responses import AccountShown, Count, CreatedAt
from bridge.domain import segments
from bridge.domain.batches import MAX_ENTRIES, Batch, BatchStatus
from bridge.domain.messages import Category, OnAmbiguous, Status
from bridge.services.batching import AcceptedBatch, CountedBatch
from bridge.services.composing import BatchOrder, EntryOrder

LARGEST: Final = 6 * 1024 * 1024
"""Bytes of a batch's body: Lambda takes no larger event, so that API Gateway refuses somewhat smaller ones already."""
_TEMPLATE: Final = 4 * segments.MAX_LENGTH  # placeholders may well be longer than what they stand for
_BITS: Final = 63  # of a number: nobody sends a longer one to a person


def _value(value: object) -> object:
    # A bool is an int to Python; and everybody reads a fraction in a way of their own: 0.1, 1e-1, 0.10.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise PydanticCustomError(
            "value", "must be a text or a whole number; write anything else as the text that is to be sent"
        )
    if isinstance(value, int) and value.bit_length() > _BITS:
        raise PydanticCustomError("value", "is too long for a number; write it as a text")
    return value


Text = Annotated[
    str,
    Field(
        max_length=segments.MAX_LENGTH,
        description="The text. Not blank; with its 【signature】 at most 500 UTF-16 code units (an emoji is two); of "
        "control characters tabs and line ends alone.",
        examples=["【京东】您的包裹已到"],
    ),
]
TemplateText = Annotated[
    str,
    Field(
        max_length=_TEMPLATE,
        description="A text with placeholders such as `{{code}}`, for each of which `params` has a value. Values go in "
        "as they are. `{{` always begins a placeholder; a text that is to show it gets it from a value.",
        examples=["【京东】您的验证码是{{code}}"],
    ),
]
Value = Annotated[
    str | int, BeforeValidator(_value), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})
]


class _Worded(Model):
    """What has a text or a template."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Text | None = None
    template: TemplateText | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.text is not None and self.template is not None:
            raise PydanticCustomError("worded_twice", "has both text and template; send one of them")
        return self


class EntryRequest(_Worded):
    """One message of a batch: one number, and a text or a template where the batch has none for all."""

    to: Annotated[Number, WithJsonSchema({**NUMBER_SCHEMA, "description": "A mainland mobile number."})]
    params: Annotated[
        dict[str, Value],
        Field(
            description="What the placeholders stand for; those that no placeholder asks for are ignored.",
            examples=[{"code": "123456"}],
        ),
    ] = {}
    client_reference: ClientReference | None = None


class BatchRequest(_Worded):
    """The body of `POST /batches`. A text or template here is for the messages that have none of their own."""

    messages: Annotated[
        list[EntryRequest],
        Field(min_length=1, max_length=MAX_ENTRIES, description="In the order in which they are to be sent."),
    ]
    extension: Extension = ""
    category: CategoryName = Category.MARKETING
    on_ambiguous: OnAmbiguousName = OnAmbiguous.UNKNOWN
    account: AccountName | None = None

    def order(self) -> BatchOrder:
        """What the `batching` service takes."""
        return BatchOrder(
            entries=tuple(
                EntryOrder(
                    to=entry.to,
                    text=entry.text,
                    template=entry.template,
                    params=entry.params,
                    client_reference=entry.client_reference,
                )
                for entry in self.messages
            ),
            text=self.text,
            template=self.template,
            extension=self.extension,
            category=self.category,
            on_ambiguous=self.on_ambiguous,
            account=self.account,
        )


class BatchResponse(Model):
    """A batch."""

    id: Annotated[str, Field(description="A ULID.", examples=["01JDCKQ3V9T4M3W5Y8Z7N60000"])]
    status: Annotated[
        Literal["accepted", "sending", "finished"],
        Field(
            description="`accepted`: kept. `sending`: its submits are on their way. `finished`: each of them was begun "
            "once; `counts` says how that went, and goes on changing as reports come in."
        ),
    ]
    account: AccountShown
    created_at: CreatedAt
    total: Annotated[int, Field(ge=1, le=MAX_ENTRIES, description="Messages in the batch.")]
    counts: Annotated[
        dict[str, Count],
        Field(description="How many of them have which status; a status without any is left out."),
        WithJsonSchema(
            {
                "type": "object",
                "description": "How many of them have which status; a status without any is left out.",
                "propertyNames": {"enum": [status.value for status in Status]},
                "additionalProperties": {"type": "integer", "minimum": 1},
            }
        ),
    ]


def accepted_response(accepted: AcceptedBatch) -> BatchResponse:
    """A batch as the answer to its request shows it, also where that request comes again."""
    return _response(accepted.batch, BatchStatus.ACCEPTED, {Status.ACCEPTED: accepted.batch.size})


def accepted_headers(accepted: AcceptedBatch) -> dict[str, str]:
    """Where the batch is, and whether it is an earlier request's."""
    headers = {"Location": f"batches/{accepted.batch.id}"}
    return {**headers, "Idempotent-Replayed": "true"} if accepted.replayed else headers


def batch_response(counted: CountedBatch) -> BatchResponse:
    """A batch as it stands now."""
    return _response(counted.batch, counted.batch.status, counted.counts)


def _response(batch: Batch, status: BatchStatus, counts: Mapping[Status, int]) -> BatchResponse:
    return BatchResponse(
        id=batch.id,
        status=status.value,
        account=batch.account,
        created_at=batch.created_at,
        total=batch.size,
        counts={each.value: count for each, count in counts.items()},
    )
