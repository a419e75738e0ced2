"""The books of the sends: what the gateway's own journal has, against what the bridge said to anybody.

Every request has a text of its own, so that a message which was sent twice is found under whatever id the second one
has. The gateway's side is its list of the submits that it took, in which nothing of the bridge is believed.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bridge.domain.clients import Caller
from bridge.domain.errors import (
    GatewayRefused,
    GatewayUnreachable,
    InvalidRequest,
    NotStored,
    OptedOut,
    StillInFlight,
)
from bridge.domain.events import EventType
from bridge.domain.messages import Category, Message, OnAmbiguous, Recipient, Rejection, Status
from bridge.domain.numbers import e164
from bridge.domain.submits import MOST_TRIES, is_waiting, state_of
from bridge.services.sending import Order, Sent
from local.gateway import magic
from local.gateway.magic import ReportReference
from tests.crash.send_world import World

_MARKER: Final = re.compile("第([0-9]+)号")
_LEFT_OUT: Final = "19900004000"  # the gateway takes it, and does not say so
CHECKS: Final = (
    "duplicates",
    "said to be sent, and never taken",
    "said that nothing was sent, and it was",
    "reports that did not resolve their message",
    "requests without a final answer",
    "messages that never ended",
    "given up without need",
    "unknown, and nobody was told",
    "cancelled and sent",
    "sent to who opted out",
    "taken by the gateway, and nobody asked for it",
    "messages of an answer that are not there",
    "written down, and not counted towards its client's limits",
    "reports that nobody pulled",
    "errors in the bridge",
)
_FINAL: Final = {
    Status.DELIVERED,
    Status.UNDELIVERED,
    Status.REJECTED,
    Status.CANCELLED,
    Status.UNKNOWN_EXPIRED,
}
_TELLING: Final = {EventType.UNKNOWN, EventType.SUBMITTED, EventType.DELIVERED, EventType.UNDELIVERED}
_SENT: Final = {Status.SUBMITTED, Status.DELIVERED, Status.UNDELIVERED}


class Said(StrEnum):
    """What a caller is told."""

    MESSAGE = "a message"
    NOTHING_SENT = "nothing was sent"
    TRY_AGAIN = "nothing was sent, so try again"
    IN_FLIGHT = "the first is in flight"
    NOTHING = "no answer, or an internal error"
    INVALID = "invalid"


@dataclass(frozen=True, kw_only=True)
class Answer:
    said: Said
    message: Message | None = None
    message_id: str | None = None
    reason: str = ""


@dataclass(eq=False, kw_only=True)
class Request:
    """One thing that somebody wants sent, however often it is asked for."""

    marker: int
    caller: Caller
    order: Order
    key: str | None = None
    answers: list[Answer] = field(default_factory=list)
    cancelled: bool = False  # the caller was told so

    @property
    def resends(self) -> bool:
        return self.order.on_ambiguous is OnAmbiguous.RESEND


def answer_of(outcome: str, result: object) -> Answer:
    """What the API would answer."""
    if outcome == "done":
        assert isinstance(result, Sent)
        return Answer(said=Said.MESSAGE, message=result.message, message_id=result.message.id)
    return Answer(said=_said(result), message_id=getattr(result, "message_id", None), reason=type(result).__name__)


def _said(result: object) -> Said:
    match result:
        case StillInFlight():
            return Said.IN_FLIGHT
        case NotStored():
            return Said.TRY_AGAIN if "nothing was sent" in str(result) else Said.NOTHING
        case GatewayUnreachable():
            return Said.TRY_AGAIN
        case GatewayRefused() | OptedOut():
            return Said.NOTHING_SENT
        case InvalidRequest():
            return Said.INVALID
    return Said.NOTHING


@dataclass
class Books:
    """What became of everything, over many worlds."""

    counted: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    run: str = ""

    def close(self, world: World, requests: list[Request], run: str) -> None:
        """Hold the end of a world against the gateway's journal."""
        self.run = run
        self.counted += world.counted
        for what in world.wrong:
            self._wrong("errors in the bridge", what)
        self._read_journal(world)
        by_marker = {request.marker: request for request in requests}
        ours = defaultdict[int, list[Message]](list)
        for message in world.state.messages.messages.values():
            ours[_marker(message.text)].append(message)
        self._read_events(world)
        for marker in self.taken_of:
            if marker not in by_marker:
                self._wrong("taken by the gateway, and nobody asked for it", str(marker))
        self._judge_limits(world, requests)
        for request in requests:
            self._judge_request(request, ours[request.marker])
            for message in ours[request.marker]:
                self._judge_message(world, request, message)

    def _judge_limits(self, world: World, requests: list[Request]) -> None:
        """Each message was counted before it was written down; whoever died in between was counted for nothing."""
        limited = {request.caller.client for request in requests if request.caller.limits.counted}
        for client in limited:
            counted = sum(use.messages for whose, use in world.state.uses.taken if whose == client)
            messages = world.state.messages.messages.values()
            written = sum(len(message.recipients) for message in messages if message.client == client)
            self.counted["counted towards limits"] += counted
            if written > counted:
                self._wrong("written down, and not counted towards its client's limits", f"{written} > {counted}")

    def _read_journal(self, world: World) -> None:
        self.taken = Counter[tuple[str, str]]()  # (reference, number)
        self.taken_of: defaultdict[int, Counter[str]] = defaultdict(Counter[str])  # by marker: number
        for submit in world.lines.gateway.submits():
            for message in submit.messages:
                self.taken[submit.reference, e164(message.dest_number)] += 1
                self.taken_of[_marker(submit.content)][e164(message.dest_number)] += 1
                self.counted["messages taken by the gateway"] += 1
        waiting = sum(
            account["reports"]["waiting"] + account["reports"]["not_due"] for account in world.lines.gateway.overview()
        )
        if waiting:
            self._wrong("reports that nobody pulled", str(waiting))

    def _read_events(self, world: World) -> None:
        self.told = defaultdict[tuple[str, str], set[EventType]](set)  # by message and number
        for events in world.state.events.values():
            data = json.loads(events[0].body())["data"]
            if data.get("message_id") and data.get("to"):
                # A report that is not final says at least this.
                sent = events[0].type is EventType.UPDATED and data["status"] == Status.SUBMITTED
                self.told[data["message_id"], data["to"]].add(EventType.SUBMITTED if sent else events[0].type)

    def _judge_request(self, request: Request, messages: list[Message]) -> None:
        counted, taken = self.counted, self.taken_of[request.marker]
        counted["requests"] += 1
        counted["answers"] += len(request.answers)
        numbers = [e164(number) for number in request.order.to]
        counted["sends"] += len(numbers)
        group = " (resend)" if request.resends else ""
        counted[f"sends{group}"] += len(numbers) if group else 0
        for number in numbers:
            most = MOST_TRIES if request.resends else 1
            counted[f"taken again{group}"] += max(taken[number] - 1, 0)
            if taken[number] > most:
                self._wrong("duplicates", f"request {request.marker}: {taken[number]}")
        last = request.answers[-1].said
        counted[f"answered last: {last}"] += 1
        if last in {Said.NOTHING_SENT, Said.TRY_AGAIN, Said.INVALID} and taken.total():
            self._wrong(
                "said that nothing was sent, and it was", f"request {request.marker}: {request.answers[-1].reason}"
            )
        if request.cancelled and taken.total():
            self._wrong("cancelled and sent", f"request {request.marker}")
        # Without a key, no answer is the end of it: what became of the message, if there is one, is said by events.
        if last is Said.IN_FLIGHT or (last is Said.NOTHING and request.key is not None):
            self._wrong("requests without a final answer", f"request {request.marker}: {last}")
        known = {message.id for message in messages}
        for answer in request.answers:
            if answer.message_id is not None and answer.message_id not in known:
                self._wrong("messages of an answer that are not there", f"request {request.marker}")
            if answer.message is not None:
                self._judge_sent(answer.message, "an answer")

    def _judge_sent(self, message: Message, where: str) -> None:
        for recipient in message.recipients:
            if recipient.status in _SENT and not self.taken[message.id, recipient.to]:
                self._wrong("said to be sent, and never taken", f"{message.id} by {where}: {recipient.status}")

    def _judge_message(self, world: World, request: Request, message: Message) -> None:
        state, counted = state_of(message), self.counted
        counted["messages"] += 1
        counted[f"recorded: {state}"] += 1
        if message.reason:
            counted[f"rejected: {message.reason}"] += 1
        seen = world.state.messages.find(message.id)
        assert seen is not None
        self._judge_sent(message, "the record")
        self._judge_sent(seen, "its reports")
        if is_waiting(message) or state is Status.SUBMITTING:
            self._wrong("messages that never ended", f"{message.id}: {state}", world, message)
        if message.reason is Rejection.EXPIRED_IN_QUEUE:
            # No outage of these lasts as long as a message may wait.
            self._wrong("given up without need", message.id, world, message)
        for recipient, shown in zip(message.recipients, seen.recipients, strict=True):
            self._judge_recipient(message, recipient, shown.status)
            self._judge_told(world, request, message, recipient)

    def _judge_recipient(self, message: Message, recipient: Recipient, shown: Status) -> None:
        place = (message.id, recipient.to)
        taken, told = self.taken[place], self.told[place]
        if EventType.SUBMITTED in told and not taken:
            self._wrong("said to be sent, and never taken", f"{message.id} by an event")
        nothing = EventType.REJECTED in told or recipient.status in {Status.REJECTED, Status.CANCELLED}
        if nothing and taken and recipient.to != e164(_LEFT_OUT):
            self._wrong("said that nothing was sent, and it was", f"{message.id}: {recipient.status} {message.reason}")
        if shown not in _FINAL:
            self._wrong("requests without a final answer", f"{message.id}: {shown}")
        if taken and (recipient.to in _OPTED_OUT and message.category is Category.MARKETING):
            self._wrong("sent to who opted out", message.id)
        self._judge_report(recipient.status, shown, recipient.to, taken=bool(taken), message=message)

    def _judge_told(self, world: World, request: Request, message: Message, recipient: Recipient) -> None:
        """Who was not answered hears it by an event."""
        if _answered(request, message):
            return
        told, state = self.told[message.id, recipient.to], state_of(message)
        if not told and message.queued and state is not Status.CANCELLED:
            self._wrong("requests without a final answer", f"{message.id}: {state}, untold", world, message)
        if recipient.status is Status.UNKNOWN and not told & _TELLING:
            self._wrong("unknown, and nobody was told", message.id, world, message)

    def _judge_report(self, recorded: Status, shown: Status, to: str, *, taken: bool, message: Message) -> None:
        behaviour = magic.behaviour(to.removeprefix("+86"))
        unknown = recorded in {Status.UNKNOWN, Status.SUBMITTING}
        group = " (resend)" if message.on_ambiguous is OnAmbiguous.RESEND else ""
        if unknown:
            self.counted[f"unknown{group}"] += 1
            self.counted[f"unknown, taken{group}"] += taken
        if not taken or not any(step.status not in {"UNKNOWN", "ACCEPTD"} for step in behaviour.steps):
            return
        named = behaviour.report_reference is ReportReference.KEPT
        if unknown and not named:
            # Neither our id nor, since no answer came, the gateway's: nothing ties this report to its message.
            self.counted["unknown, taken, reported without our id"] += 1
            return
        resolved = shown in {Status.DELIVERED, Status.UNDELIVERED}
        what = "unknown, taken, reported" if unknown else "submitted, reported"
        self.counted[f"{what}{group}"] += 1
        self.counted[f"… and resolved: {what}{group}"] += resolved
        if not resolved:
            self._wrong("reports that did not resolve their message", f"{message.id} {to[-4:]}: {recorded}, {shown}")

    def _wrong(self, what: str, where: str, world: World | None = None, message: Message | None = None) -> None:
        """What is wrong; with a message, unless it failed five times: then an alarm rings for its dead letter."""
        assert what in CHECKS
        if world is not None and message is not None and any(message.id in body for body in world.state.dead):
            self.counted[f"a dead letter says so: {what}"] += 1
            return
        self.counted[what] += 1
        self.wrong.append(f"{self.run}: {what}: {where}")


