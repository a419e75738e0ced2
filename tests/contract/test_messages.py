from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.adapters.aws import from_item
from bridge.adapters.messages_table import MessagesTable
from bridge.domain.ids import ulid
from bridge.domain.messages import Applied, Message, Once, Owner, Recipient, Standing, Status, TrackedReport
from bridge.ports import Messages
from tests.contract.conftest import make_table
from tests.fakes.messages import FakeMessages
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ID = ulid(NOON, b"a message!")
DAY = date(2026, 11, 23)


@pytest.fixture(params=["fake", "dynamodb"])
def messages(request: pytest.FixtureRequest) -> Messages:
    if request.param == "fake":
        return FakeMessages()
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    return MessagesTable(client, make_table(client, "messages", sort_key=True), retention=timedelta(days=30))


def message(message_id: str = ID, recipients: int = 2, **changes: object) -> Message:
    made = Message(
        id=message_id,
        client="shop",
        account="default",
        text="【京东】您的验证码是123456 😀",
        extension="12",
        client_reference="order-42",
        recipients=tuple(Recipient(to=f"+86138{index:08}", status=Status.SUBMITTING) for index in range(recipients)),
        created_at=NOON,
        deadline=NOON + timedelta(minutes=1),
        claim=message_id,
        tries=1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def submitted(claimed: Message) -> Message:
    return claimed.with_recipients(
        replace(recipient, status=Status.SUBMITTED, gateway_message_id=f"0{index}", billed_segments=2)
        for index, recipient in enumerate(claimed.recipients)
    )


def rejected_all(claimed: Message) -> Message:
    return claimed.with_recipients(replace(recipient, status=Status.REJECTED) for recipient in claimed.recipients)


def report(
    status: Status = Status.DELIVERED, *, event_id: str = "1", second: int = 1, to: str = "+8613800000000"
) -> TrackedReport:
    return TrackedReport(
        event_id=event_id,
        account="default",
        message_id=ID,
        to=to,
        status=status,
        final=status is not Status.SUBMITTED,
        gateway_message_id="00",
        gateway_status="DELIVRD" if status is Status.DELIVERED else "MK:0001",
        error_class=None if status is Status.DELIVERED else "invalid_number",
        reported_at=datetime(2026, 11, 23, 5, 0, second, tzinfo=UTC),
    )


def test_what_was_claimed_is_found(messages: Messages) -> None:
    messages.add(message())
    assert messages.find(ID) == message()


@pytest.mark.parametrize("recipients", [1, 2, 1000])
def test_what_was_recorded_is_found(messages: Messages, recipients: int) -> None:
    claimed = message(recipients=recipients)
    messages.add(claimed)
    assert messages.move(claimed, submitted(claimed)) is None
    assert messages.find(ID) == submitted(claimed)


def test_recording_twice_is_recording_once(messages: Messages) -> None:
    messages.add(message())
    assert messages.move(message(), submitted(message())) is None
    assert messages.move(message(), submitted(message())) is None
    assert messages.find(ID) == submitted(message())


def test_a_refusal_keeps_its_code(messages: Messages) -> None:
    messages.add(message())
    refusal = replace(rejected_all(message()), gateway_code=205)
    assert messages.move(message(), refusal) is None
    found = messages.find(ID)
    assert found is not None
    assert found.gateway_code == 205


def test_no_reference_is_no_reference(messages: Messages) -> None:
    bare = message(client_reference=None, extension="")
    messages.add(bare)
    assert messages.find(ID) == bare


def test_what_is_not_there_is_none(messages: Messages) -> None:
    assert messages.find(ID) is None


def test_owners_of_many_messages_at_once(messages: Messages) -> None:
    ids = [ulid(NOON, index.to_bytes(10, "big")) for index in range(250)]
    for message_id in ids[:230]:
        messages.add(message(message_id))

    owners = messages.owners(ids)

    assert set(owners) == set(ids[:230])
    assert owners[ids[0]] == Owner(
        message_id=ids[0], account="default", client="shop", client_reference="order-42", submitted_at=NOON
    )


def test_a_report_shows_on_its_recipient_only(messages: Messages) -> None:
    messages.add(message())
    assert messages.move(message(), submitted(message())) is None

    assert messages.apply(report(), day=DAY) is Applied.MOVED

    found = messages.find(ID)
    assert found is not None
    assert [recipient.status for recipient in found.recipients] == [Status.DELIVERED, Status.SUBMITTED]
    assert found.recipients[0].gateway_status == "DELIVRD"
    assert found.recipients[0].billed_segments == 2
    assert found.recipients[0].reported_at == report().reported_at


def test_a_report_may_be_quicker_than_the_record_of_its_submit(messages: Messages) -> None:
    messages.add(message())
    messages.apply(report(), day=DAY)
    assert messages.move(message(), submitted(message())) is None

    found = messages.find(ID)
    assert found is not None
    assert found.recipients[0].status is Status.DELIVERED


@pytest.mark.parametrize(
    ("first", "second", "applied"),
    [
        (report(), report(), Applied.REPEATED),
        (report(), report(event_id="2", second=2), Applied.DUPLICATE),
        (report(), report(Status.UNDELIVERED, event_id="2", second=2), Applied.CONTRADICTION),
        (report(Status.UNDELIVERED), report(Status.DELIVERED, event_id="2", second=2), Applied.CONTRADICTION),
        (report(), report(Status.SUBMITTED, event_id="2", second=2), Applied.STALE),
        (report(Status.SUBMITTED), report(event_id="2", second=0), Applied.MOVED),
        (report(Status.SUBMITTED), report(Status.SUBMITTED, event_id="2", second=2), Applied.MOVED),
        (report(Status.SUBMITTED, second=2), report(Status.SUBMITTED, event_id="2", second=1), Applied.DUPLICATE),
    ],
)
def test_statuses_move_forward_only(
    messages: Messages, first: TrackedReport, second: TrackedReport, applied: Applied
) -> None:
    messages.add(message())
    assert messages.apply(first, day=DAY) is Applied.MOVED

    assert messages.apply(second, day=DAY) is applied

    found = messages.find(ID)
    assert found is not None
    assert found.recipients[0].status is (second if applied is Applied.MOVED else first).status


def test_a_message_and_its_reports_expire_together(dynamodb: "DynamoDBClient") -> None:
    table = make_table(dynamodb, "messages", sort_key=True)
    messages = MessagesTable(dynamodb, table, retention=timedelta(days=30))
    messages.add(message())
    messages.index(message())
    messages.apply(report(), day=DAY)

    items = [from_item(item) for item in dynamodb.scan(TableName=table)["Items"]]
    expiries = {item["sk"]: item["expires_at"] for item in items if item["pk"] == f"message#{ID}"}
    until = int((NOON + timedelta(days=30)).timestamp())
    assert expiries == {"message": until, "to#+8613800000000": until, "to#+8613800000001": until} | {
        "report#+8613800000000": until
    }


def once(request: str = "request") -> Once:
    return Once(key_hash="key", request_hash=request)


OTHER_ID = ulid(NOON, b"another's!")


def test_a_key_stands_for_the_first_message(messages: Messages) -> None:
    assert messages.add(message(), once()) is None
    assert messages.move(message(), submitted(message())) is None
    messages.apply(report(), day=DAY)

    standing = messages.add(message(OTHER_ID), once("other"))

    assert standing == Standing(message=submitted(message()), request_hash="request")
    assert messages.find(OTHER_ID) is None


def test_a_key_is_taken_over_from_the_message_that_is_named(messages: Messages) -> None:
    messages.add(message(), once())

    assert messages.add(message(OTHER_ID), once(), instead_of=OTHER_ID) is not None
    assert messages.add(message(OTHER_ID), once(), instead_of=ID) is None

    standing = messages.add(message(), once())
    assert standing is not None
    assert standing.message.id == OTHER_ID


def test_what_a_key_stands_for_can_be_asked_without_a_message(messages: Messages) -> None:
    assert messages.standing(once(), now=NOON) is None
    messages.add(message(), once())

    assert messages.standing(once("other"), now=NOON + timedelta(hours=23)) == Standing(
        message=message(), request_hash="request"
    )
    assert messages.standing(once(), now=NOON + timedelta(hours=24)) is None


def test_a_key_is_free_after_a_day(messages: Messages) -> None:
    messages.add(message(), once())

    assert messages.add(message(OTHER_ID, created_at=NOON + timedelta(hours=23, minutes=59)), once()) is not None
    assert messages.add(message(OTHER_ID, created_at=NOON + timedelta(hours=24)), once()) is None
