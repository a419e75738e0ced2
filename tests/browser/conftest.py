"""A real Chromium, one for each process of the test run; each test has its own server and its own page."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from local.events.page import PATH, EventsPage
from local.gateway import CHINA, Gateway, GatewaySettings
from tests.integration.gateway.plain_client import PlainClient

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MILLISECONDS = 20_000

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on this machine; on Debian: apt install chromium")
    with sync_playwright() as playwright:
        # A proxy of the machine's would answer for loopback addresses.
        environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS, env={**environ})
        yield running
        running.close()


@pytest.fixture
def events() -> EventsPage:
    return EventsPage()


@pytest.fixture
def gateway(events: EventsPage) -> Iterator[Gateway]:
    with Gateway(settings=GatewaySettings(report_delay=0), mounted={PATH: events.respond}) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway) -> Iterator[PlainClient]:
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as http:
        yield PlainClient(http, datetime.now(CHINA).strftime("%Y%m%d%H%M%S"))


@pytest.fixture
def open_page(browser: Browser, gateway: Gateway) -> Iterator[OpenPage]:
    """Opens pages. At the end of the test none has complained, and none has asked another host."""
    complaints: list[str] = []
    hosts: set[str | None] = set()
    contexts = []

    def opened(path: str = "/", *, width: int = 1280, height: int = 800, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(f"{gateway.url}{path}")
        page.locator("#lamp[data-state=live]").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert hosts <= {urlsplit(gateway.url).netloc}
