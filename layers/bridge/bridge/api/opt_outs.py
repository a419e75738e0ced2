"""What callers say of opt-outs, and get."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Final
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from bridge.api.models import Model
from bridge.api.requests import NUMBER_SCHEMA, AccountName, Number, one_or_many
from bridge.api.responses import E164, AccountShown, NextCursor, Time
from bridge.domain.errors import FieldProblem, InvalidRequest
from bridge.domain.numbers import EXPECTED, e164, national
from bridge.domain.opt_outs import OptOut, Source

MAX_NUMBERS: Final = 1000
MAX_PAGE: Final = 1000


class OptOutsQuery(Model):
    """The query of `GET /opt-outs`."""

    model_config = ConfigDict(extra="forbid")

    account: AccountName | None = None
    cursor: Annotated[
        str | None,
        Field(
            max_length=64,
            description="`next_cursor` of the page before; absent for the first.",
            examples=["Kzg2MTM4MTIzNDU2Nzg"],
        ),
    ] = None
    limit: Annotated[
        int, Field(ge=1, le=MAX_PAGE, description="Opt-outs in the page, 100 if absent.", examples=[100])
    ] = 100

    def after(self) -> str:
        """The number behind which the page begins; "" for the first. Raises InvalidRequest."""
        if self.cursor is None:
            return ""
        number = _uncovered(self.cursor)
        if number is None:
            raise InvalidRequest((FieldProblem("cursor", "must be the next_cursor of an earlier page"),))
        return number


class OptOutsRequest(Model):
    """The body of `POST /opt-outs`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    numbers: Annotated[
        list[Annotated[Number, AfterValidator(e164)]],
        BeforeValidator(one_or_many),
        Field(min_length=1, max_length=MAX_NUMBERS),
        WithJsonSchema(
            {
                "description": "A mainland mobile number, or up to 1,000 of them.",
                "oneOf": [
                    NUMBER_SCHEMA,
                    {"type": "array", "items": NUMBER_SCHEMA, "minItems": 1, "maxItems": MAX_NUMBERS},
                ],
                "examples": ["+8613812345678"],
            }
        ),
    ]
    account: AccountName | None = None


class OptOutQuery(Model):
    """The query of `DELETE /opt-outs/{number}`."""

    model_config = ConfigDict(extra="forbid")

    account: AccountName | None = None


class OptOutResponse(Model):
    """A number that wants no more messages from an account."""

    number: E164
    account: AccountShown
    since: Annotated[Time, Field(description="When its message was received, or it was added.")]
    source: Annotated[Source, Field(description="`inbound`: it answered a keyword. `api`: it was added here.")]
    keyword: Annotated[str | None, Field(description="The keyword that it answered.", examples=["TD"])]


class OptOutsResponse(Model):
    """Opt-outs: a page of them, or those that were added."""

    items: Annotated[list[OptOutResponse], Field(description="The opt-outs.")]
    next_cursor: NextCursor


def path_number(raw: str) -> str:
    """The number in a path, in any form that the API knows, as E.164; its `+` may be URL-encoded.

    Raises InvalidRequest where it is no mainland mobile number.
    """
    # A `+` that somebody decoded as in a form is a space.
    number = e164(unquote(raw).strip())
    if national(number) is None:
        raise InvalidRequest((FieldProblem("number", f"must be {EXPECTED}"),))
    return number


def opt_outs_response(opt_outs: Sequence[OptOut], after: str | None = None) -> OptOutsResponse:
    """Opt-outs as the API shows them; the next page begins behind the number `after`."""
    return OptOutsResponse(
        items=[
            OptOutResponse(
                number=opt_out.number,
                account=opt_out.account,
                since=opt_out.since,
                source=opt_out.source,
                keyword=opt_out.keyword,
            )
            for opt_out in opt_outs
        ],
        next_cursor=_covered(after) if after else None,
    )


def _covered(number: str) -> str:
    # Text that nobody takes for a number, and that needs no encoding in a query.
    return base64.urlsafe_b64encode(number.encode()).rstrip(b"=").decode()


def _uncovered(cursor: str) -> str | None:
    try:
        number = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return number if national(number) and e164(number) == number else None
