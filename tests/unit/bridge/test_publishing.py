import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.errors import NotFound, NotPublished
from bridge.domain.events import Event, EventType
from bridge.domain.ids import ulid
from bridge.domain.messages import Message, Recipient, Status
from bridge.domain.pulls import JournalEntry, Kind, PullId, carried, in_parts, pointer
from bridge.domain.times import rfc3339
from bridge.services.publishing import Publishing
from tests.fakes.world import NOON, World

MESSAGE_ID = ulid(NOON, b"a message!")
PULL_ID = ulid(NOON, b"one pull!!")


@pytest.fixture
def world() -> World:
    world = World()
    world.messages.messages[MESSAGE_ID] = Message(
        id=MESSAGE_ID,
        client="shop",
        account="default",
        text="x",
        recipients=(Recipient(to="+8613812345678", status=Status.SUBMITTED),),
        created_at=NOON,
        deadline=NOON,
        client_reference="order-42",
    )
    return world


@pytest.fixture
def publishing(world: World) -> Publishing:
    return world.publishing()


def keep(
    world: World, kind: Kind, body: object, *, cut: bool = False, account: str = "default", status: int = 200
) -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    pull = PullId(account=account, kind=kind, id=PULL_ID, begun_at=NOON)
    world.journal.store(
        JournalEntry(
            pull=pull,
            received_at=NOON + timedelta(seconds=1),
            status=status,
            headers=(),
            version=1,
            cut=cut,
            body=raw,
        )
    )
    return pull.journal_key


def report(**changes: object) -> dict[str, object]:
    return {
        "message_id": "1203110100547341956",
        "dest_number": "13812345678",
        "report_status": "DELIVRD",
        "report_time": "2021-01-02 13:45:56",
        "reference": MESSAGE_ID,
        **changes,
    }


MO = {
    "dest": "1069012345678",
    "src": "13812345678",
    "content": "好的",
    "receive_time": "2021-01-02 13:45:56",
    "binary_content": "WX12hA==",
    "msg_fmt": 8,
    "reference": MESSAGE_ID,
    "sign": "京东",
}


def test_a_report_becomes_its_event_to_the_field(world: World, publishing: Publishing) -> None:
    key = keep(world, Kind.REPORTS, {"code": 0, "data": [report()]})

    assert publishing.publish(key) == 1

    [event] = world.topic.events
    assert json.loads(event.body()) == {
        "specversion": "1.0",
        "id": event.id,
        "source": "urn:eums:default",
        "type": "sms.message.delivered",
        "subject": MESSAGE_ID,
        "time": "2021-01-02T13:45:56+08:00",
        "datacontenttype": "application/json",
        "data": {
            "message_id": MESSAGE_ID,
            "client_reference": "order-42",
            "client": "shop",
            "batch_id": None,
            "submitted_at": rfc3339(NOON),
            "account": "default",
            "to": "+8613812345678",
            "status": "delivered",
            "final": True,
            "error_class": None,
            "gateway_message_id": "1203110100547341956",
            "gateway_status": "DELIVRD",
            "reported_at": "2021-01-02T13:45:56+08:00",
        },
    }
    assert event.attributes() == {
        "event_type": "sms.message.delivered",
        "account": "default",
        "client": "shop",
        "status": "delivered",
        "final": "true",
    }
    assert world.journal.published == {key}


def test_an_inbound_message_becomes_its_event_to_the_field(world: World, publishing: Publishing) -> None:
    key = keep(world, Kind.INBOUND, {"code": 0, "data": [MO]})

    publishing.publish(key)

    [event] = world.topic.events
    assert json.loads(event.body()) == {
        "specversion": "1.0",
        "id": event.id,
        "source": "urn:eums:default",
        "type": "sms.inbound.received",
        "subject": f"{PULL_ID}/0",
        "time": "2021-01-02T13:45:56+08:00",
        "datacontenttype": "application/json",
        "data": {
            "account": "default",
            "from": "+8613812345678",
            "to": "1069012345678",
            "text": "好的",
            "received_at": "2021-01-02T13:45:56+08:00",
            "signature": "京东",
            "content_base64": "WX12hA==",
            "msg_fmt": 8,
            "in_reply_to": {"message_id": MESSAGE_ID, "client_reference": "order-42", "by": "reference"},
        },
    }
    assert event.attributes() == {"event_type": "sms.inbound.received", "account": "default", "client": "shop"}


