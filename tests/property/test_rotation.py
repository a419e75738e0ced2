"""A password and an AES key are changed, at the gateway and in the secret, at any moments.

No send fails, and none is submitted twice; what a pull brings can be read, then and later.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import parse_qs

import httpx
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, note, settings
from hypothesis import strategies as st

from bridge.adapters.accounts_secret import AccountsSecret
from bridge.adapters.gateways import Gateways
from bridge.domain.pulls import Kind
from eums import Account, Malformed, Refused, Submit, decode_reports, decrypt_hex, encrypt_hex, sign
from local.cli.secret import rotated
from tests.fakes.clock import FakeClock
from tests.fakes.counters import FakeCounters

NOW: Final = datetime(2026, 11, 23, 4, tzinfo=UTC)
RECORD: Final = {"message_id": "1", "dest_number": "13812345678", "report_status": "DELIVRD", "report_time": ""}
PASSWORDS: Final = ("old password", "new password")
KEYS: Final = ("0123456789abcdef", "fedcba9876543210")
MOST_CALLS: Final = 5  # two passwords with two keys, and the first of them once more
IMPATIENT: Final = 60.0


@dataclass
class Gateway:
    """Takes a submit that is signed and encrypted as it wants it; `when` it changes is counted in requests to come."""

    password: str = PASSWORDS[0]
    key: str = KEYS[0]
    plain_refusals: bool = False
    changes: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    records: bool = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        for change in [change for change in self.changes if change[0] < self.requests]:
            self.changes.remove(change)
            change[1]()
        asked = {name: value for name, [value] in parse_qs(request.content.decode()).items()}
        said = self._said(request.url.path.rpartition("/")[2], asked)
        text = json.dumps(said)
        if asked["ver"] == "17" and not (self.plain_refusals and said["code"]):
            text = encrypt_hex(text, self.key.encode())
        return httpx.Response(200, text=text)

    def _said(self, call: str, asked: dict[str, str]) -> dict[str, Any]:
        digest = Account(base_url="http://x", name="n", password=self.password).password_digest
        if asked["key"] != sign(digest, asked["seed"], asked.get("data", "")):
            return {"code": 107}
        if call == "send.do":
            try:
                data = decrypt_hex(asked["data"], self.key.encode()) if asked["ver"] == "17" else asked["data"]
                submit = json.loads(data)
            except (ValueError, Malformed):
                return {"code": 126}
            self.taken[submit["reference"]] += 1
            return {"code": 0, "data": [{"dest_number": submit["dest"], "message_id": "1", "charge_item": 1}]}
        if call == "balance.do":
            return {"code": 0, "balance_item": 100}
        return {"code": 0, "data": [RECORD] * 20 if self.records else []}


@dataclass
class Secrets:
    """Secrets Manager: two versions."""

    versions: list[dict[str, Any]]

    class exceptions:  # noqa: N801 - boto3's
        ResourceNotFoundException = ClientError

    def get_secret_value(self, *, VersionStage: str = "AWSCURRENT", **_: Any) -> dict[str, str]:  # noqa: N803 - boto3's
        number = len(self.versions) - (1 if VersionStage == "AWSCURRENT" else 2)
        if number < 0:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        return {"SecretString": json.dumps(self.versions[number]), "VersionId": str(number)}


@dataclass
class World:
    """One account, its gateway, its secret and a process of the bridge, which may be a new one."""

    version: int
    by_hand: bool
    gateway: Gateway
    clock: FakeClock = field(default_factory=FakeClock)
    counters: FakeCounters = field(default_factory=FakeCounters)
    sent: int = 0
    pages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        account = {"base_url": "http://gateway", "name": "n", "password": PASSWORDS[0], "version": self.version}
        self.secrets = Secrets([{"default": account | ({"aes_key": KEYS[0]} if self.version == 17 else {})}])
        self.begin()

    def begin(self) -> None:
        """A new process, which knows nothing."""
        self.accounts = AccountsSecret(self.secrets, "accounts", monotonic=self.clock.monotonic)  # type: ignore[arg-type]
        self.gateways = Gateways(
            self.accounts,
            clock=lambda: NOW,
            monotonic=self.clock.monotonic,
            longest=22,
            counters=self.counters,
        )

    def put(self, **changed: str) -> None:
        """The account is changed in the secret: by the command line, or by hand."""
        before = self.secrets.versions[-1]
        after = before["default"] | changed
        self.secrets.versions.append(
            {**before, "default": after if self.by_hand else rotated(before["default"], after)}
        )

    def edit_another(self) -> None:
        """Somebody changes another account, which moves the label of the version of before."""
        if not self.by_hand:
            self.secrets.versions.append(self.secrets.versions[-1] | {"other": {"edit": len(self.secrets.versions)}})

    def send(self) -> None:
        self.sent += 1
        before = self.gateway.requests
        self.gateways.submit("default", Submit(("13812345678",), "x", "", str(self.sent)))
        assert self.gateway.requests - before <= MOST_CALLS
        assert self.gateway.taken[str(self.sent)] == 1

    def ask(self) -> None:
        assert self.gateways.balance("default") == 100

    def pull(self) -> None:
        """Pull as the service does, until it is answered; what it is answered with is kept."""
        for _ in range(4):
            reply = self.gateways.pull("default", Kind.REPORTS)
            try:
                decode_reports(reply.body, self.accounts.get("default"))
            except Refused:
                self.accounts.refresh()
            except Exception:  # noqa: BLE001 - kept unread
                self.accounts.refresh()
                self.pages.append(reply.body.decode())
            else:
                self.pages.append(reply.body.decode())
                return
        raise AssertionError("four pulls in a row brought nothing")

    def read_again(self) -> None:
        """What was kept, by a process that knows what is in the secret now."""
        self.accounts.refresh()
        for page in self.pages:
            with suppress(Refused):  # kept unread, it says so when it is read
                decode_reports(page.encode(), self.accounts.get("default"))


ACTS: Final[dict[str, Callable[[World], None]]] = {
    "send": World.send,
    "ask": World.ask,
    "pull": World.pull,
    "wait": lambda world: world.clock.advance(301),
    "a moment": lambda world: world.clock.advance(1),
    "a new process": World.begin,
    "another edit": World.edit_another,
}
acts = st.lists(st.sampled_from(sorted(ACTS)), max_size=6)


@pytest.fixture(autouse=True, scope="module")
def _no_sockets() -> Iterator[None]:
    """Every client of the gateway reaches the one that the test has just made."""
    with patch("eums.client._transport", lambda _: httpx.MockTransport(GATEWAY[0].answer)):
        yield


GATEWAY: list[Gateway] = []


def world(*, version: int, by_hand: bool, plain_refusals: bool = False) -> World:
    GATEWAY[:] = [Gateway(plain_refusals=plain_refusals)]
    return World(version, by_hand, GATEWAY[0])


def go(world: World, names: list[str]) -> None:
    for name in names:
        note(name)
        ACTS[name](world)


@given(
    version=st.sampled_from([1, 17]),
    by_hand=st.booleans(),
    plain=st.booleans(),
    what=st.sampled_from([("password",), ("aes_key",), ("password", "aes_key")]),
    before=acts,
    between=acts,
    after=acts,
    delays=st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
@settings(max_examples=150)
def test_the_secret_first_and_the_gateway_at_any_moment_after(
    *,
    version: int,
    by_hand: bool,
    plain: bool,
    what: tuple[str, ...],
    before: list[str],
    between: list[str],
    after: list[str],
    delays: tuple[int, int],
) -> None:
    there = world(version=version, by_hand=by_hand, plain_refusals=plain)
    gateway = there.gateway
    go(there, before)
    there.put(**{"password": PASSWORDS[1]} if "password" in what else {}, **_key(what, version))
    if "password" in what:
        gateway.changes.append((gateway.requests + delays[0], lambda: setattr(gateway, "password", PASSWORDS[1])))
    if "aes_key" in what:
        gateway.changes.append((gateway.requests + delays[1], lambda: setattr(gateway, "key", KEYS[1])))
    go(there, [*between, "send", *after])

    there.send()
    there.read_again()
    requests = gateway.requests
    if not gateway.changes:
        there.send()
        there.send()
        assert gateway.requests == requests + 2, "each costs one call, as soon as the first has found out"
    assert set(gateway.taken.values()) == {1}


@given(version=st.sampled_from([1, 17]), by_hand=st.booleans(), plain=st.booleans(), before=acts, after=acts)
@settings(max_examples=80)
def test_the_gateway_first_while_the_old_is_cached(
    *, version: int, by_hand: bool, plain: bool, before: list[str], after: list[str]
) -> None:
    there = world(version=version, by_hand=by_hand, plain_refusals=plain)
    there.gateway.records = True
    go(there, [*before, "pull"])
    there.gateway.password, there.gateway.key = PASSWORDS[1], KEYS[1]
    there.put(password=PASSWORDS[1], **_key(("aes_key",), version))
    go(there, ["pull", "send", *after])

    there.read_again()
    assert set(there.gateway.taken.values()) == {1}


def test_what_stays_wrong_is_tried_with_all_there_is_now_and_then_and_once_otherwise() -> None:
    there = world(version=1, by_hand=False)
    there.put(password=PASSWORDS[1])
    there.gateway.password = "another"

    requests = []
    for _ in range(3):
        before = there.gateway.requests
        with pytest.raises(Refused):
            there.send()
        requests.append(there.gateway.requests - before)
    there.clock.advance(IMPATIENT)
    there.gateway.password = PASSWORDS[0]
    there.send()

    assert requests == [3, 1, 1]
    assert there.counters.counted["PreviousSecretUsed"] == 1


def test_a_gateway_that_still_has_the_old_is_counted_until_it_has_the_new() -> None:
    there = world(version=17, by_hand=False)
    there.put(aes_key=KEYS[1])
    there.send()
    there.pull()
    assert there.counters.counted["PreviousSecretUsed"] == 2
    there.gateway.key = KEYS[1]
    there.send()
    there.pull()
    assert there.counters.counted["PreviousSecretUsed"] == 2


@pytest.mark.parametrize("content", ["no JSON", "{}", None])
def test_a_secret_that_cannot_be_read_again_leaves_the_refusal_as_the_answer(content: str | None) -> None:
    there = world(version=1, by_hand=False)
    there.ask()
    there.gateway.password = "another"
    there.secrets.get_secret_value = _raising(content)  # type: ignore[method-assign]

    with pytest.raises(Refused):
        there.send()


def _raising(content: str | None) -> Callable[..., dict[str, str]]:
    def get_secret_value(**_: Any) -> dict[str, str]:
        if content is None:
            raise ClientError({"Error": {"Code": "InternalServiceError"}}, "GetSecretValue")
        return {"SecretString": content}

    return get_secret_value


def _key(what: tuple[str, ...], version: int) -> dict[str, str]:
    return {"aes_key": KEYS[1]} if "aes_key" in what and version == 17 else {}
