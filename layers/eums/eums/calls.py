"""The five calls of the protocol."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Call"]


class Call(StrEnum):
    """A call of the gateway. Its value with `.do` behind it is the file name in the address."""

    SEND = "send"
    """下行协议: submit a text to one or more numbers."""
    REPORT = "report"
    """拉取状态报告: pull delivery reports. Each is handed out once."""
    MO = "mo"
    """拉取上行: pull inbound messages. Each is handed out once."""
    BALANCE = "balance"
    """查询余额: how many messages are left."""
    STATISTICS = "statistic_app"
    """查询账户下行统计: one row a day."""
