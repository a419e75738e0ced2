"""What the gateway keeps and hands out: submits, messages, reports, MO messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from local.gateway import clock, content
from local.gateway.magic import ReportReference


@dataclass(frozen=True)
class SubmittedMessage:
    """One number of a submit (下行协议, 响应)."""

    dest_number: str
    message_id: str
    charge_item: int

    def record(self) -> dict[str, Any]:
        """Write the record of the response."""
        return {"dest_number": self.dest_number, "message_id": self.message_id, "charge_item": self.charge_item}


@dataclass(frozen=True)
class Submit:
    """An accepted submit, for assertions. `messages` has every accepted number, listed in the response or not."""

    account: str
    dest: str
    content: str
    ext: str
    reference: str
    sign: str
    method: str
    version: int
    time: datetime
    messages: tuple[SubmittedMessage, ...]

    def as_json(self) -> dict[str, Any]:
        """Write it for the admin API."""
        return {
            "account": self.account,
            "dest": self.dest,
            "content": self.content,
            "ext": self.ext,
            "reference": self.reference,
            "sign": self.sign,
            "method": self.method,
            "version": self.version,
            "time": self.time.isoformat(),
            "messages": [message.record() for message in self.messages],
        }


@dataclass
class Message:
    """One message to one number, and how far it got.

    Attributes:
        source: the number that the handset sees: the account's, with the extension.
        outcome: its latest status that is due, or None.
        withheld: whether no report of it will come any more, though none came.
        collected: whether a pull was given its latest report.
    """

    account: str
    message_id: str
    dest_number: str
    source: str
    reference: str
    sign: str
    day: date
    content: str
    charge_item: int
    time: datetime
    outcome: str | None = None
    withheld: bool = False
    collected: bool = False


@dataclass(frozen=True)
class Report:
    """A status report on its way."""

    message: Message
    status: str
    reference: ReportReference

    def record(self, time: datetime) -> dict[str, Any]:
        """Write the record of the answer (拉取状态报告, 响应)."""
        record: dict[str, Any] = {
            "message_id": self.message.message_id,
            "dest_number": self.message.dest_number,
            "report_status": self.status,
            "report_time": clock.format_time(time),
        }
        match self.reference:
            case ReportReference.KEPT:
                record["reference"] = self.message.reference
            case ReportReference.NULL:
                record["reference"] = None
            case ReportReference.ABSENT:
                pass
        return record


@dataclass(frozen=True)
class Mo:
    """A message from a handset (拉取上行, 响应). `msg_fmt` None leaves out the binary form."""

    dest: str
    src: str
    content: str
    reference: str = ""
    sign: str = ""
    msg_fmt: int | None = 8

    def __post_init__(self) -> None:
        # What could not be written is refused now: in a page it would take the other records down with it.
        for text in (self.dest, self.src, self.content, self.reference, self.sign):
            text.encode()
        if self.msg_fmt is not None:
            content.binary_content(self.content, self.msg_fmt)

    def record(self, time: datetime) -> dict[str, Any]:
        """Write the record of the answer."""
        record: dict[str, Any] = {
            "dest": self.dest,
            "src": self.src,
            "content": self.content,
            "receive_time": clock.format_time(time),
        }
        if self.msg_fmt is not None:
            record["binary_content"] = content.binary_content(self.content, self.msg_fmt)
            record["msg_fmt"] = self.msg_fmt
        return record | {"reference": self.reference, "sign": self.sign}


@dataclass(eq=False)
class Inbound:
    """An MO message on its way to a pull. `ordinal` is its identity: the protocol gives it none."""

    ordinal: int
    account: str
    mo: Mo
    received: datetime | None = None
    collected: bool = False


@dataclass(frozen=True)
class Day:
    """One day of the statistics (查询账户下行统计, 响应). What has no final status yet is unknown."""

    date: date
    submit: int
    delivrd: int
    undeliv: int

    def record(self) -> Mapping[str, Any]:
        """Write the record of the answer."""
        return {
            "date": clock.format_day(self.date),
            "submit": self.submit,
            "delivrd": self.delivrd,
            "undeliv": self.undeliv,
            "unknown": self.submit - self.delivrd - self.undeliv,
        }
