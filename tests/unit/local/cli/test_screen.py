from hypothesis import given
from hypothesis import strategies as st

from local.cli.screen import _fitting

COLUMN = st.tuples(st.sampled_from(["", ">", "~", "?", "?~", "?>"]), st.integers(min_value=1, max_value=60))


@given(st.lists(COLUMN, min_size=1, max_size=8), st.integers(min_value=10, max_value=200))
def test_columns_fit_and_only_those_that_may_are_cut_or_left_out(columns: list[tuple[str, int]], room: int) -> None:
    natural = [width for _, width in columns]

    widths = _fitting([f"{marks}x" for marks, _ in columns], natural, room)

    for (marks, width), given_width in zip(columns, widths, strict=True):
        assert given_width <= width
        assert given_width == width or "~" in marks or "?" in marks
        assert given_width > 0 or "?" in marks
    shown = [width for width in widths if width]
    fixed = [width for marks, width in columns if "~" not in marks and "?" not in marks]
    cut = [1 for marks, _ in columns if "~" in marks and "?" not in marks]
    if sum(fixed) + len(cut) + 2 * (len(fixed) + len(cut) - 1) <= room:
        assert sum(shown) + 2 * (len(shown) - 1) <= room
    if sum(natural) + 2 * (len(natural) - 1) <= room:
        assert widths == natural
