"""The handset page in a real browser."""

import hashlib
import os
import shutil
import subprocess

import pytest
from playwright.sync_api import expect

from local.gateway import Call, Fault, FaultKind, Gateway
from tests.browser.conftest import PATIENCE_MILLISECONDS, OpenPage
from tests.browser.reading import focused, is_dark, nameless_controls, width
from tests.integration.gateway.plain_client import PlainClient

expect.set_options(timeout=PATIENCE_MILLISECONDS)

NUMBER = "13812345678"
HOSTILE = (
    '<img src=x onerror="document.title=1"><script>document.title=2</script>\u202egnp.exe 👨‍👩‍👧 '
    + "长" * 200
    + "x" * 200
)


def test_a_message_arrives_live(open_page: OpenPage, client: PlainClient) -> None:
    page = open_page()
    expect(page.get_by_text("No phone has a message yet")).to_be_visible()
    client.send(NUMBER, content="【京东】您的验证码是123456")

    bubble = page.locator(".phone .bubble.mt")
    expect(bubble.locator(".sign")).to_have_text("【京东】")
    expect(bubble.locator(".text")).to_have_text("您的验证码是123456")
    expect(bubble.locator(".meta")).to_contain_text("1 segment")
    expect(bubble.locator(".status")).to_have_text("✓ delivered")
    expect(page.get_by_text("No phone has a message yet")).to_be_hidden()
    client.reports()
    expect(bubble.locator(".status")).to_have_text("✓✓ delivered")


def test_a_signature_at_the_end_and_none_at_all(open_page: OpenPage, client: PlainClient) -> None:
    client.send(NUMBER, content="Your code is 1234【Acme】")
    client.send("13900000000", content="no signature")
    page = open_page()
    expect(page.locator(f"[data-number='{NUMBER}'] .bubble > :nth-child(2)")).to_have_text("【Acme】")
    expect(page.locator("[data-number='13900000000'] .sign")).to_have_count(0)


def test_a_reply_is_handed_out_by_the_next_pull(open_page: OpenPage, client: PlainClient) -> None:
    client.send(NUMBER, ext="42", reference="order-42")
    page = open_page()
    page.get_by_label(f"Reply from {NUMBER}").fill("好的 & <b>")
    page.keyboard.press("Enter")

    bubble = page.locator(".bubble.mo")
    expect(bubble).to_contain_text("好的 & <b>")
    expect(bubble).to_contain_text("waits for a pull")
    (mo,) = client.mos()["data"]
    assert (mo["src"], mo["dest"], mo["content"], mo["reference"]) == (
        NUMBER,
        "106901234567842",
        "好的 & <b>",
        "order-42",
    )
    expect(bubble).to_contain_text("✓ pulled")
    expect(page.get_by_label(f"Reply from {NUMBER}")).to_have_value("")


def test_a_phone_opened_by_its_number_writes_first(open_page: OpenPage, client: PlainClient) -> None:
    page = open_page()
    page.get_by_label("Number of a phone").fill("+8613812345678")
    page.keyboard.press("Enter")
    expect(page.get_by_label(f"Reply from {NUMBER}")).to_be_focused()
    page.keyboard.type("你好")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble.mo")).to_contain_text("你好")
    (mo,) = client.mos()["data"]
    assert (mo["src"], mo["dest"], mo["content"]) == (NUMBER, "1069012345678", "你好")


def test_the_next_report_fails(open_page: OpenPage, client: PlainClient) -> None:
    page = open_page()
    client.send(NUMBER)
    page.get_by_label(f"Status of the failed report of {NUMBER}").select_option("EXPIRED")
    page.get_by_label(f"Next report of {NUMBER} fails").click()
    expect(page.locator(".orders .pending")).to_contain_text("fails with EXPIRED")
    client.send(NUMBER)
    expect(page.locator(".bubble.mt .status").last).to_have_text("✕ undelivered EXPIRED")
    expect(page.locator(".orders .pending")).to_be_hidden()
    assert [report["report_status"] for report in client.reports()["data"]] == ["DELIVRD", "EXPIRED"]


def test_the_next_report_stays_away(open_page: OpenPage, client: PlainClient) -> None:
    page = open_page()
    client.send(NUMBER)
    page.get_by_label(f"Next report of {NUMBER} stays away").click()
    expect(page.locator(".orders .pending")).to_contain_text("stays away")
    client.send(NUMBER)
    expect(page.locator(".bubble.mt .status").last).to_have_text("⊘ report stays away")
    assert len(client.reports()["data"]) == 1


