"""Reports on order: the next report of a number fails, or stays away, once."""

from datetime import timedelta

import pytest

from local.gateway.accounts import GatewayAccount, GatewaySettings
from local.gateway.board import Board
from local.gateway.checks import Submission
from local.gateway.orders import KEPT_ORDERS, ReportOrder, ReportOrders
from local.gateway.phones import CAPACITIES, MESSAGE, ORDER, Phones
from local.gateway.state import GatewayState
from tests.integration.gateway.conftest import MOMENT

NUMBER = "13812345678"
LATER = MOMENT + timedelta(seconds=10)


@pytest.fixture
def board() -> Board:
    return Board(CAPACITIES)


@pytest.fixture
def state(board: Board) -> GatewayState:
    return GatewayState([GatewayAccount()], GatewaySettings(report_delay=5), Phones(board))


def submit(state: GatewayState, number: str = NUMBER) -> None:
    submission = Submission(number, (number,), "您好", "", "", "", 1)
    state.submit("test", submission, method="POST", version=1, now=MOMENT)


def statuses(state: GatewayState) -> list[str]:
    return [record["report_status"] for record in state.take_reports("test", LATER)]


def test_the_next_report_fails_and_the_one_after_it_does_not(state: GatewayState) -> None:
    state.order_report(ReportOrder(NUMBER, "MK:0001"))
    submit(state)
    submit(state)
    assert statuses(state) == ["MK:0001", "DELIVRD"]
    assert state.ordered_reports() == []


def test_an_order_meets_a_report_that_is_on_its_way(state: GatewayState) -> None:
    submit(state)
    state.order_report(ReportOrder(NUMBER, "EXPIRED"))
    assert statuses(state) == ["EXPIRED"]


def test_an_order_is_for_its_number_only(state: GatewayState) -> None:
    state.order_report(ReportOrder("13800000000", "MK:0001"))
    submit(state)
    assert statuses(state) == ["DELIVRD"]
    assert state.ordered_reports() == [ReportOrder("13800000000", "MK:0001")]


def test_a_report_stays_away_and_the_message_has_no_final_status(state: GatewayState, board: Board) -> None:
    state.order_report(ReportOrder(NUMBER))
    submit(state)
    assert statuses(state) == []
    (message,) = board.values(MESSAGE)
    assert (message["status"], message["withheld"]) == (None, True)
    (day,) = state.statistics("test", MOMENT.date(), MOMENT.date(), LATER)
    assert day.record()["unknown"] == 1


def test_only_the_next_of_two_reports_stays_away(state: GatewayState) -> None:
    state.order_report(ReportOrder("19900002005"))
    submit(state, "19900002005")  # ACCEPTD, then DELIVRD
    assert statuses(state) == ["DELIVRD"]


def test_the_statistics_count_what_the_report_said(state: GatewayState) -> None:
    state.order_report(ReportOrder(NUMBER, "UNDELIV"))
    submit(state)
    assert state.make_reports_due(MOMENT) == 1
    (day,) = state.statistics("test", MOMENT.date(), MOMENT.date(), MOMENT)
    assert day.undeliv == 1


def test_a_cancelled_order_has_no_effect(state: GatewayState, board: Board) -> None:
    for number in (NUMBER, "13800000000"):
        state.order_report(ReportOrder(number, "MK:0001"))
    state.cancel_reports(NUMBER)
    assert board.get(ORDER, NUMBER)["pending"] is False
    assert state.ordered_reports() == [ReportOrder("13800000000", "MK:0001")]
    state.cancel_reports()
    submit(state)
    assert statuses(state) == ["DELIVRD"]


def test_a_later_order_replaces_an_earlier_one(state: GatewayState) -> None:
    state.order_report(ReportOrder(NUMBER, "MK:0001"))
    state.order_report(ReportOrder(NUMBER, "BLACK"))
    submit(state)
    assert statuses(state) == ["BLACK"]


def test_a_reset_forgets_orders(state: GatewayState) -> None:
    state.order_report(ReportOrder(NUMBER, "MK:0001"))
    state.reset()
    submit(state)
    assert statuses(state) == ["DELIVRD"]


@pytest.mark.parametrize("number", ["", "138 1234", "+8613812345678", "1" * 21, "１３８"])
def test_what_is_no_number(number: str) -> None:
    with pytest.raises(ValueError, match="a number has"):
        ReportOrder(number)


@pytest.mark.parametrize("status", ["", "MK 1", "失败", "x" * 33, "a\n"])
def test_what_is_no_status(status: str) -> None:
    with pytest.raises(ValueError, match="a status has"):
        ReportOrder(NUMBER, status)


def test_there_are_not_endless_orders() -> None:
    orders = ReportOrders()
    for ordinal in range(KEPT_ORDERS):
        orders.add(ReportOrder(str(ordinal)))
    orders.add(ReportOrder("0", "again"))
    with pytest.raises(ValueError, match="on order already"):
        orders.add(ReportOrder(str(KEPT_ORDERS)))
