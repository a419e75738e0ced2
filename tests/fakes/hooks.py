"""Hook sources in memory, and senders that sign as the real ones do."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bridge.domain.hook_sources import HookSource, ListedSource
from bridge.domain.sns_messages import SnsMessage

PAYLOADS = Path(__file__).parents[1] / "vectors" / "hooks"


def payload(name: str) -> bytes:
    """What a sender posts, as its documentation shows it."""
    return (PAYLOADS / f"{name}.json").read_bytes()


@dataclass
class FakeHookSources:
    """`bridge.ports.HookSources` in a dictionary."""

    sources: dict[str, HookSource] = field(default_factory=dict)

    def find(self, name: str) -> HookSource | None:
        return self.sources.get(name)

    def put(self, source: HookSource, *, instead_of: HookSource | None) -> bool:
        standing = self.sources.get(source.name)
        before = instead_of and (instead_of.owner.client, instead_of.updated_at)
        if (standing and (standing.owner.client, standing.updated_at)) != before:
            return False
        self.sources[source.name] = source
        return True

    def remove(self, source: HookSource) -> bool:
        standing = self.sources.get(source.name)
        if standing is None or standing.owner.client != source.owner.client:
            return False
        del self.sources[source.name]
        return True

    def list(self, client: str, after: str, limit: int) -> Sequence[ListedSource]:
        mine = [each for each in self.sources.values() if each.owner.client == client and each.name > after]
        return [
            ListedSource(
                name=each.name,
                kind=each.auth.kind,
                preset=each.preset,
                created_at=each.created_at,
                updated_at=each.updated_at,
            )
            for each in sorted(mine, key=lambda each: each.name)[:limit]
        ]


@dataclass
class FakeHookUses:
    """`bridge.ports.HookUses` in dictionaries."""

    seen: dict[tuple[str, str], datetime] = field(default_factory=dict)
    began: dict[tuple[str, str], datetime] = field(default_factory=dict)
    used: dict[tuple[str, str], int] = field(default_factory=dict)

    def was_seen(self, source: str, once: str) -> bool:
        return (source, once) in self.seen

    def mark_seen(self, source: str, once: str, *, until: datetime) -> None:
        self.seen[source, once] = until

    def first(self, source: str, dedup: str, *, now: datetime, window: int) -> datetime:
        standing = self.began.get((source, dedup))
        if standing is None or standing <= now - timedelta(seconds=window):
            standing = self.began[source, dedup] = now
        return standing

    def take(self, source: str, span: str, count: int, *, limit: int, until: datetime) -> bool:  # noqa: ARG002 - the port's
        if self.used.get((source, span), 0) + count > limit:
            return False
        self.used[source, span] = self.used.get((source, span), 0) + count
        return True

    def give_back(self, source: str, span: str, count: int) -> None:
        self.used[source, span] -= count


@dataclass
class FakeSnsSignatures:
    """Takes one signature for SNS's own."""

    signature: bytes = b"signed by SNS"
    confirmed: list[str] = field(default_factory=list)
    failing: Exception | None = None

    def verifies(self, message: SnsMessage) -> bool:
        if self.failing:
            raise self.failing
        return message.signature == self.signature

    def confirm(self, message: SnsMessage) -> None:
        self.confirmed.append(message.subscribe_url)


def standard_webhooks(secret: str, body: bytes, name: str, timestamp: int) -> dict[str, str]:
    """The headers of a sender that keeps to Standard Webhooks."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{name}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def github(secret: str, body: bytes, event: str) -> dict[str, str]:
    """The headers of GitHub."""
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-GitHub-Event": event, "X-Hub-Signature-256": f"sha256={mac}", "X-GitHub-Delivery": "72d3162e-cc78-11e3"}


def stripe(secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    """The header of Stripe."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={timestamp},v1={mac},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039"}


def sns_body(message: str, timestamp: datetime, **more: Any) -> bytes:
    """What SNS posts: https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html."""
    values = json.loads(payload("sns-cloudwatch-alarm"))
    values |= {"Message": message, "Timestamp": timestamp.isoformat().replace("+00:00", "Z"), **more}
    return json.dumps({name: value for name, value in values.items() if value is not ...}).encode()
