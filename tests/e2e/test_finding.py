"""Messages are found again, by their sender only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from local.clients import Client
from tests.e2e.deployed import Deployed, until

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "【京东】您的包裹已到"
NUMBERS = ("+8613812340001", "+8613812340002", "+8613812340003")


@dataclass(frozen=True)
class Sent:
    """Three messages and who sent them; the last goes to two numbers, over another account."""

    finder: httpx.Client
    ids: tuple[str, ...]

    def page(self, **query: str) -> Any:
        response = self.finder.get("messages", params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def found(self, **query: str) -> list[int]:
        """Which of them."""
        page = self.page(**query)
        assert page["next_cursor"] is None
        return [self.ids.index(message["id"]) for message in page["items"]]


@pytest.fixture(scope="module")
def sent(deployed: Deployed) -> "Iterator[Sent]":
    everywhere = Client(client="finder", accounts=("*",), default_account="default", scopes=("send", "read"))
    bodies: list[dict[str, object]] = [
        {"to": NUMBERS[0], "text": TEXT, "client_reference": "box-1"},
        {"to": NUMBERS[1], "text": TEXT, "client_reference": "box-2"},
        {"to": [NUMBERS[0], NUMBERS[2]], "text": TEXT, "client_reference": "box-1", "account": "encrypted"},
    ]
    with deployed.client(everywhere) as finder:
        responses = [finder.post("messages", json=body) for body in bodies]
        assert [response.status_code for response in responses] == [201] * 3
        found = Sent(finder, tuple(response.json()["id"] for response in responses))
        until(lambda: found.found() == [2, 1, 0], "the index")
        yield found


def test_a_list_shows_each_message_as_it_is_read_by_its_id(deployed: Deployed, sent: Sent) -> None:
    for message_id in sent.ids:
        deployed.deliveries.about(message_id, "sms.message.delivered")
    until(lambda: len(sent.found(status="delivered")) == 3, "the reports")

    by_id = [sent.finder.get(f"messages/{message_id}").json() for message_id in sent.ids]

    assert sent.page() == {"items": by_id[::-1], "next_cursor": None}


def test_by_each_filter(sent: Sent) -> None:
    assert sent.found(client_reference="box-1") == [2, 0]
    assert sent.found(client_reference="box-2") == [1]
    assert sent.found(client_reference="box") == []
    assert sent.found(to="13812340001") == [2, 0]
    assert sent.found(to="008613812340002") == [1]
    assert sent.found(to=NUMBERS[2]) == [2]
    assert sent.found(account="encrypted") == [2]
    assert sent.found(account="default", client_reference="box-1") == [0]
    assert sent.found(status="rejected") == []

    second = sent.finder.get(f"messages/{sent.ids[1]}").json()["created_at"]
    assert sent.found(created_after=second) == [2, 1]
    assert sent.found(created_before=second) == [0]
    # Until there are batches: a message's own id, as a batch's would be, has nothing but itself behind it.
    assert sent.found(batch_id=f"{sent.ids[1][:22]}0000") == [1]


@pytest.mark.parametrize("query", [{}, {"client_reference": "box-1"}, {"to": NUMBERS[0]}], ids=str)
def test_page_by_page(sent: Sent, query: dict[str, str]) -> None:
    expected = sent.found(**query)
    shown: list[int] = []
    cursor: str | None = None

    for _ in expected:
        page = sent.page(**query, limit="1", **({"cursor": cursor} if cursor else {}))
        shown += [sent.ids.index(message["id"]) for message in page["items"]]
        cursor = page["next_cursor"]

    assert shown == expected
    assert cursor is None


def test_a_cursor_of_another_list_is_refused(sent: Sent) -> None:
    cursor = sent.page(limit="1")["next_cursor"]

    response = sent.finder.get("messages", params={"cursor": cursor, "to": NUMBERS[0]})

    assert response.status_code == 422, response.text
    assert [error["field"] for error in response.json()["errors"]] == ["cursor"]


def test_another_client_finds_none_of_them(deployed: Deployed, sent: Sent) -> None:
    other = Client(client="finder-two", accounts=("*",), default_account="default", scopes=("read",))
    with deployed.client(other) as client:
        for query in ({}, {"to": NUMBERS[0]}, {"client_reference": "box-1"}, {"account": "encrypted"}):
            assert client.get("messages", params=query).json() == {"items": [], "next_cursor": None}
    assert sent.found() == [2, 1, 0]
