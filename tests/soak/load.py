"""The load: applications that send in every way there is, at a steady rate, from a seed; and handsets that write."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import httpx

from local.gateway import Gateway
from tests.soak.ledger import Answer, Request, Said, read_answer, text_of

ACCOUNTS: Final = ("default", "encrypted")
"""By the bridge's names; at the gateway they are `test` and `encrypted`."""
GATEWAY_ACCOUNTS: Final = {"default": "test", "encrypted": "encrypted"}
HANDS: Final = 6
"""Requests at a time: one waits as long as the gateway hangs."""

_TRIES: Final = 6
_FAR: Final = timedelta(minutes=40)  # behind the end: it is always cancelled
_MAGIC: Final = (
    *(f"1990000{number}" for number in range(1000, 1020)),
    *(f"1990000200{number}" for number in range(10)),
    *(f"1990000300{number}" for number in range(4)),
    "19900004002",
)
_REFUSED: Final = ("19900000205", "19900000301", "19900000108", "19900000999", "19900000131")
_MO: Final = (
    ("好的，收到{}", 8),
    ("OK {}", 0),
    ("收到{}", 15),
    ("{}号没有编码", None),
    ("🙂{}", 8),
    ("退订吗？{}", 15),
)


@dataclass(frozen=True)
class Wanted:
    """A request to make, whatever it takes: its JSON, its headers, and what else is done with it."""

    requests: tuple[Request, ...]
    path: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    repeats: int = 0
    cancels: bool = False


