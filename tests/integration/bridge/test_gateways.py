"""The gateway port over real HTTP, against the simulated gateway."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bridge.adapters.accounts_secret import AccountsSecret
from bridge.adapters.gateways import Gateways
from bridge.domain.pulls import Kind
from eums import NotSent, Refused, Submit, decode_reports
from local.gateway import CHINA, Call, Fault, FaultKind, Gateway, GatewaySettings
from tests.fakes.clock import FakeClock
from tests.fakes.counters import FakeCounters

SUBMIT = Submit(("13812345678",), "【京东】您的验证码是123456", "", "a-reference")


@dataclass
class Secret:
    """Secrets Manager, as far as the accounts look at it."""

    accounts: dict[str, Any] = field(default_factory=dict)
    reads: int = 0

    def get_secret_value(self, **_: object) -> dict[str, str]:
        self.reads += 1
        return {"SecretString": json.dumps(self.accounts)}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(settings=GatewaySettings(report_delay=0)) as gateway:
        yield gateway


@pytest.fixture
def secret(gateway: Gateway) -> Secret:
    base = {"base_url": gateway.url, "name": "test", "password": "123456"}
    return Secret({"default": base, "aes": {**base, "version": 17, "aes_key": "0123456789abcdef"}})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def counters() -> FakeCounters:
    return FakeCounters()


@pytest.fixture
def gateways(secret: Secret, clock: FakeClock, counters: FakeCounters) -> Iterator[Gateways]:
    accounts = AccountsSecret(secret, "accounts", monotonic=clock.monotonic)  # type: ignore[arg-type]
    made = Gateways(accounts, clock=lambda: datetime.now(UTC), monotonic=clock.monotonic, longest=22, counters=counters)
    yield made
    made.close()


@pytest.mark.parametrize("account", ["default", "aes"])
def test_every_call(gateways: Gateways, gateway: Gateway, account: str) -> None:
    [accepted] = gateways.submit(account, SUBMIT)
    assert accepted.dest_number == "13812345678"
    assert gateways.balance(account) == gateway.balance("test")
    reply = gateways.pull(account, Kind.REPORTS)
    assert not reply.cut
    today = datetime.now(CHINA).date()
    days = gateways.statistics(account, today.replace(day=1), today)
    assert sum(day.submit for day in days) == 1
    assert [submit.reference for submit in gateway.submits()] == ["a-reference"]


def test_days_without_traffic_are_an_empty_answer(gateways: Gateways) -> None:
    assert gateways.statistics("default", date(2021, 2, 1), date(2021, 2, 28)) == ()


def test_a_password_that_was_changed_is_read_again_and_the_call_signed_once_more(
    gateways: Gateways, gateway: Gateway, secret: Secret, clock: FakeClock
) -> None:
    gateways.balance("default")
    gateway.configure_account(password="changed")
    secret.accounts["default"]["password"] = "changed"
    clock.advance(60)

    gateways.submit("default", SUBMIT)

    assert secret.reads == 3  # at first; again; and what was before
    assert len(gateway.submits()) == 1


def test_a_password_that_stays_wrong_is_tried_once_where_there_is_no_other(
    gateways: Gateways, gateway: Gateway, clock: FakeClock
) -> None:
    gateway.configure_account(password="other")
    clock.advance(60)

    with pytest.raises(Refused) as caught:
        gateways.submit("default", SUBMIT)

    assert caught.value.code.number == 107
    assert gateway.counters()["send"]["requests"] == 1


def test_a_clock_that_was_wrong_is_read_again(
    secret: Secret, clock: FakeClock, counters: FakeCounters, gateway: Gateway
) -> None:
    accounts = AccountsSecret(secret, "accounts", monotonic=clock.monotonic)  # type: ignore[arg-type]
    times = iter([datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)])
    gateways = Gateways(accounts, clock=lambda: next(times), monotonic=clock.monotonic, longest=22, counters=counters)

    gateways.submit("default", SUBMIT)

    gateways.close()
    assert len(gateway.submits()) == 1
    assert secret.reads == 1


@pytest.mark.parametrize("number", [205, 401, 305, 999])
def test_other_refusals_are_not_tried_again(gateways: Gateways, gateway: Gateway, number: int) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - refused, or ambiguous for 999
        gateways.submit("default", Submit((f"19900000{number}",), "x"))

    assert gateway.counters()["send"]["requests"] == 1


def test_a_gateway_that_is_gone(gateways: Gateways, gateway: Gateway) -> None:
    gateways.balance("default")
    gateway.stop()

    with pytest.raises(NotSent):
        gateways.submit("default", SUBMIT)


def test_a_read_time_out_is_cut_down_to_what_the_function_has(
    gateways: Gateways, secret: Secret, clock: FakeClock
) -> None:
    secret.accounts["default"]["read_timeout"] = 120.0
    clock.advance(301)

    account = gateways._bounded(gateways._accounts.get("default"))

    assert account.connect_timeout + account.write_timeout + account.read_timeout <= 22


def test_a_page_that_was_cut_is_said_to_be(gateways: Gateways, gateway: Gateway, secret: Secret) -> None:
    for number in range(20):
        gateways.submit("default", Submit((f"138000000{number:02}",), "x"))
    gateway.make_reports_due()
    gateway.add_fault(Fault(call=Call.REPORT, kind=FaultKind.TRUNCATE, at=500))

    reply = gateways.pull("default", Kind.REPORTS)

    assert reply.cut
    assert len(reply.body) == 500
    assert len(decode_reports(reply.body, gateways._accounts.get("default")).records) in range(1, 20)
    assert secret.reads == 1