def test_an_order_is_cancelled(open_page: OpenPage, client: PlainClient, gateway: Gateway) -> None:
    page = open_page()
    client.send(NUMBER)
    page.get_by_label(f"Next report of {NUMBER} stays away", exact=True).click()
    page.locator(".orders .pending").click()
    expect(page.locator(".orders .pending")).to_be_hidden()
    assert gateway.ordered_reports() == []


def test_a_wrong_signature_is_shown_with_its_reason(open_page: OpenPage, client: PlainClient) -> None:
    page = open_page()
    fields = client.signed('{"dest": "13812345678", "content": "您好"}')
    joined = "123456" + client.seed + fields["data"]  # the password itself, where its MD5 belongs
    client.request("send", fields | {"key": hashlib.md5(joined.encode()).hexdigest()})  # noqa: S324 - the protocol's
    page.locator(".exchange").click()

    detail = page.locator("#pane-detail")
    expect(detail.locator(".verdict")).to_contain_text("Code 107 the key is wrong (key 错误)")
    expect(detail.locator(".remarks")).to_contain_text("the password was not hashed")
    expect(detail).to_contain_text(fields["key"])  # what was expected
    expect(detail.locator(".hashed .seed")).to_have_text(client.seed)
    expect(detail.locator(".hashed .data")).to_have_text(fields["data"])
    assert "123456" not in str(detail.locator(".hashed .password").text_content())


def test_a_message_leads_to_its_submit(open_page: OpenPage, client: PlainClient) -> None:
    client.but(version=17).send(NUMBER, reference="order-17")
    client.reports()
    page = open_page()
    page.locator(".bubble.mt").click()
    detail = page.locator("#pane-detail")
    expect(detail.locator(".head")).to_contain_text("POST send.do")
    expect(detail).to_contain_text("data, decrypted")
    expect(detail).to_contain_text("order-17")
    detail.get_by_role("button", name="Report").click()
    expect(detail.locator(".head")).to_contain_text("POST report.do")


def test_exchanges_are_filtered_and_empty_pulls_left_out(open_page: OpenPage, client: PlainClient) -> None:
    client.send(NUMBER)
    client.mos()
    client.call("balance")
    page = open_page()
    calls = page.locator(".exchange .call")
    expect(calls).to_have_text(["Balance", "Submit"])
    page.get_by_role("button", name="Empty pulls").click()
    expect(calls).to_have_text(["Balance", "MO", "Submit"])
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(calls).to_have_text(["Submit"])


def test_a_fault_is_shown(open_page: OpenPage, client: PlainClient, gateway: Gateway) -> None:
    gateway.add_fault(Fault(call=Call.BALANCE, kind=FaultKind.HTML))
    client.request("balance", client.signed())
    page = open_page()
    page.locator(".exchange").click()
    expect(page.locator("#pane-detail")).to_contain_text("Fault html struck: the client got HTTP 200")


def test_hostile_text_is_only_text(open_page: OpenPage, client: PlainClient, gateway: Gateway) -> None:
    client.send(NUMBER, content=HOSTILE)
    gateway.inject_mo("<b>1</b>", HOSTILE)
    page = open_page(width=360, height=740)
    expect(page.locator(f"[data-number='{NUMBER}'] .bubble .text")).to_have_text(HOSTILE)
    assert page.title().startswith("Phones")
    assert page.locator(".phones img, .phones script, .phones b").count() == 0
    assert page.evaluate("[...document.querySelectorAll('.bubble')].every(one => one.scrollWidth <= one.clientWidth)")
    assert width(page) == 360
    page.get_by_role("button", name="Exchanges").click()
    page.locator(".exchange").click()
    expect(page.locator("#pane-detail .json").first).to_contain_text("onerror")
    assert page.locator("#pane-detail img, #pane-detail script").count() == 0
    assert width(page) == 360


