from datetime import UTC, date, datetime

import pytest

from local.gateway import clock


def test_seeds_are_chinese_time() -> None:
    assert clock.parse_seed("20130806102030") == datetime(2013, 8, 6, 2, 20, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "seed", ["", "2013080610203", "20130806102030000", " 2013080610203", "20130230000000", "20130806246060", "２" * 14]
)
def test_what_is_no_seed(seed: str) -> None:
    assert clock.parse_seed(seed) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20240229", date(2024, 2, 29)),
        ("20230229", None),
        ("2024229", None),
        ("", None),
        ("2024-2-9", None),
        ("20240229000000", None),
    ],
)
def test_days(text: str, day: date | None) -> None:
    assert clock.parse_day(text) == day


def test_times_are_written_in_chinese_time() -> None:
    assert clock.format_time(datetime(2021, 1, 2, 5, 45, 56, tzinfo=UTC)) == "2021-01-02 13:45:56"


def test_a_clock_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        clock.ManualClock(datetime(2021, 1, 2))  # noqa: DTZ001 - that is the point
