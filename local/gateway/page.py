"""The front page: the phones for a browser, what there is for everything else."""

from collections.abc import Iterable

from local.gateway import magic
from local.gateway.assets import Assets
from local.gateway.exchange import Reply, Request, json_reply
from local.gateway.specification import Call

TITLE = "EUMS V2.1 gateway, simulated"
ASSETS = "/pages/"
"""Below it are the files of the page."""
STREAM = "/stream"
"""What happens, as server-sent events."""
CHANGES = "/changes"
"""The same, asked for."""


def front(request: Request, assets: Assets, mounted: Iterable[str]) -> Reply:
    """Show the front page: HTML for a browser, JSON for everything else."""
    if "text/html" in request.accept:
        return assets.respond("phones.html", request.method)
    return json_reply(
        {
            "title": TITLE,
            "calls": [call.path for call in Call],
            "admin": "/admin/",
            "pages": ["/", *mounted],
            "magic_numbers": [{"number": number, "meaning": meaning} for number, meaning in magic.documentation()],
        }
    )