@pytest.mark.parametrize(
    ("raw", "event_type", "status", "final", "error_class"),
    [
        ("DELIVRD", "sms.message.delivered", "delivered", True, None),
        ("ACCEPTD", "sms.message.updated", "submitted", False, None),
        ("MK:0001", "sms.message.undelivered", "undelivered", True, "invalid_number"),
        ("SGIP:2", "sms.message.undelivered", "undelivered", True, "unclassified"),
    ],
)
def test_the_raw_status_decides_and_stays(  # noqa: PLR0917
    world: World,
    publishing: Publishing,
    raw: str,
    event_type: str,
    status: str,
    final: bool,  # noqa: FBT001
    error_class: str | None,
) -> None:
    publishing.publish(keep(world, Kind.REPORTS, {"code": 0, "data": [report(report_status=raw)]}))

    [event] = world.topic.events
    assert event.type == event_type
    assert (event.data["status"], event.data["final"], event.data["error_class"]) == (status, final, error_class)
    assert event.data["gateway_status"] == raw


@pytest.mark.parametrize("reference", ["", None, "somebody else's", "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"])
def test_a_report_of_an_unknown_message_is_published_too(
    world: World, publishing: Publishing, reference: str | None
) -> None:
    publishing.publish(keep(world, Kind.REPORTS, {"code": 0, "data": [report(reference=reference)]}))

    [event] = world.topic.events
    assert (event.data["message_id"], event.data["client"], event.subject) == (None, None, None)


def test_a_message_of_another_account_is_not_the_owner(world: World, publishing: Publishing) -> None:
    world.add_account("other")
    publishing.publish(keep(world, Kind.REPORTS, {"code": 0, "data": [report()]}, account="other"))

    [event] = world.topic.events
    assert event.data["message_id"] is None


def test_a_repeat_gives_the_same_ids(world: World, publishing: Publishing) -> None:
    key = keep(world, Kind.REPORTS, {"code": 0, "data": [report(), report(dest_number="13800001234")]})
    publishing.publish(key)
    first = [event.body() for event in world.topic.events]
    world.topic.events.clear()

    publishing.publish(key)

    assert [event.body() for event in world.topic.events] == first
    assert len({event.id for event in world.topic.events}) == 2


def test_a_report_that_comes_twice_is_the_same_event(world: World, publishing: Publishing) -> None:
    publishing.publish(keep(world, Kind.REPORTS, {"code": 0, "data": [report(), report()]}))

    assert len({event.id for event in world.topic.events}) == 1


def test_two_equal_inbound_messages_stay_two(world: World, publishing: Publishing) -> None:
    publishing.publish(keep(world, Kind.INBOUND, {"code": 0, "data": [MO, MO]}))

    assert len({event.id for event in world.topic.events}) == 2


def test_one_bad_record_is_kept_apart_and_the_good_ones_are_published(world: World, publishing: Publishing) -> None:
    key = keep(world, Kind.INBOUND, {"code": 0, "data": [MO, "not a record", MO]})

    publishing.publish(key)

    assert [event.type for event in world.topic.events] == [
        EventType.INBOUND_RECEIVED,
        EventType.INBOUND_RECEIVED,
        EventType.PULL_QUARANTINED,
    ]
    # The ordinal is the place in the page, the bad record counted: it stays when the decoder learns to read it.
    assert [event.subject for event in world.topic.events][:2] == [f"{PULL_ID}/0", f"{PULL_ID}/2"]
    assert world.topic.events[2].data["count"] == 1
    assert list(world.journal.quarantined.values()) == [world.journal.entries[key]]
    assert world.journal.published == {key}


@pytest.mark.parametrize(
    "body", [b"<html>busy</html>", b"\xff\xfe\x00", b'{"code":', b"2ece866177078a92bc100f92e4e54aa9"]
)
def test_a_page_that_cannot_be_read_is_quarantined_and_said(world: World, publishing: Publishing, body: bytes) -> None:
    key = keep(world, Kind.REPORTS, body)

    publishing.publish(key)

    assert EventType.PULL_QUARANTINED in [event.type for event in world.topic.events]
    assert [entry.body for entry in world.journal.quarantined.values()] == [body]
    assert world.journal.published == {key}


def test_an_error_that_looks_like_an_empty_page_is_quarantined(world: World, publishing: Publishing) -> None:
    publishing.publish(keep(world, Kind.REPORTS, {"code": 0, "data": []}, status=500))

    [event] = world.topic.events
    assert (event.type, event.data["reasons"]) == (EventType.PULL_QUARANTINED, ["HTTP 500"])


def test_records_that_came_with_an_error_are_published(world: World, publishing: Publishing) -> None:
    publishing.publish(keep(world, Kind.REPORTS, {"code": 0, "data": [report()]}, status=500))

    assert [event.type for event in world.topic.events] == [EventType.DELIVERED]


