"""The admin API over HTTP."""

import json
from typing import Any

import httpx
import pytest

from local.gateway import Gateway
from tests.integration.gateway.plain_client import PlainClient


def post(http: httpx.Client, path: str, body: Any = None) -> Any:
    response = http.post(f"/admin/{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_index_names_every_operation(http: httpx.Client) -> None:
    operations = http.get("/admin/").json()["operations"]
    assert "POST /admin/faults" in operations
    assert "DELETE /admin/faults" in operations


def test_inbound_messages(http: httpx.Client, client: PlainClient) -> None:
    mo = post(
        http, "mo", {"src": "13812345678", "text": "好的", "ext": "9", "reference": "r", "sign": "京东", "msg_fmt": 15}
    )
    assert mo["mo"]["dest"] == "10690123456789"
    post(http, "mo", {"src": "13812345678", "text": "TD", "dest": "10690", "msg_fmt": None, "account": "test"})
    first, second = client.mos()["data"]
    assert (first["content"], first["reference"], first["sign"], first["msg_fmt"]) == ("好的", "r", "京东", 15)
    assert second["dest"] == "10690"
    assert "binary_content" not in second


def test_replies(http: httpx.Client, client: PlainClient) -> None:
    message_id = client.send("13812345678", reference="order-42")["data"][0]["message_id"]
    post(http, "reply", {"message_id": message_id, "text": "收到"})
    (mo,) = client.mos()["data"]
    assert (mo["src"], mo["reference"], mo["binary_content"]) == ("13812345678", "order-42", "ZTZSMA==")


def test_the_balance(http: httpx.Client, client: PlainClient) -> None:
    assert post(http, "balance", {"balance": 7}) == {"balance": 7}
    assert client.call("balance")["balance_item"] == 7
    assert client.but(name="old").call("balance")["balance_item"] == 100_000


def test_settings(http: httpx.Client, client: PlainClient) -> None:
    assert http.get("/admin/settings").json()["report_page_size"] == 100
    changed = post(http, "settings", {"report_page_size": 1, "report_delay": 0, "empty": "missing"})
    assert changed["report_delay"] == 0
    client.send("13812345678", "13812345679")
    assert [len(client.reports()["data"]) for _ in range(2)] == [1, 1]
    assert client.reports() == {"code": 0}


def test_accounts(http: httpx.Client, client: PlainClient) -> None:
    post(http, "account", {"status": "suspended"})
    assert client.call("balance") == {"code": 202}
    changes = {"status": "active", "password": "neu", "aes_key": "00" * 16, "aes_key_format": "hex", "versions": [17]}
    accounts = post(http, "account", changes)["accounts"]
    assert [account["name"] for account in accounts] == ["test", "plain", "old"]
    assert "neu" not in str(accounts)
    changed = client.but(password="neu", aes_key=bytes(16), version=17)
    assert changed.call("balance")["code"] == 0
    assert client.call("balance") == {"code": 124}


def test_reports_due_now(http: httpx.Client, client: PlainClient) -> None:
    client.send("13812345678", "19900002001", "19900002003")
    assert http.get("/admin/accounts").json()["accounts"][0]["reports"] == {"not_due": 4, "waiting": 0}
    assert post(http, "reports/due") == {"due": 4}
    assert http.get("/admin/accounts").json()["accounts"][0]["reports"] == {"not_due": 0, "waiting": 4}
    assert len(client.reports()["data"]) == 4


def test_submits(http: httpx.Client, client: PlainClient) -> None:
    sent = client.send("13812345678", "13812345679", ext="1", reference="a")["data"]
    client.but(version=17, method="GET").send("13800000000", reference="b")
    first, second = http.get("/admin/submits").json()["submits"]
    assert first == {
        "account": "test",
        "dest": "13812345678,13812345679",
        "content": "【京东】您的验证码是 123456",
        "ext": "1",
        "reference": "a",
        "sign": "京东",
        "method": "POST",
        "version": 1,
        "time": "2013-08-06T10:20:30+08:00",
        "messages": sent,
    }
    assert (second["method"], second["version"]) == ("GET", 17)
    assert http.get("/admin/submits", params={"reference": "b"}).json()["submits"] == [second]
    assert http.get("/admin/submits", params={"dest": "13812345679"}).json()["submits"] == [first]
    assert http.get("/admin/submits", params={"account": "old"}).json()["submits"] == []


def test_exchanges_and_counters(http: httpx.Client, client: PlainClient) -> None:
    encrypted = client.but(version=17)
    encrypted.send("13812345678")
    client.but(password="wrong").call("balance")
    first, second = http.get("/admin/exchanges").json()["exchanges"]
    assert first["data"].startswith('{"dest": "13812345678"')
    assert first["fields"]["key"] == encrypted.signed(first["fields"]["data"])["key"]
    assert first["answer"]["code"] == 0
    assert bytes.fromhex(first["sent"])
    assert second["answer"] == {"code": 107}
    assert http.get("/admin/exchanges", params={"call": "balance.do"}).json()["exchanges"] == [second]
    counters = http.get("/admin/counters").json()
    assert counters["send"] == {"requests": 1, "codes": {"0": 1}, "faults": {}}
    assert counters["balance"] == {"requests": 1, "codes": {"107": 1}, "faults": {}}


def test_faults(http: httpx.Client, client: PlainClient) -> None:
    (fault,) = post(http, "faults", {"call": "balance.do", "kind": "code", "code": 301, "times": 2})["faults"]
    assert (fault["call"], fault["kind"], fault["when"], fault["times"]) == ("balance", "code", "before", 2)
    assert client.call("balance") == {"code": 301}
    assert http.get("/admin/faults").json()["faults"][0]["times"] == 1
    assert http.delete("/admin/faults").json() == {"faults": []}
    assert client.call("balance")["code"] == 0


def test_reset(http: httpx.Client, client: PlainClient, gateway: Gateway) -> None:
    client.send("13812345678")
    post(http, "mo", {"src": "13812345678", "text": "好"})
    post(http, "settings", {"empty": "code"})
    post(http, "account", {"signature_required": True})
    post(http, "faults", {"call": "report", "kind": "drop"})
    post(http, "reset")
    assert gateway.submits() == []
    assert gateway.make_reports_due() == 0
    assert client.reports() == {"code": 0, "data": []}
    assert client.mos() == {"code": 0, "data": []}
    assert client.call("balance")["balance_item"] == 100_000
    assert client.send("13812345678", content="好")["code"] == 0
    assert http.get("/admin/counters").json()["report"]["requests"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("mo", {"text": "x"}, 400),
        ("mo", {"src": "1", "text": 5}, 400),
        ("mo", {"src": "1", "text": "x", "colour": "red"}, 400),
        ("mo", {"src": "1", "text": "x", "msg_fmt": 99}, 400),
        ("mo", {"src": "1", "text": "好", "msg_fmt": 0}, 400),
        ("mo", {"src": "1", "text": "\ud800", "msg_fmt": None}, 400),
        ("mo", {"src": "1", "text": "x", "account": "nobody"}, 404),
        ("mo", [], 400),
        ("reply", {"message_id": "0", "text": "x"}, 404),
        ("balance", {"balance": -1}, 400),
        ("balance", {"balance": True}, 400),
        ("balance", {"balance": 1, "account": "nobody"}, 404),
        ("settings", {"report_page_size": 0}, 400),
        ("settings", {"report_delay": -1}, 400),
        ("settings", {"report_delay": 1e300}, 400),
        ("settings", {"empty": "maybe"}, 400),
        ("account", {"status": "asleep"}, 400),
        ("account", {"versions": [2]}, 400),
        ("account", {"versions": ["17"]}, 400),
        ("account", {"aes_key": "short"}, 400),
        ("account", {"aes_key": "00", "aes_key_format": "roman"}, 400),
        ("account", {"allowed_ips": ["here"]}, 400),
        ("faults", {"call": "fly", "kind": "drop"}, 400),
        ("faults", {"call": "send", "kind": "rain"}, 400),
        ("faults", {"call": "send", "kind": "truncate", "when": "before"}, 400),
        ("faults", {"call": "send", "kind": "drop", "times": 0}, 400),
        ("faults", {"call": "send"}, 400),
        ("nowhere", {}, 404),
        ("submits", {}, 405),
    ],
)
def test_wrong_requests(http: httpx.Client, path: str, body: Any, status: int) -> None:
    response = http.post(f"/admin/{path}", content=json.dumps(body))
    assert response.status_code == status, response.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_json(http: httpx.Client, body: bytes) -> None:
    assert http.post("/admin/mo", content=body).status_code == 400


def test_an_unknown_call_of_exchanges(http: httpx.Client) -> None:
    assert http.get("/admin/exchanges", params={"call": "fly"}).status_code == 400
