"""The simulated gateway in a process of its own, as everybody who is compared finds it; steered by its admin API."""

import contextlib
import functools
import json
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tests.bench.comparing.account import NAME, PASSWORD, PATIENCE
from tests.fakes.endpoints import elsewhere

_MANY: Final = 10**9
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Simulator:
    """A running one.

    Attributes:
        url: its address, without a slash at its end.
    """

    url: str

    def begin(self, *, latency: float = 0.0) -> None:
        """Forget everything; from now on a submit is answered so many seconds after it was taken."""
        self._ask("reset", {})
        if latency:
            self.order(kind="delay", seconds=latency, times=_MANY)

    def order(self, **fault: object) -> None:
        """Order a fault of a submit: see `local.gateway.faults.Fault`."""
        self._ask("faults", {"call": "send", **fault})

    def calm(self) -> None:
        """Cancel the faults on order."""
        self._ask("faults", None, method="DELETE")

    def reply(self, number: str, text: str) -> None:
        """Let a handset send a text."""
        self._ask("mo", {"src": number, "text": text})

    def calls(self) -> dict[str, int]:
        """How many requests came, by call."""
        return {call: said["requests"] for call, said in self._ask("counters").items()}

    def arrivals(self) -> dict[str, list[float]]:
        """When each submit was taken, by its reference; seconds of the wall clock, as many as there are copies."""
        found = defaultdict(list)
        for submit in self._ask("submits")["submits"]:
            found[submit["reference"]].append(datetime.fromisoformat(submit["time"]).timestamp())
        return dict(found)

    def wait(self, messages: int) -> dict[str, list[float]]:
        """Wait until so many different references have arrived.

        Raises:
            TimeoutError: they have not.
        """
        until(lambda: len(self.arrivals()) >= messages)
        return self.arrivals()

    def _ask(self, what: str, body: object = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/admin/{what}", data=data, method=method)  # noqa: S310 - ours
        with _direct.open(request, timeout=PATIENCE) as response:
            return json.load(response)


def until(happened: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Look until it has happened.

    Raises:
        TimeoutError: it has not, after so many seconds.
    """
    end = time.monotonic() + patience
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {patience:g} s")
        time.sleep(0.1)


@contextlib.contextmanager
def simulated(*, processor: int | None, report_delay: float = 0.5) -> Iterator[Simulator]:
    """Run one, on one processor where one is named; reports are due so many seconds after a submit."""
    with elsewhere(functools.partial(_serving, report_delay), processor=processor) as url:
        yield Simulator(url)


@contextlib.contextmanager
def _serving(report_delay: float) -> Iterator[str]:
    from local.gateway import Gateway, GatewayAccount, GatewaySettings  # noqa: PLC0415 - in that process alone

    account = GatewayAccount(name=NAME, password=PASSWORD, balance=_MANY)
    with Gateway([account], settings=GatewaySettings(report_delay=report_delay)) as gateway:
        yield gateway.url