def test_a_page_cut_short_gives_its_whole_records_and_says_that_more_may_be_lost(
    world: World, publishing: Publishing
) -> None:
    whole = json.dumps({"code": 0, "data": [report(), report(dest_number="13800001234")]}).encode()

    publishing.publish(keep(world, Kind.REPORTS, whole[:-40], cut=True))

    types = [event.type for event in world.topic.events]
    assert types[0] is EventType.DELIVERED
    assert EventType.PULL_LOST in types


@pytest.mark.parametrize(("cut", "status"), [(True, 200), (False, 200), (False, 502)])
def test_a_pull_that_brought_nothing_but_its_head_is_lost(
    world: World,
    publishing: Publishing,
    cut: bool,  # noqa: FBT001
    status: int,
) -> None:
    publishing.publish(keep(world, Kind.REPORTS, b"", cut=cut, status=status))

    assert [event.type for event in world.topic.events] == [EventType.PULL_LOST]


def test_a_page_of_which_some_was_not_taken_is_not_marked(world: World, publishing: Publishing) -> None:
    key = keep(world, Kind.REPORTS, {"code": 0, "data": [report()]})
    world.topic.fails = 1

    with pytest.raises(NotPublished):
        publishing.publish(key)

    assert world.journal.published == set()
    publishing.publish(key)
    assert world.journal.published == {key}


def test_a_pointer_to_nothing_is_an_error(publishing: Publishing) -> None:
    with pytest.raises(NotFound):
        publishing.publish("raw/default/reports/2026-11-23/nothing")


def test_a_quarantined_copy_is_published_once_it_can_be_read_and_stays_as_it_is(
    world: World, publishing: Publishing
) -> None:
    raw = keep(world, Kind.INBOUND, {"code": 0, "data": [MO, "not a record"]})
    publishing.take(pointer(raw))
    [key] = world.journal.quarantined
    before = dict(world.journal.quarantined)
    first = [event.body() for event in world.topic.events]
    world.topic.events.clear()
    world.journal.entries.clear()  # expired

    publishing.take(pointer(key))

    assert [event.body() for event in world.topic.events] == first
    assert (world.journal.quarantined, world.journal.published) == (before, {raw})


def through_the_queue(world: World, body: object, size: int) -> tuple[str, list[str]]:
    key = keep(world, Kind.INBOUND, body)
    return key, [carried(part) for part in in_parts(world.journal.entries.pop(key), size=size)]


@pytest.mark.parametrize("size", [40, 100_000])
def test_what_came_through_the_queue_is_published_with_the_ids_it_would_have_had(
    world: World, publishing: Publishing, size: int
) -> None:
    direct = World()
    direct.publishing(messages=world.messages).publish(keep(direct, Kind.INBOUND, {"code": 0, "data": [MO, MO]}))
    key, messages = through_the_queue(world, {"code": 0, "data": [MO, MO]}, size)

    for message in [*reversed(messages), *messages]:  # out of order, then all of them again
        publishing.take(message)

    assert {event.body() for event in world.topic.events} == {event.body() for event in direct.topic.events}
    assert (set(world.journal.entries), world.journal.published, world.journal.parts) == ({key}, {key}, {})


