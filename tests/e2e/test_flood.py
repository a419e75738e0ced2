"""Ten thousand messages at once through the deployed stack. In a file of its own: it takes as long as many others."""

import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from bridge.domain.batches import message_id_of
from local.clients import SCOPES, Client
from tests.e2e.conftest import BULK_RATE
from tests.e2e.deployed import Deployed, batch_of, until

NEVER_REPORTED = "19900002000"
IN_FLIGHT = 10  # of a walk: they leave in order, and may overtake each other on their way
WINDOW = 5.0  # seconds over which the pace is looked at


@pytest.fixture
def crowd(deployed: Deployed) -> Iterator[httpx.Client]:
    """An application whose messages nobody else lists, and whose events are gone before others look for theirs."""
    client = Client(client="crowd", accounts=("bulk",), default_account="bulk", scopes=SCOPES)
    with deployed.client(client) as caller:
        yield caller
    deployed.deliveries.purge()


@pytest.mark.long
def test_ten_thousand_texts_are_sent_once_each_in_order_and_in_pace(deployed: Deployed, crowd: httpx.Client) -> None:
    """One in ten is reported as delivered; of the others no report ever comes."""
    count = 10_000
    numbers = [NEVER_REPORTED if index % 10 else f"138{index:08}" for index in range(count)]
    messages = [{"to": number, "text": f"【京东】您的验证码是{index:06}"} for index, number in enumerate(numbers)]
    began = time.monotonic()
    response = crowd.post("batches", json={"account": "bulk", "category": "transactional", "messages": messages})
    assert response.status_code == 202, response.text
    accepted_after = time.monotonic() - began
    batch_id = response.json()["id"]

    def all_are_there() -> bool:
        time.sleep(1)  # looking takes time of what is looked at
        return len(deployed.gateway.submits(account="bulk")) >= count

    def all_are_counted() -> bool:
        time.sleep(1)
        batch = batch_of(crowd, batch_id)
        return (batch["status"], batch["counts"]) == ("finished", {"submitted": 9_000, "delivered": 1_000})

    until(all_are_there, "all submits", count / BULK_RATE + 300)
    sent_after = time.monotonic() - began
    until(all_are_counted, "the counts", 180)
    asked = time.monotonic()
    batch_of(crowd, batch_id)
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
