"""What each side does where sending goes wrong: nothing is claimed, the copies that reach the gateway are counted."""

import contextlib
import csv
import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

import requests

from local.gateway.accounts import LONGEST_DELAY
from local.places import PROJECT
from tests.bench.comparing.account import NAME, PASSWORD, PATIENCE
from tests.bench.comparing.kannel import Kannel
from tests.bench.comparing.plain_script import send, signed
from tests.bench.comparing.sides import TEXT, TO, Send
from tests.bench.comparing.sides import Kannel as KannelSide
from tests.bench.comparing.simulated import Simulator, until

MESSAGES: Final = 40
"""Handed over before a side is killed."""
_DONE: Final = 10  # of these, by the script
_ON_THE_WAY: Final = 10  # which is how many Kannel has at most, as it comes
_LOOKS: Final = 30  # tenths of a second without any change, and with nothing left to send


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What a side did.

    Attributes:
        copies: of one message, whose answer the gateway did not get through.
        told: what its caller was told then.
        repeated: copies of a message that the caller handed over twice, since it was not sure of the first time.
        lost, twice: of 40 messages, when the side was killed in the middle and started again.
        known: of the lost, those of which the side itself says that it does not know.
        reports: how many of the reports of five messages were fetched; None where the side was not asked.
        replies: of one that a handset sent.
        logged: lines of its log with the number in clear.
    """

    copies: int
    told: str
    repeated: int
    lost: int
    twice: int
    known: int = 0
    reports: int = 0
    replies: int = 0
    logged: int = 0


def of_script(simulator: Simulator) -> Behaviour:
    """The plain script's. It fetches and logs nothing: it has no code for that."""
    with requests.Session() as session:

        def hand_over(reference: str) -> None:
            send(session, simulator.url, signed(NAME, PASSWORD, TO, TEXT, reference))

        simulator.begin()
        simulator.order(kind="drop")
        try:
            hand_over("lost")
        except requests.ConnectionError as exc:
            told = f"an exception: {type(exc).__name__}"
        else:
            told = "the gateway's id"
        for _ in range(2):
            hand_over("repeated")
        arrivals = simulator.arrivals()
    lost, twice = _kill_script(simulator)
    calls = simulator.calls()
    return Behaviour(
        copies=len(arrivals["lost"]),
        told=told,
        repeated=len(arrivals["repeated"]),
        lost=lost,
        twice=twice,
        reports=calls["report"],
        replies=calls["mo"],
    )


def _kill_script(simulator: Simulator) -> tuple[int, int]:
    """It is killed with some messages sent and one on its way, and run again with the same messages."""
    simulator.begin()
    simulator.order(kind="delay", seconds=0, times=_DONE)
    simulator.order(kind="delay", seconds=LONGEST_DELAY)
    lines = io.StringIO()
    csv.writer(lines).writerows((TO, TEXT, f"{number}") for number in range(MESSAGES))
    with tempfile.TemporaryFile("w+", encoding="utf-8") as given:
        given.write(lines.getvalue())
        with _script(simulator, given) as running:
            simulator.wait(_DONE + 1)
            running.kill()
        with _script(simulator, given) as again:
            again.wait(PATIENCE)
    return books(simulator)


@contextlib.contextmanager
def _script(simulator: Simulator, given: IO[str]) -> Iterator["subprocess.Popen[bytes]"]:
    given.seek(0)
    command = [sys.executable, "-m", "tests.bench.comparing.plain_script", simulator.url, NAME, PASSWORD]
    with subprocess.Popen(command, cwd=PROJECT, stdin=given, stdout=subprocess.DEVNULL) as running:  # noqa: S603 - ours
        try:
            yield running
        finally:
            running.kill()


def of_kannel(simulator: Simulator, kannel: Kannel) -> Behaviour:
    """Kannel's, as it is configured. It fetches nothing: with EUMS one has to ask, and Kannel waits to be told."""
    with KannelSide(kannel.sendsms, signing=True).opened() as hand_over:
        simulator.begin()
        simulator.order(kind="drop")
        lost = hand_over()
        # As it comes, it waits ten seconds before it sends again.
        with contextlib.suppress(TimeoutError):
            until(lambda: len(simulator.arrivals().get(lost, ())) > 1, PATIENCE / 2)
        copies = len(simulator.arrivals()[lost])
        simulator.begin()
        for _ in range(2):
            hand_over()  # a reference of its own for each: Kannel has no notion of the same message
        repeated = len(simulator.wait(2))
        calls = simulator.calls()
        missing, twice = _kill_kannel(simulator, kannel, hand_over)
    return Behaviour(
        copies=copies,
        told="accepted, as always",
        repeated=repeated,
        lost=missing,
        twice=twice,
        reports=calls["report"],
        replies=calls["mo"],
        logged=sum(TO in line for line in kannel.log.read_text("utf-8", "replace").splitlines()),
    )


def _kill_kannel(simulator: Simulator, kannel: Kannel, hand_over: Send) -> tuple[int, int]:
    """It is killed with some messages on their way and all others accepted, and started again."""
    simulator.begin()
    simulator.order(kind="delay", seconds=LONGEST_DELAY, times=MESSAGES)
    for _ in range(MESSAGES):
        hand_over()
    simulator.wait(_ON_THE_WAY)
    kannel.kill()
    simulator.calm()
    kannel.start()
    looks: list[int] = []

    def settled() -> bool:
        looks.append(len(simulator.arrivals()) if not kannel.waiting() else -1)
        return looks[-1] == MESSAGES or (looks[-1] >= 0 and looks[-_LOOKS:] == [looks[-1]] * _LOOKS)

    until(settled, PATIENCE)
    return books(simulator)


def books(simulator: Simulator) -> tuple[int, int]:
    """How many of the messages never came, and how many came more than once."""
    arrivals = simulator.arrivals()
    return MESSAGES - len(arrivals), sum(len(copies) > 1 for copies in arrivals.values())
