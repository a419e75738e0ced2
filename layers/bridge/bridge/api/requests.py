"""What callers send, checked where it comes in: every problem of a request is named at once."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from bridge.api.models import Model
from bridge.domain import numbers, segments
from bridge.domain.errors import FieldProblem, InvalidRequest
from bridge.domain.messages import Category, OnAmbiguous
from bridge.services.composing import MAX_PROBLEMS
from bridge.services.sending import IDEMPOTENCY_KEY, Order

MAX_RECIPIENTS: Final = 1000
RESPOND_ASYNC: Final = "respond-async"
_Model = TypeVar("_Model", bound=BaseModel)


def one_or_many(value: object) -> object:
    """A text stands for a list of it alone."""
    return [value] if isinstance(value, str) else value


def _number(value: str) -> str:
    digits = numbers.national(value)
    if digits is None:
        raise PydanticCustomError("number", "must be {expected}", {"expected": numbers.EXPECTED})
    return digits


def _distinct(values: list[str]) -> list[str]:
    first: dict[str, int] = {}
    repeats = [str(index) for index, number in enumerate(values) if first.setdefault(number, index) != index]
    if repeats:
        raise PydanticCustomError(
            "repeated", "names a number more than once, at {places}", {"places": ", ".join(repeats)}
        )
    return values


def _fits(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "must not be blank")
    length = segments.length(text)
    if length > segments.MAX_LENGTH:
        raise PydanticCustomError(
            "too_long",
            "must have at most {limit} UTF-16 code units; it has {length}",
            {"limit": segments.MAX_LENGTH, "length": length},
        )
    return text


def _day(value: object) -> object:
    # pydantic alone would take a time or a count of seconds for a day, too.
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2021-02-03") else None
    except ValueError:
        return None


_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _time(value: object) -> datetime:
    # As RFC 3339 writes it: pydantic alone would take a count of seconds, and a time of no known zone.
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            return datetime.fromisoformat(value.upper())
    except ValueError:
        pass
    raise PydanticCustomError("time", "must be a time with its offset, such as 2026-11-23T13:09:00+08:00")


NUMBER_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": r"^(\+86|0086|86)?1[3-9][0-9]{9}$",
    "examples": ["+8613812345678"],
}

Number = Annotated[str, StringConstraints(max_length=20), AfterValidator(_number)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Moment = Annotated[
    datetime,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-24T09:00:00+08:00"]}),
]
AccountName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description="Which gateway account; else the key's default.",
        examples=["default"],
    ),
]


Extension = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{0,20}$",
        description="Digits put behind the account's port number, where the channel supports it (`ext`).",
        examples=["1234"],
    ),
]
ClientReference = Annotated[
    str,
    Field(
        max_length=128,
        description="The application's own reference, any text; it comes back in every event.",
        examples=["order-42"],
    ),
]
CategoryName = Annotated[
    Category,
    Field(
        strict=False,
        description="`transactional` is what its recipients asked for, a code for instance: an opt-out does not stop "
        "it.",
    ),
]
OnAmbiguousName = Annotated[
    OnAmbiguous,
    Field(
        strict=False,
        description="Where nobody knows whether the gateway took it: `unknown` says so and sends it no second time; "
        "`resend` does, up to twice, so that it may arrive more than once.",
    ),
]


class SendRequest(Model):
    """The body of `POST /messages`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    to: Annotated[
        list[Number],
        BeforeValidator(one_or_many),
        AfterValidator(_distinct),
        Field(min_length=1, max_length=MAX_RECIPIENTS),
        WithJsonSchema(
            {
                "description": "A mainland mobile number, or up to 1,000 of them, none twice.",
                "oneOf": [
                    NUMBER_SCHEMA,
                    {
                        "type": "array",
                        "items": NUMBER_SCHEMA,
                        "minItems": 1,
                        "maxItems": MAX_RECIPIENTS,
                        # No uniqueItems: generated clients make sets of it, which some cannot write as JSON.
                    },
                ],
                "examples": ["+8613812345678"],
            }
        ),
    ]
    text: Annotated[
        str,
        AfterValidator(_fits),
        Field(
            min_length=1,
            max_length=segments.MAX_LENGTH,
            description="The text. Where it carries no 【signature】, its account's own is put in front, if any. "
            "Not blank; at most 500 UTF-16 code units with the signature (an emoji is two); of control "
            "characters tabs and line ends alone.",
            examples=["【京东】您的验证码是123456"],
        ),
    ]
    extension: Extension = ""
    client_reference: ClientReference | None = None
    account: AccountName | None = None
    category: CategoryName = Category.MARKETING
    on_ambiguous: OnAmbiguousName = OnAmbiguous.UNKNOWN
    send_at: Annotated[
        Moment | None,
        Field(description="When to send it, at most 35 days ahead. It can be cancelled until then."),
    ] = None

    def order(self, *, queued: bool = False) -> Order:
        """What the `sending` service takes."""
        return Order(
            to=tuple(self.to),
            text=self.text,
            extension=self.extension,
            client_reference=self.client_reference,
            account=self.account,
            category=self.category,
            on_ambiguous=self.on_ambiguous,
            send_at=self.send_at,
            queued=queued,
        )


