"""Answers: deciphered and read.

A query can be asked again, so its answer is read strictly. A submit cannot be undone, so an answer that does not
read is ambiguous. A pull cannot be repeated, so of its answer everything is kept: in records, or apart.

Whatever the bytes are, each function returns, or raises one of the errors that it names.
"""

from __future__ import annotations

import datetime as dt
import re
from itertools import count, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from eums.bodies import text_of
from eums.calls import Call
from eums.codes import code_of
from eums.errors import Ambiguous, Malformed, Refused
from eums.pages import UNREADABLE, Walk, parse, parse_mended, walk
from eums.records import Accepted, DayStatistics, Inbound, Page, Quarantined, Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from eums.account import Account

__all__ = ["decode_balance", "decode_inbound", "decode_reports", "decode_statistics", "decode_submit"]

T = TypeVar("T")

_EMPTY = 130
_TOO_OFTEN = 131
_TOO_OFTEN_OF_SIBLINGS = 500  # 查询间隔太短, in older members of this gateway's family

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(?:\.0{1,9})?", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?", re.ASCII)
_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})", re.ASCII)


# What Report._make does beside counting.
_report_of: Callable[[type[Report], tuple[object, ...]], Report] = tuple.__new__
_REPORT_FIELDS = itemgetter("message_id", "dest_number", "report_status", "report_time", "reference")

_IDENTITY = ("message_id", "dest_number", "report_status")


class _Unreadable(Exception):
    """A record lacks what makes it one."""


def decode_submit(body: bytes, account: Account) -> tuple[Accepted, ...]:
    """Read the answer to a submit (下行协议, 响应).

    Raises:
        Refused: the gateway took nothing.
        Ambiguous: code 999.
        Malformed: no code can be read, or one of the accepted numbers cannot.
    """
    document = _document(body, account, Call.SEND)
    _raise_for(_whole(document.get("code")), Call.SEND, body)
    data = document.get("data") or []
    if not isinstance(data, list):
        raise Malformed("the data of the answer to a submit is no array", body)
    try:
        return tuple(_accepted(record) for record in data)
    except _Unreadable as exc:
        raise Malformed(f"an accepted number cannot be read: {exc}", body) from exc


def decode_reports(body: bytes, account: Account) -> Page[Report]:
    """Read the answer to a pull of delivery reports (拉取状态报告, 响应).

    Raises:
        Refused: with any code but 0 and 130.
        Malformed: neither a code nor a record can be read.
    """
    times = _Times(account.tzinfo)

    def read(ordinal: int, record: dict[str, object]) -> Report:
        message_id, dest_number, report_status = (_text_in(record, name).strip() for name in _IDENTITY)
        if not (message_id and dest_number and report_status):
            raise _Unreadable(next(f"{name} is missing" for name in _IDENTITY if not _text_in(record, name).strip()))
        raw = _text_in(record, "report_time")
        return Report(
            ordinal,
            message_id,
            dest_number,
            _text_in(record, "report_status"),
            times[raw],
            raw,
            _text_in(record, "reference"),
        )

    return _page(body, account, Call.REPORT, read, lambda data: _ordinary_reports(data, times))


def _ordinary_reports(data: list[Any], times: _Times) -> tuple[Report, ...] | None:
    """The records of a page where each has all its fields and each of these is a text, as `read` gives them one by one.

    A whole column at a time, in half the time; None where the page is not like that.
    """
    try:
        message_ids, dest_numbers, statuses, raw_times, references = zip(*map(_REPORT_FIELDS, data), strict=True)
        for column in (message_ids, dest_numbers, statuses, raw_times, references):
            "".join(column)  # refuses what is no text
    except (KeyError, TypeError, ValueError):
        return None
    message_ids, dest_numbers = tuple(map(str.strip, message_ids)), tuple(map(str.strip, dest_numbers))
    if not (all(message_ids) and all(dest_numbers) and all(map(str.strip, set(statuses)))):
        return None
    report_times = map(times.__getitem__, raw_times)
    rows = zip(count(), message_ids, dest_numbers, statuses, report_times, raw_times, references, strict=False)
    return tuple(map(_report_of, repeat(Report), rows))


