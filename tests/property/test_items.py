"""Our writer of DynamoDB's notation against boto3's own."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from bridge.adapters.aws import from_item, to_item


class Colour(StrEnum):
    RED = "red"


SCALARS = (
    st.text()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**37, max_value=10**39)
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.floats()
    | st.binary()
    | st.none()
    | st.just(Colour.RED)
    | st.frozensets(st.text() | st.integers())
    | st.sets(st.text())
    | st.sets(st.integers())
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def by_boto3(value: object) -> Any:
    try:
        return TypeSerializer().serialize(value)
    except Exception as exc:  # noqa: BLE001 - which one it is, is what is compared
        return type(exc)


def by_us(value: object) -> Any:
    try:
        return to_item({"value": value})["value"]
    except Exception as exc:  # noqa: BLE001 - likewise
        return type(exc)


@given(VALUES.filter(lambda value: value is not None))
def test_whatever_boto3_writes_we_write_and_what_it_refuses_we_refuse(value: object) -> None:
    # As text: 1 and True are equal, and so are an enum's member and its value.
    assert repr(by_us(value)) == repr(by_boto3(value))


@given(VALUES.filter(lambda value: isinstance(by_boto3(value), dict)))
def test_whatever_boto3_reads_we_read(value: object) -> None:
    written = by_boto3(value)

    # As text, for what is no number equals nothing. boto3 wraps bytes; nothing of ours is made of them.
    assert repr(from_item({"value": written})["value"]) == re.sub(
        r"Binary\((b(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"))\)", r"\1", repr(TypeDeserializer().deserialize(written))
    )


@pytest.mark.parametrize("digits", [10**38 - 1, -(10**38) + 1, 10**38, 10**38 + 1, -(10**38) - 1])
def test_the_greatest_numbers(digits: int) -> None:
    assert by_us(digits) == by_boto3(digits)


@given(st.dictionaries(st.text(), st.text() | st.booleans() | st.integers(-(10**37), 10**37) | st.none()))
def test_what_is_written_is_read_again(values: dict[str, Any]) -> None:
    read = from_item(to_item(values))

    assert read == {name: value for name, value in values.items() if value is not None}
    assert all(type(value) in (str, bool, Decimal) for value in read.values())