class BalanceQuery(Model):
    """The query of `GET /balance`."""

    model_config = ConfigDict(extra="forbid")

    account: AccountName | None = None


class StatisticsQuery(Model):
    """The query of `GET /statistics`."""

    model_config = ConfigDict(extra="forbid")

    start_date: Annotated[Day, Field(description="The first day, by the account's zone.", examples=["2021-02-01"])]
    end_date: Annotated[
        Day, Field(description="The last day, included; within 366 days of the first.", examples=["2021-02-28"])
    ]
    account: AccountName | None = None


def parse_body(model: type[_Model], body: str | None) -> _Model:
    """A JSON body as `model`. Raises InvalidRequest, which names every problem by field."""
    try:
        return model.model_validate_json(body or "")
    except ValidationError as exc:
        raise InvalidRequest(_problems(exc)) from None  # pydantic's error quotes the body: numbers and texts


def parse_query(model: type[_Model], query: Mapping[str, str] | None) -> _Model:
    """Query parameters as `model`. Raises InvalidRequest, which names every problem by parameter."""
    try:
        return model.model_validate(dict(query or {}))
    except ValidationError as exc:
        raise InvalidRequest(_problems(exc)) from None


def responds_async(headers: Mapping[str, str]) -> bool:
    """Whether the caller prefers not to wait for the outcome: `Prefer: respond-async` (RFC 7240, 4.1)."""
    preferences = ",".join(value for name, value in headers.items() if name.lower() == "prefer")
    return any(each.split(";")[0].strip().lower() == RESPOND_ASYNC for each in preferences.split(","))


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The `Idempotency-Key` of a request, if it has one. Raises InvalidRequest where it is no usable key."""
    key = next((value for name, value in headers.items() if name.lower() == IDEMPOTENCY_KEY.lower()), None)
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise InvalidRequest(
            (FieldProblem(IDEMPOTENCY_KEY, "must be 1 to 255 visible ASCII characters, for instance a UUID"),)
        )
    return key


def _problems(exc: ValidationError) -> tuple[FieldProblem, ...]:
    return tuple(
        FieldProblem(
            _field(error["loc"]), _MESSAGES.get(error["type"], error["msg"]), _gateway_code(error["loc"], error["type"])
        )
        for error in exc.errors(include_url=False, include_context=False, include_input=False)[:MAX_PROBLEMS]
    )


def _gateway_code(location: tuple[int | str, ...], kind: str) -> int | None:
    name = next((part for part in reversed(location) if isinstance(part, str)), "")
    return _GATEWAY_CODES.get((name, kind))


# 响应错误码: how the gateway refuses what is refused here already, by field and by pydantic's kind of error. It says
# the same as `eums.check_submit`, which looks at what was never such a request.
_GATEWAY_CODES: Final[Mapping[tuple[str, str], int]] = {
    **dict.fromkeys((("to", "missing"), ("to", "too_short"), ("to", "number"), ("to", "string_too_long")), 104),
    **dict.fromkeys((("text", "missing"), ("text", "string_too_short"), ("text", "blank")), 105),
    ("extension", "string_pattern_mismatch"): 108,
    **dict.fromkeys((("text", "string_too_long"), ("text", "too_long")), 109),
}

# Where pydantic's own words speak of Python rather than of JSON.
_MESSAGES: Final[Mapping[str, Any]] = {
    "date_type": "must be a date such as 2021-02-03",
    "extra_forbidden": "is not known here",
    "missing": "is missing",
}


def _field(location: tuple[int | str, ...]) -> str:
    """`("to", 3)` as `to[3]`; the body itself as `body`; what is no name, but may be a text or a secret, as `?`."""
    path = ""
    for part in location:
        name = part if isinstance(part, int) or _A_NAME.fullmatch(part) else "?"
        path += f"[{name}]" if isinstance(part, int) else f".{name}" if path else str(name)
    return path or "body"


_A_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
