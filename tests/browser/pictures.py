"""The pictures in docs/images, from a run that serves: `make run`, then `python -m tests.browser.pictures`.

It sends messages through the API, answers one on its phone, orders a report that fails, and looks at both pages. The
machine needs Chromium and a Chinese font (on Debian: fonts-noto-cjk).
"""

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from local.outputs import Outputs
from local.places import PROJECT, Places
from tests.browser.conftest import ARGUMENTS

SECONDS = 60
FIRST, FAILING, LONG, BATCH = "13812345678", "13700001234", "13912345678", "18600005678"
PARCEL = (
    "【菜鸟】您的包裹已到达驿站，请凭取件码 8-2-3017 领取。营业时间 9:00 至 21:00，节假日照常。"
    "逾期三天将退回发件人，如需代收请回复 1，如需改期请回复 2，谢谢。"
)


def send(outputs: Outputs, to: str, text: str, reference: str, **headers: str) -> None:
    """Send a message through the bridge."""
    body = {"to": to, "text": text, "client_reference": reference}
    key = {"Authorization": f"Bearer {outputs.api_key}"}
    answer = httpx.post(f"{outputs.api_url}/messages", json=body, headers=key | headers, timeout=60, trust_env=False)
    answer.raise_for_status()


def fill(outputs: Outputs, phones: Page) -> None:
    """Let something happen."""
    send(outputs, BATCH, "【携程】您预订的航班 MU5101 明天 9:00 起飞。", "flight-3", Prefer="respond-async")
    await_status(phones, "航班", "delivered")
    send(outputs, LONG, PARCEL, "parcel-7")
    await_status(phones, "包裹", "delivered")
    reply(phones, LONG, "1")
    send(outputs, FAILING, "【京东】您的订单已发货，预计明天送达。", "order-41")
    await_status(phones, "已发货", "delivered")
    phones.get_by_label(f"Next report of {FAILING} fails").click()
    phones.locator(".orders .pending:visible").wait_for()
    send(outputs, FAILING, "【京东】您的订单正在派送，请保持电话畅通。", "order-41b")
    await_status(phones, "正在派送", "undelivered")
    send(outputs, FIRST, "【京东】您的验证码是 830114，五分钟内有效。", "login-9")
    await_status(phones, "830114", "delivered")
    reply(phones, FIRST, "收到，谢谢 👍")


def await_status(phones: Page, text: str, status: str) -> None:
    """Wait until the message with these words has a status."""
    phones.locator(".bubble.mt", has_text=text).locator(f".status.{status}").wait_for()


def reply(phones: Page, number: str, text: str) -> None:
    """Answer on a phone, and wait until the bridge has it."""
    phones.get_by_label(f"Reply from {number}").fill(text)
    phones.keyboard.press("Enter")
    phones.locator(f"[data-number='{number}'] .bubble.mo", has_text="pulled").last.wait_for()


def main(arguments: list[str]) -> int:
    """Take both pictures. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, help="the folder of the run, .local if not said otherwise")
    given: Any = parser.parse_args(arguments)
    outputs = Outputs.read((Places(given.state.resolve()) if given.state else Places.default()).outputs)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("there is no chromium on this machine\n")
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = browser.new_context(
            viewport={"width": 1280, "height": 800}, color_scheme="light", reduced_motion="reduce"
        )
        context.set_default_timeout(SECONDS * 1000)
        phones, events = context.new_page(), context.new_page()
        events.goto(f"{outputs.gateway_url}/events")
        phones.goto(outputs.gateway_url)
        phones.locator("#lamp[data-state=live]").wait_for()
        fill(outputs, phones)
        phones.reload()
        phones.locator(f"[data-number='{FIRST}'] .bubble.mt").last.click()
        phones.locator("#pane-detail .verdict").wait_for()
        picture(phones, "handset")
        delivered = events.locator(".event", has_text="delivered").filter(has_text="login-9")
        delivered.wait_for()
        delivered.click()
        events.locator("[data-step=replied]").wait_for()
        picture(events, "events")
        browser.close()
    return 0


def picture(page: Page, name: str) -> None:
    """Take a picture when nothing moves any more."""
    time.sleep(0.5)
    page.mouse.move(0, 0)
    page.screenshot(path=PROJECT / "docs" / "images" / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
