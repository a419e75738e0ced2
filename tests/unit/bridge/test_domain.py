from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.ids import is_ulid, stable_id, ulid, ulid_time
from bridge.domain.messages import Message, Recipient, Status
from bridge.domain.numbers import e164, national
from bridge.domain.segments import estimate, length
from tests.fakes.world import NOON


def test_a_ulid_is_the_specifications() -> None:
    # The specification's own example of the time part: 1469918176385 is 01ARYZ6S41.
    at = datetime.fromtimestamp(1469918176.385, UTC)
    assert ulid(at, bytes(10)) == "01ARYZ6S410000000000000000"
    assert ulid(at, b"\xff" * 10) == "01ARYZ6S41ZZZZZZZZZZZZZZZZ"


@given(st.binary(min_size=10, max_size=10), st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_ulids_are_ulids_and_sort_by_time(randomness: bytes, at: datetime) -> None:
    made = ulid(at, randomness)
    assert is_ulid(made)
    assert (made >= ulid(NOON, bytes(10))) is (int(at.timestamp() * 1000) >= int(NOON.timestamp() * 1000))


@pytest.mark.parametrize(
    "text", ["", "01ARYZ6S41", "01ARYZ6S41ZZZZZZZZZZZZZZZU", "81ARYZ6S41ZZZZZZZZZZZZZZZZ", "订" * 26]
)
def test_what_is_no_ulid(text: str) -> None:
    assert not is_ulid(text)
    with pytest.raises(ValueError, match="not a ULID"):
        ulid_time(text)


def test_a_ulid_takes_ten_random_bytes() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        ulid(NOON, b"few")


@given(st.lists(st.text()), st.lists(st.text()))
def test_stable_ids_are_equal_for_equal_parts_only(one: list[str], other: list[str]) -> None:
    assert (stable_id(*one) == stable_id(*other)) is (one == other)


@pytest.mark.parametrize("written", ["13812345678", "8613812345678", "+8613812345678", "008613812345678"])
def test_one_number_in_all_its_forms(written: str) -> None:
    assert national(written) == "13812345678"
    assert e164(written) == "+8613812345678"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "1381234567",
        "138123456789",
        "12812345678",
        "+4915112345678",
        "13812345678 ",
        "１３８１２３４５６７８",
        "1069012345678",
    ],
)
def test_what_is_no_mainland_mobile_number(written: str) -> None:
    assert national(written) is None
    assert e164(written) == written


@pytest.mark.parametrize(
    ("count", "segments"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4), (500, 8)]
)
def test_segments(count: int, segments: int) -> None:
    assert estimate("字" * count) == segments


def test_an_emoji_is_two_characters() -> None:
    assert length("😀") == 2
    assert estimate("😀" * 35) == 1
    assert estimate("😀" * 36) == 2


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        ([Status.DELIVERED, Status.DELIVERED], Status.DELIVERED),
        ([Status.DELIVERED, Status.SUBMITTED], Status.SUBMITTED),
        ([Status.DELIVERED, Status.UNDELIVERED], Status.UNDELIVERED),
        ([Status.DELIVERED, Status.REJECTED], Status.DELIVERED),
        ([Status.UNKNOWN, Status.DELIVERED], Status.UNKNOWN),
        ([Status.REJECTED, Status.REJECTED], Status.REJECTED),
        ([Status.UNKNOWN_EXPIRED, Status.SUBMITTED], Status.SUBMITTED),
        ([Status.UNKNOWN_EXPIRED, Status.UNDELIVERED, Status.DELIVERED], Status.UNKNOWN_EXPIRED),
    ],
)
def test_a_message_has_one_status(statuses: list[Status], whole: Status) -> None:
    message = Message(
        id="x",
        client="shop",
        account="default",
        text="x",
        recipients=tuple(Recipient(to=str(index), status=status) for index, status in enumerate(statuses)),
        created_at=NOON,
        deadline=NOON,
    )
    assert message.status is whole
