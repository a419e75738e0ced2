"""Sends of every kind, interrupted between any two calls of a port: hypothesis looks for one too many, or one too few.

A model of the gateway knows what was taken. Processes die, get no answer, or stand still while others go on: before or
after each call. At the end of each example whatever waits is driven to its end.

SEND_MACHINE_EXAMPLES=2000 makes so many examples, at random, and shrinks what fails.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.api.responses import message_response
from bridge.domain.clients import Caller
from bridge.domain.errors import BridgeError, GatewayRefused, GatewayUnreachable, NotStored, OptedOut
from bridge.domain.events import EventType, reported
from bridge.domain.ids import ulid
from bridge.domain.messages import WAITING, Category, Message, OnAmbiguous, Status
from bridge.domain.numbers import e164
from bridge.domain.opt_outs import OptOut, Source
from bridge.domain.policies import Policy
from bridge.domain.submits import MOVES, state_of
from bridge.domain.work import RECEIVES, MessageWork, Work
from bridge.services.dispatching import NotSettledError
from bridge.services.sending import Order
from bridge.services.tracking import Tracking
from eums import Accepted, Ambiguous, NotSent, Refused, Report, Submit, code_of
from tests.fakes.world import SHOP, World

NUMBERS = ("13800000001", "13800000002", "13900000009")
NEVER_TAKEN = "13900000009"  # 仅包含有效的手机号码: the gateway leaves it out of its answers
CALLER: Caller = replace(
    SHOP, accounts=frozenset({"default", "backup"}), default_account="default", fallback_accounts=("backup",)
)
SIGNATURES = {"default": "京东", "backup": "备用"}
LAMBDA = 60.0  # seconds
HOUR = 3600.0

PORTS = {
    "messages": ("add", "index", "move", "recorded", "recorded_all", "find", "due_in", "begun_in"),
    "queue": ("send",),
    "schedules": ("create", "delete"),
    "topic": ("publish",),
    "opt_outs": ("among",),
    "pace": ("reserve",),
    "progress": ("remember",),
}
NOTHING_SENT = (GatewayRefused, GatewayUnreachable, NotStored, OptedOut)  # what a caller is told to send again

NEVER_SENT = {Status.REJECTED, Status.CANCELLED}
TOLD = {
    Status.SUBMITTED: EventType.SUBMITTED,
    Status.REJECTED: EventType.REJECTED,
    Status.UNKNOWN: EventType.UNKNOWN,
}


class Died(BaseException):
    """The process is gone."""


class Broken(BaseException):
    """What has to hold at a port does not."""


@dataclass(frozen=True)
class Trouble:
    """What happens to a process at its `at`-th call of a port, before the call has its effect or after."""

    at: int
    what: str  # dies, fails, pauses
    after: bool
    seconds: float


@dataclass
class Pointer:
    """One message of SendQueue."""

    work: Work
    receives: int = 0


@dataclass
class Taken:
    """A submit that the gateway took."""

    account: str
    reference: str
    to: str
    gateway_message_id: str
    reported: bool = False


@dataclass
class Steps:
    """How many rules were carried out, over all examples, and how often the gateway gave which answer."""

    taken: int = 0
    answers: Counter[str] = field(default_factory=Counter)


STEPS = Steps()

ANSWERS: list[str | int] = [
    "taken",
    205,
    131,
    401,
    302,
    "not sent",
    "ambiguous, taken",
    "ambiguous, not taken",
    "dies, taken",
    "dies, not taken",
    "surprise, taken",
]

answers: st.SearchStrategy[list[str | int]] = st.lists(
    st.sampled_from(ANSWERS),
    min_size=1,
    max_size=3,
) | st.just([])
strikes = st.builds(
    Trouble,
    at=st.integers(0, 9),
    what=st.sampled_from(["dies", "fails", "pauses"]),
    after=st.booleans(),
    seconds=st.sampled_from([0.0, 5.0, 61.0, 90.0]),
)
troubles = st.sampled_from([False, False, True]).flatmap(lambda some: strikes if some else st.none())
which = st.integers(0, 30)


@dataclass
class ModelGateway:
    """Takes what it is told to take, and remembers it."""

    machine: "SendMachine"
    answers: list[str | int] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)

    def submit(self, account: str, submit: Submit) -> tuple[Accepted, ...]:
        self.machine.hold_submit(account, submit)
        answer = self.answers.pop(0) if self.answers else "taken"
        STEPS.answers[str(answer)] += 1
        if isinstance(answer, int):
            raise Refused(code_of(answer))
        if answer == "not sent":
            raise NotSent("down")
        accepted = () if answer.endswith("not taken") else self.take(account, submit)
        if answer.startswith("ambiguous"):
            raise Ambiguous("no answer")
        if answer.startswith("dies"):
            raise Died
        if answer.startswith("surprise"):
            raise ZeroDivisionError
        return accepted

    def take(self, account: str, submit: Submit) -> tuple[Accepted, ...]:
        accepted: list[Accepted] = []
        for number in submit.dest:
            if number != NEVER_TAKEN:
                accepted.append(Accepted(number, f"06{len(self.taken):018}", 1))
                self.taken.append(Taken(account, submit.reference, e164(number), accepted[-1].message_id))
        return tuple(accepted)


class SendMachine(RuleBasedStateMachine):
    """Rules are what callers, queues, time and the gateway do."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.world.new_id = self._new_id  # type: ignore[assignment]
        self.world.add_account("backup")
        self.world.accounts.policies = {name: Policy(signature=text) for name, text in SIGNATURES.items()}
        self.gateway = ModelGateway(self)
        self.world.gateway.submit = self._guarded(self.gateway.submit)  # type: ignore[method-assign]
        for port, methods in PORTS.items():
            for name in methods:
                fake = getattr(self.world, port)
                setattr(fake, name, self._guarded(self._watched(name, getattr(fake, name))))
        self.tracking = Tracking(
            accounts=self.world.accounts,
            messages=self.world.messages,
            early=self.world.early,
            clock=self.world.clock,
            counters=self.world.counters,
        )
        self.ids = 0
        self.calls = 0
        self.trouble: Trouble | None = None
        self.meanwhile: Callable[[], object] | None = None
        self.pointers: list[Pointer] = []
        self.history: dict[str, list[Message]] = defaultdict(list)
        self.keys: dict[str, list[str]] = defaultdict(list)
        self.sends: list[tuple[Order, str | None, str]] = []  # with the key and the first answer
        self.nothing_sent: set[str] = set()
        self.world.attending().attend(self._at_leisure)  # the schedule comes with the stack

    def _new_id(self) -> str:
        self.ids += 1
        return ulid(self.world.clock.now(), self.ids.to_bytes(10, "big"))

    @staticmethod
    def _at_leisure() -> float:
        return LAMBDA

    # --- interruptions

    def _guarded(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            trouble = self.trouble if self.trouble and self.trouble.at == number else None
            if trouble and not trouble.after:
                self._strike(trouble)
            try:
                result = method(*arguments, **named)
            except AssertionError as exc:  # which the services would take for a failure of the port
                raise Broken from exc
            if trouble and trouble.after:
                self._strike(trouble)
            return result

        return call

    def _strike(self, trouble: Trouble) -> None:
        self.trouble = None
        match trouble.what:
            case "dies":
                raise Died
            case "fails":
                raise ConnectionError
            case _:
                self.world.clock.advance(trouble.seconds)
                meanwhile, self.meanwhile = self.meanwhile, None
                if meanwhile:
                    meanwhile()

    def _watched(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Look at what is written: the table forgets, and the model does not."""

        def call(*arguments: Any, **named: Any) -> Any:
            result = method(*arguments, **named)
            if name == "add" and result is None:
                message, *once = arguments
                self.history[message.id].append(message)
                if once and once[0]:
                    self.keys[once[0].key_hash].append(message.id)
            if name == "move" and result is None and self.history[arguments[1].id][-1] != arguments[1]:
                self.history[arguments[1].id].append(arguments[1])
            return result

        return call

    def _run(self, work: Callable[[], object], trouble: Trouble | None, meanwhile: Callable[[], object] | None) -> bool:
        """Let a process do something. False where it did not come to its end."""
        self.calls, self.trouble, self.meanwhile = 0, trouble, meanwhile
        try:
            work()
        except (Died, ConnectionError, BridgeError, NotSettledError):
            return False
        finally:
            self.trouble = self.meanwhile = None
        return True

    def _others(self, index: int) -> Callable[[], object]:
        """What somebody else does while a process stands still."""

        def act() -> None:
            saved, self.gateway.answers = self.gateway.answers, []
            match index % 4:
                case 0:
                    self._attend()
                case 1:
                    self._deliver(index, twice=False)
                case 2:
                    self._cancel(index)
                case _:
                    self._repeat(index)
            self.gateway.answers = saved

        return act

    # --- rules

    @rule(
        to=st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3, unique=True),
        kind=st.sampled_from(["sync", "queued", "scheduled"]),
        ahead=st.sampled_from([60.0, 900.0, 3 * HOUR]),
        key=st.none() | st.sampled_from(["a", "b", "c"]),
        transactional=st.booleans(),
        resend=st.booleans(),
        answers=answers,
        trouble=troubles,
        others=which,
    )
    def send(  # noqa: PLR0917 - what hypothesis draws
        self,
        to: list[str],
        kind: str,
        ahead: float,
        key: str | None,
        transactional: bool,  # noqa: FBT001
        resend: bool,  # noqa: FBT001
        answers: list[str | int],
        trouble: Trouble | None,
        others: int,
    ) -> None:
        STEPS.taken += 1
        order = Order(
            to=tuple(to),
            text="您的验证码是123456",
            client_reference=key,
            category=Category.TRANSACTIONAL if transactional else Category.MARKETING,
            on_ambiguous=OnAmbiguous.RESEND if resend else OnAmbiguous.UNKNOWN,
            send_at=self.world.clock.now() + timedelta(seconds=ahead) if kind == "scheduled" else None,
            queued=kind == "queued",
        )
        if key is not None:
            key = f"{key} {order}"[:255]  # for another request it would be refused
        self.gateway.answers = list(answers)
        before = self.world.messages.writes
        self._send(order, key, trouble, self._others(others))
        self.gateway.answers = []
        plain = kind == "sync" and not (trouble or answers or key)
        assert not plain or self.world.messages.writes - before == 2

    def _send(
        self,
        order: Order,
        key: str | None,
        trouble: Trouble | None = None,
        meanwhile: Callable[[], object] | None = None,
        first: str | None = None,
    ) -> None:
        there = set(self.history)

        def work() -> None:
            try:
                sent = self.world.sending().send(CALLER, order, key)
            except NOTHING_SENT as exc:
                named = getattr(exc, "message_id", None)
                self.nothing_sent |= {named} if named else {name for name in self.history if name not in there}
                raise
            answer = message_response(sent.message).model_dump_json()
            if not sent.replayed and not (trouble and not sent.message.queued):
                self.sends.append((order, key, answer))
            if first and sent.replayed and f'"id":"{sent.message.id}"' in first:
                assert answer == first

        self._run(work, trouble, meanwhile)

    @precondition(lambda self: self.sends)
    @rule(index=which)
    def repeat(self, index: int) -> None:
        STEPS.taken += 1
        self._repeat(index)

    def _repeat(self, index: int) -> None:
        if self.sends:
            order, key, answer = self.sends[index % len(self.sends)]
            if key is not None:
                self._send(order, key, first=answer)

    @precondition(lambda self: self._queue())
    @rule(index=which, twice=st.booleans(), answers=answers, trouble=troubles, others=which)
    def deliver(
        self,
        index: int,
        twice: bool,  # noqa: FBT001
        answers: list[str | int],
        trouble: Trouble | None,
        others: int,
    ) -> None:
        STEPS.taken += 1
        self.gateway.answers = list(answers)
        self._deliver(index, twice=twice, trouble=trouble, meanwhile=self._others(others))
        self.gateway.answers = []

    def _queue(self) -> list[Pointer]:
        self.pointers += [Pointer(work) for work in self.world.queue.take()]
        for message_id, at in list(self.world.schedules.due.items()):
            if at <= self.world.clock.now():
                del self.world.schedules.due[message_id]
                self.pointers += [Pointer(work) for work in self._pointed_to(message_id)]
        return self.pointers

    @staticmethod
    def _pointed_to(message_id: str) -> Sequence[Work]:
        return [MessageWork(message_id=message_id)]

    def _deliver(
        self,
        index: int,
        *,
        twice: bool,
        trouble: Trouble | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        queue = self._queue()
        if not queue:
            return
        pointer = queue[index % len(queue)]
        pointer.receives += 1
        last = pointer.receives >= RECEIVES
        ends_at = self.world.clock.monotonic() + LAMBDA
        done = self._run(
            lambda: self.world.queueing().take(
                pointer.work.body(), last=last, time_left=lambda: ends_at - self.world.clock.monotonic()
            ),
            trouble,
            meanwhile,
        )
        if ((done and not twice) or last) and pointer in self.pointers:
            self.pointers.remove(pointer)

    @rule(seconds=st.sampled_from([1.0, 10.0, 61.0, 120.0, 600.0, HOUR, 26 * HOUR]))
    def time_passes(self, seconds: float) -> None:
        STEPS.taken += 1
        self.world.clock.advance(seconds)

    @rule(trouble=troubles, others=which)
    def attend(self, trouble: Trouble | None, others: int) -> None:
        STEPS.taken += 1
        self._run(lambda: self.world.attending().attend(self._at_leisure), trouble, self._others(others))

    def _attend(self) -> None:
        self._run(lambda: self.world.attending().attend(self._at_leisure), None, None)

    @precondition(lambda self: self.history)
    @rule(index=which, trouble=troubles, others=which)
    def cancel(self, index: int, trouble: Trouble | None, others: int) -> None:
        STEPS.taken += 1
        self._cancel(index, trouble, self._others(others))

    def _cancel(
        self, index: int, trouble: Trouble | None = None, meanwhile: Callable[[], object] | None = None
    ) -> None:
        if self.history:
            message_id = sorted(self.history)[index % len(self.history)]

            def work() -> None:
                cancelled = self.world.sending().cancel(CALLER, message_id)
                assert cancelled.status is Status.CANCELLED

            self._run(work, trouble, meanwhile)

    @rule(number=st.sampled_from(NUMBERS), account=st.sampled_from(sorted(SIGNATURES)), out=st.booleans())
    def opt(self, number: str, account: str, out: bool) -> None:  # noqa: FBT001
        STEPS.taken += 1
        now = self.world.clock.now()
        if out:
            opt_out = OptOut(account=account, number=e164(number), since=now, source=Source.API)
            self.world.opt_outs.add(opt_out)
        else:
            self.world.opt_outs.remove(account, e164(number), now)

    @precondition(lambda self: self.gateway.taken)
    @rule(index=which)
    def report(self, index: int) -> None:
        STEPS.taken += 1
        self._report(self.gateway.taken[index % len(self.gateway.taken)])

    def _report(self, taken: Taken) -> None:
        now = self.world.clock.now()
        record = Report(
            ordinal=0,
            message_id=taken.gateway_message_id,
            dest_number=taken.to.removeprefix("+86"),
            report_status="DELIVRD",
            report_time=now,
            report_time_raw=str(now),
            reference=taken.reference,
        )
        owner = self.world.messages.owners([taken.reference])[taken.reference]
        self.tracking.track(reported(taken.account, record, owner, now).body())
        taken.reported = True

    # --- what has to hold

    def hold_submit(self, account: str, submit: Submit) -> None:
        """Whatever leaves is written down, and wanted by whom it goes to."""
        message = self.world.messages.messages[submit.reference]
        assert state_of(message) not in {Status.CANCELLED, Status.REJECTED, Status.SUBMITTED, Status.ACCEPTED}
        assert submit.content.startswith(f"【{SIGNATURES[account]}】")
        assert submit.content.count("【") == 1
        if message.category is not Category.TRANSACTIONAL:
            assert not {(account, e164(number)) for number in submit.dest} & set(self.world.opt_outs.standing)

    @invariant()
    def nothing_is_sent_too_often(self) -> None:
        if not hasattr(self, "gateway"):
            return
        often = Counter((taken.reference, taken.to) for taken in self.gateway.taken)
        for (reference, _), times in often.items():
            resends = self.history[reference][0].on_ambiguous is OnAmbiguous.RESEND
            assert times <= (3 if resends else 1)

    @invariant()
    def the_record_is_true(self) -> None:
        if not hasattr(self, "gateway"):
            return
        taken: dict[tuple[str, str], set[str]] = defaultdict(set)  # by which accounts
        for one in self.gateway.taken:
            taken[one.reference, one.to].add(one.account)
        for message in self.world.messages.messages.values():
            for recipient in message.recipients:
                accounts = taken[message.id, recipient.to]
                if recipient.status is Status.SUBMITTED:
                    assert message.account in accounts
                elif recipient.status in NEVER_SENT or (recipient.status in WAITING and not message.doubtful):
                    assert not accounts, f"{recipient.status}, and taken"
        for message_id in self.nothing_sent:
            assert not any(one.reference == message_id for one in self.gateway.taken)

    def teardown(self) -> None:
        if not hasattr(self, "world") or not hasattr(self, "nothing_sent"):
            return
        end = self.world.clock.now() + timedelta(hours=30)
        while self.world.clock.now() < end or self._queue():
            for _ in range(len(self._queue())):
                self._deliver(0, twice=False)
            self.world.clock.advance(HOUR / 2)
            self._attend()
        self.world.clock.advance(74 * HOUR)
        self._attend()
        for event in self.world.topic.events:
            if event.data["status"] == Status.UNKNOWN_EXPIRED:
                self.tracking.track(event.body())
        for one in self.gateway.taken[::2]:  # late, or for the second time
            self._report(one)
        self.nothing_is_sent_too_often()
        self.the_record_is_true()
        self._hold_the_end()

    def _hold_the_end(self) -> None:
        reported_ones = {(one.reference, one.to) for one in self.gateway.taken if one.reported}
        told: dict[tuple[str, object], set[EventType]] = defaultdict(set)
        for event in self.world.topic.events:
            told[event.subject or "", event.data["to"]].add(event.type)
        for message in self.world.messages.messages.values():
            assert MOVES[state_of(message)] <= {Status.SUBMITTED, Status.REJECTED}, f"left {state_of(message)}"
            found = self.world.messages.find(message.id)
            assert found
            for recipient, seen in zip(message.recipients, found.recipients, strict=True):
                was = {TOLD[status] for status in self._statuses(message.id, recipient.to) if status in TOLD}
                published = told[message.id, recipient.to] & set(TOLD.values())
                if message.queued:
                    assert published <= was
                    assert recipient.status is Status.CANCELLED or TOLD[recipient.status] in published
                else:
                    assert published <= {EventType.UNKNOWN}
                if (message.id, recipient.to) in reported_ones:
                    assert seen.status is Status.DELIVERED
                elif recipient.status in {Status.SUBMITTED, Status.UNKNOWN}:
                    assert seen.status is Status.UNKNOWN_EXPIRED
        self._hold_keys()

    def _hold_keys(self) -> None:
        """A key within its day stands for one send."""
        for ids in self.keys.values():
            beginnings = [self.history[message_id][0] for message_id in ids]
            for first in beginnings:
                if first.on_ambiguous is OnAmbiguous.RESEND:
                    continue
                until = first.created_at + timedelta(hours=24)
                same = {each.id for each in beginnings if first.created_at <= each.created_at < until}
                often = Counter(one.to for one in self.gateway.taken if one.reference in same)
                assert max(often.values(), default=0) <= 1

    def _statuses(self, message_id: str, to: str) -> set[Status]:
        return {
            recipient.status
            for message in self.history[message_id]
            for recipient in message.recipients
            if recipient.to == to
        }


EXAMPLES = int(os.environ.get("SEND_MACHINE_EXAMPLES", "0"))


class TestSendMachine(SendMachine.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(
        max_examples=EXAMPLES or 64,
        stateful_step_count=100,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    def runTest(self) -> None:  # noqa: N802 - unittest's name
        STEPS.taken = 0
        STEPS.answers.clear()
        super().runTest()
        assert STEPS.taken >= 5000
        assert min(STEPS.answers[str(answer)] for answer in ANSWERS) >= 10, STEPS.answers
