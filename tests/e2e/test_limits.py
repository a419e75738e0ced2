"""Limits of a client through the deployed stack: of all functions together; and a client that was revoked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.domain.clients import hash_key
from bridge.domain.limits import ZONE, Limits, end_of
from local.client_records import ClientRecords
from local.clients import Client, Clients
from tests.e2e.deployed import Deployed, until

TEXT = "【京东】您的包裹已到"
NEVER_REPORTED = "19900002000"
SECRET = "a-secret-of-this-test"
LIMITS = Limits(extensions=("01*", "none"), daily_messages=5, rate=100.0)


@pytest.fixture
def records(deployed: Deployed) -> ClientRecords:
    tables = (deployed.outputs["ClientsTableName"], deployed.outputs["WebhooksTableName"])
    return ClientRecords(deployed.aws.dynamodb, *tables)


def limited(deployed: Deployed, records: ClientRecords, name: str) -> httpx.Client:
    records.limit(name, LIMITS)
    scopes = ("send", "read", "admin")
    return deployed.client(Client(client=name, accounts=("default",), default_account="default", scopes=scopes))


def refused(response: httpx.Response, status: int, kind: str) -> Any:
    problem = response.json()
    assert (response.status_code, problem["type"]) == (status, f"urn:eums-bridge:problem:{kind}"), response.text
    return problem


def test_messages_batches_and_hooks_use_up_the_same_cap(deployed: Deployed, records: ClientRecords) -> None:
    left = end_of(datetime.now(ZONE).date().isoformat()) - datetime.now(UTC)
    if left < timedelta(minutes=3):
        pytest.skip("the gateway's day ends while this would count")
    with limited(deployed, records, "rationed") as client:
        before = {submit.reference for submit in deployed.gateway.submits()}
        one = {"to": NEVER_REPORTED, "text": TEXT}
        source = {"preset": "plain", "auth": {"kind": "bearer", "secret": SECRET}, "to": NEVER_REPORTED}
        assert client.put("hook-sources/rationed", json=source).status_code == 201

        def hook(text: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {SECRET}"}
            return httpx.post(f"{deployed.api_url}/hooks/rationed", json={"text": text}, headers=headers, timeout=40)

        refused(client.post("messages", json={**one, "extension": "02"}), 403, "not-allowed")
        first = client.post("messages", json={**one, "extension": "012"}, headers={"Idempotency-Key": "first"})
        assert first.status_code == 201, first.text
        entries = [{"to": f"1990000200{number}"} for number in range(3)]
        assert client.post("batches", json={"text": TEXT, "messages": entries}).status_code == 202
        assert hook("一").status_code == 202

        for response in (
            client.post("messages", json=one),
            client.post("batches", json={"text": TEXT, "messages": entries[:1]}),
            hook("二"),
        ):
            refused(response, 429, "daily-cap-reached")
            assert 0 < int(response.headers["Retry-After"]) <= left.total_seconds() + 1
        again = client.post("messages", json={**one, "extension": "012"}, headers={"Idempotency-Key": "first"})
        assert (again.status_code, again.content) == (201, first.content)

        shown = client.get("limits").json()
        assert (shown["daily_messages"], shown["extensions"]) == ({"limit": 5, "used": 5}, ["01*", "none"])

        def taken() -> list[str]:
            return [submit.ext for submit in deployed.gateway.submits() if submit.reference not in before]

        until(lambda: len(taken()) >= 3, "the submits")
        assert taken()[0] == "012"


def test_a_key_that_ended_and_a_client_that_was_revoked_open_nothing(
    deployed: Deployed, records: ClientRecords
) -> None:
    """Keys that nobody has shown before: what API Gateway knows already it knows for a minute (tests/template)."""
    clients = Clients(deployed.aws.dynamodb, deployed.outputs["ClientsTableName"])
    with limited(deployed, records, "leaving") as old:
        rotated = clients.rotate("leaving", overlap=timedelta())
        second = clients.rotate("leaving", overlap=timedelta(days=1))
        with deployed.caller(rotated.key) as after:
            source = {"preset": "plain", "auth": {"kind": "bearer", "secret": SECRET}, "to": NEVER_REPORTED}
            assert after.put("hook-sources/leaving", json=source).status_code == 201
            assert old.get("limits").status_code == 403

    records.revoke("leaving")

    with deployed.caller(second.key) as never_shown:
        assert never_shown.get("limits").status_code == 403
    response = httpx.post(
        f"{deployed.api_url}/hooks/leaving",
        json={"text": "三"},
        headers={"Authorization": f"Bearer {SECRET}"},
        timeout=40,
    )
    refused(response, 401, "unauthorized")
    assert hash_key(second.key) in {each.key_hash for each in clients}  # it is there still, and opens nothing
