"""The books: each line says the same thing twice, from two sources, and the difference is 0 or has names.

Nothing here asks anybody anything: the evidence is all there is, so that the tests can forge it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from bridge.domain.ids import ulid_time
from tests.soak.evidence import Event, Evidence, Kept, Page, Recorded, Taken

SENT: Final = frozenset({"submitted", "delivered", "undelivered", "unknown_expired"})
FINAL: Final = frozenset({"delivered", "undelivered"})
OPEN: Final = frozenset({"accepted", "scheduled", "submitting"})
NOT_FINAL: Final = frozenset({"ACCEPTD", "UNKNOWN"})
_REPORTED: Final = frozenset({"sms.message.delivered", "sms.message.undelivered", "sms.message.updated"})
_TOLD: Final = _REPORTED | {"sms.message.submitted", "sms.message.rejected", "sms.message.unknown"}
_LONGEST_PULL: Final = timedelta(minutes=2)  # as the function's time-out

Place = tuple[str, str]  # a message's id and a number: one recipient


@dataclass(frozen=True)
class Line:
    """One line: what `left` counts is what `right` counts, and `wrong` names what only one of them has."""

    what: str
    left: int
    right: int
    wrong: tuple[str, ...] = ()
    parts: str = ""

    @property
    def balanced(self) -> bool:
        """Whether both sides are the same."""
        return self.left == self.right and not self.wrong


class Books:
    """The books over some evidence. Cheap to close, so that they can be closed again until they balance."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    def lines(self) -> list[Line]:
        """All of them."""
        makers: tuple[Callable[[], Line], ...] = (
            self._handed_in,
            self._promised,
            self._live,
            self._repeats,
            self._submitted,
            self._unknown,
            self._twice,
            self._denied,
            self._settled,
            self._handed_out,
            self._kept_pages,
            self._spoiled,
            self._published,
            self._reported,
            self._invented,
            self._inbound,
            self._tracked,
            self._told,
            self._counted,
            self._statistics,
            self._dead,
            self._sound,
        )
        return [make() for make in makers]

    # What was handed in, and what is on record

    @cached_property
    def _by_marker(self) -> Mapping[int | None, list[Recorded]]:
        found: dict[int | None, list[Recorded]] = defaultdict(list)
        for message in self.evidence.recorded:
            found[message.marker].append(message)
        return found

    @cached_property
    def _status(self) -> Mapping[Place, str]:
        return {
            (message.id, number): status
            for message in self.evidence.recorded
            for number, status in message.recipients.items()
        }

    def _places(self, *statuses: str) -> set[Place]:
        return {place for place, status in self._status.items() if status in statuses}

    @cached_property
    def _taken(self) -> Mapping[Place, list[Taken]]:
        found: dict[Place, list[Taken]] = defaultdict(list)
        for one in self.evidence.taken:
            found[one.reference, one.number].append(one)
        return found

    def _handed_in(self) -> Line:
        """Each recipient of each request is on record, or an answer said that nothing was sent, or none came."""
        on_record = denied = unanswered = 0
        wrong: list[str] = []
        for request in self.evidence.requests:
            messages = self._by_marker[request.marker]
            numbers = {number for message in messages for number in message.recipients}
            there = numbers & set(request.numbers)
            rest = len(request.numbers) - len(there)
            on_record += len(there)
            wrong += [f"request {request.marker}: a number that is not its own"] * len(numbers - there)
            if not rest:
                continue
            if request.nothing_sent:
                denied += rest
            elif not request.promised:
                unanswered += rest
            else:
                wrong.append(f"request {request.marker}: {rest} of {len(request.numbers)} not on record")
        asked = {request.marker for request in self.evidence.requests}
        wrong += [f"message {message.id}: nobody asked for it" for message in self._nobodys(asked)]
        handed_in = sum(len(request.numbers) for request in self.evidence.requests)
        return Line(
            "recipients handed in = on record + refused at the door + never answered",
            handed_in,
            on_record + denied + unanswered,
            tuple(wrong),
            f"{on_record} + {denied} + {unanswered}",
        )

    def _nobodys(self, asked: set[int]) -> Iterator[Recorded]:
        return (message for message in self.evidence.recorded if message.marker not in asked)

    def _promised(self) -> Line:
        """Each id of an answer is on record; of a batch, the ids of its messages begin as its own does."""
        ids = {message.id for message in self.evidence.recorded}
        promised = {name for request in self.evidence.requests if request.kind != "batch" for name in request.promised}
        return Line(
            "messages promised by answers = of these on record",
            len(promised),
            len(promised & ids),
            tuple(f"message {name}: promised, not on record" for name in sorted(promised - ids)),
        )

    def _live(self) -> Line:
        """However often a request is repeated, one of its messages at most is more than a refusal."""
        more = []
        wanted = 0
        for request in self.evidence.requests:
            live = [
                message
                for message in self._by_marker[request.marker]
                if not set(message.recipients.values()) <= {"rejected"}
            ]
            wanted += bool(live)
            if len(live) > 1:
                more.append(f"request {request.marker}: {', '.join(message.id for message in live)}")
        count = wanted + len(more)
        return Line("requests with a live message = live messages of different requests", count, wanted, tuple(more))

    def _repeats(self) -> Line:
        different = sorted(set(self.evidence.different))
        wrong = tuple(f"message {name}: its repeat was answered otherwise" for name in different)
        return Line("repeats answered otherwise", len(different), 0, wrong)

    # What the gateway took

    def _submitted(self) -> Line:
        """What the gateway took is on record as sent or unknown; what is on record as sent, it took."""
        sent, unknown = self._places(*SENT), self._places("unknown")
        taken = set(self._taken)
        wrong = [
            f"{_name(place)}: taken, and {self._status.get(place, 'not on record')}"
            for place in sorted(taken - sent - unknown)
        ]
        wrong += [f"{_name(place)}: {self._status[place]}, and never taken" for place in sorted(sent - taken)]
        unknown_taken = len(unknown & taken)
        return Line(
            "recipients taken by the gateway = on record as sent + unknown of these",
            len(taken),
            len(sent) + unknown_taken,
            tuple(wrong),
            f"{len(sent)} + {unknown_taken}",
        )

    def _unknown(self) -> Line:
        unknown = self._places("unknown")
        once = sum(place in self._taken for place in unknown)
        return Line(
            "recipients unknown = of these taken + never taken",
            len(unknown),
            once + sum(place not in self._taken for place in unknown),
            parts=f"{once} + {len(unknown) - once}",
        )

    def _twice(self) -> Line:
        """By the text's own number, so that a second message is found under whatever id it went."""
        resent = {request.marker for request in self.evidence.requests if request.resends}
        times = Counter((one.marker, one.number) for one in self.evidence.taken if one.marker not in resent)
        wrong = tuple(f"request {marker}: taken {count} times" for (marker, _), count in times.items() if count > 1)
        return Line("submits of what was handed in once = recipients of them", sum(times.values()), len(times), wrong)

    def _denied(self) -> Line:
        """What an answer denied, or said to be cancelled, never reached the gateway; nor what nobody asked for."""
        asked = {request.marker: request for request in self.evidence.requests}
        wrong = []
        for marker in sorted({one.marker or 0 for one in self.evidence.taken}):
            request = asked.get(marker)
            if request is None:
                wrong.append(f"request {marker}: taken, and nobody asked for it")
            elif request.nothing_sent or request.cancelled:
                said = "cancelled" if request.cancelled else "denied"
                wrong.append(f"request {marker}: taken, and {said}: {[answer.why for answer in request.answers]}")
        return Line("requests taken although denied, cancelled or nobody's", len(wrong), 0, tuple(wrong))

    def _settled(self) -> Line:
        waiting = sorted(self._places(*OPEN))
        wrong = [f"{_name(place)}: still {self._status[place]}" for place in waiting]
        wrong += [f"{self.evidence.queued} in the stack's queues"] if self.evidence.queued else []
        count = len(waiting) + self.evidence.queued
        return Line("recipients and queue entries still under way", count, 0, tuple(wrong))

    # What the gateway handed out

    def _handed_out(self) -> Line:
        waiting = self.evidence.waiting
        return Line("records that wait at the gateway", waiting, 0, ("nobody pulled them",) if waiting else ())

    @cached_property
    def _pulls(self) -> "list[tuple[Page, Kept | None]]":
        """Each page with the journal's object that has its bytes."""
        standing: dict[tuple[str, str, bytes], list[Kept]] = defaultdict(list)
        for kept in self.evidence.kept:
            standing[kept.account, kept.kind, kept.body].append(kept)
        found: list[tuple[Page, Kept | None]] = []
        for page in sorted(self.evidence.pages, key=lambda page: page.at):
            same = standing[page.account, page.kind, page.sent] if page.sent is not None else []
            # An error page is like any other: the time tells which pull brought it.
            fitting = max(
                (kept for kept in same if _brought(kept.pull, page.at)), key=lambda kept: kept.pull, default=None
            )
            if fitting is not None:
                same.remove(fitting)
            found.append((page, fitting))
        return found

    @cached_property
    def _lost(self) -> Mapping[int, str]:
        """The page that each lost pull can have brought, by its place in `_pulls`: the pull that was begun last."""
        kept = {one.pull for one in self.evidence.kept}
        lost = defaultdict(list)
        for event in self.evidence.names:
            data = event["data"]
            if event["type"] == "sms.pull.lost" and data["pull_id"] not in kept:
                lost[data["account"], data["kind"]].append(data["pull_id"])
        found: dict[int, str] = {}
        for place, (page, standing) in enumerate(self._pulls):
            if standing is None:
                candidates = lost[page.account, page.kind]
                fitting = [pull for pull in candidates if _brought(pull, page.at)]
                if fitting:
                    found[place] = max(fitting)
                    candidates.remove(max(fitting))
        return found

    def _kept_pages(self) -> Line:
        """Every page that left the gateway with records is in the journal byte for byte, or its pull is named."""
        kept = sum(standing is not None for _, standing in self._pulls)
        wrong = tuple(
            f"page of {page.account}, {page.kind}, {page.at:%H:%M:%S.%f}: {len(page.records)} records, nowhere"
            for place, (page, standing) in enumerate(self._pulls)
            if standing is None and place not in self._lost
        )
        return Line(
            "pages handed out = kept byte for byte + named as lost",
            len(self._pulls),
            kept + len(self._lost),
            wrong,
            f"{kept} + {len(self._lost)}",
        )

    def _spoiled(self) -> Line:
        """A page that is kept as it came, and came spoiled, is named as lost or quarantined."""
        named = {event["data"]["pull_id"] for event in self.evidence.names}
        spoiled = [kept for page, kept in self._pulls if kept is not None and page.sent != page.whole]
        wrong = tuple(f"pull {kept.pull}: came spoiled, and is not named" for kept in spoiled if kept.pull not in named)
        return Line(
            "pages kept that came spoiled = named as lost or quarantined",
            len(spoiled),
            len(spoiled) - len(wrong),
            wrong,
        )

    def _published(self) -> Line:
        wrong = tuple(f"pull {kept.pull}: not published" for kept in self.evidence.kept if not kept.published)
        count = len(self.evidence.kept)
        return Line("pages in the journal = marked as published", count, count - len(wrong), wrong)

    # What became of the records

    @cached_property
    def _events(self) -> Mapping[tuple[str, ...], list[Event]]:
        found: dict[tuple[str, ...], list[Event]] = defaultdict(list)
        for event in self.evidence.deliveries:
            if event["type"] in _REPORTED and event["data"].get("gateway_message_id"):
                data = event["data"]
                found[
                    _identity(data["gateway_message_id"], data["to"], data["gateway_status"], data["reported_at"])
                ].append(event)
        return found

    @cached_property
    def _reports(self) -> Mapping[tuple[str, ...], list[tuple[int, int]]]:
        """The reports that were handed out, each once, and where: the page's place in `_pulls`, and theirs in it."""
        found: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        for place, (page, _) in enumerate(self._pulls):
            if page.kind == "reports":
                for ordinal, record in enumerate(page.records):
                    said = f"{record['report_time']}+08:00"
                    to = _plus(record["dest_number"])
                    found[_identity(record["message_id"], to, record["report_status"], said)].append((place, ordinal))
        return found

    def _readable(self, place: int, ordinal: int) -> bool:
        page, kept = self._pulls[place]
        return kept is not None and ordinal < page.readable

    def _reported(self) -> Line:
        """Every report has its event, unless each page that had it was lost, or spoiled before it."""
        there = sum(identity in self._events for identity in self._reports)
        gone = 0
        wrong = []
        for identity, places in self._reports.items():
            if identity in self._events:
                continue
            if any(self._readable(*where) for where in places):
                wrong.append(f"report of gateway message {identity[0]}, {identity[2]}: no event")
            else:
                gone += 1
        return Line(
            "reports handed out = published + in what was lost or spoiled",
            len(self._reports),
            there + gone,
            tuple(wrong),
            f"{there} + {gone}",
        )

    def _invented(self) -> Line:
        extra = [identity for identity in self._events if identity not in self._reports]
        wrong = tuple(f"event of gateway message {identity[0]}, {identity[2]}: never handed out" for identity in extra)
        return Line("reports published that were not handed out", len(extra), 0, wrong)

    def _inbound(self) -> Line:
        """Every reply has its event, by its pull and its place in the page, with its own text."""
        texts = {event["subject"]: event["data"]["text"] for event in self.evidence.replies}
        handed_out = there = gone = 0
        wrong, expected = [], set()
        for place, (page, kept) in enumerate(self._pulls):
            if page.kind != "inbound":
                continue
            handed_out += len(page.records)
            for ordinal, record in enumerate(page.records):
                subject = f"{kept.pull}/{ordinal}" if kept else ""
                expected.add(subject)
                if texts.get(subject) == record["content"]:
                    there += 1
                elif self._readable(place, ordinal):
                    wrong.append(f"reply {subject}: {'another text' if subject in texts else 'no event'}")
                else:
                    gone += 1
        wrong += [f"reply {subject}: never handed out" for subject in sorted(texts.keys() - expected)]
        return Line(
            "replies handed out = published + in what was lost or spoiled",
            handed_out,
            there + gone,
            tuple(wrong),
            f"{there} + {gone}",
        )

    def _tracked(self) -> Line:
        """Who has a final report has one of those for a status, and nobody else has a final status."""
        said: dict[Place, set[str]] = defaultdict(set)
        for event in self._all_reports():
            data = event["data"]
            if data["final"] and data["message_id"]:
                said[data["message_id"], data["to"]].add(data["status"])
        final = self._places(*FINAL)
        wrong = [
            f"{_name(place)}: {self._status.get(place, 'not on record')}, reported as {' and '.join(sorted(statuses))}"
            for place, statuses in said.items()
            if self._status.get(place) not in statuses
        ]
        wrong += [f"{_name(place)}: {self._status[place]} without a report" for place in sorted(final - said.keys())]
        return Line("recipients with a final event = final on record", len(said), len(final), tuple(wrong))

    def _all_reports(self) -> Iterator[Event]:
        return (event for events in self._events.values() for event in events)

    def _told(self) -> Line:
        """Nobody waits for what was queued: of each recipient that was not cancelled, an event tells what became."""
        told = {
            (event["data"]["message_id"], event["data"]["to"])
            for event in self.evidence.deliveries
            if event["type"] in _TOLD
        }
        queued = {request.marker for request in self.evidence.requests if request.queued}
        places = {
            (message.id, number)
            for message in self.evidence.recorded
            if message.marker in queued
            for number, status in message.recipients.items()
            if status not in OPEN | {"cancelled"}
        }
        wrong = tuple(f"{_name(place)}: {self._status[place]}, and no event" for place in sorted(places - told))
        return Line("queued recipients that ended = told by an event", len(places), len(places & told), wrong)

    # Counters

    def _finals(self) -> tuple[set[Place], set[Place]]:
        """The gateway's messages (id, number) with a final report handed out, and those with one published."""
        handed_out, published = set(), set()
        for identity in self._reports:
            if identity[2] not in NOT_FINAL:
                handed_out.add((identity[0], identity[1]))
                if identity in self._events:
                    published.add((identity[0], identity[1]))
        return handed_out, published

    @property
    def handed_out_finals(self) -> int:
        """How many messages of the gateway have a final report that was handed out."""
        return len(self._finals()[0])

    def _counted(self) -> Line:
        """The bridge's counters by day: a final outcome each, however often it was reported or, as asked for, sent."""
        _, published = self._finals()
        of = {(one.gateway_id, one.number): (one.reference, one.number) for one in self.evidence.taken}
        outcomes = {of.get(place, place) for place in published}
        counted = sum(self.evidence.finals.values())
        return Line(
            "final outcomes published = counted by the bridge by day",
            len(outcomes),
            counted,
            (f"{counted - len(outcomes):+} in the counters",) if counted != len(outcomes) else (),
        )

    def _statistics(self) -> Line:
        """The gateway's statistics, through the API, against what it handed out."""
        handed_out, _ = self._finals()
        said = sum(self.evidence.gateway_finals.values())
        return Line(
            "final outcomes handed out = in the gateway's statistics",
            len(handed_out),
            said,
            (f"{said - len(handed_out):+} in the statistics",) if said != len(handed_out) else (),
        )

    def _dead(self) -> Line:
        explained = [letter for letter in self.evidence.dead if letter.explained]
        wrong = tuple(f"{letter.queue}: {letter.what}" for letter in self.evidence.dead if not letter.explained)
        return Line("dead letters = explained", len(self.evidence.dead), len(explained), wrong)

    def _sound(self) -> Line:
        unsound = self.evidence.unsound
        return Line("events against their schemas", len(unsound), 0, tuple(f"event {name}" for name in unsound))


def _identity(gateway_id: str, to: str, status: str, time: str | None) -> tuple[str, ...]:
    return gateway_id, to, status, datetime.fromisoformat(time).astimezone(UTC).isoformat() if time else ""


def _brought(pull: str, at: datetime) -> bool:
    begun = ulid_time(pull)
    return begun <= at <= begun + _LONGEST_PULL


def _plus(number: str) -> str:
    return number if number.startswith("+") else f"+86{number}"


def _name(place: Place) -> str:
    """A recipient without its number, which stands in no report."""
    return f"message {place[0]}"


def without(lines: Iterable[Line]) -> list[Line]:
    """Those that do not balance."""
    return [line for line in lines if not line.balanced]


def as_json(line: Line) -> dict[str, Any]:
    """A line for the report."""
    return {
        "what": line.what,
        "left": line.left,
        "right": line.right,
        "difference": line.left - line.right,
        "wrong": list(line.wrong),
        "parts": line.parts,
    }
