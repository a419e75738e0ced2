"""A message's way through the deployed stack, there and back."""

import re
from typing import Any

import httpx
import pytest

from local.gateway import Call, Fault, FaultKind, Gateway, When
from tests.e2e.deployed import Deployed, Event, until

ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
TEXT = "【京东】您的验证码是123456"


def test_a_message_is_delivered_and_the_event_says_so_to_the_field(deployed: Deployed, shop: httpx.Client) -> None:
    response = shop.post("messages", json={"to": "13812345678", "text": TEXT, "client_reference": "order-42"})

    assert response.status_code == 201, response.text
    sent = response.json()
    assert ULID.fullmatch(sent["id"])
    assert sent["status"] == "submitted"
    assert sent["account"] == "default"
    assert sent["client_reference"] == "order-42"
    assert sent["text"] == TEXT
    assert sent["estimated_segments"] == 1
    (recipient,) = sent["recipients"]
    assert recipient["to"] == "+8613812345678"
    assert recipient["billed_segments"] == 1

    event = deployed.deliveries.about(sent["id"], "sms.message.delivered")

    (submit,) = deployed.gateway.submits(reference=sent["id"])
    assert event["specversion"] == "1.0"
    assert event["source"] == "urn:eums:default"
    assert event["subject"] == sent["id"]
    assert event["datacontenttype"] == "application/json"
    assert event["time"] == event["data"]["reported_at"]
    assert event["data"] == {
        "message_id": sent["id"],
        "client_reference": "order-42",
        "client": "shop",
        "batch_id": None,
        "submitted_at": sent["created_at"],
        "account": "default",
        "to": "+8613812345678",
        "status": "delivered",
        "final": True,
        "error_class": None,
        "gateway_message_id": submit.messages[0].message_id,
        "gateway_status": "DELIVRD",
        "reported_at": event["time"],
    }


def test_a_message_shows_its_delivery_to_its_sender(deployed: Deployed, shop: httpx.Client) -> None:
    sent = shop.post("messages", json={"to": "13812345679", "text": TEXT}).json()
    deployed.deliveries.about(sent["id"], "sms.message.delivered")

    def delivered() -> dict[str, Any] | None:
        message: dict[str, Any] = shop.get(f"messages/{sent['id']}").json()
        return message if message["status"] == "delivered" else None

    message = until(delivered, "the message's own status")

    assert message["id"] == sent["id"]
    (recipient,) = message["recipients"]
    assert recipient["gateway_status"] == "DELIVRD"
    assert recipient["reported_at"].endswith("+08:00")


def test_several_recipients_have_a_status_each(deployed: Deployed, shop: httpx.Client) -> None:
    good, bad = "+8613812345670", "+8619900001000"  # the second is reported UNDELIV
    sent = shop.post("messages", json={"to": [good, bad], "text": TEXT}).json()

    assert deployed.deliveries.about(sent["id"], "sms.message.delivered")["data"]["to"] == good
    undelivered = deployed.deliveries.about(sent["id"], "sms.message.undelivered")
    assert undelivered["data"]["to"] == bad
    assert undelivered["data"]["gateway_status"] == "UNDELIV"


def test_version_17_goes_the_same_way(deployed: Deployed, shop: httpx.Client) -> None:
    sent = shop.post("messages", json={"to": "13812345678", "text": TEXT, "account": "encrypted"}).json()

    event = deployed.deliveries.about(sent["id"], "sms.message.delivered")

    assert event["source"] == "urn:eums:encrypted"
    (submit,) = deployed.gateway.submits(account="encrypted", reference=sent["id"])
    assert submit.content == TEXT
    assert deployed.gateway.exchanges(Call.SEND)[-1].fields["ver"] == "17"


@pytest.mark.parametrize("account", ["default", "encrypted"])
def test_a_reply_comes_in_and_names_the_message_it_answers(
    deployed: Deployed, shop: httpx.Client, account: str
) -> None:
    body = {"to": "13812345671", "text": TEXT, "account": account, "client_reference": "order-43"}
    sent = shop.post("messages", json=body).json()
    deployed.gateway.reply(sent["recipients"][0]["gateway_message_id"], "好的")

    event = deployed.inbound.about(sent["id"], "sms.inbound.received")

    data = event["data"]
    assert data["account"] == account
    assert data["from"] == "+8613812345671"
    assert data["to"].startswith("10690")
    assert data["text"] == "好的"
    assert data["content_base64"] == "WX12hA=="
    assert data["msg_fmt"] == 8
    assert data["in_reply_to"] == {"message_id": sent["id"], "client_reference": "order-43", "by": "reference"}


def test_an_inbound_message_that_answers_nothing_comes_in_too(deployed: Deployed) -> None:
    deployed.gateway.inject_mo("13812345672", "TD", account="test")

    event = deployed.inbound.wait(lambda event: event["data"]["from"] == "+8613812345672", "the inbound event")

    assert event["data"]["text"] == "TD"
    assert event["data"]["in_reply_to"] is None


