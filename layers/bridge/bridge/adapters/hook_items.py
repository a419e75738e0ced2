"""A hook source as an item of WebhooksTable, there and back."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from bridge.domain.clients import Caller
from bridge.domain.hook_sources import (
    Auth,
    AuthKind,
    HookLimits,
    HookMapping,
    HookSource,
    Layout,
    ListedSource,
)
from bridge.domain.messages import Category


def source_values(source: HookSource) -> dict[str, Any]:
    """What is kept of a source. Not its client's limits: those are read when somebody calls."""
    return {
        "client": source.owner.client,
        "accounts": sorted(source.owner.accounts),
        "default_account": source.owner.default_account,
        "scopes": sorted(source.owner.scopes),
        "fallback_accounts": list(source.owner.fallback_accounts),
        "auth": _given(source.auth),
        "preset": source.preset,
        "mapping": _given(source.mapping),
        "to": list(source.to),
        "account": source.account,
        "category": str(source.category),
        "limits": _given(source.limits),
        "created_at": time_text(source.created_at),
        "updated_at": time_text(source.updated_at),
    }


def listed_values(source: HookSource) -> dict[str, Any]:
    """What the list keeps of it: no secret, and no number."""
    return {
        "kind": str(source.auth.kind),
        "preset": source.preset,
        "created_at": time_text(source.created_at),
        "updated_at": time_text(source.updated_at),
    }


def source_of(name: str, values: Mapping[str, Any]) -> HookSource:
    """The source that was kept."""
    auth = dict(values["auth"])
    return HookSource(
        name=name,
        owner=Caller(
            client=values["client"],
            accounts=frozenset(values["accounts"]),
            default_account=values["default_account"],
            scopes=frozenset(values["scopes"]),
            fallback_accounts=tuple(values["fallback_accounts"]),
        ),
        auth=Auth(
            **{
                **auth,
                "kind": AuthKind(auth["kind"]),
                "layout": Layout(auth.get("layout", Layout.PLAIN)),
                "tolerance": int(auth["tolerance"]) if "tolerance" in auth else None,
                "topic_arns": tuple(auth.get("topic_arns", ())),
            }
        ),
        preset=values.get("preset"),
        mapping=HookMapping(**_whole(values["mapping"])),
        to=tuple(values["to"]),
        account=values.get("account"),
        category=Category(values["category"]),
        limits=HookLimits(**_whole(values["limits"])),
        created_at=datetime.fromisoformat(values["created_at"]),
        updated_at=datetime.fromisoformat(values["updated_at"]),
    )


def listed_of(name: str, values: Mapping[str, Any]) -> ListedSource:
    """What the list says of one."""
    return ListedSource(
        name=name,
        kind=AuthKind(values["kind"]),
        preset=values.get("preset"),
        created_at=datetime.fromisoformat(values["created_at"]),
        updated_at=datetime.fromisoformat(values["updated_at"]),
    )


def time_text(at: datetime) -> str:
    """A time as it is kept."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _given(record: Any) -> dict[str, Any]:
    """The fields of a record that say something."""
    values = {each.name: getattr(record, each.name) for each in fields(record)}
    return {
        name: list(value) if isinstance(value, tuple) else str(value) if isinstance(value, str) else value
        for name, value in values.items()
        if value is not None
    }


def _whole(values: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's numbers are Decimals; all of these are whole."""
    return {name: value if isinstance(value, str) else int(value) for name, value in values.items()}
