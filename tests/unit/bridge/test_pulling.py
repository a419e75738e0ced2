import pytest

from bridge.domain.events import EventType
from bridge.domain.pulls import Kind
from bridge.services.pulling import Ended, Pulling
from eums import Ambiguous, NotSent, Reply
from tests.fakes.world import EMPTY_PAGE, World, page

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
    return Pulling(
        accounts=world.accounts,
        gateway=world.gateway,
        leases=world.leases,
        journal=world.journal,
        pointers=world.pointers,
        topic=world.topic,
        clock=world.clock,
        new_id=world.new_id,
        counters=world.counters,
        pause=5.0,
    )


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
    class Died(BaseException):
        pass

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
