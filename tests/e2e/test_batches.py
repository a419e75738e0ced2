"""Batches through the deployed stack: whole, once, in order, at the account's pace."""

import time
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bridge.domain.batches import message_id_of
from tests.e2e.conftest import BULK_RATE
from tests.e2e.deployed import Deployed, until

TEXT = "【京东】您的包裹已到"
NEVER_REPORTED = "19900002000"
IN_FLIGHT = 10  # of a walk: they leave in order, and may overtake each other on their way
WINDOW = 5.0  # seconds over which the pace is looked at


def counted(shop: httpx.Client, batch_id: str) -> dict[str, Any]:
    response = shop.get(f"batches/{batch_id}")
    assert response.status_code == 200, response.text
    batch: dict[str, Any] = response.json()
    assert sum(batch["counts"].values()) == batch["total"], batch
    return batch


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

    until(lambda: counted(shop, accepted["id"])["counts"] == {"delivered": 3}, "the counts")
    assert counted(shop, accepted["id"])["status"] == "finished"
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


@pytest.mark.flood
def test_ten_thousand_texts_are_sent_once_each_in_order_and_in_pace(deployed: Deployed, shop: httpx.Client) -> None:
    """One in ten is reported as delivered; of the others no report ever comes."""
    count = 10_000
    numbers = [NEVER_REPORTED if index % 10 else f"138{index:08}" for index in range(count)]
    messages = [{"to": number, "text": f"【京东】您的验证码是{index:06}"} for index, number in enumerate(numbers)]
    began = time.monotonic()
    response = shop.post("batches", json={"account": "bulk", "category": "transactional", "messages": messages})
    assert response.status_code == 202, response.text
    accepted_after = time.monotonic() - began
    batch_id = response.json()["id"]

    def all_are_there() -> bool:
        time.sleep(1)  # looking takes time of what is looked at
        return len(deployed.gateway.submits(account="bulk")) >= count

    def all_are_counted() -> bool:
        time.sleep(1)
        batch = counted(shop, batch_id)
        return (batch["status"], batch["counts"]) == ("finished", {"submitted": 9_000, "delivered": 1_000})

    until(all_are_there, "all submits", count / BULK_RATE + 300)
    sent_after = time.monotonic() - began
    until(all_are_counted, "the counts", 180)
    asked = time.monotonic()
    counted(shop, batch_id)
    counted_in = time.monotonic() - asked

    submits = sorted(deployed.gateway.submits(account="bulk"), key=lambda submit: submit.time)
    places = {message_id_of(batch_id, ordinal): ordinal for ordinal in range(1, count + 1)}
    assert sorted(places[submit.reference] for submit in submits) == list(range(1, count + 1))  # each once
    assert all(submit.content == messages[places[submit.reference] - 1]["text"] for submit in submits)
    away = sorted(abs(places[submit.reference] - place) for place, submit in enumerate(submits, 1))
    # One that a busy machine lets wait between leaving and arriving is overtaken by what goes in that time.
    assert away[count * 99 // 100] <= IN_FLIGHT
    assert away[-1] <= 2 * BULK_RATE

    busiest = 0
    first = 0
    for last, submit in enumerate(submits):
        while submit.time - submits[first].time > timedelta(seconds=WINDOW):
            first += 1
        busiest = max(busiest, last - first + 1)
    assert busiest <= BULK_RATE * WINDOW + BULK_RATE

    lasted = (submits[-1].time - submits[0].time).total_seconds()
    print(  # noqa: T201 - shown with -s
        f"accepted in {accepted_after:.1f} s, sent after {sent_after:.1f} s, counted in {counted_in:.1f} s; "
        f"{count / lasted:.0f} a second of at most {BULK_RATE}, {busiest} in the busiest {WINDOW:g} s; "
        f"{sum(map(bool, away))} not in their place, none farther than {away[-1]} from it"
    )