def test_a_page_that_was_away_misses_nothing_and_shows_nothing_twice(
    open_page: OpenPage, client: PlainClient, gateway: Gateway
) -> None:
    page = open_page()
    client.send(NUMBER, content="one")
    expect(page.locator(".bubble.mt")).to_have_count(1)
    hide = """state => {
      Object.defineProperty(document, "hidden", {value: state, configurable: true});
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)  # noqa: FBT003 - the page's argument
    client.send(NUMBER, content="two")
    gateway.inject_mo(NUMBER, "three")
    with page.expect_request("**/stream?*") as again:
        page.evaluate(hide, False)  # noqa: FBT003 - likewise
    assert "-" in again.value.url.partition("after=")[2], "it names where it was"
    expect(page.locator(".bubble .text")).to_have_text(["one", "two", "three"])


def test_without_a_stream_it_asks(open_page: OpenPage, client: PlainClient) -> None:
    page = open_page()
    page.add_init_script("delete window.EventSource")
    page.reload()
    page.locator("#lamp[data-state=polling]").wait_for()
    client.send(NUMBER, content="asked for")
    expect(page.locator(".bubble .text")).to_have_text("asked for")


def test_a_reset_empties_the_page(open_page: OpenPage, client: PlainClient, gateway: Gateway) -> None:
    page = open_page()
    client.send(NUMBER)
    expect(page.locator(".phone")).to_have_count(1)
    gateway.reset()
    expect(page.locator(".phone")).to_have_count(0)
    expect(page.locator(".exchange")).to_have_count(0)


def test_a_narrow_screen_has_one_phone_and_a_sheet(open_page: OpenPage, client: PlainClient) -> None:
    client.send(NUMBER, "13900000000")
    page = open_page(width=360, height=740)
    visible = page.locator(".phone:visible")
    expect(visible).to_have_count(1)
    first = visible.get_attribute("data-number")
    page.get_by_role("button", name="Next phone").click()
    expect(visible).to_have_count(1)
    assert visible.get_attribute("data-number") != first
    assert width(page) == 360
    expect(page.locator("#pane")).to_be_hidden()
    page.get_by_role("button", name="Exchanges").click()
    expect(page.locator("#pane")).to_be_visible()
    assert width(page) == 360
    page.keyboard.press("Escape")
    expect(page.locator("#pane")).to_be_hidden()
    page.get_by_role("button", name="Numbers with a meaning").click()
    expect(page.get_by_text("undelivered, reported as MK:0012")).to_be_visible()
    assert width(page) == 360


def test_the_keyboard_is_enough(open_page: OpenPage, client: PlainClient) -> None:
    client.send(NUMBER, content="one")
    client.send(NUMBER, content="two")
    page = open_page()
    expect(page.locator(".bubble.mt")).to_have_count(2)
    page.get_by_label("Number of a phone").focus()
    for _ in range(4):  # open, numbers, exchanges, the chat
        page.keyboard.press("Tab")
    assert focused(page) == f"Messages of {NUMBER}"
    page.keyboard.press("Tab")
    expect(page.locator(".bubble.mt").nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".bubble.mt").nth(0)).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="All exchanges")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".bubble.mt").nth(0)).to_be_focused()
    for expected in ("Status of the failed report of", "Next report of", "Next report of", "Reply from"):
        page.keyboard.press("Tab")
        assert focused(page).startswith(expected)
    page.keyboard.type("好")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble.mo")).to_contain_text("好")
    page.locator(".exchange").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".exchange").nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#pane")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_scheme_is_the_systems_until_one_is_chosen(open_page: OpenPage, scheme: str) -> None:
    page = open_page(scheme=scheme)
    assert is_dark(page) == (scheme == "dark")
    page.get_by_role("button", name="Dark scheme").click()
    assert is_dark(page) != (scheme == "dark")
    page.reload()
    assert is_dark(page) != (scheme == "dark")
    pressed = "true" if scheme == "light" else "false"
    expect(page.get_by_role("button", name="Dark scheme")).to_have_attribute("aria-pressed", pressed)


def test_every_control_has_a_name(open_page: OpenPage, client: PlainClient) -> None:
    client.send(NUMBER, "13900000000")
    for size in (1280, 360):
        page = open_page(width=size)
        page.get_by_role("button", name="Numbers with a meaning").click()
        expect(page.locator("#numbers-rows tr").first).to_be_visible()
        assert nameless_controls(page) == []


def test_what_the_empty_page_says_to_paste_sends_a_message(open_page: OpenPage) -> None:
    bash, curl = shutil.which("bash"), shutil.which("curl")
    if bash is None or curl is None or shutil.which("md5sum") is None:
        pytest.skip("bash, curl and md5sum are what the page tells to use")
    page = open_page()
    commands = page.locator("#paste").text_content() or ""
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    said = subprocess.run([bash, "-c", commands], env=environ, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603 - the page's own words
    assert '"code":0' in said.stdout
    expect(page.locator(".bubble .text")).to_have_text("您的验证码是123456")
