from collections.abc import Callable
from datetime import datetime
from itertools import count

import pytest

from bridge.domain.events import EventType
from bridge.domain.pulls import Intent, Kind, PullId
from bridge.services.pulling import Ended, Pulling
from eums import Ambiguous, NotSent, Reply
from tests.fakes.gateway import EMPTY_PAGE, page
from tests.fakes.world import World

REPORT = (
    '{"message_id":"06","dest_number":"13812345678","report_status":"DELIVRD",'
    '"report_time":"2026-11-23 11:59:00","reference":""}'
)
ONE_REPORT = page(f'{{"code":0,"data":[{REPORT}]}}')


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def pulling(world: World) -> Pulling:
    return world.pulling()


def test_what_came_is_kept_byte_for_byte_and_pointed_to(world: World, pulling: Pulling) -> None:
    world.gateway.pages = [ONE_REPORT]

    assert pulling.pull("default", Kind.REPORTS) is Ended.RECORDS

    [(key, entry)] = world.journal.entries.items()
    assert entry.body == ONE_REPORT.body
    assert (entry.status, entry.version, entry.cut, entry.headers) == (200, 1, False, ONE_REPORT.headers)
    assert key == f"raw/default/reports/2026-11-23/{entry.pull.id}"
    assert world.pointers.keys == [key]


@pytest.mark.parametrize(
    "body", ['{"code":0,"data":[]}', '{"code":0}', '{"code":"0","data":null}', '{"code":130}', '{"code":0,"data":""}']
)
def test_an_intact_empty_page_is_not_kept(world: World, pulling: Pulling, body: str) -> None:
    world.gateway.pages = [page(body)]

    assert pulling.pull("default", Kind.INBOUND) is Ended.EMPTY
    assert (world.journal.entries, world.pointers.keys) == ({}, [])


@pytest.mark.parametrize(
    "reply",
    [
        page('{"code":0,"data":[', cut=True),
        page(b"", cut=True),
        page("<html>busy</html>"),
        page('{"code":0,"data":[]}', status=500),
        page(b"\xff\x00"),
        page('{"code":0,"data":[{"odd":1}]}'),
        page('{"code":0,"data":[{"mess'),
    ],
)
def test_whatever_is_not_surely_empty_is_kept(world: World, pulling: Pulling, reply: Reply) -> None:
    world.gateway.pages = [reply]

    assert pulling.pull("default", Kind.REPORTS) is Ended.RECORDS
    assert len(world.journal.entries) == len(world.pointers.keys) == 1


def test_a_refusal_is_not_kept_and_a_wrong_key_makes_the_accounts_be_read_again(world: World, pulling: Pulling) -> None:
    world.gateway.pages = [page('{"code":131}'), page('{"code":107}')]

    assert pulling.pull("default", Kind.REPORTS) is Ended.REFUSED
    assert world.accounts.refreshed == 0
    assert pulling.pull("default", Kind.REPORTS) is Ended.REFUSED
    assert world.accounts.refreshed == 1
    assert world.journal.entries == {}


def test_a_gateway_that_is_down_was_not_asked(world: World, pulling: Pulling) -> None:
    world.gateway.pages = [NotSent("refused")]

    assert pulling.pull("default", Kind.REPORTS) is Ended.UNREACHABLE
    assert world.topic.events == []


def test_a_gateway_that_does_not_answer_may_have_handed_records_out(world: World, pulling: Pulling) -> None:
    world.gateway.pages = [Ambiguous("read time-out")]

    assert pulling.pull("default", Kind.REPORTS) is Ended.LOST
    [event] = world.topic.events
    assert (event.type, event.data["kind"]) == (EventType.PULL_LOST, "reports")
    assert event.data["begun_at"] == event.data["noticed_at"] == "2026-11-23T12:00:00+08:00"