def decode_inbound(body: bytes, account: Account) -> Page[Inbound]:
    """Read the answer to a pull of inbound messages (拉取上行, 响应).

    Raises:
        Refused: with any code but 0 and 130.
        Malformed: neither a code nor a record can be read.
    """
    times = _Times(account.tzinfo)

    def read(ordinal: int, record: dict[str, object]) -> Inbound:
        content = record.get("content")
        binary = _text_in(record, "binary_content")
        if type(content) is not str:
            if not binary:
                raise _Unreadable("content is missing")
            content = ""
        raw = _text_in(record, "receive_time")
        return Inbound(
            ordinal,
            _required(record, "dest").strip(),
            _required(record, "src").strip(),
            content,
            times[raw],
            raw,
            binary,
            _whole(record.get("msg_fmt")),
            _text_in(record, "reference"),
            _text_in(record, "sign"),
        )

    return _page(body, account, Call.MO, read)


def decode_balance(body: bytes, account: Account) -> int:
    """Read the answer to a query of the balance (查询余额, 响应), in messages.

    Raises:
        Refused: with any code but 0.
        Malformed: the code or the balance cannot be read.
    """
    document = _query(body, account, Call.BALANCE)
    balance = _whole(document.get("balance_item"))
    if balance is None:
        raise Malformed("the balance is missing", body)
    return balance


def decode_statistics(body: bytes, account: Account) -> tuple[DayStatistics, ...]:
    """Read the answer to a query of statistics (查询账户下行统计, 响应), in the gateway's order.

    Raises:
        Refused: with any code but 0 and 130.
        Malformed: the code or a row cannot be read.
    """
    document = _query(body, account, Call.STATISTICS)
    data = document.get("data") or []
    if not isinstance(data, list):
        raise Malformed("the data of statistics is no array", body)
    try:
        return tuple(_day(record) for record in data)
    except _Unreadable as exc:
        raise Malformed(f"a day of statistics cannot be read: {exc}", body) from exc


# Pages ------------------------------------------------------------------------------------------------------


def _page(
    body: bytes,
    account: Account,
    call: Call,
    read: Callable[[int, dict[str, object]], T],
    read_ordinary: Callable[[list[Any]], tuple[T, ...] | None] = lambda _: None,
) -> Page[T]:
    text = text_of(body, account)
    document = parse(text)
    if isinstance(document, str):
        # The whole page as one JSON string.
        text = document.strip()
        document = parse(text)
    if isinstance(document, dict):
        data = document.get("data")
        if isinstance(data, list) and _whole(document.get("code")) == 0:
            if ordinary := read_ordinary(data):
                return Page(0, ordinary)
            try:
                return Page(0, tuple([read(ordinal, record) for ordinal, record in enumerate(data)]))
            except (_Unreadable, AttributeError):  # AttributeError: an element that is no object
                pass
    return _walked(walk(text), body, call, read)


def _walked(found: Walk, body: bytes, call: Call, read: Callable[[int, dict[str, object]], T]) -> Page[T]:
    code = _whole(found.fields.get("code"))
    if code is None and found.records:
        # 响应: data has a value when code is 0, so the records say what the code could not.
        code = 0
    if code != _EMPTY:
        _raise_for(code, call, body)
    records: list[T] = []
    apart: list[Quarantined] = []
    for ordinal, (raw, value) in enumerate(found.records):
        if isinstance(value, dict):
            try:
                records.append(read(ordinal, value))
            except _Unreadable as exc:
                apart.append(Quarantined(ordinal, raw, str(exc)))
        elif found.cut and value is UNREADABLE and ordinal == len(found.records) - 1:
            apart.append(Quarantined(ordinal, raw, "has no end"))
        else:
            apart.append(Quarantined(ordinal, raw, "no JSON" if value is UNREADABLE else "no object"))
    data = found.fields.get("data")
    if data not in (None, "", False):
        apart.append(Quarantined(None, str(data), "data is no array"))
    apart.extend(Quarantined(None, raw, "belongs to no record") for raw in found.loose)
    return Page(code or 0, tuple(records), tuple(apart), found.cut)


