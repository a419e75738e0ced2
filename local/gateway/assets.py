"""The files that a page consists of, by name: what is in the given folders when the server starts, and nothing else."""

from http import HTTPStatus
from pathlib import Path

from local.gateway.browsers import HEADERS
from local.gateway.exchange import Reply, not_allowed, reply, text_reply

TYPES = {
    ".html": "text/html;charset=UTF-8",
    ".css": "text/css;charset=UTF-8",
    ".js": "text/javascript;charset=UTF-8",
    ".svg": "image/svg+xml",
}

SHARED = Path(__file__).with_name("pages")
"""The handset page's own files, and those that other pages of this server share with it."""


class Assets:
    """Serves files. Of two of the same name the later folder's counts."""

    def __init__(self, *folders: Path) -> None:
        self._files = {
            path.name: path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in TYPES
        }

    def respond(self, name: str, method: str = "GET") -> Reply:
        """Answer with a file: 200, 404, or 405 for anything but GET and HEAD."""
        path = self._files.get(name)
        if path is None:
            return text_reply("not found\n", HTTPStatus.NOT_FOUND)
        if method not in {"GET", "HEAD"}:
            return not_allowed("GET", "HEAD")
        return reply(path.read_bytes(), TYPES[path.suffix], headers=HEADERS)
