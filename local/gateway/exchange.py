"""One HTTP request and one HTTP reply, free of sockets: what stands between the server and everything else."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """A request as it was read.

    Attributes:
        query: the undecoded part of the address behind the question mark.
        host: the header `Host`, empty where it was not sent; likewise the three below.
        origin: `Origin`, which browsers send with what a page posts.
        fetch_site: `Sec-Fetch-Site`.
        last_event_id: `Last-Event-ID`, of a browser that connects to a stream again.
    """

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    content_type: str = ""
    accept: str = ""
    client_ip: str = "127.0.0.1"
    host: str = ""
    origin: str = ""
    fetch_site: str = ""
    last_event_id: str = ""

    def fields(self) -> dict[str, str]:
        """Read the key-value pairs of the address and, for a form by POST, of the body (下行协议: “键值对”方式).

        Percent signs are decoded as UTF-8; bytes that are not UTF-8 survive as surrogates, so that the key can be
        computed over what was really sent. Of a name that occurs twice the first counts, the address before the body,
        as in a servlet. A body of another type holds no parameters, so its name is missing.
        """
        parts = [self.query.encode("latin-1", "replace")]  # a request line is read as latin-1, byte for byte
        if self.method == "POST" and self.content_type.partition(";")[0].strip().lower() == FORM:
            parts.append(self.body)
        pairs: dict[str, str] = {}
        for pair in b"&".join(parts).split(b"&"):
            name, _, value = pair.partition(b"=")
            if name:
                pairs.setdefault(_decode(name), _decode(value))
        return pairs


def _decode(value: bytes) -> str:
    return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def sent_bytes(text: str) -> bytes:
    """Give back the bytes that `Request.fields` decoded."""
    return text.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Reply:
    """A reply as it goes out.

    Attributes:
        declared: the Content-Length, where it is not the body's; None leaves it out and ends the body by closing.
        close: close the connection after the reply.
        drop: close the connection instead of replying.
        reset: drop with a TCP reset.
        allow: the methods of a 405.
        headers: further ones.
        stream: what to send instead of the body, piece by piece; the event is set when it has to end.
    """

    status: int = HTTPStatus.OK
    content_type: str = "text/plain;charset=UTF-8"
    body: bytes = b""
    declared: int | None = 0
    close: bool = False
    drop: bool = False
    reset: bool = False
    allow: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    stream: Callable[[threading.Event], Iterator[bytes]] | None = None


def reply(
    body: str | bytes, content_type: str, status: int = HTTPStatus.OK, *, headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """Make a whole reply."""
    raw = body.encode() if isinstance(body, str) else body
    return Reply(status, content_type, raw, len(raw), headers=headers)


def text_reply(text: str, status: int = HTTPStatus.OK) -> Reply:
    """Make a reply of plain text."""
    return reply(text, "text/plain;charset=UTF-8", status)


def json_reply(value: object, status: int = HTTPStatus.OK) -> Reply:
    """Make a reply of JSON for tools: escaped to ASCII, so that any text of a bad request can be shown."""
    return reply(json.dumps(value, indent=1), "application/json", status)


def not_allowed(*allow: str) -> Reply:
    """Refuse a method, naming those that work."""
    raw = b"method not allowed\n"
    return Reply(HTTPStatus.METHOD_NOT_ALLOWED, body=raw, declared=len(raw), allow=allow)
