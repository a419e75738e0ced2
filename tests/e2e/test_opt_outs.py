"""A handset that answers a keyword gets no more messages, until somebody who may says otherwise."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.deployed import Deployed, until

TEXT = "【京东】新品上市，回TD退订"
ANSWERS_TD = "+8619900003001"  # the simulated handset does so by itself, whenever it gets a message
NUMBER = "+8613812345690"


def listed(caller: httpx.Client, number: str) -> dict[str, Any] | None:
    """The opt-out of a number, looked for page by page."""
    cursor: str | None = None
    while True:
        answer = caller.get("opt-outs", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for item in page["items"]:
            if item["number"] == number:
                return dict(item)
        cursor = page["next_cursor"]
        if cursor is None:
            return None


@pytest.fixture
def opted_out(shop: httpx.Client) -> Iterator[dict[str, Any]]:
    """The handset that answers TD, after it did; nothing of it stays."""
    sent = shop.post("messages", json={"to": ANSWERS_TD, "text": TEXT})
    assert sent.status_code == 201, sent.text
    yield until(lambda: listed(shop, ANSWERS_TD), "the opt-out")
    shop.delete(f"opt-outs/{ANSWERS_TD}")


def test_a_handset_that_answers_a_keyword_is_opted_out(opted_out: dict[str, Any]) -> None:
    since = opted_out.pop("since")
    assert since.endswith("+08:00")
    assert opted_out == {"number": ANSWERS_TD, "account": "default", "source": "inbound", "keyword": "TD"}


def test_a_later_message_to_it_is_refused_unless_it_is_transactional(
    deployed: Deployed, shop: httpx.Client, opted_out: dict[str, Any]
) -> None:
    before = len(deployed.gateway.submits(dest=ANSWERS_TD.removeprefix("+86")))

    refused = shop.post("messages", json={"to": opted_out["number"], "text": TEXT})
    assert refused.status_code == 422, refused.text
    assert "opted_out" in refused.text
    assert len(deployed.gateway.submits(dest=ANSWERS_TD.removeprefix("+86"))) == before

    taken = shop.post("messages", json={"to": opted_out["number"], "text": TEXT, "category": "transactional"})
    assert taken.status_code == 201, taken.text


def test_an_opt_out_that_was_removed_comes_back_with_the_next_answer(
    shop: httpx.Client, opted_out: dict[str, Any]
) -> None:
    removed = shop.delete(f"opt-outs/{opted_out['number']}")
    assert (removed.status_code, removed.content) == (204, b"")
    assert listed(shop, ANSWERS_TD) is None
    assert shop.delete(f"opt-outs/{opted_out['number']}").status_code == 404

    assert shop.post("messages", json={"to": ANSWERS_TD, "text": TEXT}).status_code == 201

    again = until(lambda: listed(shop, ANSWERS_TD), "the opt-out")
    assert again["since"] > opted_out["since"]


@pytest.mark.parametrize("written", ["13812345690", "8613812345690", "+8613812345690", "%2B8613812345690"])
def test_a_number_is_added_and_removed_in_any_form(shop: httpx.Client, written: str) -> None:
    added = shop.post("opt-outs", json={"numbers": ["13812345691", NUMBER], "account": "encrypted"})
    assert added.status_code == 200, added.text
    assert [(item["number"], item["source"]) for item in added.json()["items"]] == [
        ("+8613812345691", "api"),
        (NUMBER, "api"),
    ]
    again = shop.post("opt-outs", json={"numbers": NUMBER, "account": "encrypted"})
    assert again.json()["items"] == added.json()["items"][1:]

    removed = shop.delete(f"opt-outs/{written}", params={"account": "encrypted"})

    assert removed.status_code == 204, removed.text
    left = shop.get("opt-outs", params={"account": "encrypted"}).json()
    assert [item["number"] for item in left["items"]] == ["+8613812345691"]
    shop.delete("opt-outs/13812345691", params={"account": "encrypted"})


def test_each_scope_does_its_own(bank: httpx.Client, reader: httpx.Client) -> None:
    assert reader.get("opt-outs").status_code == 200
    assert reader.post("opt-outs", json={"numbers": NUMBER}).status_code == 403
    assert bank.get("opt-outs", params={"account": "encrypted"}).status_code == 403
    assert bank.delete(f"opt-outs/{NUMBER}").status_code == 403


def test_a_thousand_numbers_are_added_within_the_time_of_a_request(shop: httpx.Client) -> None:
    numbers = [f"+861391234{index:04}" for index in range(1000)]

    added = shop.post("opt-outs", json={"numbers": numbers, "account": "counted"})

    assert added.status_code == 200, added.text
    assert [item["number"] for item in added.json()["items"]] == numbers
    assert shop.post("opt-outs", json={"numbers": numbers, "account": "counted"}).json() == added.json()
