"""The five calls: a request in, the object of its answer out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.gateway import checks, crypto
from local.gateway.accounts import EmptyStyle, GatewayAccount
from local.gateway.exchange import Reply, Request, reply
from local.gateway.specification import Call, Code, RefusedError
from local.gateway.state import GatewayState


@dataclass(frozen=True)
class Answer:
    """What a call is answered, before it is written.

    Attributes:
        body: the JSON object.
        key: the AES key to encrypt it with, or None for plain text.
        account: the account's name, where it is known.
        data: `data` of a submit in plain text, as far as it could be read.
    """

    body: Mapping[str, Any]
    key: bytes | None
    account: str | None = None
    data: str | None = None


def refuse(code: int, fields: Mapping[str, str], account: GatewayAccount | None) -> Answer:
    """Answer with a code alone, and without any effect."""
    return Answer({"code": int(code)}, checks.answer_key(fields, account), account.name if account else None)


def answer(call: Call, request: Request, fields: Mapping[str, str], state: GatewayState, now: datetime) -> Answer:
    """Check a request, let it take effect, and answer it."""
    account = state.account(fields.get("name"))
    data = None
    try:
        caller = checks.check_credentials(call, fields, account, client_ip=request.client_ip, now=now)
        if call is Call.SEND:
            data = checks.open_data(fields, caller)
            body = _send(data, caller, request, fields, state=state, now=now)
        else:
            body = _query(call, caller, fields, state, now)
    except RefusedError as refused:
        body = {"code": refused.code}
    return Answer(body, checks.answer_key(fields, account), account.name if account else None, data)


def _send(  # noqa: PLR0913 - the data, who sends it, and how it came
    data: str,
    caller: GatewayAccount,
    request: Request,
    fields: Mapping[str, str],
    *,
    state: GatewayState,
    now: datetime,
) -> dict[str, Any]:
    submission = checks.check_submit(data, caller, checks.number_limit(request.method, state.settings))
    messages = state.submit(caller.name, submission, method=request.method, version=int(fields["ver"]), now=now)
    return {"code": int(Code.SUCCESS), "data": [message.record() for message in messages]}


def _query(
    call: Call, caller: GatewayAccount, fields: Mapping[str, str], state: GatewayState, now: datetime
) -> dict[str, Any]:
    match call:
        case Call.REPORT:
            return _page(state.take_reports(caller.name, now), state.settings.empty)
        case Call.MO:
            return _page(state.take_mos(caller.name, now), state.settings.empty)
        case Call.BALANCE:
            return {"code": int(Code.SUCCESS), "balance_item": state.balance(caller.name)}
        case Call.STATISTICS:
            return _statistics(caller, fields, state, now)
        case Call.SEND:
            raise ValueError("a submit is no query")


def _page(records: list[dict[str, Any]], empty: EmptyStyle) -> dict[str, Any]:
    success = {"code": int(Code.SUCCESS)}
    if records:
        return {**success, "data": records}
    match empty:
        case EmptyStyle.LIST:
            return {**success, "data": []}
        case EmptyStyle.NULL:
            return {**success, "data": None}
        case EmptyStyle.MISSING:
            return success
        case EmptyStyle.CODE:
            return {"code": int(Code.RESULT_EMPTY)}


def _statistics(
    caller: GatewayAccount, fields: Mapping[str, str], state: GatewayState, now: datetime
) -> dict[str, Any]:
    # The limit is on calls, so one with wrong dates counts as well.
    state.check_statistics_interval(caller.name, now)
    start, end = checks.check_dates(fields)
    days = state.statistics(caller.name, start, end, now)
    if not days:
        # 响应错误码 lists 130 查询结果空 between the codes of the dates and of the frequency, which are this call's.
        raise RefusedError(Code.RESULT_EMPTY)
    return {"code": int(Code.SUCCESS), "data": [day.record() for day in days]}


def write(body: Mapping[str, Any], key: bytes | None) -> Reply:
    """Write an answer: JSON, or for version 17 its encryption in hexadecimal digits."""
    plain = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if key is None:
        return reply(plain, "application/json;charset=UTF-8")
    return reply(crypto.encrypt(plain.encode(), key), "text/plain;charset=UTF-8")
