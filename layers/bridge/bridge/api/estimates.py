"""`POST /messages/estimate`: a message that is not sent. What is wrong with it is part of the answer, not an error."""

from typing import Annotated, Final

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from bridge.api.models import Model
from bridge.api.requests import AccountName, one_or_many
from bridge.api.responses import AccountShown, Count, FieldProblemResponse
from bridge.services.estimating import Draft, Estimate

# Far more than can be sent, so that whoever is beyond the limits is told by how much; but not without end.
_MOST_NUMBERS: Final = 10_000
_LONGEST_NUMBER: Final = 64
_LONGEST_TEXT: Final = 10_000
_LONGEST_EXTENSION: Final = 64
_NUMBER: Final = {"type": "string", "maxLength": _LONGEST_NUMBER}


class EstimateRequest(Model):
    """The body of `POST /messages/estimate`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[
        str,
        Field(max_length=_LONGEST_TEXT, description="The text as for a send.", examples=["您的验证码是123456"]),
    ]
    to: Annotated[
        Annotated[list[Annotated[str, StringConstraints(max_length=_LONGEST_NUMBER)]], Field(max_length=_MOST_NUMBERS)]
        | None,
        BeforeValidator(one_or_many),
        WithJsonSchema(
            {
                "description": "One number, or several; without any the estimate is for one recipient.",
                "oneOf": [_NUMBER, {"type": "array", "items": _NUMBER, "maxItems": _MOST_NUMBERS}, {"type": "null"}],
                "examples": [["+8613812345678"]],
            }
        ),
    ] = None
    extension: Annotated[str, Field(max_length=_LONGEST_EXTENSION, description="As for a send.")] = ""
    account: AccountName | None = None

    def draft(self) -> Draft:
        """What the `estimating` service takes."""
        return Draft(
            text=self.text,
            to=None if self.to is None else tuple(self.to),
            extension=self.extension,
            account=self.account,
        )


class EstimateResponse(Model):
    """What would become of a message."""

    account: AccountShown
    text: Annotated[str, Field(description="As it would be sent: with the account's signature where that is added.")]
    length: Annotated[int, Field(ge=0, description="UTF-16 code units of that text.")]
    estimated_segments: Annotated[int, Field(ge=1, description="For one recipient; the gateway's count is the truth.")]
    recipients: Annotated[Count, Field(description="Mainland mobile numbers, each once; 1 where `to` is left out.")]
    estimated_total_segments: Annotated[Count, Field(description="For all recipients.")]
    problems: Annotated[list[FieldProblemResponse], Field(description="What a send would be refused for; or none.")]


def estimate_response(estimate: Estimate) -> EstimateResponse:
    """An estimate as the API shows it."""
    return EstimateResponse(
        account=estimate.account,
        text=estimate.text,
        length=estimate.length,
        estimated_segments=estimate.segments,
        recipients=estimate.recipients,
        estimated_total_segments=estimate.total_segments,
        problems=[
            FieldProblemResponse(field=problem.field, message=problem.message, gateway_code=problem.gateway_code)
            for problem in estimate.problems
        ],
    )
