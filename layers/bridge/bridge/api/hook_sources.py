"""What callers say of hook sources, and get. A secret goes in, and never comes out again."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from bridge.api.models import Model
from bridge.api.requests import NUMBER_SCHEMA, AccountName, CategoryName, Number, one_or_many
from bridge.api.responses import E164, AccountShown, CreatedAt, NextCursor, UpdatedAt
from bridge.domain.hook_mappings import LARGEST
from bridge.domain.hook_sources import (
    NAME,
    Auth,
    AuthKind,
    HookLimits,
    HookMapping,
    HookSource,
    Layout,
    ListedSource,
)
from bridge.domain.messages import Category
from bridge.domain.numbers import e164
from bridge.domain.segments import estimate
from bridge.services.configuring import SourceOrder
from bridge.services.drafting import Drafted

NAME_PATTERN: Final = f"^{NAME.pattern}$"
_MAX_TO: Final = 100
LARGEST_SAMPLE: Final = LARGEST + 64 * 1024
"""Bytes of a dry run's body: what a hook takes, and its headers."""
_Kind = Annotated[AuthKind, Field(strict=False)]
_Layout = Annotated[Layout, Field(strict=False)]
_Expression = Annotated[str | None, Field(max_length=1000)]
_Algorithm = Literal["sha1", "sha256", "sha512"]
_Encoding = Literal["hex", "base64"]


class _Authentication(Model):
    kind: Annotated[
        _Kind,
        Field(
            description="`bearer`; `token`: the secret in a header; `basic`: the secret is the password; `hmac` over "
            "the raw body; `standard_webhooks`; `sns`: what Amazon SNS posts, by its certificate."
        ),
    ]
    username: Annotated[str, Field(description="Of `basic`.")] = ""
    header: Annotated[str, Field(description="Of `token` and `hmac`.", examples=["X-Hub-Signature-256"])] = ""
    algorithm: Annotated[_Algorithm, Field(description="Of `hmac`.")] = "sha256"
    encoding: Annotated[_Encoding, Field(description="Of `hmac`.")] = "hex"
    prefix: Annotated[str, Field(description="Of `hmac`: what stands before the signature.", examples=["sha256="])] = ""
    layout: Annotated[
        _Layout, Field(description="Of `hmac`: `stripe` is `t=…,v1=…`, and signs `{timestamp}.{body}`.")
    ] = Layout.PLAIN
    timestamp_header: Annotated[
        str, Field(description="Of `hmac`: a header with seconds since 1970; `{timestamp}.{body}` is signed then.")
    ] = ""
    tolerance: Annotated[
        int | None,
        Field(description="Seconds that a signed time may be off: 300 if absent, for `sns` 3,600.", ge=1, le=3600),
    ] = None
    topic_arns: Annotated[list[str], Field(description="Of `sns`: the topics that may send.", max_length=20)] = []


class AuthRequest(_Authentication):
    """How calls of a source are authenticated."""

    model_config = ConfigDict(extra="forbid", strict=True)

    secret: Annotated[
        str | None,
        Field(
            description="16 to 256 visible ASCII characters; of `standard_webhooks`, `whsec_` and the base64 of 24 to "
            "64 bytes. Absent, a source of the same kind keeps the one that it has. It is never shown.",
            json_schema_extra={"writeOnly": True},
        ),
    ] = None


class AuthResponse(_Authentication):
    """How calls of a source are authenticated; the secret is not shown."""

    secret_set: Annotated[bool, Field(description="Whether there is a secret.")]


