"""What goes to the gateway and what comes back. Times are aware, in the account's zone."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["Accepted", "DayStatistics", "Inbound", "Page", "Quarantined", "Reply", "Report", "Submit"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Submit:
    """A text for one or more numbers (下行协议, `data`).

    Attributes:
        dest: mainland mobile numbers of 11 digits, without a country code.
        content: the text, with its signature; at most 500 characters.
        ext: the extension code, digits; empty for none.
        reference: comes back in reports and replies; at most 50 characters, without `,` and `;`; empty for none.
    """

    dest: tuple[str, ...]
    content: str
    ext: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A number that the gateway took (下行协议, the response's `data`).

    Attributes:
        dest_number: the number.
        message_id: the gateway's id, up to 20 decimal digits; it may begin with 0. Several numbers may share one.
        charge_item: how many messages are charged, or None where the gateway does not say.
    """

    dest_number: str
    message_id: str
    charge_item: int | None


class Report(NamedTuple):
    """A delivery report (拉取状态报告). (`message_id`, `dest_number`) is what it is about.

    A tuple, as these come by the thousand: it is made in a third of the time that a frozen dataclass takes.

    Attributes:
        ordinal: its place in the page's `data`, from 0, good and bad records counted alike.
        message_id: the id that the submit returned.
        dest_number: the number.
        report_status: as received; `classify` says what it means.
        report_time: when, or None where the text is no time.
        report_time_raw: the time as received.
        reference: the submit's; empty for none.
    """

    ordinal: int
    message_id: str
    dest_number: str
    report_status: str
    report_time: dt.datetime | None
    report_time_raw: str
    reference: str


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message from a handset (拉取上行). It has no identity of its own.

    Attributes:
        ordinal: its place in the page's `data`, from 0, good and bad records counted alike.
        dest: the number that it was sent to: port and extension.
        src: the handset.
        content: the text as the gateway reads it.
        receive_time: when, or None where the text is no time.
        receive_time_raw: the time as received.
        binary_content: the bytes of the message in BASE64, as received; empty for none.
        msg_fmt: how those bytes are coded: 8 is UTF-16BE, 15 is GB18030; None where the gateway does not say.
        reference: the reference of the submit that it answers; empty for none.
        sign: the signature of that submit; empty for none.
    """

    ordinal: int
    dest: str
    src: str
    content: str
    receive_time: dt.datetime | None
    receive_time_raw: str
    binary_content: str
    msg_fmt: int | None
    reference: str
    sign: str

    @property
    def text(self) -> str:
        """The content, or, where that is empty, what `binary_content` says. Never raises."""
        return self.content or _text_of(self.binary_content, self.msg_fmt)


_UCS2 = 8  # from the specification's own example: WX12hA== is 好的
_CODECS = {0: "ascii", 1: "ascii", 3: "latin-1", _UCS2: "utf-16-be", 15: "gb18030"}


def _text_of(binary: str, msg_fmt: int | None) -> str:
    digits = "".join(binary.split()).rstrip("=")
    try:
        octets = base64.b64decode(digits + "=" * (-len(digits) % 4))
    except (binascii.Error, ValueError):
        return ""
    if msg_fmt in _CODECS:
        return octets.decode(_CODECS[msg_fmt], "replace")
    # 拉取上行 gives no default. UTF-8 is the interface's own coding and hardly ever fits by accident.
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("gb18030", "replace")


@dataclass(frozen=True, slots=True)
class DayStatistics:
    """One day of an account (查询账户下行统计), counted in messages.

    Attributes:
        date: the day of the submits.
        submit: submitted in all.
        delivrd: delivered.
        undeliv: failed.
        unknown: without a report.
    """

    date: dt.date
    submit: int
    delivrd: int
    undeliv: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Part of a page that could not be read, kept as it was.

    Attributes:
        ordinal: the record's place in the page's `data`; None for what is no record of it.
        raw: its text.
        reason: what is wrong with it, quoting nothing.
    """

    ordinal: int | None
    raw: str = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What a pull returned. Nothing of the answer is missing from `records` and `quarantined` together.

    Attributes:
        code: 0, or 130 for an empty result.
        records: what could be read, in order.
        quarantined: what could not.
        cut: whether the answer ends before its end, so that records may be missing.
    """

    code: int
    records: tuple[T, ...]
    quarantined: tuple[Quarantined, ...] = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP response to a pull, byte for byte, for whoever keeps it before reading it.

    Attributes:
        status: the HTTP status.
        headers: names in lower case, in order.
        body: as it came, still compressed if the gateway compressed it although it was asked not to.
        cut: whether the connection broke, or went silent, before the body's end; or the body passed the limit.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    cut: bool = False
