"""At least 10,000 requests through faults on every edge, and the books afterwards; and that these books can go wrong.

`make torture SEEDS=500` does ten times as many. What stands for what: `tests.crash.send_world`.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.domain.messages import Message, Rejection, Status
from bridge.domain.submits import rejected, state_of, submitted
from bridge.domain.work import MessageWork
from bridge.services import submitting
from bridge.services.allowing import Allowing
from bridge.services.attending import Attending
from bridge.services.publishing import Publishing
from bridge.services.queueing import Queueing
from bridge.services.sending import Sending
from bridge.services.submitting import Submitting
from eums import Accepted
from tests.crash.send_books import CHECKS, Books, table
from tests.crash.send_world import Shelf
from tests.crash.sends import REQUESTS, Torture

PROJECT = Path(__file__).parents[2]
SEEDS = int(os.environ.get("CRASH_SEEDS", "50"))
AT_LEAST = 10_000 * SEEDS // 50
WORLDS = -(-AT_LEAST // REQUESTS)
PROCESSES = 3  # a good part of it is waiting


def begin(first: int) -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(str(PROJECT / folder) for folder in ("layers/eums", "layers/bridge", "."))
    return subprocess.Popen(  # noqa: S603 - this project's own
        [sys.executable, "-m", "tests.crash.sends", str(first), str(WORLDS), str(PROCESSES)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
    )


def test_no_send_is_doubled_or_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    counted, wrong = Counter[str](), []
    for process in [begin(first) for first in range(PROCESSES)]:
        said, _ = process.communicate()
        assert process.returncode == 0
        books = json.loads(said)
        counted.update(books["counted"])
        wrong += books["wrong"]

    with capsys.disabled():
        print(f"\nThe books of the sends, in {time.monotonic() - began:.0f} s:\n{table(counted)}")  # noqa: T201 - the point
    assert not wrong, "\n".join(wrong)
    assert counted["requests"] >= AT_LEAST
    assert counted["taken again"] == 0
    assert counted["kills"] > AT_LEAST // 4
    for group in ("", " (resend)"):
        reported = counted[f"unknown, taken, reported{group}"]
        assert 0 < reported == counted[f"… and resolved: unknown, taken, reported{group}"]


_MOVE: Final = Shelf.move


def _claim_whatever_stands(self: Shelf, before: Message, after: Message) -> Message | None:
    if state_of(after) is not Status.SUBMITTING:
        return _MOVE(self, before, after)
    self.messages[after.id] = after
    self._file(after)
    return None


def _say_sent_first(self: Submitting, message: Message, ask: Any = Submitting._ask) -> Any:
    everybody = [Accepted(recipient.to.removeprefix("+86"), "0", 1) for recipient in message.recipients]
    self.messages.move(message, submitted(message, everybody))
    return ask(self, message)


def _drop(self: Queueing, work: MessageWork, *, last: bool, time_left: Callable[[], float]) -> None:  # noqa: ARG001
    with suppress(Exception):
        self._dispatched(work.message_id, time_left)


SABOTAGE: Final[dict[str, tuple[object, str, object, str]]] = {
    "what is ambiguous is tried again": (Submitting, "_ambiguous", Submitting._not_sent, "duplicates"),
    "claims without a condition": (Shelf, "move", _claim_whatever_stands, "duplicates"),
    "the key of a request is ignored": (
        Sending, "_add", lambda self, message, _, **__: self.messages.add(message), "duplicates",
    ),
    "unknown is recorded as rejected": (
        submitting, "unknown", lambda message: rejected(message, Rejection.UNREACHABLE),
        "said that nothing was sent, and it was",
    ),
    "recorded before it is submitted": (Submitting, "_ask", _say_sent_first, "said to be sent, and never taken"),
    "pointers are dropped where they should come again": (Queueing, "_message", _drop, "given up without need"),
    "reports do not find their message by our id": (
        Publishing, "_owners", lambda *_: {}, "reports that did not resolve their message",
    ),
    "nobody looks for what was begun and has not ended": (
        Attending, "_settle", lambda *_: 0, "messages that never ended",
    ),
    "nobody is told of what is unknown": (
        Submitting, "tell", lambda *_: None, "unknown, and nobody was told",
    ),
    "nothing is counted towards limits": (
        Allowing, "take", lambda *_: None, "written down, and not counted towards its client's limits",
    ),
    "opt-outs are not looked at": (Submitting, "_opted_out", lambda *_: frozenset(), "sent to who opted out"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", SABOTAGE)
def test_the_books_show_a_mistake(
    mistake: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Books that never go wrong prove nothing."""
    broken, name, instead, check = SABOTAGE[mistake]
    monkeypatch.setattr(broken, name, instead)
    caplog.set_level(logging.CRITICAL, "bridge")
    books = Books()
    with Torture() as torture:
        for seed in range(20):  # far more than it takes
            torture.world(seed, books, requests=100)
            if books.counted[check]:
                break
    with capsys.disabled():
        found = ", ".join(f"{books.counted[each]} {each}" for each in CHECKS if books.counted[each])
        print(f"\n{mistake}: {found}")  # noqa: T201 - which check caught it is the point
    assert books.counted[check]
