import re

import pytest

from local.gateway import magic


def test_every_number_is_valid_and_in_the_reserved_range() -> None:
    for number in magic.MAGIC:
        assert re.fullmatch(r"1990000[1-9][0-9]{3}", number)
        assert magic.refusal(number) is None


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("19900000205", 205),
        ("19900000001", 1),
        ("19900000999", 999),
        ("19900000000", None),
        ("19900001205", None),
        ("13900000205", None),
        ("19900000205\n", None),
    ],
)
def test_refusals(number: str, code: int | None) -> None:
    assert magic.refusal(number) == code


def test_other_numbers_are_ordinary() -> None:
    assert magic.behaviour("13812345678") is magic.ORDINARY
    assert magic.behaviour("19900008888") is magic.ORDINARY


def test_the_documentation_has_every_number() -> None:
    documented = dict(magic.documentation())
    assert documented.keys() == {magic.REFUSAL_PATTERN, *magic.MAGIC}
    assert all(documented.values())
