"""The events page over HTTP: its files, the stream of events, the life of a message."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from local.events import life
from local.gateway import streams
from local.gateway.assets import SHARED, Assets
from local.gateway.board import Board
from local.gateway.exchange import Reply, Request, json_reply, not_allowed, text_reply

PATH = "/events"
KEPT_EVENTS = 500

_EVENT = "event"
_MESSAGE_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")

Event = Mapping[str, Any]
FindMessage = Callable[[str], Mapping[str, Any] | None]


class EventsPage:
    """The page, and the last events in memory. Events come in by `add`, from whatever thread follows them.

    Attributes:
        find: looks a message up by its id; None where there is none. Until the stack is there, there is none.
    """

    def __init__(self, find: FindMessage = lambda _: None) -> None:
        self.find = find
        self._board = Board({_EVENT: KEPT_EVENTS})
        self._assets = Assets(SHARED, Path(__file__).with_name("pages"))
        self._arrivals = 0
        self._pages: dict[str, Callable[[Request], Reply]] = {
            "": lambda request: self._assets.respond("events.html", request.method),
            "/stream": lambda request: streams.stream(request, self._board),
            "/changes": lambda request: streams.changes(request, self._board),
        }

    def add(self, event: Event) -> None:
        """Show an event. One that came before, as events may come twice, keeps its place and is counted."""
        seen = self._board.get(_EVENT, str(event["id"]))
        self._arrivals += seen is None
        value = {
            "event": dict(event),
            "message_id": life.message_of(event),
            "times": seen["times"] + 1 if seen else 1,
            "place": seen["place"] if seen else self._arrivals,
        }
        self._board.put(_EVENT, str(event["id"]), value)

    def respond(self, request: Request) -> Reply:
        """Answer a request below `/events`: 200, 404, or 405 for anything but GET and HEAD."""
        if request.method not in {"GET", "HEAD"}:
            return not_allowed("GET", "HEAD")
        path = request.path.removeprefix(PATH)
        if path in self._pages:
            return self._pages[path](request)
        folder, _, name = path.removeprefix("/").partition("/")
        if folder == "pages":
            return self._assets.respond(name, request.method)
        if folder == "messages" and _MESSAGE_ID.fullmatch(unquote(name)):
            return self._life(unquote(name))
        return text_reply("not found\n", HTTPStatus.NOT_FOUND)

    def _life(self, message_id: str) -> Reply:
        shown = [value for value in self._board.values(_EVENT) if value["message_id"] == message_id]
        events = [value["event"] for value in sorted(shown, key=lambda value: int(value["place"]))]
        message = self.find(message_id)
        if message is None and not events:
            return json_reply({"error": "no such message"}, HTTPStatus.NOT_FOUND)
        return json_reply({"id": message_id, "message": message, "lines": life.lines(message, events)})
