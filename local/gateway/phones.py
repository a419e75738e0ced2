"""What the handsets have on their screens: every message to and from them, put on the board as it changes."""

from typing import Any

from local.gateway.board import Board
from local.gateway.journal import Exchange
from local.gateway.orders import ReportOrder
from local.gateway.records import Inbound, Message
from local.gateway.specification import MEANINGS, Call

MESSAGE, INBOUND, ORDER, EXCHANGE = "message", "inbound", "order", "exchange"
CAPACITIES = {MESSAGE: 2000, INBOUND: 2000, ORDER: 2000, EXCHANGE: 1000}
"""How many of each the page shows at most."""


class Phones:
    """Writes on a board what a page needs to know, and no more: exchanges are asked for one by one."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def message(self, message: Message) -> None:
        """Show a message to a handset (MT) as it now is."""
        value = {
            "message_id": message.message_id,
            "number": message.dest_number,
            "account": message.account,
            "source": message.source,
            "text": message.content,
            "sign": message.sign,
            "segments": message.charge_item,
            "time": message.time.isoformat(),
            "status": message.outcome,
            "withheld": message.withheld,
            "collected": message.collected,
        }
        self._board.put(MESSAGE, f"{message.message_id}:{message.dest_number}", value)

    def inbound(self, inbound: Inbound) -> None:
        """Show a message from a handset (MO) as it now is."""
        mo = inbound.mo
        value = {
            "number": mo.src,
            "account": inbound.account,
            "dest": mo.dest,
            "text": mo.content,
            "time": inbound.received.isoformat() if inbound.received else None,
            "collected": inbound.collected,
        }
        self._board.put(INBOUND, str(inbound.ordinal), value)

    def order(self, order: ReportOrder, *, pending: bool) -> None:
        """Show that a report is on order, or no longer."""
        self._board.put(ORDER, order.number, order.as_json() | {"pending": pending})

    def exchange(self, exchange: Exchange) -> None:
        """Show an exchange in the list of them."""
        self._board.put(EXCHANGE, str(exchange.number), _summary(exchange))

    def clear(self) -> None:
        """Forget everything."""
        self._board.clear()


def _summary(exchange: Exchange) -> dict[str, Any]:
    code = exchange.answer["code"] if exchange.answer is not None else None
    records = exchange.answer.get("data") if exchange.answer is not None else None
    return {
        "number": exchange.number,
        "time": exchange.time.isoformat(),
        "call": exchange.call.value,
        "method": exchange.method,
        "version": exchange.fields.get("ver"),
        "account": exchange.account,
        "code": code,
        "meaning": MEANINGS.get(code, "") if code is not None else "",
        "fault": exchange.fault,
        "status": exchange.status,
        "records": len(records) if isinstance(records, list) else 0,
        "empty": exchange.call in {Call.REPORT, Call.MO}
        and not records
        and exchange.fault is None
        and code in {0, 130},
    }