def table(counted: Counter[str]) -> str:
    """The books in some lines."""
    lines = [*_happened(counted), *_became(counted)]
    return "\n".join([*(f"  {line}" for line in lines), *(f"  {counted[check]:7} {check}" for check in CHECKS)])


def _happened(counted: Counter[str]) -> Iterator[str]:
    of = counted.__getitem__
    faults = {
        name.removeprefix("fault: "): count for name, count in counted.most_common() if name.startswith("fault: ")
    }
    points = sum(name.startswith("kill: ") for name in counted)
    before, after = of("calls of stores failed before their effect"), of("calls of stores failed after their effect")
    yield (
        f"{of('requests')} requests for {of('sends')} sends, {of('sends (resend)')} of which would rather come twice; "
        f"asked {of('answers')} times, {of('equal requests at once')} times by two at once"
    )
    yield (
        f"{of('kills')} kills at {points} points, {of('kills by a signal')} of them of a process, "
        f"{of('kills in the middle of a submit')} in the middle of a submit"
    )
    yield f"{before} calls of stores failed before their effect, {after} after it"
    yield (
        f"{of('pointers handed out')} pointers handed out, {of('… again')} of them again and "
        f"{of('pointers taken by two workers at once')} to two workers at once; {of('dead letters')} dead letters"
    )
    yield (
        f"reports came before the outcome was recorded {of('reports pulled before the outcome was recorded')} times; "
        f"{of('submits recorded past their deadline')} submits took longer than their deadline"
    )
    yield f"{sum(faults.values())} faults of the gateway: " + ", ".join(f"{n} {name}" for name, n in faults.items())


