"""What was handed in, and what each answer promised: the driver's own side of the books."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import httpx

PROBLEM: Final = "urn:eums-bridge:problem:"
_MARKER: Final = re.compile("第([0-9]+)号")
_NOTHING: Final = frozenset(
    {
        *("gateway-refused", "gateway-unreachable", "opted-out", "invalid-request", "account-not-configured"),
        *("not-allowed", "too-many-requests"),
    }
)


class Said(StrEnum):
    """What an answer promises."""

    MESSAGE = "a message"  # it is on record; with its id
    NOTHING = "nothing was sent"
    IN_FLIGHT = "the first is in flight"
    OPEN = "nothing"  # no answer, or one that leaves open what was done


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        ids: of the message, or of the batch.
        body: as it came, so that a repeat's can be compared with it.
        why: the HTTP status and the problem's kind, for a person.
        status: of the message, as the answer has it.
    """

    said: Said
    ids: tuple[str, ...] = ()
    body: bytes = b""
    why: str = ""
    status: str = ""


@dataclass(eq=False)
class Request:
    """One thing that an application wants sent, however often it asks for that.

    Attributes:
        marker: a number in its text, which finds it wherever it went; of an entry of a batch that is the entry's.
        numbers: E.164.
        key: its Idempotency-Key.
        resends: whether it may go out more than once.
        queued: whether events are to tell the outcome.
        cancelled: whether an answer said so.
        answers: to it and its repeats, in their order.
    """

    marker: int
    kind: str
    account: str
    numbers: tuple[str, ...]
    key: str | None = None
    resends: bool = False
    queued: bool = False
    cancelled: bool = False
    answers: list[Answer] = field(default_factory=list)

    @property
    def promised(self) -> tuple[str, ...]:
        """The ids that answers named."""
        return tuple(dict.fromkeys(name for answer in self.answers for name in answer.ids))

    @property
    def nothing_sent(self) -> bool:
        """Whether every answer said so."""
        return bool(self.answers) and all(answer.said is Said.NOTHING for answer in self.answers)


def text_of(marker: int, more: str = "") -> str:
    """A text that is found again."""
    return f"【京东】第{marker}号{more}"


def marker_of(text: str) -> int | None:
    """The number in a text of ours."""
    found = _MARKER.search(text)
    return int(found[1]) if found else None


def read_answer(response: httpx.Response | None) -> Answer:
    """What an answer of `POST /messages` or `POST /batches` promises; None where none came."""
    if response is None:
        return Answer(Said.OPEN, why="no answer")
    try:
        body: Any = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    kind = str(body.get("type", "")).removeprefix(PROBLEM)
    why = f"{response.status_code} {kind}".strip()
    if response.status_code in {HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
        return Answer(Said.MESSAGE, (body["id"],), response.content, why, body.get("status", ""))
    if kind == "still-in-flight":
        return Answer(Said.IN_FLIGHT, why=why)
    if kind in _NOTHING or (kind == "store-unavailable" and "nothing was sent" in str(body.get("detail", ""))):
        return Answer(Said.NOTHING, why=why)
    return Answer(Said.OPEN, why=why)
