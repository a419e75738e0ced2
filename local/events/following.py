"""What the events page has from the local stack: its events, as somebody follows them, and its messages."""

from typing import Final

import httpx

from local import queues
from local.aws import Aws
from local.events.page import EventsPage

_TIMEOUT_SECONDS: Final = 10.0


class ShownTail(queues.Tail):
    """Follows every event of a topic, and lets the page see each."""

    def __init__(self, aws: Aws, topic_arn: str, page: EventsPage) -> None:
        super().__init__(aws, topic_arn)
        self._page = page

    def next(self, wait_seconds: int = queues.WAIT_SECONDS) -> list[queues.Event]:
        """What came; perhaps nothing, after that many seconds."""
        events = super().next(wait_seconds)
        for event in events:
            self._page.add(event)
        return events


class Messages:
    """Asks the API for messages. The key stays here: the page never sees it.

    Args:
        api_url: with the stage.
        api_key: of a client that may read.
    """

    def __init__(self, api_url: str, api_key: str) -> None:
        self._api_url = api_url
        self._headers = {"Authorization": f"Bearer {api_key}"}

    def __call__(self, message_id: str) -> dict[str, object] | None:
        """Find a message; None where the API knows none, or does not answer. Then the events say what they can."""
        try:
            response = httpx.get(
                f"{self._api_url}/messages/{message_id}",
                headers=self._headers,
                timeout=_TIMEOUT_SECONDS,
                trust_env=False,
            )
            found = response.json() if response.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, ValueError):
            return None
        return found if isinstance(found, dict) else None