class Orders:
    """An endless mix of requests, the same for a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"load {seed}")
        self._seed = seed
        self._markers = itertools.count(1)
        kinds: dict[Callable[[], Wanted], int] = {
            self._one: 8,
            self._keyed: 6,
            self._several: 3,
            self._refused: 2,
            self._queued: 4,
            self._soon: 2,
            self._cancelled: 2,
            self._far: 1,
            self._batch: 1,
            self._resent: 1,
        }
        self._kinds, self._weights = list(kinds), list(kinds.values())

    def __iter__(self) -> Iterator[Wanted]:
        while True:
            (kind,) = self._random.choices(self._kinds, self._weights)
            yield kind()

    def _one(self) -> Wanted:
        return self._wanted("one", self._numbers(1))

    def _keyed(self) -> Wanted:
        return self._wanted("keyed", self._numbers(1), keyed=True, repeats=self._random.choice((0, 1, 2)))

    def _several(self) -> Wanted:
        return self._wanted("several", self._numbers(self._random.randint(2, 12)), keyed=self._random.random() < 0.5)

    def _refused(self) -> Wanted:
        return self._wanted("refused", (self._random.choice(_REFUSED),), keyed=self._random.random() < 0.5)

    def _queued(self) -> Wanted:
        keyed = self._random.random() < 0.5
        return self._wanted("queued", self._numbers(self._random.randint(1, 3)), keyed=keyed, queued=True)

    def _soon(self) -> Wanted:
        return self._wanted("soon", self._numbers(1), keyed=True, after=timedelta(seconds=self._random.randint(2, 15)))

    def _cancelled(self) -> Wanted:
        # Too late or not, by a hair.
        after = timedelta(seconds=self._random.choice((1, 5, 30)))
        return self._wanted("cancelled", self._numbers(1), keyed=True, after=after, cancels=True)

    def _far(self) -> Wanted:
        return self._wanted("far", self._numbers(1), keyed=True, after=_FAR, cancels=True)

    def _resent(self) -> Wanted:
        return self._wanted("resent", self._numbers(1), keyed=True, resends=True)

    def _batch(self) -> Wanted:
        account = self._random.choice(ACCOUNTS)
        entries: list[dict[str, str]] = []
        requests = []
        for _ in range(self._random.randint(2, 6)):
            marker, numbers = next(self._markers), self._numbers(self._random.choice((1, 1, 3)))
            requests.append(Request(marker, "batch", account, _e164(numbers), key=self._key(marker), queued=True))
            entries += [{"to": number, "text": text_of(marker)} for number in numbers]
        body = {"account": account, "category": "transactional", "messages": entries}
        return Wanted(tuple(requests), "batches", body, {"Idempotency-Key": str(requests[0].key)})

    def _wanted(
        self,
        kind: str,
        numbers: tuple[str, ...],
        *,
        keyed: bool = False,
        repeats: int = 0,
        queued: bool = False,
        after: timedelta | None = None,
        cancels: bool = False,
        resends: bool = False,
    ) -> Wanted:
        marker, account = next(self._markers), self._random.choice(ACCOUNTS)
        key = self._key(marker) if keyed else None
        body: dict[str, Any] = {"to": list(numbers), "text": text_of(marker, self._more()), "account": account}
        if after is not None:
            body["send_at"] = (datetime.now(UTC) + after).isoformat()
        if resends:
            body["on_ambiguous"] = "resend"
        headers = ({"Idempotency-Key": key} if key else {}) | ({"Prefer": "respond-async"} if queued else {})
        request = Request(
            marker, kind, account, _e164(numbers), key=key, resends=resends, queued=queued or after is not None
        )
        return Wanted((request,), "messages", body, headers, repeats, cancels)

    def _key(self, marker: int) -> str:
        return f"soak-{self._seed}-{marker}"

    def _more(self) -> str:
        return self._random.choice(("", "，您的验证码是123456", "🙂", "，" + "很长的一段话" * 15))

    def _numbers(self, count: int) -> tuple[str, ...]:
        """Most of them ordinary; none twice."""
        found: dict[str, None] = {}
        while len(found) < count:
            ordinary = f"13{self._random.randrange(10**9):09}"
            found[ordinary if self._random.random() < 0.6 else self._random.choice(_MAGIC)] = None
        return tuple(found)


def _e164(numbers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"+86{number}" for number in numbers)


class Load:
    """Carries the orders out, some at a time, and keeps the ledger."""

    def __init__(self, client: httpx.Client, gateway: Gateway, *, seed: int, rate: float) -> None:
        self._client, self._gateway, self._rate = client, gateway, rate
        self._orders = iter(Orders(seed))
        self._random = Random(f"handsets {seed}")
        self._written = 0
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="load")
        self._busy = threading.Semaphore(HANDS)
        self._running: list[Future[None]] = []
        self._open: list[Wanted] = []
        self._closing = threading.Event()
        self.requests: list[Request] = []
        self.answers: Counter[str] = Counter()
        self.different: list[str] = []
        """Requests whose repeat was answered otherwise than they were."""

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Hand in at the rate as long as it goes on, which is asked often; where all hands are full it is less."""
        due = time.monotonic()
        while goes_on():
            if self._busy.acquire(timeout=0.5):
                wanted = next(self._orders)
                self.requests += wanted.requests
                self._running.append(self._hands.submit(self._carry_out, wanted))
                if self._random.random() < 0.3:
                    self._write()
            due = max(due + 1 / self._rate, time.monotonic() - 1)
            while (wait := due - time.monotonic()) > 0 and goes_on():
                time.sleep(min(0.25, wait))

    def finish(self) -> None:
        """Wait until every request has its answer, then ask once more for those that never got a definite one."""
        for future in self._running:
            future.result()
        self._running.clear()
        again, self._open = self._open, []
        for wanted in again:
            self._carry_out_now(wanted)

    def close(self) -> None:
        """Let go of everything, also in the middle."""
        self._closing.set()
        self._hands.shutdown(wait=True, cancel_futures=True)

    def _write(self) -> None:
        """A handset writes by itself."""
        self._written += 1
        text, msg_fmt = self._random.choice(_MO)
        account = GATEWAY_ACCOUNTS[self._random.choice(ACCOUNTS)]
        src = f"13{self._random.randrange(10**9):09}"
        self._gateway.inject_mo(account=account, src=src, text=text.format(self._written), msg_fmt=msg_fmt)

    def _carry_out(self, wanted: Wanted) -> None:
        try:
            self._carry_out_now(wanted)
        finally:
            self._busy.release()

    def _carry_out_now(self, wanted: Wanted) -> None:
        answer = self._until_definite(wanted)
        if answer.said is not Said.MESSAGE:
            return
        for _ in range(wanted.repeats):
            again = self._ask(wanted)
            if again.said is Said.MESSAGE and again.body != answer.body:
                self.different += again.ids
        if wanted.cancels:
            self._cancel(wanted, answer.ids[0])

    def _until_definite(self, wanted: Wanted) -> Answer:
        """As a careful application: again with the same key where it heard nothing; without a key never."""
        answer = self._ask(wanted)
        for _ in range(_TRIES):
            if wanted.requests[0].key is None or answer.said in {Said.MESSAGE, Said.NOTHING}:
                return answer
            if self._closing.wait(2.0):
                break
            answer = self._ask(wanted)
        if answer.said not in {Said.MESSAGE, Said.NOTHING}:
            self._open.append(wanted)
        return answer

    def _ask(self, wanted: Wanted) -> Answer:
        try:
            response = self._client.post(wanted.path, json=wanted.body, headers=wanted.headers)
        except httpx.TransportError:
            response = None
        answer = read_answer(response)
        for request in wanted.requests:
            request.answers.append(answer)
        self.answers[answer.why] += 1
        return answer

    def _cancel(self, wanted: Wanted, message_id: str) -> None:
        for _ in range(_TRIES):
            try:
                response = self._client.post(f"messages/{message_id}/cancel")
            except httpx.TransportError:
                continue
            if response.status_code == httpx.codes.OK:
                wanted.requests[0].cancelled = True
            if response.status_code in {httpx.codes.OK, httpx.codes.CONFLICT}:
                return
            if self._closing.wait(1.0):
                return
        self._open.append(wanted)
