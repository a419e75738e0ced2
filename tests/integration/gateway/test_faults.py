"""Every fault, before and after the effect."""

import json
import threading
import time
from typing import Any

import httpx
import pytest

from local.gateway import Call, Fault, FaultKind, Gateway, GatewayAccount, ManualClock, When
from tests.integration.gateway.plain_client import PlainClient, decrypt

NUMBER = "13812345678"


def order(gateway: Gateway, call: Call, kind: FaultKind, **details: Any) -> None:
    gateway.add_fault(Fault(call=call, kind=kind, **details))


def submit(client: PlainClient) -> httpx.Response:
    return client.request("send", client.signed(client.data({"dest": NUMBER, "content": "好"})))


@pytest.mark.parametrize(("when", "accepted"), [(When.BEFORE, 0), (When.AFTER, 1), (None, 1)])
@pytest.mark.parametrize("reset", [False, True])
def test_dropped_connections(
    any_client: PlainClient, gateway: Gateway, when: When | None, accepted: int, *, reset: bool
) -> None:
    order(gateway, Call.SEND, FaultKind.DROP, when=when, reset=reset)
    # A reset is a read error, an orderly end without an answer is a protocol error.
    with pytest.raises(httpx.ReadError if reset else httpx.RemoteProtocolError):
        submit(any_client)
    assert len(gateway.submits()) == accepted
    assert gateway.balance() == 100_000 - accepted
    assert any_client.read(submit(any_client))["code"] == 0


@pytest.mark.parametrize(("when", "accepted"), [(When.BEFORE, 0), (When.AFTER, 1), (None, 0)])
@pytest.mark.parametrize("status", [500, 502, 429])
def test_http_errors(client: PlainClient, gateway: Gateway, when: When | None, accepted: int, status: int) -> None:
    order(gateway, Call.SEND, FaultKind.HTTP_ERROR, when=when, status=status)
    response = submit(client)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert len(gateway.submits()) == accepted


@pytest.mark.parametrize(("when", "accepted"), [(When.BEFORE, 0), (When.AFTER, 1), (None, 0)])
def test_html_with_200(any_client: PlainClient, gateway: Gateway, when: When | None, accepted: int) -> None:
    order(gateway, Call.SEND, FaultKind.HTML, when=when)
    response = submit(any_client)
    assert response.status_code == 200
    assert response.text.startswith("<!DOCTYPE html>")
    assert len(gateway.submits()) == accepted


@pytest.mark.parametrize("at", [0, 1, 10, 31])
def test_truncated_bodies_that_announce_their_length(client: PlainClient, gateway: Gateway, at: int) -> None:
    order(gateway, Call.BALANCE, FaultKind.TRUNCATE, at=at)
    with pytest.raises(httpx.RemoteProtocolError, match=f"received {at} bytes, expected 32"):
        client.call("balance")


