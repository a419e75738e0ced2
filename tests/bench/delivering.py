"""How much dead endpoints hold up the others: events to many endpoints, with and without three that are dead.

Real sockets on the loopback; the queue and the table are in memory. Two invocations at a time, as the stack allows.

    python -m tests.bench.delivering [events]
"""

import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from bridge.adapters.webhook_client import PublicWebhookClient
from bridge.domain.events import suspended
from bridge.domain.webhooks import Answer
from bridge.services.calling_back import CallingBack
from bridge.services.delivering import Delivering
from bridge.services.fanning_out import FanningOut
from tests.bench.frame import finish
from tests.fakes.callbacks import FakeAuthTokens, FakeCallbacks
from tests.fakes.clients import FakeClients
from tests.fakes.counters import FakeCounters
from tests.fakes.events import FakeTopic
from tests.fakes.webhooks import FakeDeliveries, FakeDeliverQueue, FakeWebhookEndpoints, endpoint
from tests.fakes.world import NOON

LIVE: Final = 17
INVOCATIONS: Final = 2
GOAL: Final = 1.2


class Client:
    """Gives one address less time than all others."""

    def __init__(self, url: str, *, patience: float, limit: float) -> None:
        self._url = url
        self._short = PublicWebhookClient(allow_loopback=True, seconds=patience)
        self._long = PublicWebhookClient(allow_loopback=True, seconds=limit)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See `bridge.ports.WebhookClient`."""
        return (self._short if url == self._url else self._long).post(url, headers, body)


class RealClock:
    """The time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Receiver(ThreadingHTTPServer):
    """Counts what it gets by path and id; `/down` answers 500."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: Counter[tuple[str, str]] = Counter()
        self.lock = threading.Lock()

    def live(self) -> int:
        """How many different events the live ones have."""
        with self.lock:
            return sum(path.startswith("/live") for path, _ in self.got)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.got[self.path, self.headers["webhook-id"]] += 1
        self.send_response(500 if self.path == "/down" else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Outcome:
    """What the receivers got, and how long the live ones waited for all of theirs."""

    got: Counter[tuple[str, str]]
    seconds: float
    hung: int
    errors: list[str] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver while it is needed."""
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


def run(events: int, *, dead: bool, patience: float, limit: float) -> Outcome:
    """Deliver so many events to 17 live endpoints, and with `dead` to three more: refused, hanging, 500.

    Args:
        events: how many.
        dead: whether there are dead ones.
        patience: seconds that an attempt at the hanging one may last. The others have until the end: on a machine that
            stands still for a moment, an attempt that a live one has answered would be given up, and made again.
        limit: seconds until it is given up.
    """
    clock, endpoints, deliveries = RealClock(), FakeWebhookEndpoints(), FakeDeliveries()
    queue = FakeDeliverQueue(clock.monotonic)
    errors: list[str] = []
    with receiving() as receiver, socket.create_server(("127.0.0.1", 0), backlog=512) as hanging:
        base = f"http://127.0.0.1:{receiver.server_port}"
        with socket.create_server(("127.0.0.1", 0)) as closed:
            refused = closed.getsockname()[1]
        silent = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
        urls = [f"{base}/live/{number}" for number in range(LIVE)]
        if dead:
            urls += [f"http://127.0.0.1:{refused}/", silent, f"{base}/down"]
        made = [endpoint(number, url=url) for number, url in enumerate(urls)]
        for one in made:
            endpoints.add(one)
        calling_back = CallingBack(callbacks=FakeCallbacks(), endpoints=endpoints, clock=clock)
        fanning_out = FanningOut(
            endpoints=endpoints,
            queue=queue,
            calling_back=calling_back,
            clients=FakeClients(),
            counters=FakeCounters(),
        )
        for number in range(events):
            fanning_out.fan_out(suspended("default", NOON + timedelta(seconds=number)).body(), None, made)

        def invoke() -> None:
            delivering = Delivering(
                endpoints=endpoints,
                deliveries=deliveries,
                queue=queue,
                client=Client(silent, patience=patience, limit=limit),
                tokens=FakeAuthTokens(),
                topic=FakeTopic(),
                clock=clock,
                counters=FakeCounters(),
                chance=random.random,
            )
            while receiver.live() < events * LIVE and time.monotonic() < end:
                ends = time.monotonic() + 60
                if not (handed := queue.event()):
                    time.sleep(0.01)
                    continue
                stay = delivering.deliver(
                    handed,
                    time_left=lambda ends=ends: ends - time.monotonic(),  # type: ignore[misc]
                    failed=lambda exc: errors.append(repr(exc)),
                )
                queue.settle(handed, stay)

        began = time.monotonic()
        end = began + limit
        workers = [threading.Thread(target=invoke) for _ in range(INVOCATIONS)]
        for worker in workers:
            worker.start()
        while receiver.live() < events * LIVE and time.monotonic() < end:
            time.sleep(0.01)
        seconds = time.monotonic() - began
        for worker in workers:
            worker.join()
        failing = [one for one in endpoints.all() if one.health.failures]
        return Outcome(receiver.got, seconds, len(failing), errors)


def main() -> int:
    """Say the ratio; with CHECK=1 a missed goal fails."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    alone = run(events, dead=False, patience=15, limit=600)
    among = run(events, dead=True, patience=15, limit=600)
    again = run(events, dead=False, patience=15, limit=600)
    floor = (alone.seconds + again.seconds) / 2
    ratio = "with three dead endpoints, against without"
    figures = {
        ratio: among.seconds / floor,
        f"seconds for {events} events to {LIVE} endpoints": floor,
        "seconds with three dead ones beside them": among.seconds,
    }
    return finish(figures, {ratio: GOAL})


if __name__ == "__main__":
    sys.exit(main())