def _became(counted: Counter[str]) -> Iterator[str]:
    of = counted.__getitem__
    states = (Status.SUBMITTED, Status.REJECTED, Status.UNKNOWN, Status.CANCELLED)
    ended = ", ".join(f"{of(f'recorded: {state}')} {state}" for state in states)
    why = ", ".join(f"{of(f'rejected: {reason}')} {reason}" for reason in Rejection)
    yield f"{of('messages')} messages: {ended}; rejected by the bridge: {why}"
    yield (
        f"the gateway took {of('messages taken by the gateway')}; again: {of('taken again')}, and of those that would "
        f"rather come twice: {of('taken again (resend)')}"
    )
    for group in ("", " (resend)"):
        unknown, sent = f"unknown, taken, reported{group}", f"submitted, reported{group}"
        yield (
            f"{of(f'unknown{group}')} unknown{group}: {of(f'unknown, taken{group}')} taken, {of(unknown)} reported, "
            f"{of(f'… and resolved: {unknown}')} resolved; {of(sent)} submitted and reported, "
            f"{of(f'… and resolved: {sent}')} resolved"
        )
    yield f"{of('unknown, taken, reported without our id')} unknown, reported without our id: nothing ties them"
    for check in CHECKS:
        if count := of(f"a dead letter says so: {check}"):
            yield f"a dead letter says so: {count} {check}"


_OPTED_OUT: Final = {e164(f"1390000000{digit}") for digit in range(10)}
OPTED_OUT: Final = tuple(sorted(_OPTED_OUT))


def _marker(text: str) -> int:
    found = _MARKER.search(text)
    assert found is not None
    return int(found[1])


def _answered(request: Request, message: Message) -> bool:
    """Whether the caller was told how this message ended: what is only accepted has not ended."""
    return any(
        answer.message_id == message.id and (answer.message is None or not is_waiting(answer.message))
        for answer in request.answers
    )
