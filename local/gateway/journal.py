"""What went over the wire: counters of every call, and the last exchanges in full."""

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from local.gateway.specification import Call

KEPT_EXCHANGES = 200
SENT_CHARACTERS = 2_000


@dataclass(frozen=True)
class Exchange:
    """One request and what became of it.

    Attributes:
        fields: the parameters as decoded; the key as it was given.
        data: `data` of a submit in plain text, where it could be read.
        answer: the answer in plain text, also where a fault kept it from the client; None: it never took effect.
        status: the HTTP status; None: the connection was dropped.
        sent: the beginning of the body that was sent.
    """

    time: datetime
    call: Call
    method: str
    client_ip: str
    account: str | None
    fields: Mapping[str, str]
    data: str | None
    answer: Mapping[str, Any] | None
    fault: str | None
    status: int | None
    sent: str

    def as_json(self) -> dict[str, Any]:
        """Write it for the admin API."""
        return {**asdict(self), "time": self.time.isoformat()}


class Journal:
    """Counts every exchange and keeps the last ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Start over."""
        with self._lock:
            self._exchanges: deque[Exchange] = deque(maxlen=KEPT_EXCHANGES)
            self._requests: Counter[Call] = Counter()
            self._codes: dict[Call, Counter[int]] = {call: Counter() for call in Call}
            self._faults: dict[Call, Counter[str]] = {call: Counter() for call in Call}

    def add(self, exchange: Exchange) -> None:
        """Count and keep an exchange."""
        with self._lock:
            self._exchanges.append(exchange)
            self._requests[exchange.call] += 1
            if exchange.answer is not None:
                self._codes[exchange.call][exchange.answer["code"]] += 1
            if exchange.fault is not None:
                self._faults[exchange.call][exchange.fault] += 1

    def counters(self) -> dict[str, dict[str, Any]]:
        """Tell for each call the requests, the codes answered (also into the void), and the faults that struck."""
        with self._lock:
            return {
                call.value: {
                    "requests": self._requests[call],
                    "codes": {str(code): count for code, count in sorted(self._codes[call].items())},
                    "faults": dict(self._faults[call]),
                }
                for call in Call
            }

    def exchanges(self, call: Call | None = None) -> list[Exchange]:
        """List the last exchanges, oldest first."""
        with self._lock:
            return [exchange for exchange in self._exchanges if call in {None, exchange.call}]
