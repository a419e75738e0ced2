"""Where many small files go that end with the run: into memory where there is room, never through a stranger's link."""

from pathlib import Path

import pytest

from local import scratch


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    (tmp_path / "shm").mkdir()
    return tmp_path / "shm"


def test_where_memory_has_room_it_is_there_and_nobody_elses(tmp_path: Path, memory: Path) -> None:
    made = scratch.make(tmp_path / "tmp", memory=memory, needed=1)

    assert made.parent == memory
    assert made.stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "tmp").exists()


def test_where_it_has_none_it_is_on_the_disk(tmp_path: Path, memory: Path) -> None:
    for room in (memory, tmp_path / "none"):
        assert scratch.make(tmp_path / "tmp", memory=room, needed=1 << 60) == tmp_path / "tmp"
        assert (tmp_path / "tmp").is_dir()


def test_what_a_killed_run_left_is_removed_by_the_next_in_the_same_place(tmp_path: Path, memory: Path) -> None:
    first = scratch.make(tmp_path / "tmp", memory=memory, needed=1)
    (first / "left").write_text("x")

    again = scratch.make(tmp_path / "tmp", memory=memory, needed=1)

    assert again == first
    assert list(again.iterdir()) == []
    assert scratch.make(tmp_path / "other", memory=memory, needed=1) != first


def test_a_link_that_lies_in_wait_is_not_followed(tmp_path: Path, memory: Path) -> None:
    made = scratch.make(tmp_path / "tmp", memory=memory, needed=1)
    scratch.remove(made)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").write_text("x")
    made.symlink_to(tmp_path / "mine")

    assert scratch.make(tmp_path / "tmp", memory=memory, needed=1) == tmp_path / "tmp"
    assert (tmp_path / "mine" / "kept").exists()


def test_it_is_gone_when_it_is_removed(tmp_path: Path, memory: Path) -> None:
    made = scratch.make(tmp_path / "tmp", memory=memory, needed=1)
    (made / "a").mkdir()

    scratch.remove(made)
    scratch.remove(made)

    assert not made.exists()


def test_what_a_killed_run_left_anywhere_is_removed_and_what_another_uses_is_not(tmp_path: Path, memory: Path) -> None:
    used = scratch.make(tmp_path / "used", memory=memory, needed=1)
    left = memory / "eums-bridge-0123456789abcdef"
    (left / "a").mkdir(parents=True)
    (memory / "somebody-elses").mkdir()

    made = scratch.make(tmp_path / "tmp", memory=memory, needed=1)

    assert {path.name for path in memory.iterdir() if path.is_dir()} == {used.name, made.name, "somebody-elses"}
    scratch.remove(made)
    scratch.remove(used)
    assert [path.name for path in memory.iterdir()] == ["somebody-elses"]
