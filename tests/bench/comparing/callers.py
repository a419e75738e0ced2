"""Callers of a side, each a process of its own, and what they saw: how long a message took, and how many a second."""

import contextlib
import importlib
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from tests.bench.comparing.sides import Side
from tests.bench.frame import pin

_ENDED: Final = 30.0  # seconds until the callers must have ended
_WARM: Final = 5


@dataclass(frozen=True)
class Handed:
    """A message that was handed over.

    Attributes:
        reference: what it is called at the gateway.
        began: when the caller began to hand it over, seconds of the wall clock.
        took: seconds until its side had said that it has it.
    """

    reference: str
    began: float
    took: float


@dataclass(frozen=True)
class Figures:
    """What a load showed.

    Attributes:
        accepted: messages a second, until the last was accepted by the side.
        accepted_p50, accepted_p99: milliseconds until a message was.
        arrived, arrived_p50, arrived_p99: the same until the gateway had it; None where messages cannot be told apart.
        processor: milliseconds of the processor for a message, the caller's among them; None where nobody counted.
    """

    accepted: float
    accepted_p50: float
    accepted_p99: float
    arrived: float | None = None
    arrived_p50: float | None = None
    arrived_p99: float | None = None
    processor: float | None = None


class Callers:
    """Processes that call one side, as long as they are needed."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes
        self._calling: Sequence[Connection] = ()

    def make_ready(self, callers: int) -> list[int]:
        """Let so many of them open their side anew, and hand over a few messages; returns which processes they are.

        Raises:
            EOFError: one of them failed; it has said why on standard error.
        """
        self._calling = self._pipes[:callers]
        for pipe in self._calling:
            pipe.send(None)
        return [pipe.recv() for pipe in self._calling]

    def hand_over(self, messages: int) -> list[Handed]:
        """Let those that are ready hand over so many messages together, each as fast as its side lets it.

        Raises:
            EOFError: one of them failed; it has said why on standard error.
        """
        for pipe in self._calling:
            pipe.send(messages // len(self._calling))
        return [handed for pipe in self._calling for handed in pipe.recv()]


@contextlib.contextmanager
def callers_of(side: Side, count: int, *, processor: int | None, warm: int = _WARM) -> Iterator[Callers]:
    """Start so many callers of a side.

    Args:
        side: it is sent to them.
        count: how many.
        processor: where they run, all of them.
        warm: messages that each hands over before those that count.
    """
    spawning = multiprocessing.get_context("spawn")
    here, there = zip(*(spawning.Pipe() for _ in range(count)), strict=True)
    process = spawning.Process(target=_gather, args=(there, side, processor, warm))
    process.start()
    try:
        for pipe in there:
            pipe.close()  # so that a caller that fails ends our waiting
        yield Callers(here)
    finally:
        for pipe in here:
            pipe.close()
        process.join(_ENDED)


def _gather(pipes: tuple[Connection, ...], side: Side, processor: int | None, warm: int) -> None:
    """Import what the side needs once, and become all the callers: one Python starting for each would take minutes."""
    for module in side.needs:
        importlib.import_module(module)
    forking = multiprocessing.get_context("fork")
    processes = [
        forking.Process(target=_call, args=(pipes, number, side, processor, warm)) for number in range(len(pipes))
    ]
    for process in processes:
        process.start()
    for pipe in pipes:
        pipe.close()
    for process in processes:
        process.join()


def _call(pipes: tuple[Connection, ...], number: int, side: Side, processor: int | None, warm: int) -> None:
    for pipe in pipes[:number] + pipes[number + 1 :]:
        pipe.close()  # the others', which they could not see the end of
    pipe = pipes[number]
    pin(processor)
    with contextlib.suppress(EOFError):  # until the other side is gone
        while True:
            pipe.recv()
            # Opened anew each time: who is idle between its turns finds its connection closed.
            with side.opened() as send:
                for _ in range(warm):
                    send()
                pipe.send(os.getpid())
                handed = []
                for _ in range(pipe.recv()):
                    began, at = time.time(), time.perf_counter()
                    reference = send()
                    handed.append(Handed(reference, began, time.perf_counter() - at))
                pipe.send(handed)


def figures(handed: Sequence[Handed], arrivals: Mapping[str, Sequence[float]]) -> Figures:
    """What the callers' times, and those of the gateway, say.

    Args:
        handed: what was handed over, at least two messages.
        arrivals: when each came to the gateway, by its reference; those that were not handed over here do not count.
    """
    first = min(one.began for one in handed)
    took = [one.took for one in handed]
    accepted = len(handed) / (max(one.began + one.took for one in handed) - first)
    if not all(one.reference in arrivals for one in handed):
        return Figures(accepted, *_percentiles(took))
    came = [min(arrivals[one.reference]) for one in handed]
    on_the_way = [at - one.began for at, one in zip(came, handed, strict=True)]
    arrived = len(handed) / (max(came) - first)
    return Figures(accepted, *_percentiles(took), arrived, *_percentiles(on_the_way))


def _percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000
