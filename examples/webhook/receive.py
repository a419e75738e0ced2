"""Takes the events that the bridge posts, until SIGTERM or Ctrl-C: WEBHOOK_SECRET=whsec_… python receive.py 8000."""

import os
import signal
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

LARGEST = 1024 * 1024  # bytes; an event has some thousand
PATIENCE = 10  # seconds for a sender's bytes


class Server(ThreadingHTTPServer):
    """Ends when all that it began is answered, and remembers what was handled."""

    daemon_threads = False

    def __init__(self, port: int, secret: str) -> None:
        """Listen on the port, for a proxy that ends TLS."""
        super().__init__(("127.0.0.1", port), Receiver)
        self.webhook = Webhook(secret)
        # Events come at least once. A real application keeps the ids where it keeps what handling changes, and writes
        # both in one transaction; this forgets them when it ends.
        self.handled: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 for an event that was handled; whatever else it answers, the event comes again."""

    timeout = PATIENCE
    server: Server

    def do_POST(self) -> None:
        """Take one event."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        body = self.rfile.read(int(length))
        try:
            # The bytes as they came, before anything reads them; a time that is five minutes off is refused, too.
            event = self.server.webhook.verify(body, dict(self.headers.items()))
        except (WebhookVerificationError, ValueError):
            self._answer(HTTPStatus.UNAUTHORIZED)
            return
        if event["id"] not in self.server.handled:
            handle(event)  # within 15 seconds: what takes longer goes into a queue of your own first
            self.server.handled.add(event["id"])
        self._answer(HTTPStatus.NO_CONTENT)

    def log_message(self, *_: object) -> None:
        """Nothing: a log of requests is for what stands in front."""

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def handle(event: dict[str, Any]) -> None:
    """Whatever your application does. Events come in no order: let nothing undo what `data.final` said was the last."""
    data = event["data"]
    print(event["type"], data.get("client_reference") or "-", data.get("status") or "-", flush=True)


def main() -> None:
    """Serve on the port that the command line names."""
    with Server(int(sys.argv[1]), os.environ["WEBHOOK_SECRET"]) as server:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: sys.exit(0))
        print(f"Listening on http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
