"""A submit by `eums.Client`, against the same bytes by a kept httpx client, by `requests` and by a raw socket.

The gateway answers at once, in a process of its own, on another processor where there is one. Ours signs, checks and
reads the answer besides.
"""

import socket
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx
import requests

from eums import Account, Call, Client, Submit, build_request
from tests.bench.frame import finish, pin, processors, round_of
from tests.bench.sending import TEXT
from tests.fakes.endpoints import apart, gateway_account

ROUNDS: Final = 9
TIMES: Final = 300  # in each round
GOALS: Final = {"against httpx": 1.15, "against requests": 0.75, "against a raw socket": 4.5}
SUBMIT: Final = Submit(("13812345678",), TEXT, "", "01JDCKQ3V9T4M3W5Y8Z7N6P2QR")
HEADERS: Final = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}


class Raw:
    """A kept connection, and nothing that is not needed to get the answer."""

    def __init__(self, connection: socket.socket, url: str, body: bytes) -> None:
        address = urlsplit(url)
        head = [
            f"POST {address.path} HTTP/1.1",
            f"Host: {address.netloc}",
            *(f"{name}: {value}" for name, value in HEADERS.items()),
            f"Content-Length: {len(body)}",
        ]
        self._connection = connection
        self._request = "\r\n".join([*head, "", ""]).encode() + body

    def post(self) -> bytes:
        self._connection.sendall(self._request)
        answer = b""
        while not answer.endswith(b"}"):
            came = self._connection.recv(65536)
            if not came:
                raise ConnectionError("the connection was closed before the answer's end")
            answer += came
        return answer


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """A connection to where the URL is."""
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), int(address.port or 80))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def measure(gateway: str) -> dict[str, float]:
    """The figures: a ratio for each round, and the median of these."""
    account = Account.from_mapping(gateway_account(gateway))
    request = build_request(account, Call.SEND, datetime.now(UTC), submit=SUBMIT)
    url, body = request.url, request.body or b""
    with Client(account) as client, httpx.Client() as http, requests.Session() as session, connected(url) as socket_:
        raw = Raw(socket_, url, body)
        sides = {
            "eums.Client.send": lambda: client.send(SUBMIT),
            "httpx": lambda: http.post(url, content=body, headers=HEADERS).content,
            "requests": lambda: session.post(url, data=body, headers=HEADERS, timeout=10).content,
            "a raw socket": raw.post,
        }
        round_of(sides, TIMES)
        rounds = [round_of(sides, TIMES)[0] for _ in range(ROUNDS)]
    ratios = {
        f"against {name}": statistics.median(each["eums.Client.send"] / each[name] for each in rounds)
        for name in list(sides)[1:]
    }
    return ratios | {
        f"milliseconds by {name}": statistics.median(each[name] for each in rounds) * 1000 for name in sides
    }


def main() -> int:
    ours, theirs = processors()
    with apart(processor=theirs) as at:
        pin(ours)
        figures = measure(at.gateway)
    return finish(figures, GOALS)


if __name__ == "__main__":
    sys.exit(main())
