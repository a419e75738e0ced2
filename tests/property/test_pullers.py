"""Two pullers of one account and kind, paused and woken at any moment, with any clock: hypothesis looks for trouble.

Each puller is a thread that runs only while the machine lets it, and stops before and after each call of a port.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.domain.events import EventType
from bridge.domain.ids import ulid
from bridge.domain.pulls import Kind
from bridge.services.pulling import Ended, Pulling
from bridge.services.sweeping import Sweeping
from eums import Reply
from tests.fakes.world import World

LEASE = 60.0
HOUR = 3600.0
MO = {"dest": "1069012345678", "src": "13812345678", "content": "好的"}
PAGE = Reply(200, (), json.dumps({"code": 0, "data": [MO, MO]}).encode(), cut=False)


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Puller:
    """A process that pulls once, step by step."""

    world: World
    asking: list["Puller"]
    ended: Ended | None = None
    begun_at: datetime | None = None
    _go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _stopped: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _kill: bool = False
    done: bool = False

    def __post_init__(self) -> None:
        world = self.world
        pulling = Pulling(
            accounts=world.accounts,
            gateway=self._stepwise(world.gateway, "pull"),
            leases=self._stepwise(world.leases, "begin", "settle", "complete"),
            journal=self._stepwise(world.journal, "store", "has"),
            pointers=self._stepwise(world.pointers, "send"),
            topic=self._stepwise(world.topic, "publish"),
            clock=world.clock,
            new_id=lambda: ulid(world.clock.now(), world.new_id().encode()[-10:]),
            counters=world.counters,
            pause=5.0,
        )
        self._thread = threading.Thread(target=self._run, args=(pulling,), daemon=True)
        self._thread.start()
        self._stopped.acquire()

    def _run(self, pulling: Pulling) -> None:
        try:
            self.ended = pulling.pull("default", Kind.INBOUND)
        except Killed:
            pass
        finally:
            if self in self.asking:
                self.asking.remove(self)
            self.done = True
            self._stopped.release()

    def _stepwise(self, port: Any, *methods: str) -> Any:
        stepwise = type("Stepwise", (), {})()
        for name in methods:
            setattr(stepwise, name, self._stop_before(name, getattr(port, name)))
        return stepwise

    def _stop_before(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if name == "pull":  # it has looked at the clock, and asks
                self.begun_at = self.world.clock.now()
                self.asking.append(self)
            self._stop()
            result = method(*arguments, **named)
            self._stop()  # the answer is on its way
            if name == "pull":
                self.asking.remove(self)
            return result

        return call

    def _stop(self) -> None:
        self._stopped.release()
        self._go.acquire()
        if self._kill:
            raise Killed

    def step(self, *, kill: bool = False) -> None:
        """Let it go on to its next call; or let it be killed there."""
        self._kill = kill
        self._go.release()
        self._stopped.acquire()
        if self.done:
            self._thread.join()

    @property
    def lease_ended(self) -> bool:
        """Whether it was paused for longer than a call of the gateway's may take."""
        assert self.begun_at is not None
        return self.world.clock.now() - self.begun_at > timedelta(seconds=30)


class Pullers(RuleBasedStateMachine):
    """The gateway always has two equal messages more."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.asking: list[Puller] = []
        self.pullers: list[Puller] = []
        self.handed_out = 0
        answer = self.world.gateway.pull

        def pull(account: str, kind: Kind) -> Reply:
            self.world.gateway.pages.append(PAGE)
            self.handed_out += 1
            return answer(account, kind)

        self.world.gateway.pull = pull  # type: ignore[method-assign]
        self.publishing = self.world.publishing()
        self.sweeping = Sweeping(
            accounts=self.world.accounts,
            journal=self.world.journal,
            pointers=self.world.pointers,
            sweeps=self.world.sweeps,
            clock=self.world.clock,
            counters=self.world.counters,
        )

    def running(self) -> list[Puller]:
        return [puller for puller in self.pullers if not puller.done]

    @precondition(lambda self: len(self.running()) < 3)
    @rule()
    def start(self) -> None:
        self.pullers.append(Puller(self.world, self.asking))

    @precondition(lambda self: self.running())
    @rule(which=st.integers(0, 2), steps=st.sampled_from([1, 2, 8]))
    def go_on(self, which: int, steps: int) -> None:
        puller = self.running()[which % len(self.running())]
        for _ in range(steps):
            if not puller.done:
                puller.step()

    @precondition(lambda self: self.running())
    @rule(which=st.integers(0, 2))
    def kill(self, which: int) -> None:
        self.running()[which % len(self.running())].step(kill=True)

    @rule(seconds=st.sampled_from([0.5, 29.0, 31.0, LEASE + 1]))
    def time_passes(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @precondition(lambda self: self.world.pointers.keys)
    @rule(which=st.integers(0, 9))
    def publish(self, which: int) -> None:
        keys = self.world.pointers.keys
        self.publishing.publish(keys[which % len(keys)])

    @invariant()
    def one_asks_at_a_time(self) -> None:
        """Of those that ask, all but one were paused for longer than a call may take."""
        assert len([puller for puller in self.asking if not puller.lease_ended]) <= 1

    @invariant()
    def the_fence_never_falls(self) -> None:
        fence = max([0, *(standing[1] for standing in self.world.leases.standing.values())])
        assert fence >= getattr(self, "fence", 0)
        self.fence = fence

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for puller in self.running():
            puller.step(kill=True)
        for _ in range(2):  # and life goes on, until nothing dangles
            self.world.clock.advance(LEASE + 1)
            last = Puller(self.world, self.asking)
            while not last.done:
                last.step()
            assert last.ended is Ended.RECORDS
        # One that was paused past its lease, and killed before it sent its pointer, left a page without one.
        self.world.clock.advance(HOUR)
        self.sweeping.sweep_all(time_left=lambda: HOUR)
        for key in list(self.world.journal.entries) * 2:
            self.publishing.publish(key)
        kept = self.world.journal.entries.values()
        messages = [event for event in self.world.topic.events if event.type is EventType.INBOUND_RECEIVED]
        assert len({event.id for event in messages}) == 2 * len(kept)  # two equal ones a page, each for itself
        assert {event.id: event.body() for event in messages} == {
            event.id: event.body() for event in reversed(messages)
        }  # a repeat is the same to the byte
        lost = {event.subject for event in self.world.topic.events if event.type is EventType.PULL_LOST}
        assert self.handed_out <= len(kept) + len(lost - {entry.pull.id for entry in kept})
        assert set(self.world.journal.entries) <= {*self.world.pointers.keys}
        assert not any(self.world.leases.dangling.values())


TestPullers = Pullers.TestCase
TestPullers.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
