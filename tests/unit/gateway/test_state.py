from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.gateway import CHINA, GatewayAccount, GatewaySettings
from local.gateway.checks import Submission
from local.gateway.magic import MAGIC
from local.gateway.specification import RefusedError
from local.gateway.state import GatewayState

# Time never decides a test.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOW = datetime(2021, 12, 31, 23, 59, 58, tzinfo=CHINA)


def submission(*numbers: str, charge_item: int = 1) -> Submission:
    return Submission(",".join(numbers), numbers, "好", "", "", "", charge_item)


def state(**settings: float) -> GatewayState:
    return GatewayState([GatewayAccount(balance=1000)], GatewaySettings(**settings))  # type: ignore[arg-type]  # floats only


def test_a_report_counts_on_the_day_of_its_submit() -> None:
    memory = state(report_delay=5)
    memory.submit("test", submission("13812345678"), method="POST", version=1, now=NOW)
    tomorrow = NOW + timedelta(seconds=5)
    (day,) = memory.statistics("test", date(2021, 12, 31), date(2022, 1, 1), tomorrow)
    assert (day.date, day.submit, day.delivrd) == (date(2021, 12, 31), 1, 1)


def test_a_refused_submit_leaves_nothing() -> None:
    memory = state()
    with pytest.raises(RefusedError) as refused:
        memory.submit("test", submission("13812345678", charge_item=1001), method="POST", version=1, now=NOW)
    assert refused.value.code == 205
    assert memory.balance("test") == 1000
    assert memory.submits() == []
    assert memory.make_reports_due(NOW) == 0


@relaxed
@given(st.lists(st.sampled_from([*sorted(MAGIC), "13812345678", "13812345679"]), unique=True), st.integers(0, 100))
def test_statistics_always_add_up(numbers: list[str], seconds: int) -> None:
    memory = state(report_delay=10, late_report_delay=50)
    if numbers:
        memory.submit("test", submission(*numbers), method="POST", version=1, now=NOW)
    for moment in (NOW, NOW + timedelta(seconds=seconds), NOW + timedelta(seconds=200)):
        for day in memory.statistics("test", NOW.date(), NOW.date(), moment):
            row = day.record()
            assert row["submit"] == len(numbers) == row["delivrd"] + row["undeliv"] + row["unknown"]
            assert min(row["delivrd"], row["undeliv"], row["unknown"]) >= 0


def test_records_keep_their_fields() -> None:
    memory = state(report_delay=0)
    memory.submit("test", submission("13812345678"), method="POST", version=1, now=NOW)
    (record,) = memory.take_reports("test", NOW)
    assert list(record) == ["message_id", "dest_number", "report_status", "report_time", "reference"]
    assert record["message_id"].startswith("01231235958")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"password": ""},
        {"versions": frozenset({2})},
        {"versions": frozenset[int]()},
        {"aes_key": b"short"},
        {"balance": -1},
        {"port_number": "10 69"},
        {"allowed_ips": ("here",)},
        {"blocked_words": ("",)},
    ],
)
def test_wrong_accounts(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        GatewayAccount(**wrong)  # type: ignore[arg-type]  # that is the point


def test_accounts_do_not_show_their_secrets() -> None:
    shown = repr(GatewayAccount(password="geheim", aes_key=b"sechzehn Zeichen"))
    assert "geheim" not in shown
    assert "sechzehn" not in shown