def _query(body: bytes, account: Account, call: Call) -> dict[str, object]:
    document = _document(body, account, call)
    code = _whole(document.get("code"))
    if code == _EMPTY and call is Call.STATISTICS:
        return {}
    _raise_for(code, call, body)
    return document


def _document(body: bytes, account: Account, call: Call) -> dict[str, object]:
    """Read an answer that is of use only as a whole. A refusal needs its code alone: it has no data."""
    text = text_of(body, account)
    document = parse_mended(text)
    if isinstance(document, str):
        text = document.strip()
        document = parse_mended(text)
    if isinstance(document, dict):
        return document
    found = walk(text)
    if found.cut or "code" not in found.fields:
        if code := _whole(found.fields.get("code")):
            _raise_for(code, call, body)
        raise Malformed("the answer is broken or cut short", body)
    if found.records:
        found.fields["data"] = [value for _, value in found.records]
    return found.fields


def _raise_for(code: int | None, call: Call, body: bytes) -> None:
    if code is None:
        raise Malformed("the answer has no code that can be read", body)
    if code == 0:
        return
    if call is not Call.SEND and code == _TOO_OFTEN_OF_SIBLINGS:
        code = _TOO_OFTEN
    meaning = code_of(code)
    if call is Call.SEND and not meaning.definite:
        raise Ambiguous(f"the gateway answered {code} ({meaning.english})", body, code=meaning)
    raise Refused(meaning, call)


# Values -----------------------------------------------------------------------------------------------------


def _accepted(record: object) -> Accepted:
    if not isinstance(record, dict):
        raise _Unreadable("no object")
    number, message_id = _required(record, "dest_number"), _required(record, "message_id")
    return Accepted(number.strip(), message_id.strip(), _whole(record.get("charge_item")))


def _day(record: object) -> DayStatistics:
    if not isinstance(record, dict):
        raise _Unreadable("no object")
    match = _DATE.fullmatch(_required(record, "date").strip())
    try:
        date = dt.date(*map(int, match.groups())) if match else None
    except ValueError:
        date = None
    if date is None:
        raise _Unreadable("date is no date")
    return DayStatistics(date, *(_count(record, name) for name in ("submit", "delivrd", "undeliv", "unknown")))


def _count(record: dict[str, object], name: str) -> int:
    count = _whole(record.get(name))
    if count is None:
        raise _Unreadable(f"{name} is no number")
    return count


def _required(record: dict[str, object], name: str) -> str:
    value = _text_in(record, name)
    if not value or value.isspace():
        raise _Unreadable(f"{name} is missing")
    return value


def _text_in(record: dict[str, object], name: str) -> str:
    value = record.get(name)
    return value if type(value) is str else ""


def _whole(value: object) -> int | None:
    """Read a whole number from the digits that `parse` leaves numbers as, or from a string of them."""
    if type(value) is not str:
        return None
    value = value.strip()
    return int(value.partition(".")[0]) if _WHOLE.fullmatch(value) else None


class _Times(dict[str, dt.datetime | None]):
    """Times by their text. A page repeats them: hundreds of reports fall into the same few seconds."""

    def __init__(self, zone: dt.tzinfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, raw: str) -> dt.datetime | None:
        text = raw.strip()
        try:
            time = dt.datetime.fromisoformat(text).replace(tzinfo=self._zone) if _TIME.fullmatch(text) else None
        except ValueError:
            time = None
        self[raw] = time
        return time
