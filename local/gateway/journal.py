"""What went over the wire: counters of every call, and the last exchanges in full."""

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from local.gateway.signing import Signing
from local.gateway.specification import MEANINGS, Call

KEPT_EXCHANGES = 200
"""Of each call: pulls that bring nothing would soon drive out every submit."""
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
        signing: how the key came about, where somebody looked.
        number: counts the exchanges, from 1.
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
    signing: Signing | None = None
    number: int = 0

    def as_json(self) -> dict[str, Any]:
        """Write it for the admin API."""
        code = self.answer["code"] if self.answer is not None else None
        return {
            **asdict(self),
            "time": self.time.isoformat(),
            "signing": self.signing.as_json() if self.signing else None,
            "meaning": MEANINGS.get(code) if code is not None else None,
        }

    def concerns(self, message_id: str) -> bool:
        """Tell whether the answer has a record of a message: its submit, and the pulls of its reports."""
        records = self.answer.get("data") if self.answer is not None else None
        return isinstance(records, list) and any(record.get("message_id") == message_id for record in records)


class Journal:
    """Counts every exchange and keeps the last ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self.clear()

    def clear(self) -> None:
        """Start over."""
        with self._lock:
            self._exchanges: dict[Call, deque[Exchange]] = {call: deque(maxlen=KEPT_EXCHANGES) for call in Call}
            self._requests: Counter[Call] = Counter()
            self._codes: dict[Call, Counter[int]] = {call: Counter() for call in Call}
            self._faults: dict[Call, Counter[str]] = {call: Counter() for call in Call}

    def add(self, exchange: Exchange) -> Exchange:
        """Count and keep an exchange. Returns it with its number."""
        with self._lock:
            self._number += 1
            exchange = replace(exchange, number=self._number)
            self._exchanges[exchange.call].append(exchange)
            self._requests[exchange.call] += 1
            if exchange.answer is not None:
                self._codes[exchange.call][exchange.answer["code"]] += 1
            if exchange.fault is not None:
                self._faults[exchange.call][exchange.fault] += 1
            return exchange

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
        """List the last exchanges of a call, or of every call, oldest first."""
        with self._lock:
            calls = Call if call is None else [call]
            return sorted((kept for one in calls for kept in self._exchanges[one]), key=lambda kept: kept.number)
