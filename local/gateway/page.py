"""The front page: what this is, and the numbers with a meaning."""

import html

from local.gateway import magic
from local.gateway.exchange import Reply, Request, json_reply, reply
from local.gateway.specification import Call

TITLE = "EUMS V2.1 gateway, simulated"
NOTE = "Nothing is sent to anyone. Ordinary numbers are delivered after the report delay; these have a meaning:"


def front(request: Request) -> Reply:
    """Show the front page: HTML for a browser, JSON for everything else."""
    if "text/html" in request.accept:
        return reply(_page(), "text/html;charset=UTF-8")
    return json_reply(
        {
            "title": TITLE,
            "calls": [call.path for call in Call],
            "admin": "/admin/",
            "magic_numbers": [{"number": number, "meaning": meaning} for number, meaning in magic.documentation()],
        }
    )


def _page() -> str:
    calls = "".join(f"<li><code>{call.path}</code></li>" for call in Call)
    rows = "".join(
        f"<tr><td><code>{number}</code></td><td>{html.escape(meaning)}</td></tr>"
        for number, meaning in magic.documentation()
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title></head><body>'
        f'<h1>{TITLE}</h1><ul>{calls}<li><a href="/admin/"><code>/admin/</code></a></li></ul>'
        f"<p>{NOTE}</p><table>{rows}</table></body></html>\n"
    )