class MappingModel(Model):
    """What becomes of a call's JSON. Expressions are JMESPath over `{"body", "headers", "source", "item"}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    each: Annotated[_Expression, Field(description="A list: one message for each item.", examples=["body.alerts"])] = (
        None
    )
    when: Annotated[
        _Expression, Field(description="Whether there is a message.", examples=["body.status == 'firing'"])
    ] = None
    to: Annotated[
        _Expression, Field(description="A number, or several; else the source's `to`.", examples=["item.labels.phone"])
    ] = None
    text: Annotated[
        str | None,
        Field(
            max_length=4000,
            description="A Jinja2 template that may print, choose, repeat and filter. A longer text is cut to 500.",
            examples=["{{ body.status }}: {{ item.annotations.summary }}"],
        ),
    ] = None
    client_reference: Annotated[
        _Expression, Field(description="The message's `client_reference`.", examples=["item.fingerprint"])
    ] = None
    account: Annotated[_Expression, Field(description="The gateway account; else the source's `account`.")] = None
    dedup: Annotated[
        _Expression,
        Field(
            description="What repeats of a call have in common; else their `webhook-id`, or their bytes.",
            examples=["body.id"],
        ),
    ] = None
    dedup_seconds: Annotated[
        int | None, Field(description="For how long they are repeats; 86,400 if absent.", ge=60, le=86_400)
    ] = None


class LimitsModel(Model):
    """What a source may cost."""

    model_config = ConfigDict(extra="forbid", strict=True)

    messages_per_call: Annotated[int, Field(ge=1, le=100, description="The first so many of a call are sent.")] = 20
    calls_per_minute: Annotated[int, Field(ge=1, le=6000, description="Beyond it, 429.")] = 60
    messages_per_day: Annotated[
        int, Field(ge=1, le=1_000_000, description="Each recipient counts; a day is UTC's. Beyond it, 429.")
    ] = 1000


class HookSourceRequest(Model):
    """The body of `PUT /hook-sources/{source}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    auth: Annotated[AuthRequest, Field(description="How its calls are authenticated.")]
    preset: Annotated[
        str | None,
        Field(
            max_length=64,
            description="`alertmanager`, `grafana`, `github`, `cloudevents`, `sns`, `plain` or `apprise`; what "
            "`mapping` says goes before it.",
            examples=["alertmanager"],
        ),
    ] = None
    mapping: Annotated[MappingModel, Field(description="What becomes of a call's JSON.")] = MappingModel()
    to: Annotated[
        list[Annotated[Number, AfterValidator(e164)]],
        BeforeValidator(one_or_many),
        Field(max_length=_MAX_TO),
        WithJsonSchema(
            {
                "description": "Where messages go unless the mapping says.",
                "oneOf": [NUMBER_SCHEMA, {"type": "array", "items": NUMBER_SCHEMA, "maxItems": _MAX_TO}],
                "examples": ["+8613812345678"],
            }
        ),
    ] = []
    account: AccountName | None = None
    category: CategoryName = Category.MARKETING
    limits: Annotated[LimitsModel, Field(description="What it may cost.")] = LimitsModel()

    def order(self) -> SourceOrder:
        """What the `configuring` service takes."""
        auth = self.auth
        return SourceOrder(
            auth=Auth(
                kind=auth.kind,
                secret=auth.secret or "",
                header=auth.header.lower(),
                username=auth.username,
                algorithm=auth.algorithm,
                encoding=auth.encoding,
                prefix=auth.prefix,
                layout=auth.layout,
                timestamp_header=auth.timestamp_header.lower(),
                tolerance=auth.tolerance,
                topic_arns=tuple(auth.topic_arns),
            ),
            preset=self.preset,
            mapping=HookMapping(**self.mapping.model_dump()),
            to=tuple(dict.fromkeys(self.to)),
            account=self.account,
            category=self.category,
            limits=HookLimits(**self.limits.model_dump()),
        )


class HookSourceResponse(Model):
    """A hook source; its secret is not shown."""

    name: Annotated[str, Field(description="Its calls go to `POST /hooks/{name}`.", examples=["alerts"])]
    preset: Annotated[str | None, Field(description="What it takes where `mapping` says nothing.")]
    auth: Annotated[AuthResponse, Field(description="How its calls are authenticated.")]
    mapping: Annotated[MappingModel, Field(description="What becomes of a call's JSON.")]
    to: Annotated[list[E164], Field(description="Where messages go unless the mapping says.")]
    account: Annotated[str | None, Field(description="The gateway account; null for the key's default.")]
    category: Annotated[Category, Field(description="Of its messages.")]
    limits: Annotated[LimitsModel, Field(description="What it may cost.")]
    created_at: CreatedAt
    updated_at: UpdatedAt


class ListedSourceResponse(Model):
    """What the list says of a hook source."""

    name: Annotated[str, Field(description="Its calls go to `POST /hooks/{name}`.", examples=["alerts"])]
    kind: Annotated[AuthKind, Field(description="How its sender shows who it is.")]
    preset: Annotated[str | None, Field(description="What it takes where its mapping says nothing.")]
    created_at: CreatedAt
    updated_at: UpdatedAt


class HookSourcesResponse(Model):
    """A page of hook sources, by name."""

    items: Annotated[list[ListedSourceResponse], Field(description="The sources, by name.")]
    next_cursor: NextCursor


class HookSourcesQuery(Model):
    """The query of `GET /hook-sources`."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[
        str,
        Field(
            pattern=NAME_PATTERN,
            description="`next_cursor` of the page before; absent for the first.",
            examples=["alerts"],
        ),
    ] = ""
    limit: Annotated[int, Field(ge=1, le=100, description="Sources in the page, 100 if absent.", examples=[100])] = 100


class DryRunRequest(Model):
    """The body of `POST /hook-sources/{source}/dry-run`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    body: Annotated[Any, Field(description="A sample of what the sender posts: any JSON.")]
    headers: Annotated[
        dict[str, str], Field(description="Its headers, where the mapping looks at some.", max_length=100)
    ] = {}


class DraftResponse(Model):
    """A message that would be sent."""

    to: Annotated[list[E164], Field(description="Its recipients.")]
    text: Annotated[str, Field(description="With the signature that goes in front of it.")]
    account: AccountShown
    client_reference: Annotated[str | None, Field(description="The application's own, as the mapping has it.")]
    estimated_segments: Annotated[int, Field(ge=1, description="For one recipient.")]


class DryRunResponse(Model):
    """What a sample body would send."""

    messages: Annotated[list[DraftResponse], Field(description="The messages, in the order of the body's items.")]
    dropped: Annotated[int, Field(ge=0, description="How many more there would be, beyond the source's limit.")]


def source_response(source: HookSource) -> HookSourceResponse:
    """A source as the API shows it."""
    auth = source.auth
    return HookSourceResponse(
        name=source.name,
        preset=source.preset,
        auth=AuthResponse(
            kind=auth.kind,
            username=auth.username,
            header=auth.header,
            algorithm="sha1" if auth.algorithm == "sha1" else "sha512" if auth.algorithm == "sha512" else "sha256",
            encoding="base64" if auth.encoding == "base64" else "hex",
            prefix=auth.prefix,
            layout=auth.layout,
            timestamp_header=auth.timestamp_header,
            tolerance=auth.tolerance,
            topic_arns=list(auth.topic_arns),
            secret_set=bool(auth.secret),
        ),
        mapping=MappingModel.model_validate(source.mapping, from_attributes=True),
        to=list(source.to),
        account=source.account,
        category=source.category,
        limits=LimitsModel.model_validate(source.limits, from_attributes=True),
        created_at=source.created_at,
        updated_at=source.updated_at,
    )


def sources_response(page: Sequence[ListedSource], after: str | None) -> HookSourcesResponse:
    """A page of sources; the next begins behind the name `after`."""
    return HookSourcesResponse(
        items=[
            ListedSourceResponse(
                name=each.name,
                kind=each.kind,
                preset=each.preset,
                created_at=each.created_at,
                updated_at=each.updated_at,
            )
            for each in page
        ],
        next_cursor=after,
    )


def dry_run_response(drafted: Drafted) -> DryRunResponse:
    """What would be sent, as the API shows it."""
    return DryRunResponse(
        messages=[
            DraftResponse(
                to=list(order.to),
                text=text,
                account=account,
                client_reference=order.client_reference,
                estimated_segments=estimate(text),
            )
            for order, text, account in zip(drafted.orders, drafted.texts, drafted.accounts, strict=True)
        ],
        dropped=drafted.dropped,
    )