def test_truncated_bodies_that_look_complete(any_client: PlainClient, gateway: Gateway) -> None:
    whole = any_client.request("balance", any_client.signed()).content
    for at in range(len(whole) + 1):
        order(gateway, Call.BALANCE, FaultKind.TRUNCATE, at=at, content_length=False)
        response = any_client.request("balance", any_client.signed())
        assert response.content == whole[:at]
        assert "Content-Length" not in response.headers
    order(gateway, Call.BALANCE, FaultKind.TRUNCATE, content_length=False)
    assert any_client.request("balance", any_client.signed()).content == whole[: len(whole) // 2]


def test_a_page_lost_to_a_fault_is_gone(client: PlainClient, gateway: Gateway) -> None:
    client.send(NUMBER)
    gateway.make_reports_due()
    order(gateway, Call.REPORT, FaultKind.TRUNCATE, content_length=False)
    with pytest.raises(json.JSONDecodeError):
        client.reports()
    assert client.reports() == {"code": 0, "data": []}
    gateway.inject_mo(NUMBER, "好的")
    order(gateway, Call.MO, FaultKind.DROP)
    with pytest.raises(httpx.RemoteProtocolError):
        client.mos()
    assert client.mos() == {"code": 0, "data": []}
    # What was lost can still be seen here.
    assert gateway.exchanges(Call.MO)[0].answer is not None
    assert gateway.exchanges(Call.MO)[0].status is None


def test_a_page_survives_a_fault_before_the_effect(client: PlainClient, gateway: Gateway) -> None:
    gateway.inject_mo(NUMBER, "好的")
    order(gateway, Call.MO, FaultKind.DROP, when=When.BEFORE)
    with pytest.raises(httpx.RemoteProtocolError):
        client.mos()
    assert [mo["content"] for mo in client.mos()["data"]] == ["好的"]


def test_garbage(any_client: PlainClient, gateway: Gateway) -> None:
    order(gateway, Call.REPORT, FaultKind.GARBAGE)
    response = any_client.request("report", any_client.signed())
    assert response.status_code == 200
    with pytest.raises(UnicodeDecodeError):
        response.content.decode()


def test_a_wrong_aes_key(any_client: PlainClient, gateway: Gateway) -> None:
    order(gateway, Call.BALANCE, FaultKind.WRONG_AES_KEY)
    response = any_client.request("balance", any_client.signed())
    with pytest.raises(ValueError, match=r"[Pp]adding"):
        decrypt(response.text, any_client.aes_key)


@pytest.mark.parametrize(("when", "accepted"), [(When.BEFORE, 0), (When.AFTER, 1), (None, 0)])
def test_a_given_code(any_client: PlainClient, gateway: Gateway, when: When | None, accepted: int) -> None:
    order(gateway, Call.SEND, FaultKind.CODE, code=999, when=when)
    assert any_client.read(submit(any_client)) == {"code": 999}
    assert len(gateway.submits()) == accepted


@pytest.mark.parametrize(("when", "accepted"), [(When.BEFORE, 0), (When.AFTER, 1), (None, 1)])
def test_delays(clock: ManualClock, when: When | None, accepted: int) -> None:
    # The delay is far longer than the client waits, and ends when the gateway stops.
    before = threading.active_count()
    with (
        Gateway([GatewayAccount()], clock=clock) as gateway,
        httpx.Client(base_url=gateway.url, trust_env=False) as http,
    ):
        order(gateway, Call.SEND, FaultKind.DELAY, seconds=3600, when=when)
        client = PlainClient(http, "20130806102030")
        fields = client.signed(client.data({"dest": NUMBER, "content": "好"}))
        with pytest.raises(httpx.ReadTimeout):
            http.post("/eums/sms/utf8/json/send.do", data=fields, timeout=0.5)
        deadline = time.monotonic() + 30
        while len(gateway.submits()) < accepted and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(gateway.submits()) == accepted
    deadline = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_short_delay_leaves_the_answer_whole(any_client: PlainClient, gateway: Gateway) -> None:
    order(gateway, Call.BALANCE, FaultKind.DELAY, seconds=0.01)
    assert any_client.call("balance") == {"code": 0, "balance_item": 100_000}


def test_faults_queue_up_for_each_call(client: PlainClient, gateway: Gateway) -> None:
    order(gateway, Call.BALANCE, FaultKind.CODE, code=301, times=2)
    order(gateway, Call.BALANCE, FaultKind.CODE, code=302)
    order(gateway, Call.REPORT, FaultKind.CODE, code=303)
    assert [client.call("balance")["code"] for _ in range(2)] == [301, 301]
    assert [(fault.call, fault.times) for fault in gateway.pending_faults()] == [("report", 1), ("balance", 1)]
    assert [client.call("balance")["code"] for _ in range(2)] == [302, 0]
    assert [client.reports()["code"] for _ in range(2)] == [303, 0]
    assert gateway.counters()["balance"] == {
        "requests": 4,
        "codes": {"0": 1, "301": 2, "302": 1},
        "faults": {"code": 3},
    }
