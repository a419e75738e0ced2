from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.batches import (
    Batch,
    BatchEntry,
    Group,
    batch_id,
    batch_of,
    in_full,
    is_batch_id,
    message_id_of,
    message_of,
    ordinal_of,
    plan,
)
from bridge.domain.ids import is_ulid, ulid, ulid_time
from bridge.domain.messages import Category, OnAmbiguous, Recipient, Status
from tests.fakes.world import NOON

ID = batch_id(ulid(NOON, b"one batch!"))
BATCH = Batch(id=ID, client="shop", account="default", size=2, most=1000, created_at=NOON)

# Few numbers and texts, so that they repeat.
entries = st.lists(
    st.builds(
        BatchEntry,
        to=st.sampled_from([f"1381234567{digit}" for digit in range(4)]),
        text=st.sampled_from(["a", "b", "c"]),
        client_reference=st.none() | st.text(max_size=3),
    ),
    max_size=60,
)


def test_a_batch_and_its_messages_have_neighbouring_ids() -> None:
    assert ID.endswith("0000")
    assert is_batch_id(ID)
    assert ulid_time(ID) == NOON
    assert message_id_of(ID, 1) == ID[:-4] + "0001"
    assert message_id_of(ID, 10_000) == ID[:-4] + "09RG"


@given(st.integers(1, 32**4 - 1))
def test_a_message_id_says_its_batch_and_its_place(ordinal: int) -> None:
    message_id = message_id_of(ID, ordinal)
    assert is_ulid(message_id)
    assert not is_batch_id(message_id)
    assert (batch_of(message_id), ordinal_of(message_id)) == (ID, ordinal)


@pytest.mark.parametrize("ordinal", [0, -1, 32**4])
def test_what_is_no_ordinal(ordinal: int) -> None:
    with pytest.raises(ValueError, match="number"):
        message_id_of(ID, ordinal)


def test_equal_texts_share_a_submit_in_the_order_of_the_first() -> None:
    one, two, three, four = (
        BatchEntry(to="13800000001", text="a"),
        BatchEntry(to="13800000002", text="b"),
        BatchEntry(to="13800000003", text="a"),
        BatchEntry(to="13800000001", text="a"),  # once more to the first number: not in the same submit
    )
    assert plan([one, two, three, four], most=1000) == (
        Group(ordinal=1, entries=(one, three)),
        Group(ordinal=2, entries=(two,)),
        Group(ordinal=3, entries=(four,)),
    )


@given(entries, st.integers(1, 5))
def test_every_entry_is_in_one_submit_that_the_gateway_can_take(batch: list[BatchEntry], most: int) -> None:
    groups = plan(batch, most=most)

    assert Counter(entry for group in groups for entry in group.entries) == Counter(batch)
    assert [group.ordinal for group in groups] == list(range(1, len(groups) + 1))
    for group in groups:
        numbers = [entry.to for entry in group.entries]
        assert 1 <= len(numbers) <= most
        assert len(set(numbers)) == len(numbers)
        assert len({entry.text for entry in group.entries}) == 1


@given(entries, st.integers(1, 5))
def test_submits_are_in_the_order_of_their_first_entries(batch: list[BatchEntry], most: int) -> None:
    numbered = [replace(entry, client_reference=str(place)) for place, entry in enumerate(batch)]
    places = [[int(entry.client_reference or "") for entry in group.entries] for group in plan(numbered, most=most)]

    assert [group[0] for group in places] == sorted(group[0] for group in places)
    assert all(group == sorted(group) for group in places)


@given(entries, st.integers(1, 5))
def test_a_plan_comes_out_the_same_again(batch: list[BatchEntry], most: int) -> None:
    assert plan(batch, most=most) == plan(tuple(batch), most=most)


@given(entries)
def test_no_more_submits_than_are_needed(batch: list[BatchEntry]) -> None:
    """Without a limit a text takes as many submits as it goes to one number at most."""
    often = Counter((entry.text, entry.to) for entry in batch)
    needed = {text: max(count for (each, _), count in often.items() if each == text) for text, _ in often}
    assert len(plan(batch, most=1000)) == sum(needed.values())


def test_long_references_do_not_outgrow_an_item() -> None:
    batch = [BatchEntry(to=f"138{number:08}", text="a", client_reference="😀" * 128) for number in range(1000)]
    groups = plan(batch, most=1000)

    assert [entry for group in groups for entry in group.entries] == batch
    assert len(groups) == 3
    assert all(len(group.entries) * (160 + 512) <= 250_000 for group in groups)


def test_a_lone_entry_gives_the_message_its_reference() -> None:
    group = Group(
        ordinal=7, entries=(BatchEntry(to="13812345678", text="【京东】a", client_reference="r", signature="京东"),)
    )
    batch = replace(
        BATCH,
        extension="12",
        category=Category.TRANSACTIONAL,
        on_ambiguous=OnAmbiguous.RESEND,
        fallback_accounts=("b",),
    )

    message = message_of(batch, group)

    assert message.id == message_id_of(ID, 7)
    assert message.batch_id == ID
    assert (message.text, message.signature, message.client_reference) == ("【京东】a", "京东", "r")
    assert message.recipients == (Recipient(to="+8613812345678", status=Status.ACCEPTED),)
    assert (message.created_at, message.deadline) == (NOON, NOON + timedelta(hours=24))
    assert (message.extension, message.category, message.on_ambiguous, message.fallback_accounts, message.queued) == (
        ("12", Category.TRANSACTIONAL, OnAmbiguous.RESEND, ("b",), True)
    )


def test_entries_that_share_a_message_keep_their_references() -> None:
    entries = (BatchEntry(to="13812345678", text="a", client_reference="r"), BatchEntry(to="13812345679", text="a"))

    message = message_of(BATCH, Group(ordinal=1, entries=entries))

    assert message.client_reference is None
    assert [recipient.client_reference for recipient in message.recipients] == ["r", None]


def test_what_has_no_message_yet_was_accepted() -> None:
    assert in_full({}, 3) == {Status.ACCEPTED: 3}
    assert in_full({Status.DELIVERED: 1, Status.ACCEPTED: 1}, 3) == {Status.ACCEPTED: 2, Status.DELIVERED: 1}
    assert in_full({Status.SUBMITTED: 3}, 3) == {Status.SUBMITTED: 3}
