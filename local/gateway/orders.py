"""Reports on order: what the next report of a number says, once, or that it stays away."""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

KEPT_ORDERS = 1000

_NUMBER = re.compile(r"[0-9]{1,20}")
_STATUS = re.compile(r"[\x21-\x7e]{1,32}")


@dataclass(frozen=True)
class ReportOrder:
    """One report on order.

    Attributes:
        number: whose next report.
        status: what it says, such as `MK:0001`; None: it stays away.
    """

    number: str
    status: str | None = None

    def __post_init__(self) -> None:
        if not _NUMBER.fullmatch(self.number):
            raise ValueError("a number has 1 to 20 digits")
        if self.status is not None and not _STATUS.fullmatch(self.status):
            raise ValueError("a status has 1 to 32 printable ASCII characters and no space")

    def as_json(self) -> dict[str, Any]:
        """Write it for the admin API."""
        return {"number": self.number, "status": self.status}


class ReportOrders:
    """At most one order a number; a later one takes the place of an earlier one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, ReportOrder] = OrderedDict()

    def add(self, order: ReportOrder) -> None:
        """Set the order of its number.

        Raises:
            ValueError: there are too many already.
        """
        with self._lock:
            if order.number not in self._orders and len(self._orders) >= KEPT_ORDERS:
                raise ValueError(f"{KEPT_ORDERS} reports are on order already")
            self._orders[order.number] = order

    def take(self, number: str) -> ReportOrder | None:
        """Use up the order of a number."""
        with self._lock:
            return self._orders.pop(number, None)

    def pending(self) -> list[ReportOrder]:
        """List what is still on order."""
        with self._lock:
            return list(self._orders.values())

    def clear(self) -> None:
        """Forget all of it."""
        with self._lock:
            self._orders.clear()
