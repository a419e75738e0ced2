"""The gateway's own side of the books: every page that it handed out, as meant and as it left, and every submit."""

from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest

from local.gateway import CHINA, Call, Fault, FaultKind, Gateway, GatewayAccount, GatewaySettings, ManualClock
from tests.integration.gateway.plain_client import PlainClient
from tests.soak.ledger import text_of
from tests.soak.stage import GatewaysBook

SEED = "20130806102030"
DELIVERED = "13812345678"
UNHEARD_OF = "19900004000"  # taken, and left out of the answer


@pytest.fixture
def book() -> GatewaysBook:
    return GatewaysBook()


@pytest.fixture
def gateway(book: GatewaysBook) -> Iterator[Gateway]:
    clock = ManualClock(datetime(2013, 8, 6, 10, 20, 30, tzinfo=CHINA))
    settings = GatewaySettings(report_delay=0.0, report_page_size=1)
    accounts = [GatewayAccount(name="test"), GatewayAccount(name="encrypted")]
    with Gateway(accounts, settings=settings, clock=clock, heard=book.hear) as gateway:
        yield gateway


@pytest.fixture
def client(gateway: Gateway) -> Iterator[PlainClient]:
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as http:
        yield PlainClient(http, SEED)


def test_each_page_with_records_is_kept_as_it_left(client: PlainClient, book: GatewaysBook) -> None:
    client.send(DELIVERED)
    page = client.request("report", client.signed())
    client.reports()  # nothing more

    assert [(one.account, one.kind, len(one.records), one.readable) for one in book.pages] == [
        ("default", "reports", 1, 1)
    ]
    assert book.pages[0].sent == book.pages[0].whole == page.content


def test_what_was_encrypted_is_kept_encrypted(client: PlainClient, gateway: Gateway, book: GatewaysBook) -> None:
    gateway.inject_mo("13812345678", "好的", account="encrypted")
    secretive = client.but(name="encrypted", version=17)
    page = secretive.request("mo", secretive.signed())

    assert [(one.account, one.kind, one.sent) for one in book.pages] == [("encrypted", "inbound", page.content)]
    assert book.pages[0].records[0]["content"] == "好的"


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (Fault(call=Call.REPORT, kind=FaultKind.DROP), None),
        (Fault(call=Call.REPORT, kind=FaultKind.TRUNCATE, at=9, content_length=False), b'{"code":0'),
    ],
    ids=["dropped", "cut"],
)
def test_a_page_that_was_spoiled_is_in_the_book_all_the_same(
    client: PlainClient, gateway: Gateway, book: GatewaysBook, fault: Fault, sent: bytes | None
) -> None:
    client.send(DELIVERED)
    gateway.add_fault(fault)
    if sent is None:
        with pytest.raises(httpx.RemoteProtocolError):
            client.request("report", client.signed())
    else:
        client.request("report", client.signed())

    assert [(page.sent, page.readable, len(page.records)) for page in book.pages] == [(sent, 0, 1)]


def test_a_submit_is_taken_over_once_with_all_its_numbers(
    client: PlainClient, gateway: Gateway, book: GatewaysBook
) -> None:
    client.send(DELIVERED, UNHEARD_OF, content=text_of(7), reference="M1")

    for _ in range(2):
        taken = book.look(gateway)
        assert [(one.account, one.reference, one.number, one.marker) for one in taken] == [
            ("default", "M1", f"+86{number}", 7) for number in (DELIVERED, UNHEARD_OF)
        ]
