"""What a test looks for on any page."""

from playwright.sync_api import Page

_NAMELESS = """() => [...document.querySelectorAll("button, input, select, a, textarea, [role=button]")]
  .filter((control) => control.checkVisibility())
  .filter((control) => !(control.getAttribute("aria-label") || control.textContent.trim() ||
    [...(control.labels ?? [])].some((label) => label.textContent.trim())))
  .map((control) => control.outerHTML)"""
_WIDTH = "document.documentElement.scrollWidth"
_LUMINANCE = """() => getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3)
  .reduce((sum, part) => sum + Number(part), 0)"""


def nameless_controls(page: Page) -> list[str]:
    found: list[str] = page.evaluate(_NAMELESS)
    return found


def width(page: Page) -> int:
    return int(page.evaluate(_WIDTH))


def is_dark(page: Page) -> bool:
    return bool(page.evaluate(_LUMINANCE) < 200)


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.outerHTML"))
