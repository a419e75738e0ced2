"""The board: nobody gets a thing twice, nobody misses one, and it stays small."""

import json
import threading
from typing import Any

from local.gateway.board import Board
from local.gateway.exchange import Request
from local.gateway.streams import stream


def keys(items: list[dict[str, Any]]) -> list[str]:
    return [item["key"] for item in items]


def test_a_first_reader_gets_everything_and_starts_over() -> None:
    board = Board({"a": 10, "b": 10})
    board.put("a", "1", "x")
    board.put("b", "2", "y")

    changes = board.changes()

    assert changes.reset
    assert changes.items == [{"kind": "a", "key": "1", "value": "x"}, {"kind": "b", "key": "2", "value": "y"}]


def test_a_reader_who_comes_back_gets_what_changed_and_once() -> None:
    board = Board({"a": 10})
    board.put("a", "1", "old")
    board.put("a", "2", "same")
    cursor = board.changes().cursor
    board.put("a", "1", "new")
    board.put("a", "1", "newest")

    changes = board.changes(cursor)

    assert not changes.reset
    assert changes.items == [{"kind": "a", "key": "1", "value": "newest"}]
    assert board.changes(changes.cursor).items == []


def test_a_cursor_of_another_board_or_of_before_a_reset_starts_over() -> None:
    board, other = Board({"a": 10}), Board({"a": 10})
    for one in (board, other):
        one.put("a", "1", "x")
    assert board.changes(other.changes().cursor).reset

    cursor = board.changes().cursor
    board.clear()
    board.put("a", "2", "y")
    assert board.changes(cursor).reset
    assert keys(board.changes(cursor).items) == ["2"]


def test_a_cursor_that_is_none_starts_over() -> None:
    board = Board({"a": 10})
    board.put("a", "1", "x")
    epoch = board.changes().cursor.partition("-")[0]
    for cursor in ("", "-", epoch, f"{epoch}-", f"{epoch}--1", f"{epoch}-2", f"{epoch}-²", f"{epoch}-{'9' * 5000}"):
        assert board.changes(cursor).reset, cursor[:40]


def test_what_has_not_changed_for_longest_is_let_go() -> None:
    board = Board({"a": 2, "b": 1})
    for key in ("1", "2"):
        board.put("a", key, key)
    board.put("b", "9", "9")
    board.put("a", "1", "again")
    board.put("a", "3", "3")

    assert keys(board.changes().items) == ["9", "1", "3"]


def test_waiting_ends_with_a_change() -> None:
    board = Board({"a": 2})
    cursor = board.changes().cursor
    woken = threading.Event()

    def wait() -> None:
        board.wait(cursor, 30)
        woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    board.put("a", "1", "x")
    assert woken.wait(10)
    thread.join()


def test_a_stream_goes_on_where_the_browser_was_and_ends_when_told() -> None:
    board = Board({"a": 10})
    board.put("a", "1", "x")
    cursor = board.changes().cursor
    board.put("a", "2", "y")
    ended = threading.Event()
    pieces = stream(Request("GET", "/stream", query="after=nothing", last_event_id=cursor), board).stream
    assert pieces is not None
    reading = pieces(ended)

    assert next(reading).startswith(b"retry: ")
    name, kind, data = next(reading).decode().strip().split("\n")
    assert name == f"id: {board.changes().cursor}"
    assert kind == "event: changes"
    assert keys(json.loads(data.removeprefix("data: "))["items"]) == ["2"]

    ended.set()
    assert list(reading) == []
