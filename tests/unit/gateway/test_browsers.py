"""Who may not: another site's page, and a name that is not this machine's."""

import pytest

from local.gateway.browsers import refuse_foreign
from local.gateway.exchange import Request

HOST = "127.0.0.1:8090"


@pytest.mark.parametrize("host", ["", HOST, "localhost:8090", "LOCALHOST", "[::1]:8090"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_script_needs_nothing(host: str, method: str) -> None:
    assert refuse_foreign(Request(method, "/admin/mo", host=host)) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "[::1", "10.0.0.1", "[x]"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_name_is_refused(host: str, method: str) -> None:
    refused = refuse_foreign(Request(method, "/admin/mo", host=host))
    assert refused is not None
    assert refused.status == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", f"https://{HOST}", "http://"]
)
def test_another_origin_is_refused(origin: str) -> None:
    assert refuse_foreign(Request("POST", "/admin/mo", host=HOST, origin=origin)) is not None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_says_came_from_another_site_is_refused(site: str) -> None:
    assert refuse_foreign(Request("POST", "/admin/mo", host=HOST, fetch_site=site)) is not None
    assert refuse_foreign(Request("GET", "/", host=HOST, fetch_site=site)) is None, "a link from elsewhere leads here"


def test_the_own_page_may() -> None:
    own = Request("POST", "/admin/mo", host=HOST, origin=f"http://{HOST}", fetch_site="same-origin")
    assert refuse_foreign(own) is None
