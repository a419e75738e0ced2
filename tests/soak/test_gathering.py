"""What is made of the sources' own lists."""

from tests.soak.gathering import counted

ONE, TWO, THREE = (bytes([number]) * 10 for number in range(3))


def test_whoever_stands_in_several_lists_of_a_day_is_counted_once() -> None:
    items: list[dict[str, dict[str, object]]] = [
        {"sk": {"S": "tally#04:1#a"}, "delivered": {"B": ONE + TWO}, "failed": {"B": THREE}},
        {"sk": {"S": "tally#04:1#b"}, "delivered": {"B": TWO}},
        {"sk": {"S": "shard#3"}, "foreign_delivered": {"N": "4"}, "foreign_failed": {"N": "-1"}},
    ]
    assert counted(items) == 6
    assert counted([]) == 0
