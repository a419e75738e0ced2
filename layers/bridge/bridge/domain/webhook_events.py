"""The events about webhooks themselves. An endpoint never gets those that are about it, but for the test."""

from datetime import datetime

from bridge.domain.events import Event, EventType
from bridge.domain.ids import stable_id
from bridge.domain.times import rfc3339
from bridge.domain.webhooks import Delivery, Endpoint


def failed(endpoint: Endpoint, delivery: Delivery, now: datetime) -> Event:
    """No attempt of a delivery was taken. A round has one, whoever says it and however often."""
    return Event(
        id=stable_id("webhook_failed", endpoint.id, delivery.id, str(delivery.round)),
        type=EventType.WEBHOOK_FAILED,
        account=delivery.account,
        subject=endpoint.id,
        time=now,
        client=endpoint.client,
        data={
            "account": delivery.account,
            "client": endpoint.client,
            "endpoint_id": endpoint.id,
            "delivery_id": delivery.id,
            "event_id": delivery.event_id,
            "event_type": delivery.event_type,
            "attempts": delivery.attempts,
            "http_status": delivery.http_status,
            "error": delivery.error,
            "failed_at": rfc3339(now),
        },
    )


def is_about_webhooks(event_type: str) -> bool:
    """Whether an event is one of these: of its failure nothing is said, or two dead endpoints would tell each other."""
    return event_type.startswith("sms.webhook.")


def disabled(endpoint: Endpoint, account: str, now: datetime) -> Event:
    """Events are no longer delivered to an endpoint."""
    at = endpoint.disabled_at or now
    since = endpoint.health.failing_since
    return Event(
        id=stable_id("webhook_disabled", endpoint.id, rfc3339(at)),
        type=EventType.WEBHOOK_DISABLED,
        account=account,
        subject=endpoint.id,
        time=at,
        client=endpoint.client,
        data={
            "account": account,
            "client": endpoint.client,
            "endpoint_id": endpoint.id,
            "reason": endpoint.reason,
            "failing_since": rfc3339(since) if since else None,
            "disabled_at": rfc3339(at),
        },
    )


def tested(endpoint: Endpoint, account: str, now: datetime, chance: str) -> Event:
    """What a client asked to be sent to its endpoint, to see that it arrives."""
    return Event(
        id=stable_id("webhook_test", endpoint.id, chance),
        type=EventType.WEBHOOK_TEST,
        account=account,
        subject=endpoint.id,
        time=now,
        client=endpoint.client,
        data={
            "account": account,
            "client": endpoint.client,
            "endpoint_id": endpoint.id,
            "sent_at": rfc3339(now),
        },
    )
