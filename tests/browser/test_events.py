"""The events page in a real browser, with events fed by hand."""

from typing import Any

from playwright.sync_api import expect

from local.events.page import EventsPage
from tests.browser.conftest import PATIENCE_MILLISECONDS, OpenPage
from tests.browser.reading import is_dark, nameless_controls, width

expect.set_options(timeout=PATIENCE_MILLISECONDS)

ID = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"
TO = "+8613812345678"
HOSTILE = "<img src=x onerror=document.title=1>\u202etxt.exe" + "长" * 300


def event(number: int, kind: str = "message.delivered", **data: Any) -> dict[str, Any]:
    known = {"message_id": ID, "to": TO, "status": kind.rpartition(".")[2], "submitted_at": "2026-11-23T13:09:01+08:00"}
    return {
        "specversion": "1.0",
        "id": f"{number:032x}",
        "source": "urn:eums:default",
        "type": f"sms.{kind}",
        "time": f"2026-11-23T13:09:{number:02}+08:00",
        "datacontenttype": "application/json",
        "data": known | data,
    }


def reply(number: int, text: str) -> dict[str, Any]:
    answer = {"from": TO, "to": "1069", "text": text, "in_reply_to": {"message_id": ID, "by": "reference"}}
    return event(number, "inbound.received") | {"data": answer}


def message(message_id: str) -> dict[str, Any] | None:
    recipient = {"to": TO, "status": "submitted", "gateway_message_id": "0603"}
    known = {"id": ID, "created_at": "2026-11-23T13:09:00+08:00", "text": "【京东】您好", "recipients": [recipient]}
    return known if message_id == ID else None


def test_events_arrive_live_newest_first_and_once(open_page: OpenPage, events: EventsPage) -> None:
    page = open_page("/events")
    expect(page.get_by_text("No event yet")).to_be_visible()
    events.add(event(1, client_reference="first"))
    events.add(event(2, client_reference="second"))
    expect(page.locator(".event .what")).to_have_text(["second", "first"])
    events.add(event(1, client_reference="first"))
    expect(page.locator(".event .again").nth(1)).to_have_text("×2")
    expect(page.locator(".event")).to_have_count(2)


def test_by_type_and_by_text(open_page: OpenPage, events: EventsPage) -> None:
    for number in range(3):
        events.add(event(number, client_reference=f"order-{number}"))
    events.add(event(7, "message.undelivered", client_reference="order-7", gateway_status="MK:0001"))
    page = open_page("/events")
    expect(page.locator(".chip")).to_have_text(["All4", "message.delivered3", "message.undelivered1"])
    page.get_by_role("button", name="message.undelivered1").click()
    expect(page.locator(".event:visible .what")).to_have_text(["order-7 · MK:0001"])
    events.add(event(8, client_reference="order-8"))
    expect(page.locator(".chip").first).to_have_text("All5")
    expect(page.locator(".event:visible")).to_have_count(1)
    page.get_by_role("button", name="All").click()
    search = page.get_by_label("Message id, reference, number or text")
    for wanted, count in (("ORDER-1", 1), (ID.lower(), 5), ("1381234", 5), ('"', 0), ("nothing", 0)):
        search.fill(wanted)
        expect(page.locator(".event:visible")).to_have_count(count)
    expect(page.get_by_text("No event fits")).to_be_visible()


def test_a_messages_life_grows_while_one_looks(open_page: OpenPage, events: EventsPage) -> None:
    events.find = message
    events.add(event(1, "message.submitted"))
    page = open_page("/events")
    page.locator(".event").click()
    life = page.locator("#life li b")
    expect(life).to_have_text(["accepted", "submitted", "delivered"])
    expect(page.locator("#life li.waiting b")).to_have_text("delivered")
    expect(page.locator("#life .message")).to_have_text("【京东】您好")
    events.add(event(4, reported_at="2026-11-23T13:09:04+08:00"))
    expect(page.locator("#life li.waiting")).to_have_count(0)
    events.add(reply(9, "好的"))
    expect(life).to_have_text(["accepted", "submitted", "delivered", "replied"])
    page.locator("[data-step=replied] button").click()
    expect(page.locator("#detail-title")).to_have_text("sms.inbound.received")
    expect(page.locator("#whole .json")).to_contain_text("in_reply_to")


def test_an_event_without_a_message(open_page: OpenPage, events: EventsPage) -> None:
    events.add(event(1, "account.balance_low") | {"data": {"account": "default", "balance": 12}})
    page = open_page("/events")
    page.locator(".event").click()
    expect(page.locator("#life")).to_have_text("This event is about no message that is known.")


def test_hostile_text_is_only_text(open_page: OpenPage, events: EventsPage) -> None:
    events.add(reply(1, HOSTILE))
    page = open_page("/events", width=360, height=740)
    expect(page.locator(".event .what")).to_contain_text("<img src=x")
    page.locator(".event").click()
    expect(page.locator("#life")).to_contain_text("<img src=x")
    expect(page.locator("#whole")).to_contain_text("<img src=x")
    assert page.locator("main img, aside img").count() == 0
    assert page.title().startswith("Events")
    assert width(page) == 360


def test_the_keyboard_is_enough(open_page: OpenPage, events: EventsPage) -> None:
    events.add(event(1))
    events.add(event(2, "message.undelivered"))
    page = open_page("/events")
    page.locator(".chip").last.focus()
    page.keyboard.press("Tab")
    expect(page.locator(".event").nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".event").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_have_text("sms.message.delivered")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator(".event").nth(1)).to_be_focused()


def test_the_scheme_is_that_of_the_phones(open_page: OpenPage, events: EventsPage) -> None:
    events.add(event(1))
    page = open_page("/", scheme="light")
    page.get_by_role("button", name="Dark scheme").click()
    page.get_by_role("link", name="Events").click()
    page.locator(".event").click()
    assert is_dark(page)
    assert nameless_controls(page) == []
    page.get_by_role("link", name="Phones").click()
    assert is_dark(page)