def test_while_the_journal_refuses_the_message_returns(
    world: World, publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, [message] = through_the_queue(world, {"code": 0, "data": [MO]}, 100_000)

    def refuse(*_: object) -> None:
        raise RuntimeError("slow down")

    with monkeypatch.context() as patch:
        patch.setattr(world.journal, "store", refuse)
        with pytest.raises(RuntimeError):
            publishing.take(message)
    assert world.topic.events == []

    assert publishing.take(message) == 1
    assert world.journal.published == {key}


def test_a_text_larger_than_an_event_is_quarantined_and_holds_up_nobody(world: World, publishing: Publishing) -> None:
    hostile = {**MO, "content": "字" * 100_000}

    publishing.publish(keep(world, Kind.INBOUND, {"code": 0, "data": [MO, hostile, MO]}))

    assert [event.subject for event in world.topic.events][:2] == [f"{PULL_ID}/0", f"{PULL_ID}/2"]
    assert world.topic.events[2].data["reasons"] == ["too large for an event"]
    assert len(world.journal.quarantined) == 1


def test_no_number_is_in_the_envelope_or_the_attributes(world: World, publishing: Publishing) -> None:
    publishing.publish(keep(world, Kind.REPORTS, {"code": 0, "data": [report()]}))
    publishing.publish(keep_inbound(world))

    for event in world.topic.events:
        assert "13812345678" not in json.dumps(event.attributes())
        assert "13812345678" not in envelope(event)


def keep_inbound(world: World) -> str:
    pull = PullId(account="default", kind=Kind.INBOUND, id=PULL_ID, begun_at=NOON)
    body = json.dumps({"code": 0, "data": [MO]}).encode()
    world.journal.store(
        JournalEntry(pull=pull, received_at=NOON, status=200, headers=(), version=1, cut=False, body=body)
    )
    return pull.journal_key


def envelope(event: Event) -> str:
    members = json.loads(event.body())
    del members["data"]
    return json.dumps(members)


def known(world: World, made: str, **changes: object) -> Message:
    """One more message to the same number."""
    message = replace(
        world.messages.messages[MESSAGE_ID],
        id=made,
        client_reference=made,
        recipients=(Recipient(to="+8613812345678", status=Status.SUBMITTED, gateway_message_id="1203"),),
    )
    message = replace(message, **changes)  # type: ignore[arg-type]
    world.messages.messages[made] = message
    return message


EARLIER = ulid(NOON - timedelta(hours=1), bytes(10))
OLD = ulid(NOON - timedelta(hours=73), bytes(10))


@pytest.mark.parametrize("reference", ["", None, "somebody else's", "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"])
def test_a_report_without_our_reference_finds_its_message_by_id_and_number(
    world: World, publishing: Publishing, reference: str | None
) -> None:
    known(world, EARLIER)

    publishing.publish(keep(world, Kind.REPORTS, {"data": [report(reference=reference, message_id="1203")]}))

    [event] = world.topic.events
    assert (event.subject, event.client, event.data["client_reference"]) == (EARLIER, "shop", EARLIER)


@pytest.mark.parametrize(
    "changes", [{"message_id": "1204"}, {"dest_number": "13812345679"}, {"message_id": ""}], ids=str
)
def test_a_report_of_another_id_or_number_finds_nothing(
    world: World, publishing: Publishing, changes: dict[str, object]
) -> None:
    known(world, EARLIER)

    publishing.publish(
        keep(world, Kind.REPORTS, {"data": [report(**{"reference": "", "message_id": "1203"} | changes)]})
    )

    assert [
        event.data["message_id"] for event in world.topic.events if event.type is not EventType.PULL_QUARANTINED
    ] in (
        [None],
        [],
    )


def test_correlation_does_not_change_an_events_id(world: World, publishing: Publishing) -> None:
    key = keep(world, Kind.REPORTS, {"data": [report(reference="", message_id="1203")]})
    publishing.publish(key)
    known(world, EARLIER)
    publishing.publish(key)

    first, again = world.topic.events
    assert (first.subject, again.subject) == (None, EARLIER)
    assert first.id == again.id


def test_a_page_asks_once_for_all_its_numbers_and_only_where_no_reference_helps(
    world: World, publishing: Publishing
) -> None:
    named = [report(dest_number=f"138000{index:05}") for index in range(3)]
    unnamed = [report(reference="", dest_number=f"1380001{index // 2:04}") for index in range(4)]

    publishing.publish(keep(world, Kind.REPORTS, {"data": named + unnamed}))
    assert world.messages.asked_for == [frozenset({"+8613800010000", "+8613800010001"})]

    world.messages.asked_for.clear()
    publishing.publish(keep_inbound(world))
    assert world.messages.asked_for == []


@pytest.mark.parametrize(
    ("dest", "extensions", "expected"),
    [
        ("1069012345678", ("", ""), (MESSAGE_ID, "latest")),
        ("106901234567877", ("77", ""), (EARLIER, "extension")),
        ("106901234567877", ("77", "7"), (MESSAGE_ID, "extension")),
        ("106901234567878", ("77", ""), (MESSAGE_ID, "latest")),
    ],
)
def test_a_reply_without_a_reference_answers_by_extension_or_else_the_latest(
    world: World, publishing: Publishing, dest: str, extensions: tuple[str, str], expected: tuple[str, str]
) -> None:
    known(world, EARLIER, extension=extensions[0])
    known(world, MESSAGE_ID, extension=extensions[1])

    publishing.publish(keep(world, Kind.INBOUND, {"data": [{**MO, "reference": "", "dest": dest}]}))

    [event] = world.topic.events
    assert event.data["in_reply_to"] == {
        "message_id": expected[0],
        "client_reference": expected[0],
        "by": expected[1],
    }
    assert event.client == "shop"


def test_nobody_answers_what_was_refused_or_is_older_than_72_hours(world: World, publishing: Publishing) -> None:
    known(world, OLD)
    known(world, MESSAGE_ID, recipients=(Recipient(to="+8613812345678", status=Status.REJECTED),))

    publishing.publish(keep(world, Kind.INBOUND, {"data": [{**MO, "reference": ""}]}))

    assert world.topic.events[0].data["in_reply_to"] is None


def test_a_reply_to_another_account_answers_nothing(world: World, publishing: Publishing) -> None:
    world.add_account("other")

    publishing.publish(keep(world, Kind.INBOUND, {"data": [{**MO, "reference": ""}]}, account="other"))

    assert world.topic.events[0].data["in_reply_to"] is None
