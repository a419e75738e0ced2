"""Requests: checked, signed and written, without sending anything."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from eums.calls import Call
from eums.cipher import encrypt_hex
from eums.errors import InvalidRequest, InvalidSubmit
from eums.signing import format_seed, sign

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from eums.account import Account
    from eums.records import Submit

__all__ = ["Request", "build_request", "check_dates", "check_submit"]

MAX_CONTENT = 500
MAX_REFERENCE = 50
MAX_EXT = 20
MAX_DAYS = 31

# 响应错误码: all that it has for what is wrong with `data` itself. There is none for too many numbers, for a number
# named twice, for `reference`, for a control character, or for a text that no encoding can carry.
_DEST_MISSING = 104
_CONTENT_MISSING = 105
_EXT_WRONG = 108
_CONTENT_TOO_LONG = 109

_HALF = "holds half of a surrogate pair, which no UTF-8 can carry"
# No handset shows them, some networks end a text at the first, and no reader of a log sees them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
_ENCRYPTED = 17


@dataclass(frozen=True, slots=True)
class Request:
    """A request, ready to be sent.

    Attributes:
        method: POST or GET.
        url: the address, without a query.
        fields: the parameters in order, before URL encoding.
        query: the parameters URL-encoded, where the method is GET; otherwise empty.
        body: the parameters URL-encoded, where the method is POST; otherwise empty.
    """

    method: str
    url: str
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    query: str = field(repr=False)
    body: bytes = field(repr=False)


def build_request(  # noqa: PLR0913 - the five calls differ in these three alone, and share everything else
    account: Account,
    call: Call,
    now: dt.datetime,
    *,
    submit: Submit | None = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
) -> Request:
    """Write the request of a call.

    Args:
        account: whose request it is.
        call: which call.
        now: the time, aware. It is read once by whoever calls, so that `seed` and `key` agree.
        submit: for `Call.SEND` and only for that.
        start: the first day, for `Call.STATISTICS` and only for that.
        end: the last day, likewise.

    Raises:
        InvalidSubmit: see `check_submit`.
        InvalidRequest: see `check_dates`; or an argument is missing, or belongs to another call.
    """
    seed = format_seed(now, account.tzinfo)
    data = ""
    extra: tuple[tuple[str, str], ...] = ()
    if (submit is not None) != (call is Call.SEND):
        raise InvalidRequest("data", "a submit, and nothing else, needs one")
    if (start is not None or end is not None) and call is not Call.STATISTICS:
        raise InvalidRequest("start_date", "only statistics have dates")
    if submit is not None:
        check_submit(account, submit)
        data = _write(account, submit)
        extra = (("data", data),)
    elif call is Call.STATISTICS:
        if start is None or end is None:
            raise InvalidRequest("start_date" if start is None else "end_date", "is missing")
        check_dates(start, end)
        extra = (("start_date", _date(start)), ("end_date", _date(end)))
    fields = (
        ("name", account.name),
        ("seed", seed),
        # 下行协议: the key hashes the data as sent, so for version 17 the hex. The other calls hash none.
        ("key", sign(account.password_digest, seed, data)),
        ("ver", str(account.version)),
        *extra,
    )
    encoded, url = urlencode(fields), account.url(call)
    if account.method == "POST":
        return Request("POST", url, fields, query="", body=encoded.encode())
    return Request("GET", url, fields, query=encoded, body=b"")


def check_submit(account: Account, submit: Submit) -> None:
    """Check what the gateway could only refuse (下行协议, `data`).

    Lengths are counted in UTF-16 units, as Java counts: an emoji is two.

    Raises:
        InvalidSubmit: names the first field at fault, with all the others in `further`, and quotes nothing.
    """
    problems = [*_dest_problems(submit.dest, account.max_recipients), *_problems(submit)]
    if problems:
        first, *further = problems
        first.further = tuple(further)
        raise first


def _dest_problems(dest: tuple[str, ...], most: int) -> Iterator[InvalidSubmit]:
    if not dest:
        yield InvalidSubmit("dest", "names no number", code=_DEST_MISSING)
    if len(dest) > most:
        yield InvalidSubmit("dest", f"has {len(dest)} numbers, more than {most}")
    seen: set[str] = set()
    for index, number in enumerate(dest):
        if not _MOBILE.fullmatch(number):
            reason = f"number {index + 1} of {len(dest)} is no mainland mobile of 11 digits"
            # The nearest that there is: 仅包含有效的手机号码, the gateway leaves it out as if it were not there.
            yield InvalidSubmit("dest", reason, code=_DEST_MISSING, index=index)
        elif number in seen:
            yield InvalidSubmit("dest", f"number {index + 1} of {len(dest)} is named before", index=index)
        seen.add(number)


def _problems(submit: Submit) -> Iterator[InvalidSubmit]:
    units = _units(submit.content)
    if units is None:
        yield InvalidSubmit("content", _HALF)
    elif not submit.content.strip():
        yield InvalidSubmit("content", "is empty", code=_CONTENT_MISSING)
    elif units > MAX_CONTENT:
        reason = f"has {units} characters, more than {MAX_CONTENT}"
        yield InvalidSubmit("content", reason, code=_CONTENT_TOO_LONG)
    if _CONTROL.search(submit.content):
        yield InvalidSubmit("content", "holds a control character other than a tab or a line end")
    if submit.ext and not (submit.ext.isascii() and submit.ext.isdigit() and len(submit.ext) <= MAX_EXT):
        yield InvalidSubmit("ext", f"must be at most {MAX_EXT} digits", code=_EXT_WRONG)
    units = _units(submit.reference)
    if units is None:
        yield InvalidSubmit("reference", _HALF)
    elif units > MAX_REFERENCE:
        yield InvalidSubmit("reference", f"has more than {MAX_REFERENCE} characters")
    if "," in submit.reference or ";" in submit.reference:
        yield InvalidSubmit("reference", "must not contain , or ;")


def _units(text: str) -> int | None:
    try:
        return len(text.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        return None


def check_dates(start: dt.date, end: dt.date) -> None:
    """Check the days of a query for statistics (查询账户下行统计): at most 31, both ends counted.

    Raises:
        InvalidRequest: names the field at fault.
    """
    days = end.toordinal() - start.toordinal() + 1
    if days < 1:
        raise InvalidRequest("end_date", "lies before start_date")
    if days > MAX_DAYS:
        raise InvalidRequest("end_date", f"is more than {MAX_DAYS} days after start_date, both counted")


def _write(account: Account, submit: Submit) -> str:
    content = {"dest": ",".join(submit.dest), "content": submit.content}
    if submit.ext:
        content["ext"] = submit.ext
    if submit.reference:
        content["reference"] = submit.reference
    # Serialised once: the same string is hashed and sent.
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    key = account.cipher_key
    return encrypt_hex(text, key) if account.version == _ENCRYPTED and key is not None else text


def _date(day: dt.date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"
