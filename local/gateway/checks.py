"""Everything that makes the gateway refuse a request, in the order in which it looks.

The specification gives the codes (响应错误码) but no order. Here: the parameters are there, the account exists and may
call, the time is right, the key is right, then the data from the outside in. The first fault found is the answer.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NoReturn

from local.gateway import clock, content, crypto, magic
from local.gateway.accounts import AccountStatus, GatewayAccount, GatewaySettings
from local.gateway.exchange import sent_bytes
from local.gateway.specification import (
    CONTENT_CHARACTERS,
    ENCRYPTED,
    PLAIN,
    REFERENCE_CHARACTERS,
    REFERENCE_FORBIDDEN,
    SEED_TOLERANCE,
    STATISTICS_DAYS,
    Call,
    Code,
    RefusedError,
)

_MOBILE = re.compile(r"1[3-9][0-9]{9}")


@dataclass(frozen=True)
class Submission:
    """A submit that passed every check: `numbers` are the valid ones, each once, in the order of `dest`."""

    dest: str
    numbers: tuple[str, ...]
    content: str
    ext: str
    reference: str
    sign: str
    charge_item: int


def answer_key(fields: Mapping[str, str], account: GatewayAccount | None) -> bytes | None:
    """Decide in which form any answer goes out: the AES key for version 17, None for plain text.

    "当 ver=17 时，响应为 AES 加密" holds for refusals too, as soon as `name` and `ver` together say which key: also a
    wrong seed or key is then answered encrypted. Without a known account, with a version that is not supported, or
    without an AES key there is nothing to encrypt with, and the answer is plain.
    """
    if account is None or fields.get("ver") != ENCRYPTED or int(ENCRYPTED) not in account.versions:
        return None
    return account.aes_key


def check_credentials(
    call: Call, fields: Mapping[str, str], account: GatewayAccount | None, *, client_ip: str, now: datetime
) -> GatewayAccount:
    """Find out who is calling (下行协议 and the same in every section: name, seed, key, ver).

    Raises:
        RefusedError: 101, 102, 103, 124, 125; 201, 116, 202, 203, 124, 121, 204; 106; 107.
    """
    _check_presence(call, fields)
    if account is None:
        raise RefusedError(Code.ACCOUNT_UNKNOWN)
    _check_account(account, fields["ver"], client_ip)
    _check_seed(fields["seed"], now)
    # 下行协议: the key of a submit covers data as sent, so for version 17 the hexadecimal digits.
    data = sent_bytes(fields["data"]) if call is Call.SEND else b""
    if not crypto.key_matches(fields["key"], crypto.request_key(account.password, fields["seed"], data)):
        raise RefusedError(Code.KEY_WRONG)
    return account


def _check_presence(call: Call, fields: Mapping[str, str]) -> None:
    for name, code in (("name", Code.NAME_MISSING), ("seed", Code.SEED_MISSING), ("key", Code.KEY_MISSING)):
        if not fields.get(name):
            raise RefusedError(code)
    # There is no code for a missing ver: no version is not a supported one.
    if fields.get("ver") not in {PLAIN, ENCRYPTED}:
        raise RefusedError(Code.VERSION_NOT_SUPPORTED)
    if call is Call.SEND and not fields.get("data"):
        raise RefusedError(Code.DATA_EMPTY)


def _check_account(account: GatewayAccount, version: str, client_ip: str) -> None:
    if account.status is AccountStatus.SUSPENDED:
        raise RefusedError(Code.ACCOUNT_SUSPENDED)
    if account.status is AccountStatus.DELETED:
        raise RefusedError(Code.ACCOUNT_DELETED)
    if not account.http_allowed:
        raise RefusedError(Code.HTTP_NOT_SUPPORTED)
    if int(version) not in account.versions:
        raise RefusedError(Code.VERSION_NOT_SUPPORTED)
    if version == ENCRYPTED and account.aes_key is None:
        raise RefusedError(Code.AES_KEY_PROBLEM)
    if not account.takes_ip(client_ip):
        raise RefusedError(Code.IP_NOT_REGISTERED)


def _check_seed(seed: str, now: datetime) -> None:
    moment = clock.parse_seed(seed)
    # A seed has whole seconds, so the gateway's clock is read in whole seconds too: exactly 30 minutes is not 超过.
    if moment is None or abs(now.replace(microsecond=0) - moment) > SEED_TOLERANCE:
        raise RefusedError(Code.SEED_WRONG)


def open_data(fields: Mapping[str, str], account: GatewayAccount) -> str:
    """Read `data` as text, decrypted for version 17.

    Raises:
        RefusedError: 126.
    """
    try:
        raw = sent_bytes(fields["data"])
        if fields["ver"] == ENCRYPTED and account.aes_key is not None:
            raw = crypto.decrypt(fields["data"], account.aes_key)
        return raw.decode()
    except ValueError as exc:
        raise RefusedError(Code.DATA_UNREADABLE) from exc


def check_submit(data: str, account: GatewayAccount, limit: int) -> Submission:
    """Check the data of a submit (下行协议, data 格式 JSON), with at most `limit` numbers.

    Raises:
        RefusedError: 126; 122, 104, 123, 105, 108, 999; 109, 113, 111, 401; what a magic number asks for.
    """
    values = _read_object(data)
    dest = _text(values, "dest", Code.DEST_UNREADABLE)
    if not dest:
        raise RefusedError(Code.DEST_MISSING)
    text = _text(values, "content", Code.CONTENT_UNREADABLE)
    if not text:
        raise RefusedError(Code.CONTENT_MISSING)
    ext = _text(values, "ext", Code.EXT_WRONG)
    if not account.takes_ext(ext):
        raise RefusedError(Code.EXT_WRONG)
    # The specification has rules for reference but no code for breaking them, nor for too many numbers: 其他错误.
    reference = _text(values, "reference", Code.OTHER)
    if content.characters(reference) > REFERENCE_CHARACTERS or REFERENCE_FORBIDDEN & set(reference):
        raise RefusedError(Code.OTHER)
    sign = _check_content(text, account)
    return Submission(dest, _check_numbers(dest, limit), text, ext, reference, sign, content.charge_items(text))


def _read_object(data: str) -> dict[str, Any]:
    try:
        values = json.loads(data, parse_constant=_no_constant)
        # An escaped half of a surrogate pair is JSON, but no text that could be sent.
        data.encode()
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise RefusedError(Code.DATA_UNREADABLE) from exc
    if not isinstance(values, dict):
        raise RefusedError(Code.DATA_UNREADABLE)
    return values


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _text(values: Mapping[str, Any], name: str, wrong: Code) -> str:
    value = values.get(name)
    if value is None:  # 可空: absent, null and the empty string are the same
        return ""
    if not isinstance(value, str):
        raise RefusedError(wrong)
    return value


def _check_content(text: str, account: GatewayAccount) -> str:
    if content.characters(text) > CONTENT_CHARACTERS:
        raise RefusedError(Code.CONTENT_TOO_LONG)
    sign = content.signature(text)
    if account.signature_required:
        if sign is None:
            raise RefusedError(Code.SIGNATURE_MISSING)
        if not sign.strip() or (account.signatures and sign not in account.signatures):
            raise RefusedError(Code.SIGNATURE_ILLEGAL)
    if any(word in text for word in account.blocked_words):
        raise RefusedError(Code.BLOCKED_WORD)
    return sign or ""


def _check_numbers(dest: str, limit: int) -> tuple[str, ...]:
    named = [number for number in dest.split(",") if number]
    if len(named) > limit:
        raise RefusedError(Code.OTHER)
    # A number named twice gets one message: a message ID belongs to a number.
    numbers = tuple(dict.fromkeys(number for number in named if _MOBILE.fullmatch(number)))
    for number in numbers:
        code = magic.refusal(number)
        if code is not None:
            raise RefusedError(code)
    numbers = tuple(number for number in numbers if magic.behaviour(number).valid)
    # dest_number: 仅包含有效的手机号码. Without any, data would have no value, and code 0 promises one.
    if not numbers:
        raise RefusedError(Code.DEST_MISSING)
    return numbers


def number_limit(method: str, settings: GatewaySettings) -> int:
    """Tell how many numbers a submit may name by this method."""
    return settings.get_numbers if method == "GET" else settings.post_numbers


def check_dates(fields: Mapping[str, str]) -> tuple[date, date]:
    """Read the range of a query (查询账户下行统计: start_date, end_date, 不能大于 31 天, both days counted).

    Raises:
        RefusedError: 127, 128, 129.
    """
    start = clock.parse_day(fields.get("start_date", ""))
    if start is None:
        raise RefusedError(Code.START_DATE_WRONG)
    end = clock.parse_day(fields.get("end_date", ""))
    if end is None:
        raise RefusedError(Code.END_DATE_WRONG)
    if not 0 <= (end - start).days < STATISTICS_DAYS:
        raise RefusedError(Code.DATE_RANGE_WRONG)
    return start, end
