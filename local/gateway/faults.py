"""Faults on order: a call that is slow, cut off, or answered with nonsense.

Faults queue up for each call; each is used up by as many requests of that call as its `times` says. `when` tells
whether the request took effect. After the effect means: the submit was accepted and charged, the page of reports or
MO messages was handed out. What the client cannot read then is gone; the gateway has no acknowledgement.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from local.gateway import calls
from local.gateway.accounts import LONGEST_DELAY
from local.gateway.exchange import Reply, reply
from local.gateway.specification import Call


class FaultKind(StrEnum):
    """What goes wrong."""

    DELAY = "delay"  # the answer comes `seconds` late
    DROP = "drop"  # the connection is closed without an answer
    HTTP_ERROR = "http_error"  # an HTTP error `status` with a page of HTML
    HTML = "html"  # HTTP 200 with a page of HTML
    TRUNCATE = "truncate"  # the body ends after `at` bytes
    GARBAGE = "garbage"  # HTTP 200 with bytes that are no text
    WRONG_AES_KEY = "wrong_aes_key"  # the answer, encrypted with another key
    CODE = "code"  # the answer is `code` alone


class When(StrEnum):
    """Whether the request takes effect: the fault strikes before that, or after."""

    BEFORE = "before"
    AFTER = "after"


_USUALLY = {
    FaultKind.DELAY: When.AFTER,
    FaultKind.DROP: When.AFTER,
    FaultKind.HTTP_ERROR: When.BEFORE,
    FaultKind.HTML: When.BEFORE,
    FaultKind.TRUNCATE: When.AFTER,
    FaultKind.GARBAGE: When.AFTER,
    FaultKind.WRONG_AES_KEY: When.AFTER,
    FaultKind.CODE: When.BEFORE,
}
_NEEDS_THE_ANSWER = frozenset({FaultKind.TRUNCATE, FaultKind.WRONG_AES_KEY})

HTML_PAGE = "<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>系统繁忙</h1></body></html>\n"
GARBAGE = bytes(range(255, -1, -1))


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault on order.

    Attributes:
        call: which call it strikes, `send` or `send.do`.
        kind: what goes wrong.
        times: how many requests it strikes.
        when: before or after the effect; None: as is usual for the kind.
        seconds: of a delay.
        status: of an HTTP error, 400 to 599.
        at: after how many bytes a truncated body ends; None: in the middle.
        content_length: whether a truncated answer still announces its full length. Without it, the connection just
            ends, which looks like a complete answer.
        reset: whether a dropped connection ends with a TCP reset.
        code: the code answered.
    """

    call: Call
    kind: FaultKind
    times: int = 1
    when: When | None = None
    seconds: float = 0.0
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    at: int | None = None
    content_length: bool = True
    reset: bool = False
    code: int = 999

    def __post_init__(self) -> None:
        object.__setattr__(self, "call", Call(str(self.call).removesuffix(".do")))
        object.__setattr__(self, "kind", FaultKind(self.kind))
        object.__setattr__(self, "when", When(self.when) if self.when is not None else _USUALLY[self.kind])
        if self.kind in _NEEDS_THE_ANSWER and self.when is When.BEFORE:
            raise ValueError(f"{self.kind} spoils an answer, so it strikes after the effect")
        if self.times < 1:
            raise ValueError("times is at least 1")
        if not 0 <= self.seconds <= LONGEST_DELAY:
            raise ValueError(f"seconds is 0 to {LONGEST_DELAY}")
        if not HTTPStatus.BAD_REQUEST <= self.status <= _LAST_STATUS:
            raise ValueError(f"status is 400 to {_LAST_STATUS}")
        if self.at is not None and self.at < 0:
            raise ValueError("at is not negative")
        if self.code < 0:
            raise ValueError("code is not negative")

    def as_json(self) -> dict[str, Any]:
        """Write it for the admin API."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


_LAST_STATUS = 599


class FaultQueue:
    """The faults on order, a queue for each call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[Call, deque[Fault]] = {call: deque() for call in Call}

    def add(self, fault: Fault) -> None:
        """Queue a fault behind those of its call."""
        with self._lock:
            self._queues[fault.call].append(fault)

    def take(self, call: Call) -> Fault | None:
        """Use up one strike of the first fault of a call."""
        with self._lock:
            queue = self._queues[call]
            if not queue:
                return None
            fault = queue.popleft()
            if fault.times > 1:
                queue.appendleft(replace(fault, times=fault.times - 1))
            return fault

    def pending(self) -> list[Fault]:
        """List what is still on order, with the times that are left."""
        with self._lock:
            return [fault for queue in self._queues.values() for fault in queue]

    def clear(self) -> None:
        """Forget all of it."""
        with self._lock:
            for queue in self._queues.values():
                queue.clear()


def spoil(fault: Fault | None, body: Mapping[str, Any], key: bytes | None) -> Reply:
    """Write an answer, as a fault leaves it. A delay leaves it whole: waiting is up to the caller."""
    return calls.write(body, key) if fault is None else _SPOILERS[fault.kind](fault, body, key)


def _truncate(whole: Reply, fault: Fault) -> Reply:
    at = len(whole.body) // 2 if fault.at is None else fault.at
    declared = len(whole.body) if fault.content_length else None
    return replace(whole, body=whole.body[:at], declared=declared, close=True)


def _encrypt_wrongly(_fault: Fault, body: Mapping[str, Any], key: bytes | None) -> Reply:
    return calls.write(body, bytes(byte ^ 0xFF for byte in key or bytes(16)))


_HTML = "text/html;charset=UTF-8"

_SPOILERS: dict[FaultKind, Callable[[Fault, Mapping[str, Any], bytes | None], Reply]] = {
    FaultKind.DELAY: lambda _, body, key: calls.write(body, key),
    FaultKind.DROP: lambda fault, _body, _key: Reply(drop=True, close=True, reset=fault.reset),
    FaultKind.HTTP_ERROR: lambda fault, _body, _key: reply(HTML_PAGE, _HTML, fault.status),
    FaultKind.HTML: lambda _fault, _body, _key: reply(HTML_PAGE, _HTML),
    FaultKind.TRUNCATE: lambda fault, body, key: _truncate(calls.write(body, key), fault),
    FaultKind.GARBAGE: lambda _fault, _body, _key: reply(GARBAGE, "application/octet-stream"),
    FaultKind.WRONG_AES_KEY: _encrypt_wrongly,
    FaultKind.CODE: lambda fault, _, key: calls.write({"code": fault.code}, key),
}
