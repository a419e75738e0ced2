"""A board as server-sent events (WHATWG HTML, 9.2), and as one JSON object for who cannot have a stream."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

from local.gateway.board import Board
from local.gateway.exchange import Reply, Request, json_reply

RETRY_MILLISECONDS = 1000
"""How long a browser waits before it connects again."""
HEARTBEAT_SECONDS = 10.0
"""A comment that often: writing to a browser that is gone is how one finds out."""
_TICK_SECONDS = 0.25
_GATHER_SECONDS = 0.05


def stream(request: Request, board: Board, refresh: Callable[[], object] = lambda: None) -> Reply:
    """Answer with everything that happens on a board from the reader's cursor on, until somebody ends it.

    Args:
        request: `Last-Event-ID`, which a browser sends when it connects again, else `after` in the address.
        board: what to follow.
        refresh: called a few times a second, to bring what only time changes onto the board.
    """
    cursor = request.last_event_id or _after(request)

    def chunks(ended: threading.Event) -> Iterator[bytes]:
        at, said = cursor, time.monotonic()
        yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
        while not ended.is_set():
            refresh()
            changes = board.changes(at)
            if changes.reset or changes.items:
                at, said = changes.cursor, time.monotonic()
                yield f"id: {at}\nevent: changes\ndata: {json.dumps(changes.as_json())}\n\n".encode()
                ended.wait(_GATHER_SECONDS)  # a burst becomes a few events
            elif time.monotonic() - said >= HEARTBEAT_SECONDS:
                said = time.monotonic()
                yield b": still here\n\n"
            board.wait(at, _TICK_SECONDS)

    return Reply(content_type="text/event-stream;charset=UTF-8", declared=None, close=True, stream=chunks)


def changes(request: Request, board: Board, refresh: Callable[[], object] = lambda: None) -> Reply:
    """Answer once with what changed after the cursor `after`."""
    refresh()
    return json_reply(board.changes(_after(request)).as_json())


def _after(request: Request) -> str | None:
    return parse_qs(request.query).get("after", [None])[0]
