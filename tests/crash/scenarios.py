"""What a gateway hands out in one run, and what must have become of it: made by a seed, known to an oracle."""

import json
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from bridge.domain.events import EventType
from bridge.domain.ids import ulid
from bridge.domain.pulls import Kind, PullId, parts_prefix
from eums import Reply
from tests.crash.world import Page, State
from tests.fakes.world import NOON

REFERENCE = ulid(NOON, b"a message!")
REFUSE = ("journal.store", "pointers.send", "pointers.carry", "topic.publish", "leases.complete", "leases.settle",
          "journal.has", "journal.read", "journal.mark_published", "journal.keep_part", "journal.quarantine",
          "sweeps.save", "journal.forget_parts", "journal.is_published")  # fmt: skip


def record(kind: Kind, name: str) -> dict[str, object]:
    if kind is Kind.REPORTS:
        return {
            "message_id": name,
            "dest_number": "13812345678",
            "report_status": "DELIVRD",
            "report_time": "2026-11-23 11:59:00",
            "reference": REFERENCE,
        }
    # Two equal texts from one handset are two messages: nothing in them tells them apart, so neither can the name.
    return {"dest": "1069012345678", "src": "13812345678", "content": "好的", "reference": REFERENCE, "sign": "京东"}


def page(rng: Random, kind: Kind, first: int) -> Page:
    names = [f"{first + number:08}" for number in range(rng.randrange(1, 6))]
    body = json.dumps({"code": 0, "data": [record(kind, name) for name in names]}, ensure_ascii=False).encode()
    how = rng.choice(["whole", "whole", "whole", "cut", "silently cut", "garbage", "html", "hang", "down"])
    if how in {"hang", "down"}:
        return Page(names if how == "hang" else [], 0, error=how)
    if how == "garbage":
        return Page(names, 0, reply=Reply(status=200, headers=(), body=bytes(range(255, -1, -1)), cut=False), odd=True)
    if how == "html":
        return Page([], 0, reply=Reply(status=502, headers=(), body=b"<html>busy</html>", cut=False), odd=True)
    at = rng.randrange(len(body)) if "cut" in how else len(body)
    whole = body[:at].count(b"}")
    reply = Reply(status=200, headers=(), body=body[:at], cut=how == "cut")
    # Bytes of no length at all, of a connection that ended in good order, are an answer without a page.
    return Page(names, min(whole, len(names)), reply=reply, cut="cut" in how, odd=False)


def scenario(rng: Random, kind: Kind, *, refuses: str = "", odd: bool = False) -> State:
    """A gateway with a few pages, and stores that are down for a while."""
    state = State()
    state.pages = [page(rng, kind, 100 * number) for number in range(3)]
    if odd:
        garbage = Reply(status=200, headers=(), body=b"\xff\xfe\x00", cut=False)
        state.pages.insert(0, Page(["99999999"], 0, reply=garbage, odd=True))
    if rng.random() < 0.3:
        state.refusals[rng.choice(REFUSE)] = rng.randrange(1, 4)
    if refuses:
        # A page at least that is worth keeping, since an empty one asks nothing of the journal.
        body = json.dumps({"code": 0, "data": [record(kind, f"{n:08}") for n in (901, 902)]}, ensure_ascii=False)
        whole = Reply(status=200, headers=(), body=body.encode(), cut=False)
        state.pages.insert(0, Page(["00000901", "00000902"], 2, reply=whole))
        state.refusals[refuses] = rng.randrange(1, 3)
    return state


@dataclass
class Tally:
    """What became of everything that was handed out, over many runs."""

    counted: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def judge(self, state: State, kind: Kind, run: str) -> None:
        """Hold the end of a run against what was handed out in it."""
        names = {event.subject: set[EventType]() for events in state.events.values() for event in events}
        for events in state.events.values():
            for event in events:
                names[event.subject].add(event.type)
        for pull, handed in state.handed_out:
            self.counted["pulls"] += 1
            self.counted["records"] += len(handed.records)
            named = names.get(pull.id, set())
            if pull.journal_key in state.journal.entries:
                self._judge_kept(state, kind, pull, handed, named, run)
            else:
                self.counted["records not kept"] += len(handed.records)
                if EventType.PULL_LOST not in named:
                    self._wrong(run, "losses before the journal that no event names", len(handed.records) or 1)
        if state.dead:
            self._wrong(run, "dead letters", len(state.dead))
        for event_id, events in state.events.items():
            self.counted["events"] += len(events)
            self.counted["repeats"] += len(events) - 1
            bodies = {event.body() for event in events if event.type is not EventType.PULL_LOST}
            if len(bodies) > 1:
                self._wrong(run, f"bodies under the id {event_id}", len(bodies))

    def _judge_kept(  # noqa: PLR0917 - everything that is known of one pull
        self, state: State, kind: Kind, pull: PullId, handed: Page, named: set[EventType], run: str
    ) -> None:
        self.counted["records kept"] += handed.whole
        events = [event for events in state.events.values() for event in events[:1]]
        if kind is Kind.REPORTS:
            wanted = set(handed.records[: handed.whole])
            found = {str(event.data.get("gateway_message_id")) for event in events} & wanted
        else:
            wanted = {f"{pull.id}/{number}" for number in range(handed.whole)}
            found = {str(event.subject) for event in events} & wanted
        if missing := len(wanted) - len(found):
            self._wrong(run, "records lost after the journal had them", missing)
        if handed.odd and EventType.PULL_QUARANTINED not in named:
            self._wrong(run, "pages that cannot be read and that no event names", 1)
        if handed.whole < len(handed.records) and not named & {EventType.PULL_LOST, EventType.PULL_QUARANTINED}:
            self._wrong(run, "cut pages that no event names", 1)
        assert handed.reply is not None
        if state.journal.entries[pull.journal_key].body != handed.reply.body:
            self._wrong(run, "bodies that are not as they came", 1)
        if any(key.startswith(parts_prefix(pull)) for key in state.journal.parts):
            self._wrong(run, "parts left behind", 1)

    def _wrong(self, run: str, what: str, count: int) -> None:
        self.counted[what] += count
        self.wrong.append(f"{run}: {count} {what}")
