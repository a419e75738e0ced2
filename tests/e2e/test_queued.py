"""Sends that nobody waits for: queued, scheduled, cancelled, lost on the way, and never possible."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from bridge.adapters.send_schedules import SendSchedules
from bridge.domain.ids import ulid
from bridge.domain.messages import Message, Recipient, Status
from bridge.domain.submits import begun, waiting
from bridge.domain.walks import Place
from local import stack
from local.clients import Client
from local.gateway import Gateway
from tests.e2e.deployed import Deployed, until
from tests.e2e.test_attending import attend, table, turn_back

TEXT = "【京东】您的验证码是123456"
ASYNC = {"Prefer": "respond-async"}


def status(shop: httpx.Client, message_id: str) -> str:
    return str(shop.get(f"messages/{message_id}").json()["status"])


def test_a_queued_message_is_accepted_submitted_and_delivered(deployed: Deployed, shop: httpx.Client) -> None:
    body = {"to": "13812345611", "text": TEXT, "client_reference": "queued-1"}
    response = shop.post("messages", json=body, headers={**ASYNC, "Idempotency-Key": "queued-1"})

    sent = response.json()
    assert (response.status_code, sent["status"]) == (202, "accepted"), response.text
    assert response.headers["Preference-Applied"] == "respond-async"
    submitted = deployed.deliveries.about(sent["id"], "sms.message.submitted")["data"]
    (submit,) = deployed.gateway.submits(reference=sent["id"])
    assert submitted["gateway_message_id"] == submit.messages[0].message_id
    assert (submitted["client_reference"], submitted["billed_segments"], submitted["final"]) == ("queued-1", 1, False)
    deployed.deliveries.about(sent["id"], "sms.message.delivered")
    until(lambda: status(shop, sent["id"]) == "delivered", "the message's own status")

    again = shop.post("messages", json=body, headers={**ASYNC, "Idempotency-Key": "queued-1"})
    assert (again.status_code, again.content) == (202, response.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(deployed.gateway.submits(reference=sent["id"])) == 1


def test_a_queued_message_that_is_refused_says_so(deployed: Deployed, shop: httpx.Client) -> None:
    sent = shop.post("messages", json={"to": "19900000401", "text": TEXT}, headers=ASYNC).json()

    rejected = deployed.deliveries.about(sent["id"], "sms.message.rejected")["data"]

    assert (rejected["gateway_code"], rejected["error_class"], rejected["final"]) == (401, None, True)
    message = shop.get(f"messages/{sent['id']}").json()
    assert (message["status"], message["gateway_code"]) == ("rejected", 401)


def test_a_scheduled_message_is_sent_at_its_time_and_signed_then(deployed: Deployed, shop: httpx.Client) -> None:
    send_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    response = shop.post("messages", json={"to": "13812345612", "text": TEXT, "send_at": send_at.isoformat()})

    sent = response.json()
    assert (response.status_code, sent["status"]) == (202, "scheduled"), response.text
    assert datetime.fromisoformat(sent["send_at"]) == send_at
    deployed.deliveries.about(sent["id"], "sms.message.submitted")
    (submit,) = deployed.gateway.submits(reference=sent["id"])
    assert submit.time >= send_at
    seeds = [exchange.fields["seed"] for exchange in deployed.gateway.exchanges() if sent["id"] in str(exchange.fields)]
    beijing = (send_at + timedelta(hours=8)).strftime("%Y%m%d%H%M%S")
    assert all(seed >= beijing for seed in seeds), (seeds, beijing)


def test_a_scheduled_message_can_be_cancelled_until_it_starts(deployed: Deployed, shop: httpx.Client) -> None:
    send_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    sent = shop.post("messages", json={"to": "13812345613", "text": TEXT, "send_at": send_at}).json()
    group = f"{stack.STACK_NAME}-sends"
    assert deployed.aws.scheduler.get_schedule(GroupName=group, Name=sent["id"])["State"] == "ENABLED"

    for _ in range(2):
        response = shop.post(f"messages/{sent['id']}/cancel")
        assert (response.status_code, response.json()["status"]) == (200, "cancelled"), response.text

    with pytest.raises(ClientError, match="ResourceNotFound"):
        deployed.aws.scheduler.get_schedule(GroupName=group, Name=sent["id"])
    assert status(shop, sent["id"]) == "cancelled"


def test_what_was_sent_cannot_be_cancelled_and_nobody_elses_message_can(shop: httpx.Client, bank: httpx.Client) -> None:
    sent = shop.post("messages", json={"to": "13812345614", "text": TEXT}).json()

    late = shop.post(f"messages/{sent['id']}/cancel")
    assert (late.status_code, late.json()["type"]) == (409, "urn:eums-bridge:problem:not-cancellable")
    assert bank.post(f"messages/{sent['id']}/cancel").status_code == 404


def test_a_time_that_is_past_or_too_far_is_refused(shop: httpx.Client) -> None:
    for days in (-1, 36):
        send_at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        response = shop.post("messages", json={"to": "13812345614", "text": TEXT, "send_at": send_at})
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == ["send_at"]


def written(deployed: Deployed, message: Message) -> Message:
    """A message whose process died when it had written this."""
    assert table(deployed).add(message) is None
    return message


def message(created_at: datetime, number: str, randomness: bytes, **changes: object) -> Message:
    made = Message(
        id=ulid(created_at, randomness),
        client="shop",
        account="default",
        text=TEXT,
        recipients=(Recipient(to=number, status=Status.SUBMITTING),),
        created_at=created_at,
        deadline=created_at,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_message_whose_pointer_was_lost_is_found_and_sent(deployed: Deployed) -> None:
    created_at = datetime.now(UTC) - timedelta(minutes=12)
    lost = written(deployed, waiting(message(created_at, "+8613812345615", b"lost point")))

    turn_back(deployed, "due-first", Place(at=created_at.replace(second=0, microsecond=0)))
    attend(deployed)

    deployed.deliveries.about(lost.id, "sms.message.submitted")
    assert len(deployed.gateway.submits(reference=lost.id)) == 1


def test_a_schedule_starts_the_send_of_its_message(deployed: Deployed) -> None:
    send_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    later = written(deployed, waiting(message(datetime.now(UTC), "+8613812345619", b"scheduled!", send_at=send_at)))
    variables = deployed.aws.functions.get_function_configuration(FunctionName=f"{stack.STACK_NAME}-messages")[
        "Environment"
    ]["Variables"]

    # As the API does for what is more than a quarter of an hour away.
    SendSchedules(
        lambda: deployed.aws.scheduler,
        group=variables["SCHEDULE_GROUP"],
        queue_arn=variables["SEND_QUEUE_ARN"],
        role_arn=variables["SCHEDULE_ROLE_ARN"],
        dead_letters_arn=variables["SCHEDULE_DEAD_LETTER_QUEUE_ARN"],
    ).create(later.id, send_at)

    deployed.deliveries.about(later.id, "sms.message.submitted")
    (submit,) = deployed.gateway.submits(reference=later.id)
    assert submit.time >= send_at


def test_a_submit_whose_process_died_is_unknown_and_says_so(deployed: Deployed, shop: httpx.Client) -> None:
    created_at = datetime.now(UTC) - timedelta(hours=2)
    new = message(created_at, "+8613812345616", b"died there")
    dead = written(deployed, begun(new, claim=new.id, now=created_at))

    turn_back(deployed, "abandoned", Place(at=created_at.replace(minute=0, second=0, microsecond=0)))
    attend(deployed)

    deployed.deliveries.about(dead.id, "sms.message.unknown")
    assert deployed.gateway.submits(reference=dead.id) == []
    assert status(shop, dead.id) == "unknown"


def test_a_message_that_can_never_be_sent_says_so_and_is_a_dead_letter(deployed: Deployed) -> None:
    poison = written(
        deployed,
        waiting(message(datetime.now(UTC), "+8613812345617", b"no account", account="gone")),
    )

    answer = submit(deployed, json.dumps({"message": poison.id}), receives=5)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    rejected = deployed.deliveries.about(poison.id, "sms.message.rejected")["data"]
    assert (rejected["error_class"], rejected["gateway_code"]) == ("not_processed", None)
    redrive = json.loads(
        deployed.aws.sqs.get_queue_attributes(
            QueueUrl=deployed.outputs["SendQueueUrl"], AttributeNames=["RedrivePolicy"]
        )["Attributes"]["RedrivePolicy"]
    )
    assert int(redrive["maxReceiveCount"]) == 5


def submit(deployed: Deployed, body: str, *, receives: int) -> dict[str, Any]:
    """The function's answer to one pointer, as the queue hands it out."""
    record = {"messageId": "1", "body": body, "attributes": {"ApproximateReceiveCount": str(receives)}}
    answer = deployed.aws.functions.invoke(
        FunctionName=f"{stack.STACK_NAME}-submit", Payload=json.dumps({"Records": [record]}).encode()
    )
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    return result


def test_the_account_to_fall_back_to_is_used_where_the_first_has_no_balance(
    deployed: Deployed, gateway: Gateway
) -> None:
    client = Client(
        client="thrifty",
        accounts=("counted", "encrypted"),
        default_account="counted",
        scopes=("send", "read"),
        fallback_accounts=("encrypted",),
    )
    before = gateway.balance("counted")
    gateway.set_balance(0, account="counted")
    try:
        with deployed.client(client) as thrifty:
            sent = thrifty.post("messages", json={"to": "13812345618", "text": TEXT}).json()
            named = thrifty.post("messages", json={"to": "13812345618", "text": TEXT, "account": "counted"})
    finally:
        gateway.set_balance(before, account="counted")

    assert (sent["status"], sent["account"]) == ("submitted", "encrypted")
    assert len(gateway.submits(account="encrypted", reference=sent["id"])) == 1
    assert (named.status_code, named.json()["gateway_code"]) == (402, 205)
    assert deployed.deliveries.about(sent["id"], "sms.message.delivered")["data"]["account"] == "encrypted"
