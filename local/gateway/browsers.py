"""What a browser may do here: pages and the admin API are for pages of this server only.

A page of somebody else's, open in a browser on this machine, can send requests to a loopback address. Such a request
names another origin; or, where its site's name was made to point to this machine (DNS rebinding), another host. A
script sends neither `Origin` nor a foreign `Host`, and needs nothing.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

from local.gateway.exchange import Reply, Request, json_reply

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_OWN = frozenset({"", "same-origin", "none"})

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", _POLICY),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
"""Of everything that a page consists of: it loads from here only, and is in no frame and no cache."""


def refuse_foreign(request: Request) -> Reply | None:
    """Refuse (403) what another site's page sends; None where there is nothing to say against a request."""
    if request.host and _name(request.host) not in _LOOPBACK_NAMES:
        return json_reply({"error": "this server has no such name"}, HTTPStatus.FORBIDDEN)
    if request.origin and request.origin != f"http://{request.host}":
        return json_reply({"error": "not from another site's page"}, HTTPStatus.FORBIDDEN)
    if request.method not in {"GET", "HEAD"} and request.fetch_site not in _OWN:
        return json_reply({"error": "not from another site's page"}, HTTPStatus.FORBIDDEN)
    return None


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # such as an unclosed [
        return None
