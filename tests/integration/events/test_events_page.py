"""The events page over HTTP, without any AWS: events come in by the seam."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.events import alone
from local.events.following import Messages
from local.events.page import KEPT_EVENTS, PATH, EventsPage
from local.gateway import Gateway
from local.gateway.exchange import Request, json_reply, text_reply

ID = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"
KEY = "eb_secret"


def event(number: int, kind: str = "sms.message.delivered") -> dict[str, Any]:
    data = {"message_id": ID, "to": "+8613812345678", "status": "delivered", "submitted_at": None}
    return {"id": f"{number:032x}", "type": kind, "time": "2026-11-23T13:09:00+08:00", "data": data}


@pytest.fixture
def page() -> EventsPage:
    return EventsPage()


@pytest.fixture
def http(page: EventsPage) -> Iterator[httpx.Client]:
    server = alone.serve(page, 0)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False, timeout=30) as http:
            yield http
    finally:
        server.stop()


def test_alone_the_front_page_leads_to_it(http: httpx.Client) -> None:
    answer = http.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/events")
    shown = http.get("/events")
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    for name in ("events.js", "events.css", "theme.css", "icon.svg"):
        assert f"/events/pages/{name}" in shown.text
        assert http.get(f"/events/pages/{name}").status_code == 200
    for name in ("dom.js", "json.js", "life.js", "live.js", "theme.js"):
        assert http.get(f"/events/pages/{name}").status_code == 200


def test_what_is_not_there_and_what_is_not_allowed(http: httpx.Client) -> None:
    for path in ("/admin/", "/events/nothing", "/events/pages/page.py", "/events/messages/x", f"/events/messages/{ID}"):
        assert http.get(path).status_code == 404, path
    assert http.post("/events").status_code == 405
    assert http.get("/events", headers={"Host": "evil.example"}).status_code == 403


def test_an_event_that_comes_twice_is_there_once(http: httpx.Client, page: EventsPage) -> None:
    page.add(event(1))
    page.add(event(2))
    cursor = http.get("/events/changes").json()["cursor"]
    page.add(event(1))
    (again,) = http.get("/events/changes", params={"after": cursor}).json()["items"]
    assert (again["value"]["times"], again["value"]["place"]) == (2, 1)
    assert len(http.get("/events/changes").json()["items"]) == 2


def test_only_the_last_events_are_kept(http: httpx.Client, page: EventsPage) -> None:
    for number in range(KEPT_EVENTS + 10):
        page.add(event(number))
    items = http.get("/events/changes").json()["items"]
    assert len(items) == KEPT_EVENTS
    assert items[0]["key"] == event(10)["id"]


def test_the_stream_brings_an_event(http: httpx.Client, page: EventsPage) -> None:
    with http.stream("GET", "/events/stream") as response:
        lines = response.iter_lines()
        assert next(lines).startswith("retry")
        page.add(event(1))
        assert any(event(1)["id"] in line for line in lines)


def test_a_message_is_asked_of_the_api_and_the_key_stays_here(http: httpx.Client, page: EventsPage) -> None:
    asked: list[str] = []

    def api(request: Request) -> Any:
        asked.append(request.path)
        known = {"id": ID, "created_at": "2026-11-23T13:09:00+08:00", "text": "您好", "recipients": []}
        return json_reply(known) if request.path.endswith(ID) else text_reply("no", 404)

    with Gateway(mounted={"/v1": api}) as gateway:
        page.find = Messages(f"{gateway.url}/v1", KEY)
        page.add(event(1))
        life = http.get(f"/events/messages/{ID}")
        assert asked == [f"/v1/messages/{ID}"]
        assert life.json()["message"]["text"] == "您好"
        assert [step["title"] for step in life.json()["lines"][0]["steps"]] == ["accepted", "delivered"]
        assert KEY not in life.text
        assert http.get(f"/events/messages/{ID[:-1]}A").status_code == 404
    # The API is gone: what the events said is still there.
    life = http.get(f"/events/messages/{ID}")
    assert life.json()["message"] is None
    assert [step["title"] for step in life.json()["lines"][0]["steps"]] == ["delivered"]


def test_mounted_it_is_beside_the_phones(page: EventsPage) -> None:
    with (
        Gateway(mounted={PATH: page.respond}) as gateway,
        httpx.Client(base_url=gateway.url, trust_env=False) as http,
    ):
        assert http.get("/").json()["pages"] == ["/", "/events"]
        assert http.get("/events").headers["Content-Type"].startswith("text/html")


def test_a_taken_port_is_an_error_of_its_own(page: EventsPage) -> None:
    with Gateway() as gateway, pytest.raises(OSError, match="in use"):
        alone.serve(page, int(gateway.url.rpartition(":")[2]))
