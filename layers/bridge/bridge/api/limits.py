"""What a client may send, and what of that it has used today."""

from typing import Annotated

from pydantic import Field

from bridge.api.models import Model
from bridge.api.responses import Count, Time
from bridge.domain.clients import Caller
from bridge.domain.limits import Tally, end_of


class CapResponse(Model):
    """What may be used in a day."""

    limit: Annotated[Count, Field(description="So many.")]
    used: Annotated[Count, Field(description="Of these, so many on this day.")]


class LimitsResponse(Model):
    """The limits of a client: of all its keys together. Null is none."""

    client: Annotated[str, Field(description="Its name.", examples=["shop"])]
    extensions: Annotated[
        list[str] | None,
        Field(
            description="Those that it may use: `01`, `01*` for all that begin so, `none` for messages without one.",
            examples=[["01", "02*", "none"]],
        ),
    ]
    rate: Annotated[float | None, Field(gt=0, description="Messages a second, in the long run.", examples=[5.0])]
    burst: Annotated[int | None, Field(ge=1, description="Messages at once.", examples=[10])]
    daily_messages: Annotated[CapResponse | None, Field(description="Recipients of a day.")]
    daily_segments: Annotated[
        CapResponse | None, Field(description="Segments of a day, as they were estimated, over all recipients.")
    ]
    day_ends_at: Annotated[Time, Field(description="When the next day begins, at which the counts begin again.")]


def limits_response(client: Caller, used: Tally) -> LimitsResponse:
    """What its limits are, and `used` of a day."""
    limits = client.limits

    def cap(limit: int | None, count: int) -> CapResponse | None:
        return None if limit is None else CapResponse(limit=limit, used=count)

    return LimitsResponse(
        client=client.client,
        extensions=list(limits.extensions) or None,
        rate=limits.rate,
        burst=None if limits.rate is None else limits.at_once,
        daily_messages=cap(limits.daily_messages, used.messages),
        daily_segments=cap(limits.daily_segments, used.segments),
        day_ends_at=end_of(used.day),
    )
