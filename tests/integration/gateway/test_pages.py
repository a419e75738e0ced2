"""The handset page's side of the server: files, streams that end, one-shot reports, and who may not."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from local.gateway import Gateway, ManualClock
from local.gateway.exchange import Reply, Request, text_reply
from local.gateway.server import MOST_STREAMS
from tests.integration.gateway.plain_client import PlainClient

NUMBER = "13812345678"
DEADLINE_SECONDS = 20.0


Change = dict[str, Any]


@contextmanager
def streaming(url: str, **headers: str) -> Iterator[Iterator[Change]]:
    with httpx.stream("GET", f"{url}/stream", headers=headers, timeout=DEADLINE_SECONDS, trust_env=False) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        yield changes_of(response)


def changes_of(response: httpx.Response) -> Iterator[Change]:
    cursor, end = "", time.monotonic() + DEADLINE_SECONDS
    for line in response.iter_lines():
        assert time.monotonic() < end, "the stream said nothing of what was waited for"
        name, _, value = line.partition(": ")
        if name == "id":
            cursor = value
        elif name == "data":
            yield json.loads(value) | {"id": cursor}


class Seen:
    """What a page would have by now."""

    def __init__(self, changes: Iterator[Change]) -> None:
        self.changes = changes
        self.things: dict[tuple[str, str], Change] = {}

    def until(self, kind: str, **wanted: object) -> Change:
        while True:
            for (known, _), value in self.things.items():
                if known == kind and wanted.items() <= value.items():
                    return value
            for item in next(self.changes)["items"]:
                self.things[item["kind"], item["key"]] = item["value"]


def test_the_page_and_its_files(http: httpx.Client) -> None:
    page = http.get("/", headers={"Accept": "text/html"})
    assert page.headers["Content-Type"] == "text/html;charset=UTF-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    for name, kind in (("phones.js", "text/javascript"), ("theme.css", "text/css"), ("icon.svg", "image/svg+xml")):
        assert f"/pages/{name}" in page.text
        assert http.get(f"/pages/{name}").headers["Content-Type"].startswith(kind)
    assert http.head("/").status_code == 200


@pytest.mark.parametrize("name", ["", "nothing.js", "../page.py", "..%2Fpage.py", "%2e%2e/page.py", "phones.js/"])
def test_nothing_else_is_served(http: httpx.Client, name: str) -> None:
    assert http.get(f"/pages/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/", "/pages/phones.js", "/stream", "/changes"])
def test_pages_are_only_read(http: httpx.Client, path: str) -> None:
    assert http.post(path).status_code == 405


def test_a_message_is_seen_from_its_submit_to_its_pull(
    gateway: Gateway, client: PlainClient, clock: ManualClock
) -> None:
    with streaming(gateway.url) as changes:
        assert next(changes)["reset"]
        seen = Seen(changes)
        client.send(NUMBER, content="【京东】您好", ext="7")
        sent = seen.until("message", number=NUMBER, status=None, collected=False)
        assert (sent["sign"], sent["source"], sent["segments"]) == ("京东", "10690123456787", 1)
        clock.advance(5)
        seen.until("message", status="DELIVRD", collected=False)
        client.reports()
        seen.until("message", status="DELIVRD", collected=True)
        gateway.reply(sent["message_id"], "好的")
        seen.until("inbound", text="好的", dest="10690123456787", collected=False)
        client.mos()
        seen.until("inbound", text="好的", collected=True)
        assert seen.until("exchange", call="mo", records=1)["empty"] is False


def test_who_connects_again_gets_what_is_new_and_nothing_twice(gateway: Gateway, client: PlainClient) -> None:
    client.send(NUMBER, reference="first")
    with streaming(gateway.url) as changes:
        cursor = next(changes)["id"]
    client.send("13900000000", reference="second")
    with streaming(gateway.url, **{"Last-Event-ID": cursor}) as changes:
        change = next(changes)
    assert not change["reset"]
    assert [item["value"]["number"] for item in change["items"] if item["kind"] == "message"] == ["13900000000"]


def test_the_same_by_asking(http: httpx.Client, client: PlainClient) -> None:
    client.send(NUMBER)
    first = http.get("/changes").json()
    assert first["reset"]
    assert [item["kind"] for item in first["items"]] == ["message", "exchange"]
    assert http.get("/changes", params={"after": first["cursor"]}).json() == {
        "reset": False,
        "items": [],
        "cursor": first["cursor"],
    }


def open_stream(gateway: Gateway) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2])), timeout=DEADLINE_SECONDS)
    opened.sendall(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert opened.recv(15).startswith(b"HTTP/1.1 200")
    return opened


def test_streams_end_with_the_server_and_leave_no_thread() -> None:
    before = set(threading.enumerate())
    gateway = Gateway()
    gateway.start()
    with ExitStack() as opened:
        streams = [opened.enter_context(open_stream(gateway)) for _ in range(3)]
        assert len(set(threading.enumerate()) - before) == 4
        gateway.stop()
        assert not set(threading.enumerate()) - before
        for one in streams:
            while one.recv(65536):
                pass


def test_a_stream_that_has_nothing_to_say_is_told_to_end() -> None:
    told: list[bool] = []

    def respond(_request: Request) -> Reply:
        def pieces(ended: threading.Event) -> Iterator[bytes]:
            yield b"hello"
            told.append(ended.wait(DEADLINE_SECONDS))

        return Reply(declared=None, close=True, stream=pieces)

    with Gateway(mounted={"/quiet": respond}) as gateway:
        response = httpx.stream("GET", f"{gateway.url}/quiet", timeout=DEADLINE_SECONDS, trust_env=False)
        with response as opened:
            assert next(opened.iter_raw()) == b"hello"
            gateway.stop()
    assert told == [True]


def test_a_browser_that_goes_frees_its_stream_and_there_are_not_endless_ones() -> None:
    with Gateway() as gateway, ExitStack() as opened:
        streams = [opened.enter_context(open_stream(gateway)) for _ in range(MOST_STREAMS)]
        assert httpx.get(f"{gateway.url}/stream", trust_env=False).status_code == 503
        assert httpx.get(f"{gateway.url}/changes", trust_env=False).status_code == 200
        streams[0].close()
        end = time.monotonic() + DEADLINE_SECONDS
        status = 503
        while status != 200:
            assert time.monotonic() < end
            gateway.inject_mo(NUMBER, "x")  # somebody has to write before a closed connection is noticed
            with httpx.stream("GET", f"{gateway.url}/stream", timeout=DEADLINE_SECONDS, trust_env=False) as response:
                status = response.status_code


def test_the_next_report_by_the_admin_api(http: httpx.Client, client: PlainClient, clock: ManualClock) -> None:
    assert "POST /admin/reports/next" in http.get("/admin/").json()["operations"]
    for body in ({"number": NUMBER, "status": "MK:0001"}, {"number": "13900000000"}):
        assert http.post("/admin/reports/next", json=body).status_code == 200
    assert http.get("/admin/reports/next").json() == {
        "next_reports": [{"number": NUMBER, "status": "MK:0001"}, {"number": "13900000000", "status": None}]
    }
    client.send(NUMBER, "13900000000", "13700000000")
    client.send(NUMBER)
    clock.advance(5)
    assert [(report["dest_number"], report["report_status"]) for report in client.reports()["data"]] == [
        (NUMBER, "MK:0001"),
        ("13700000000", "DELIVRD"),
        (NUMBER, "DELIVRD"),
    ]
    assert http.get("/admin/reports/next").json() == {"next_reports": []}


def test_the_next_report_is_cancelled(http: httpx.Client) -> None:
    http.post("/admin/reports/next", json={"number": NUMBER})
    http.post("/admin/reports/next", json={"number": "13900000000"})
    left = http.delete("/admin/reports/next", params={"number": NUMBER}).json()["next_reports"]
    assert left == [{"number": "13900000000", "status": None}]
    assert http.delete("/admin/reports/next").json() == {"next_reports": []}
    assert http.post("/admin/reports/next", json={"number": "x"}).status_code == 400


def test_an_exchange_with_what_was_signed(http: httpx.Client, client: PlainClient) -> None:
    sent = client.but(version=17).send(NUMBER)["data"][0]["message_id"]
    client.but(password="wrong").call("balance")
    (submit,) = http.get("/admin/exchanges", params={"message_id": sent}).json()["exchanges"]
    assert submit["signing"]["right"]
    assert submit["signing"]["given"] == submit["fields"]["key"]
    assert json.loads(submit["data"])["dest"] == NUMBER
    balance = http.get("/admin/exchange", params={"number": submit["number"] + 1}).json()["exchange"]
    assert (balance["answer"], balance["meaning"]) == ({"code": 107}, "key 错误")
    assert not balance["signing"]["right"]
    assert balance["signing"]["expected"] != balance["signing"]["given"]
    assert "123456" not in balance["signing"]["hashed"]
    assert http.get("/admin/exchange", params={"number": "999999"}).status_code == 404
    assert http.get("/admin/exchange", params={"number": "x"}).status_code == 400


def test_pulls_do_not_drive_out_a_submit(http: httpx.Client, client: PlainClient) -> None:
    sent = client.send(NUMBER)["data"][0]["message_id"]
    for _ in range(210):
        client.reports()
    assert len(http.get("/admin/exchanges", params={"message_id": sent}).json()["exchanges"]) == 1
    assert len(http.get("/admin/exchanges", params={"call": "report"}).json()["exchanges"]) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example:8090"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_another_site_cannot_act(http: httpx.Client, gateway: Gateway, headers: dict[str, str]) -> None:
    body = json.dumps({"src": NUMBER, "text": "x"})
    answer = http.post("/admin/mo", content=body, headers={"Content-Type": "text/plain"} | headers)
    assert answer.status_code == 403
    assert gateway.overview()[0]["mos"]["waiting"] == 0


def test_a_foreign_name_reads_nothing(http: httpx.Client) -> None:
    for path in ("/", "/changes", "/admin/exchanges", "/pages/phones.js"):
        assert http.get(path, headers={"Host": "evil.example"}).status_code == 403, path


def test_the_own_page_acts(http: httpx.Client, gateway: Gateway) -> None:
    own = {"Origin": str(http.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert http.post("/admin/mo", json={"src": NUMBER, "text": "x"}, headers=own).status_code == 200
    assert gateway.overview()[0]["mos"]["waiting"] == 1


def test_the_calls_of_the_gateway_ask_for_no_host(http: httpx.Client, client: PlainClient) -> None:
    fields = client.signed()
    answer = http.post("/eums/sms/utf8/json/balance.do", data=fields, headers={"Host": "gateway.internal"})
    assert answer.json()["code"] == 0


def test_a_mounted_page_gets_what_is_below_it() -> None:
    def respond(request: Request) -> Any:
        return text_reply(f"mine: {request.path}")

    with Gateway(mounted={"/more": respond}) as gateway, httpx.Client(base_url=gateway.url, trust_env=False) as http:
        assert http.get("/more").text == "mine: /more"
        assert http.get("/more/stream").text == "mine: /more/stream"
        assert http.get("/moreover").status_code == 404
        assert http.get("/more", headers={"Host": "evil.example"}).status_code == 403
        assert http.get("/").json()["pages"] == ["/", "/more"]