def test_a_second_puller_stands_back(world: World, pulling: Pulling, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = world.gateway.pull
    second: list[Ended] = []

    def pull(account: str, kind: Kind) -> Reply:
        if kind is Kind.REPORTS:  # while the first is in flight
            second.append(pulling.pull(account, Kind.REPORTS))
            second.append(pulling.pull(account, Kind.INBOUND))
        return answer(account, kind)

    monkeypatch.setattr(world.gateway, "pull", pull)
    assert pulling.pull("default", Kind.REPORTS) is Ended.EMPTY
    assert second == [Ended.STOOD_BACK, Ended.EMPTY]


@pytest.mark.parametrize("after", ["gateway", "journal", "pointer"])
def test_a_pull_whose_process_died_is_found_by_the_next(world: World, pulling: Pulling, after: str) -> None:
    def die(*_: object, **__: object) -> None:
        raise Died

    world.gateway.pages = [ONE_REPORT, EMPTY_PAGE]
    with pytest.MonkeyPatch.context() as patch:
        if after == "gateway":
            patch.setattr(world.journal, "store", die)
        elif after == "journal":
            patch.setattr(world.pointers, "send", die)
        else:
            patch.setattr(world.leases, "complete", die)
        with pytest.raises(Died):
            pulling.pull("default", Kind.REPORTS)

    assert pulling.pull("default", Kind.REPORTS) is Ended.STOOD_BACK  # its lease still stands
    world.clock.advance(120)
    assert pulling.pull("default", Kind.REPORTS) is Ended.EMPTY

    kept = list(world.journal.entries)
    if after == "gateway":
        assert kept == []
        assert [event.type for event in world.topic.events] == [EventType.PULL_LOST]
    else:
        assert set(world.pointers.keys) == set(kept)
        assert world.topic.events == []
    # Said once: the pull after it finds nothing dangling.
    pulling.pull("default", Kind.REPORTS)
    assert len(world.topic.events) == (1 if after == "gateway" else 0)


class Died(BaseException):
    """What SIGKILL looks like from inside: no handler of errors sees it."""


def raising(error: BaseException, only: int | None = None) -> Callable[..., None]:
    """A call that fails: always, or the n-th time only."""
    calls = count(1)

    def fail(*_: object, **__: object) -> None:
        if only is None or next(calls) == only:
            raise error

    return fail


def test_a_process_that_dies_before_it_settled_the_pull_before_forgets_neither(
    world: World, pulling: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.gateway.pages = [ONE_REPORT, ONE_REPORT]
    with monkeypatch.context() as patch:
        patch.setattr(world.journal, "store", raising(Died()))
        with pytest.raises(Died):
            pulling.pull("default", Kind.REPORTS)
    world.clock.advance(120)
    with monkeypatch.context() as patch:
        patch.setattr(world.journal, "has", raising(Died()))
        with pytest.raises(Died):
            pulling.pull("default", Kind.REPORTS)
    world.clock.advance(120)

    assert pulling.pull("default", Kind.REPORTS) is Ended.RECORDS

    assert [event.type for event in world.topic.events] == [EventType.PULL_LOST] * 2
    assert len({event.subject for event in world.topic.events}) == 2
    assert len(world.journal.entries) == 1


@pytest.mark.parametrize("failing", ["has", "publish", "settle"])
def test_a_pull_that_cannot_be_settled_is_remembered_and_holds_up_none(
    world: World, pulling: Pulling, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world.gateway, "pull", raising(Died()))
        with pytest.raises(Died):
            pulling.pull("default", Kind.REPORTS)
    world.clock.advance(120)
    world.gateway.pages = [ONE_REPORT, EMPTY_PAGE]
    port = {"has": world.journal, "publish": world.topic, "settle": world.leases}[failing]
    with monkeypatch.context() as patch:
        patch.setattr(port, failing, raising(RuntimeError("down")))
        assert pulling.pull("default", Kind.REPORTS) is Ended.RECORDS
    assert world.counters.counted["PullsUnsettled"] == 1

    pulling.pull("default", Kind.REPORTS)

    assert {event.type for event in world.topic.events} == {EventType.PULL_LOST}
    assert len({event.id for event in world.topic.events}) == 1
    assert set(world.leases.dangling.values()) == {()}


def test_what_the_journal_refuses_goes_through_the_queue(
    world: World, pulling: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.gateway.pages = [page(b"x" * 1_500_000)]
    monkeypatch.setattr(world.journal, "store", raising(RuntimeError("slow down")))

    assert pulling.pull("default", Kind.REPORTS) is Ended.RECORDS

    assert [(part.number, part.of) for part in world.pointers.parts] == [(0, 3), (1, 3), (2, 3)]
    assert b"".join(part.entry.body for part in world.pointers.parts) == b"x" * 1_500_000
    assert world.topic.events == []


@pytest.mark.parametrize("part", [1, 2])
def test_what_nothing_takes_is_said_in_plain_words_and_without_its_content(
    world: World, pulling: Pulling, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, part: int
) -> None:
    world.gateway.pages = [page(ONE_REPORT.body * 5000)]
    monkeypatch.setattr(world.journal, "store", raising(RuntimeError("journal 13812345678")))
    monkeypatch.setattr(world.pointers, "carry", raising(RuntimeError("queue 13812345678"), only=part))

    assert pulling.pull("default", Kind.REPORTS) is Ended.LOST

    [line] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    for said in (
        "account default",
        "kind reports",
        f"{len(ONE_REPORT.body) * 5000} bytes",
        world.topic.events[0].subject,
    ):
        assert str(said) in line
    assert "13812345678" not in line
    assert world.counters.counted["PullsUnkept"] == 1
    assert [event.type for event in world.topic.events] == [EventType.PULL_LOST]


def test_what_nothing_takes_and_nobody_can_be_told_of_is_said_by_the_next(
    world: World, pulling: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.gateway.pages = [ONE_REPORT]
    with monkeypatch.context() as patch:
        for port, call in ((world.journal, "store"), (world.pointers, "carry"), (world.topic, "publish")):
            patch.setattr(port, call, raising(RuntimeError("down")))
        with pytest.raises(RuntimeError):
            pulling.pull("default", Kind.REPORTS)
    world.clock.advance(120)

    pulling.pull("default", Kind.REPORTS)

    assert [event.type for event in world.topic.events] == [EventType.PULL_LOST]


@pytest.mark.parametrize("failing", ["send", "complete"])
def test_what_is_kept_but_not_pointed_to_or_not_completed_is_pointed_to_by_the_next(
    world: World, pulling: Pulling, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    world.gateway.pages = [ONE_REPORT, EMPTY_PAGE]
    with monkeypatch.context() as patch:
        patch.setattr(world.pointers if failing == "send" else world.leases, failing, raising(RuntimeError("down")))
        with pytest.raises(RuntimeError):
            pulling.pull("default", Kind.REPORTS)
    world.clock.advance(120)

    assert pulling.pull("default", Kind.REPORTS) is Ended.EMPTY

    assert set(world.pointers.keys) == set(world.journal.entries)
    assert world.topic.events == []


@pytest.mark.parametrize(("seconds", "asked"), [(30, 1), (31, 0), (300, 0)])
def test_a_puller_that_was_paused_does_not_ask_when_its_lease_may_end(
    world: World, pulling: Pulling, monkeypatch: pytest.MonkeyPatch, seconds: int, asked: int
) -> None:
    begin = world.leases.begin

    def begin_and_sleep(pull: PullId, *, expires_at: datetime) -> Intent | None:
        intent = begin(pull, expires_at=expires_at)
        world.clock.advance(seconds)
        return intent

    monkeypatch.setattr(world.leases, "begin", begin_and_sleep)

    assert pulling.pull("default", Kind.REPORTS) is (Ended.EMPTY if asked else Ended.OVERSLEPT)

    assert len(world.gateway.pulls) == asked
    monkeypatch.undo()
    pulling.pull("default", Kind.REPORTS)  # it gave its lease back: nothing dangles
    assert world.topic.events == []


def test_pages_follow_each_other_at_once_and_empty_ones_after_a_pause(world: World, pulling: Pulling) -> None:
    world.gateway.pages = [ONE_REPORT, ONE_REPORT, EMPTY_PAGE, ONE_REPORT]

    assert pulling.drain("default", Kind.REPORTS, window=11, time_left=lambda: 100) == 3
    assert len(world.gateway.pulls) == 6  # three pages, and an empty one at 0, 5 and 10 s
    assert world.clock.elapsed == 10


def test_no_pull_is_begun_that_could_outlast_the_function(world: World, pulling: Pulling) -> None:
    world.gateway.pages = [ONE_REPORT] * 5
    left = iter([100.0, 100.0, 20.0])

    assert pulling.drain("default", Kind.REPORTS, window=1000, time_left=lambda: next(left)) == 2


def test_every_account_is_drained_and_one_that_fails_holds_up_no_other(
    world: World, pulling: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_account("other")
    answer = world.gateway.pull

    def pull(account: str, kind: Kind) -> Reply:
        if account == "default":
            raise RuntimeError("surprise")
        return answer(account, kind)

    monkeypatch.setattr(world.gateway, "pull", pull)
    with pytest.raises(RuntimeError, match="surprise"):
        pulling.drain_all(Kind.REPORTS, window=1, time_left=lambda: 100)
    assert ("other", Kind.REPORTS) in world.gateway.pulls


def test_a_stack_without_accounts_pulls_nothing(world: World, pulling: Pulling) -> None:
    world.accounts.accounts.clear()

    assert pulling.drain_all(Kind.REPORTS, window=60, time_left=lambda: 100) == {}


@pytest.mark.parametrize(("code", "ended"), [(202, Ended.SUSPENDED), (203, Ended.REFUSED)])
def test_a_suspended_account_is_remembered_for_the_watchers(
    world: World, pulling: Pulling, code: int, ended: Ended
) -> None:
    world.gateway.pages = [page(f'{{"code":{code}}}')]

    assert pulling.pull("default", Kind.REPORTS) is ended

    assert world.leases.suspended is (code == 202)
    pulling.pull("default", Kind.REPORTS)
    assert not world.leases.suspended