@pytest.mark.parametrize(
    ("number", "later", "stays"),
    [
        ("19900002003", "undelivered", "delivered"),
        ("19900002004", "delivered", "undelivered"),
    ],
)
def test_a_contradicting_report_is_an_event_and_changes_no_final_status(
    deployed: Deployed, shop: httpx.Client, number: str, later: str, stays: str
) -> None:
    sent = shop.post("messages", json={"to": number, "text": TEXT}).json()

    deployed.deliveries.about(sent["id"], f"sms.message.{stays}")
    deployed.deliveries.about(sent["id"], f"sms.message.{later}")

    def contradicted() -> bool:
        key = {"pk": {"S": f"message#{sent['id']}"}, "sk": {"S": f"report#+86{number}"}}
        row = deployed.aws.dynamodb.get_item(TableName=deployed.outputs["MessagesTableName"], Key=key)
        return "contradiction" in row.get("Item", {})

    until(contradicted, "the contradiction in the recipient's row")
    assert shop.get(f"messages/{sent['id']}").json()["status"] == stays


@pytest.mark.parametrize("number", ["19900002007", "19900002008"])
def test_a_report_without_a_reference_finds_its_message(deployed: Deployed, shop: httpx.Client, number: str) -> None:
    sent = shop.post("messages", json={"to": [number, "13812345669"], "text": TEXT, "client_reference": "order-44"})
    message = sent.json()

    def reported(event: Event) -> bool:
        return bool(event["data"]["to"] == f"+86{number}" and event["data"]["message_id"] == message["id"])

    event = deployed.deliveries.wait(reported, f"the report of {message['id']} to {number}")

    assert event["data"]["client_reference"] == "order-44"
    assert event["data"]["gateway_message_id"] == message["recipients"][0]["gateway_message_id"]


def test_a_reply_without_a_reference_answers_by_extension_or_else_the_latest(
    deployed: Deployed, shop: httpx.Client
) -> None:
    body = {"to": "13812345668", "text": TEXT}
    with_extension = shop.post("messages", json={**body, "extension": "77"}).json()
    latest = shop.post("messages", json=body).json()
    deployed.gateway.inject_mo("13812345668", "1", account="test", ext="77")
    deployed.gateway.inject_mo("13812345668", "2", account="test")

    by_extension = deployed.inbound.about(with_extension["id"], "sms.inbound.received")
    by_number = deployed.inbound.about(latest["id"], "sms.inbound.received")

    assert (by_extension["data"]["text"], by_extension["data"]["in_reply_to"]["by"]) == ("1", "extension")
    assert (by_number["data"]["text"], by_number["data"]["in_reply_to"]["by"]) == ("2", "latest")


@pytest.mark.parametrize(
    ("number", "status", "gateway_code"),
    [
        ("19900000205", 402, 205),
        ("19900000131", 429, 131),
        ("19900000301", 503, 301),
        ("19900000401", 422, 401),
        ("19900000126", 502, 126),
    ],
)
def test_the_gateways_refusals_are_problems(shop: httpx.Client, number: str, status: int, gateway_code: int) -> None:
    response = shop.post("messages", json={"to": number, "text": TEXT})

    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == status
    assert problem["gateway_code"] == gateway_code
    assert ("retry-after" in response.headers) == (status in {429, 503})
    assert shop.get(f"messages/{problem['message_id']}").json()["status"] == "rejected"


def test_a_gateway_that_is_down_got_nothing(deployed: Deployed, shop: httpx.Client) -> None:
    response = shop.post("messages", json={"to": "13812345673", "text": TEXT, "account": "down"})

    assert response.status_code == 503, response.text
    assert "retry-after" in response.headers
    problem = response.json()
    assert shop.get(f"messages/{problem['message_id']}").json()["status"] == "rejected"
    assert deployed.gateway.submits(dest="13812345673") == []


def test_a_gateway_that_hangs_leaves_the_outcome_unknown_until_a_report_resolves_it(
    deployed: Deployed, shop: httpx.Client, gateway: Gateway
) -> None:
    gateway.add_fault(Fault(call=Call.SEND, kind=FaultKind.DELAY, when=When.AFTER, seconds=4))

    response = shop.post("messages", json={"to": "13812345674", "text": TEXT, "account": "impatient"})

    assert response.status_code == 202, response.text
    sent = response.json()
    assert sent["status"] == "unknown"
    deployed.deliveries.about(sent["id"], "sms.message.unknown")
    deployed.deliveries.about(sent["id"], "sms.message.delivered")
    until(lambda: shop.get(f"messages/{sent['id']}").json()["status"] == "delivered", "the resolved status")
    assert len(gateway.submits(reference=sent["id"])) == 1  # and was not sent again


def test_a_page_that_the_gateway_hands_out_in_pieces_loses_nothing_before_the_cut(
    deployed: Deployed, shop: httpx.Client, gateway: Gateway
) -> None:
    """What a pull brought is in the journal, byte for byte, before anybody looks at it."""
    sent = shop.post("messages", json={"to": "13812345675", "text": TEXT}).json()
    deployed.deliveries.about(sent["id"], "sms.message.delivered")

    listed = deployed.aws.s3.list_objects_v2(Bucket=deployed.outputs["JournalBucketName"], Prefix="raw/default/")
    bodies = [
        deployed.aws.s3.get_object(Bucket=deployed.outputs["JournalBucketName"], Key=entry["Key"])["Body"].read()
        for entry in listed["Contents"]
    ]

    assert [body for body in bodies if sent["id"].encode() in body]
    assert gateway.exchanges(Call.REPORT)
