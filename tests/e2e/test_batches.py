"""Batches through the deployed stack: whole, once, in order, at the account's pace."""

from typing import Any

import httpx

from bridge.domain.batches import message_id_of
from tests.e2e.deployed import Deployed, batch_of, until

TEXT = "【京东】您的包裹已到"
NEVER_REPORTED = "19900002000"


def test_equal_texts_share_a_submit_and_each_event_has_its_own_reference(
    deployed: Deployed, shop: httpx.Client
) -> None:
    messages: list[dict[str, Any]] = [
        {"to": "13812345681", "text": TEXT, "client_reference": "parcel-1"},
        {"to": "13812345682", "template": "【京东】您的验证码是{{code}}", "params": {"code": "007"}},
        {"to": "13812345683", "client_reference": "parcel-3"},
    ]
    body = {
        "template": "【京东】您的{{what}}已到",
        "messages": [*messages[:2], {**messages[2], "params": {"what": "包裹"}}],
    }
    response = shop.post("batches", json=body, headers={"Idempotency-Key": "parcels"})

    assert response.status_code == 202, response.text
    accepted = response.json()
    assert accepted == {
        **accepted,
        "status": "accepted",
        "account": "default",
        "total": 3,
        "counts": {"accepted": 3},
    }
    assert response.headers["Location"].endswith(f"batches/{accepted['id']}")
    shared, single = (message_id_of(accepted["id"], ordinal) for ordinal in (1, 2))

    def delivered(to: str) -> Any:
        def matches(event: dict[str, Any]) -> bool:
            return bool(event["type"] == "sms.message.delivered" and event["data"]["to"] == to)

        return deployed.deliveries.wait(matches, f"the delivery of {to}")["data"]

    assert {
        to: (delivered(to)["message_id"], delivered(to)["client_reference"], delivered(to)["batch_id"])
        for to in ("+8613812345681", "+8613812345682", "+8613812345683")
    } == {
        "+8613812345681": (shared, "parcel-1", accepted["id"]),
        "+8613812345682": (single, None, accepted["id"]),
        "+8613812345683": (shared, "parcel-3", accepted["id"]),
    }
    (one,) = deployed.gateway.submits(reference=shared)
    assert ([message.dest_number for message in one.messages], one.content) == (["13812345681", "13812345683"], TEXT)
    (other,) = deployed.gateway.submits(reference=single)
    assert other.content == "【京东】您的验证码是007"

    until(lambda: batch_of(shop, accepted["id"])["counts"] == {"delivered": 3}, "the counts")
    assert batch_of(shop, accepted["id"])["status"] == "finished"
    found = shop.get(f"messages/{shared}").json()
    assert (found["batch_id"], [each["client_reference"] for each in found["recipients"]]) == (
        accepted["id"],
        ["parcel-1", "parcel-3"],
    )

    again = shop.post("batches", json=body, headers={"Idempotency-Key": "parcels"})
    assert (again.status_code, again.content, again.headers["Idempotent-Replayed"]) == (202, response.content, "true")
    assert len(deployed.gateway.submits(reference=shared)) == 1


def test_a_batch_with_a_problem_is_not_sent_at_all(deployed: Deployed, shop: httpx.Client) -> None:
    before = len(deployed.gateway.submits())
    messages = [{"to": "13812345684", "text": TEXT}, {"to": "13812345684", "template": "{{code}}"}, {"to": "12"}]

    response = shop.post("batches", json={"messages": messages})
    assert [error["field"] for error in response.json()["errors"]] == ["messages[2].to"]
    response = shop.post("batches", json={"messages": messages[:2]})
    assert [error["field"] for error in response.json()["errors"]] == ["messages[1].params.code"]
    assert len(deployed.gateway.submits()) == before


def test_a_batch_is_its_clients_own(shop: httpx.Client, bank: httpx.Client, reader: httpx.Client) -> None:
    body = {"messages": [{"to": NEVER_REPORTED, "text": TEXT}]}
    batch = shop.post("batches", json=body).json()

    assert bank.get(f"batches/{batch['id']}").status_code == 404
    assert reader.post("batches", json=body).status_code == 403
