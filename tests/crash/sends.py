"""Tortures the sends: `python -m tests.crash.sends 0 4 2` closes the books of worlds 0, 2 and prints them.

A world has some hundred requests, by seed; the threads of what comes at once are the only part that a seed does not
repeat.
"""

import gc
import json
import logging
import sys
import warnings
from contextlib import ExitStack
from datetime import timedelta
from random import Random
from typing import Final, Self

from bridge.domain.errors import NotCancellable, NotFound
from bridge.domain.messages import Category, OnAmbiguous
from bridge.domain.opt_outs import OptOut, Source
from bridge.services.sending import Order
from tests.crash.lines import BrokenLine
from tests.crash.send_books import OPTED_OUT, Answer, Books, Request, Said, answer_of
from tests.crash.send_world import NAMES, POISON, ROUTED, SHOP, Lines, WatchedGateway, World
from tests.fakes.world import NOON

REQUESTS: Final = 150  # of one world
_SIGKILLS: Final = 0.04  # of the sends and submits, each in a process of its own
_PATIENT: Final = 60  # requests with one key, of a caller that gets no answer
_SPECIAL: Final = (
    "19900002000", "19900002001", "19900002002", "19900002003", "19900002005", "19900002006", "19900002007",
    "19900002008", "19900002009", "19900001000", "19900000301", "19900000205", "19900000401", "19900000999",
)  # fmt: skip
_BESIDE_OTHERS: Final = ("19900004000", "19900004001")


class Torture:
    """The gateway and its lines, for world after world."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        gateway = self._stack.enter_context(WatchedGateway())
        broken = self._stack.enter_context(BrokenLine(gateway.url))
        self.lines = Lines(gateway, broken)
        self._stack.callback(self.lines.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def world(self, seed: int, books: Books, *, requests: int = REQUESTS, sigkills: float = 0.0) -> None:
        """One world from its beginning to the closing of its books."""
        rng = Random(seed)
        world = World(self.lines, rng)
        for number in OPTED_OUT:
            for account in NAMES:
                world.state.opt_outs.add(OptOut(account=account, number=number, since=NOON, source=Source.API))
        world.sigkills = sigkills
        asked = [_request(rng, seed, number) for number in range(requests)]
        for request in asked:
            _ask(world, request)
            _go_on(world)
        for request in rng.sample(asked, len(asked) // 8):
            if request.key is not None:
                _ask_once(world, request)  # late, and answered as the first one was
                _ask_until_answered(world, request)
        world.live_until_quiet()
        books.close(world, asked, f"world {seed}")


def _request(rng: Random, seed: int, number: int) -> Request:
    count = rng.choice([1] * 8 + [2, 5])
    to = [f"138{seed % 1000:03}{number:03}{ordinal:02}" for ordinal in range(count)]
    if rng.random() < 0.2:
        to[0] = rng.choice(_SPECIAL)
    if count > 1 and rng.random() < 0.1:
        to[-1] = rng.choice(_BESIDE_OTHERS)
    if rng.random() < 0.06:
        to[rng.randrange(count)] = rng.choice(OPTED_OUT).removeprefix("+86")
    shape = rng.choice(["now"] * 6 + ["queued"] * 3 + ["scheduled"])
    poison = POISON if shape != "now" and rng.random() < 0.03 else ""
    return Request(
        marker=number,
        caller=ROUTED if rng.random() < 0.2 else SHOP,
        order=Order(
            to=tuple(to),
            text=f"【京东】第{number}号{poison}",
            category=rng.choice(list(Category)),
            on_ambiguous=OnAmbiguous.RESEND if rng.random() < 0.08 else OnAmbiguous.UNKNOWN,
            queued=shape == "queued",
            send_at=NOON + timedelta(minutes=rng.randrange(30, 500)) if shape == "scheduled" else None,
        ),
        key=f"key {number}" if rng.random() < 0.5 else None,
    )


def _ask(world: World, request: Request) -> None:
    """What a client does that was told what the answers mean."""
    if request.key is None:
        for _ in range(4):
            # Only what is said to be safe is asked again: whatever else, nobody would know what it does.
            if _ask_once(world, request).said is not Said.TRY_AGAIN:
                break
    elif world.rng.random() < 0.4:
        world.counted["equal requests at once"] += 1
        world.at_once([lambda: _ask_once(world, request), lambda: _ask_once(world, request)])
        _ask_until_answered(world, request)
    else:
        _ask_until_answered(world, request)
        if world.rng.random() < 0.3:
            _ask_once(world, request)
            _ask_until_answered(world, request)
    if (request.order.queued or request.order.send_at) and world.rng.random() < 0.15:
        _cancel(world, request)


def _ask_until_answered(world: World, request: Request) -> None:
    """A client with a key repeats its request until it knows."""
    for number in range(_PATIENT):
        if request.answers and request.answers[-1].said in {Said.MESSAGE, Said.NOTHING_SENT, Said.INVALID}:
            return
        if number > 40:
            with world.calm():
                _ask_once(world, request)
        else:
            _ask_once(world, request)
        world.clock.sleep(world.rng.choice([2, 2, 2, 20]))


def _ask_once(world: World, request: Request) -> Answer:
    answer = world.perform(lambda: world.sending.send(request.caller, request.order, request.key), 14, told=answer_of)
    request.answers.append(answer)
    return answer


def _cancel(world: World, request: Request) -> None:
    message_id = request.answers[-1].message_id
    if message_id is None:
        return
    outcome, result = world.run(lambda: world.sending.cancel(request.caller, message_id), world.fate(6))
    request.cancelled = outcome == "done"
    assert outcome != "failed" or not isinstance(result, NotFound)
    world.counted["cancelled"] += request.cancelled
    world.counted["too late to cancel"] += isinstance(result, NotCancellable)


def _go_on(world: World) -> None:
    """The rest of the bridge, between two requests."""
    rng = world.rng
    world.clock.advance(rng.choice([0, 1, 5, 20]))
    world.fire_schedules()
    world.submit_some(rng.randrange(3))
    if rng.random() < 0.1:
        world.report()
    if rng.random() < 0.1:
        world.attend()


def main(first: int, last: int, step: int) -> None:
    """Print the books of some worlds as JSON."""
    logging.disable(logging.CRITICAL)
    # The threads of this process are the gateway's: what is forked shares nothing with them but sockets.
    warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
    gc.collect()
    gc.freeze()  # a child copies less
    books = Books()
    with Torture() as torture:
        for seed in range(first, last, step):
            torture.world(seed, books, sigkills=_SIGKILLS)
    print(json.dumps({"counted": books.counted, "wrong": books.wrong}))  # noqa: T201 - to whoever asked


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
