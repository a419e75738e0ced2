"""A gateway and an AWS that answer at once, over real sockets, and count what they are asked.

They know nothing of the protocols but how to say yes, so that what is measured or counted is the asker's doing. Where
the time matters they run in a process of their own: `apart`.
"""

import contextlib
import json
import multiprocessing
import os
import socket
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import parse_qs

from bridge.settings import Settings

T = TypeVar("T")
_Answer = Callable[[bytes, bytes], tuple[str, bytes]]
_STARTED: Final = 120.0  # seconds until a process must have said its ports

ACCOUNT_NAME: Final = "default"


class Endpoint:
    """An HTTP/1.1 server on a free port of this machine, with a thread for each connection, which it keeps.

    Attributes:
        connections: how many were accepted.
        requests: how many came, by what they asked for.
    """

    def __init__(self, answer: _Answer) -> None:
        self.connections = 0
        self.requests: Counter[str] = Counter()
        self._answer = answer
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # Closing alone does not wake whoever waits in accept() or recv().
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._sockets.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        unread = b""
        with contextlib.suppress(OSError):
            while chunk := connection.recv(65536):
                unread += chunk
                head, separator, body = unread.partition(b"\r\n\r\n")
                if not separator or len(body) < _length(head):
                    continue
                unread = b""  # nobody here sends a second request before the answer to the first
                asked, answer = self._answer(head, body)
                with self._lock:
                    self.requests[asked] += 1
                connection.sendall(answer)


def gateway() -> Endpoint:
    """A gateway that takes every submit of version 1 by POST."""

    def answer(head: bytes, body: bytes) -> tuple[str, bytes]:
        [data] = parse_qs(body.decode())["data"]
        taken = [
            {"dest_number": number, "message_id": f"06030155224547{ordinal:05}", "charge_item": 1}
            for ordinal, number in enumerate(str(json.loads(data)["dest"]).split(","))
        ]
        said = json.dumps({"code": 0, "data": taken}, separators=(",", ":")).encode()
        return head.split(b" ", 2)[1].decode(), response(said, "Content-Type: application/json;charset=UTF-8")

    return Endpoint(answer)


def aws(account: dict[str, Any]) -> Endpoint:
    """DynamoDB, which finds nothing and takes everything, and a Secrets Manager with one gateway account.

    What is asked for is counted by its operation, for instance PutItem.
    """
    secret = json.dumps({"SecretString": json.dumps({ACCOUNT_NAME: account})}).encode()
    answers = {"GetSecretValue": response(secret, "Content-Type: application/x-amz-json-1.1")}
    # Real answers of DynamoDB carry their checksum, and botocore counts after.
    nothing = response(b"{}", "Content-Type: application/x-amz-json-1.0", f"x-amz-crc32: {zlib.crc32(b'{}')}")

    def answer(head: bytes, _: bytes) -> tuple[str, bytes]:
        operation = _header(head, b"x-amz-target").rpartition(b".")[2].decode()
        return operation, answers.get(operation, nothing)

    return Endpoint(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Where the two are, in a process of their own."""

    gateway: str
    aws: str


@contextlib.contextmanager
def apart(*, processor: int | None) -> Iterator[Apart]:
    """Run both in another process, on one processor where one is named."""
    with elsewhere(_both, processor=processor) as at:
        yield at


@contextlib.contextmanager
def elsewhere(serving: Callable[[], AbstractContextManager[T]], *, processor: int | None) -> Iterator[T]:
    """Run a server in another process, on one processor where one is named, until it is no longer needed.

    Args:
        serving: makes it there, and says how to reach it; it is sent there, and so must be found by its name.
        processor: its number.
    """
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(there, serving, processor), daemon=True)
    process.start()
    there.close()  # so that one that fails there ends the waiting here
    try:
        if not here.poll(_STARTED):
            raise TimeoutError("the endpoints did not start")
        said: T = here.recv()
        yield said
    finally:
        here.close()
        process.join(_STARTED)


def gateway_account(base_url: str) -> dict[str, Any]:
    """What the secret says of an account at a gateway."""
    return {"base_url": base_url, "name": "test", "password": "123456"}


def environment(aws_url: str) -> dict[str, str]:
    """What the functions find in their environment, with all of AWS at one address."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "cn-north-1",
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "eums-bridge",
        "POWERTOOLS_METRICS_NAMESPACE": "EumsBridge",
        # Each is named as it is called, but for what has a form.
        **{setting.name.upper(): setting.name for setting in fields(Settings)},
        "PUBLISH_QUEUE_URL": f"{aws_url}/123456789012/publish",
        "SEND_QUEUE_URL": f"{aws_url}/123456789012/send",
        "PULL_SECONDS": "5",
        "LOW_BALANCE_THRESHOLD": "1000",
        "LOW_BALANCE_HOURS": "24",
        "REPORT_GAP_MINUTES": "30",
        "MESSAGE_RETENTION_DAYS": "30",
        "ALLOW_LOOPBACK_WEBHOOKS": "false",
    }


def _serve(pipe: Connection, serving: Callable[[], AbstractContextManager[Any]], processor: int | None) -> None:
    if processor is not None:
        os.sched_setaffinity(0, {processor})
    with serving() as said:
        pipe.send(said)
        with contextlib.suppress(EOFError):  # until the other side is gone
            pipe.recv()


@contextlib.contextmanager
def _both() -> Iterator[Apart]:
    with gateway() as texts, aws(gateway_account(texts.url)) as amazon:
        yield Apart(gateway=texts.url, aws=amazon.url)


def response(body: bytes, *headers: str) -> bytes:
    """An answer of 200, as bytes."""
    lines = ["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "Connection: keep-alive", "", ""]
    return "\r\n".join(lines).encode() + body


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip()
    return b""


def _length(head: bytes) -> int:
    return int(_header(head, b"content-length") or 0)
