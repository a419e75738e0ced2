"""The admin API: JSON over HTTP under /admin/, the same operations as the methods of `Gateway`."""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from enum import StrEnum
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

from local.gateway.exchange import Reply, Request, json_reply, not_allowed
from local.gateway.faults import Fault
from local.gateway.specification import Call

if TYPE_CHECKING:
    from local.gateway.gateway import Gateway

PREFIX = "/admin/"
_NUMBER_DIGITS = 18

Record = TypeVar("Record")


# The bodies. A field without a default is required; None stands for "not given".


@dataclass(frozen=True, kw_only=True)
class InboundBody:
    """POST /admin/mo: a message from a handset."""

    src: str
    text: str
    account: str | None = None
    dest: str | None = None
    ext: str = ""
    reference: str = ""
    sign: str = ""
    msg_fmt: int | None = 8


@dataclass(frozen=True, kw_only=True)
class ReplyBody:
    """POST /admin/reply: the handset answers a message that it got."""

    message_id: str
    text: str
    dest_number: str | None = None
    msg_fmt: int | None = 8


@dataclass(frozen=True, kw_only=True)
class NextReportBody:
    """POST /admin/reports/next: the next report of a number says `status`, once; without one it stays away."""

    number: str
    status: str | None = None


@dataclass(frozen=True, kw_only=True)
class BalanceBody:
    """POST /admin/balance."""

    balance: int
    account: str | None = None


@dataclass(frozen=True, kw_only=True)
class SettingsBody:
    """POST /admin/settings: whatever is given changes."""

    report_delay: float | None = None
    late_report_delay: float | None = None
    report_page_size: int | None = None
    mo_page_size: int | None = None
    empty: str | None = None
    pull_interval: float | None = None
    statistics_calls: int | None = None
    get_numbers: int | None = None
    post_numbers: int | None = None
    shared_message_id: bool | None = None


@dataclass(frozen=True, kw_only=True)
class AccountBody:
    """POST /admin/account: whatever is given changes."""

    account: str | None = None
    password: str | None = None
    versions: list[int] | None = None
    aes_key: str | None = None
    aes_key_format: str = "text"
    port_number: str | None = None
    ext_allowed: bool | None = None
    signature_required: bool | None = None
    signatures: list[str] | None = None
    status: str | None = None
    http_allowed: bool | None = None
    allowed_ips: list[str] | None = None
    blocked_words: list[str] | None = None


def read_record(kind: type[Record], body: object) -> Record:
    """Read a JSON object into a dataclass by the types of its fields.

    Raises:
        ValueError: not an object, an unknown or missing field, a value of another type.
    """
    if not isinstance(body, dict):
        raise ValueError("the body is a JSON object")  # noqa: TRY004 - what a client sent, not what a caller passed
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for entry in fields(kind):  # type: ignore[arg-type]  # only dataclasses come in
        if entry.name in body:
            if not _fits(body[entry.name], hints[entry.name]):
                raise ValueError(f"{entry.name} has the wrong type")
            values[entry.name] = body[entry.name]
        elif entry.default is MISSING:
            raise ValueError(f"{entry.name} is missing")
    if unknown := sorted(map(str, body.keys() - hints.keys())):
        raise ValueError(f"unknown: {', '.join(unknown)}")
    return kind(**values)


def _fits(value: object, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        return any(_fits(value, option) for option in get_args(hint))
    if origin is list:
        (item,) = get_args(hint)
        return isinstance(value, list) and all(_fits(element, item) for element in value)
    if isinstance(value, bool) or hint is bool:  # a bool is an int to isinstance
        return isinstance(value, bool) and hint is bool
    if hint is float:
        return isinstance(value, int | float)
    if issubclass(hint, StrEnum):
        return isinstance(value, str)
    return isinstance(value, hint)


# The operations: (method, path) to a function of the gateway, the JSON body and the query.

Operation = Callable[["Gateway", Any, Mapping[str, str]], object]


def _index(_gateway: "Gateway", _body: object, _query: Mapping[str, str]) -> object:
    return {
        "operations": [f"{method} {PREFIX}{path}" for method, path in OPERATIONS],
        "bodies": [
            {"about": kind.__doc__, "fields": {entry.name: str(entry.type) for entry in fields(kind)}}
            for kind in (InboundBody, ReplyBody, NextReportBody, BalanceBody, SettingsBody, AccountBody)
        ],
        "queries": {
            "GET /admin/submits": ["account", "reference", "dest"],
            "GET /admin/exchanges": ["call", "message_id"],
            "GET /admin/exchange": ["number"],
            "DELETE /admin/reports/next": ["number"],
        },
    }


def _accounts(gateway: "Gateway", _body: object, _query: Mapping[str, str]) -> object:
    return {"accounts": gateway.overview()}


def _change_account(gateway: "Gateway", body: object, _query: Mapping[str, str]) -> object:
    given = _given(read_record(AccountBody, body))
    gateway.configure_account(given.pop("account", None), **given)
    return {"accounts": gateway.overview()}


def _settings(gateway: "Gateway", _body: object, _query: Mapping[str, str]) -> object:
    return asdict(gateway.settings)


def _change_settings(gateway: "Gateway", body: object, _query: Mapping[str, str]) -> object:
    return asdict(gateway.configure(**_given(read_record(SettingsBody, body))))


def _inbound(gateway: "Gateway", body: object, _query: Mapping[str, str]) -> object:
    return {"mo": asdict(gateway.inject_mo(**asdict(read_record(InboundBody, body))))}


def _reply(gateway: "Gateway", body: object, _query: Mapping[str, str]) -> object:
    return {"mo": asdict(gateway.reply(**asdict(read_record(ReplyBody, body))))}


def _balance(gateway: "Gateway", body: object, _query: Mapping[str, str]) -> object:
    given = read_record(BalanceBody, body)
    gateway.set_balance(given.balance, account=given.account)
    return {"balance": gateway.balance(given.account)}


def _make_reports_due(gateway: "Gateway", _body: object, _query: Mapping[str, str]) -> object:
    return {"due": gateway.make_reports_due()}


def _next_reports(gateway: "Gateway", _body: object, _query: Mapping[str, str]) -> object:
    return {"next_reports": [order.as_json() for order in gateway.ordered_reports()]}


def _order_report(gateway: "Gateway", body: object, query: Mapping[str, str]) -> object:
    gateway.order_report(**asdict(read_record(NextReportBody, body)))
    return _next_reports(gateway, None, query)


def _cancel_reports(gateway: "Gateway", _body: object, query: Mapping[str, str]) -> object:
    gateway.cancel_reports(query.get("number"))
    return _next_reports(gateway, None, query)


def _submits(gateway: "Gateway", _body: object, query: Mapping[str, str]) -> object:
    found = gateway.submits(account=query.get("account"), reference=query.get("reference"), dest=query.get("dest"))
    return {"submits": [submit.as_json() for submit in found]}


def _counters(gateway: "Gateway", _body: object, _query: Mapping[str, str]) -> object:
    return gateway.counters()


def _exchanges(gateway: "Gateway", _body: object, query: Mapping[str, str]) -> object:
    call = Call(query["call"].removesuffix(".do")) if "call" in query else None
    found = gateway.exchanges_about(query["message_id"]) if "message_id" in query else gateway.exchanges(call)
    return {"exchanges": [exchange.as_json() for exchange in found if call in {None, exchange.call}]}


def _exchange(gateway: "Gateway", _body: object, query: Mapping[str, str]) -> object:
    number = query.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) <= _NUMBER_DIGITS):
        raise ValueError("number is the number of an exchange")
    return {"exchange": gateway.exchange(int(number)).as_json()}


def _faults(gateway: "Gateway", _body: object, _query: Mapping[str, str]) -> object:
    return {"faults": [fault.as_json() for fault in gateway.pending_faults()]}


def _add_fault(gateway: "Gateway", body: object, query: Mapping[str, str]) -> object:
    gateway.add_fault(read_record(Fault, body))
    return _faults(gateway, None, query)


def _clear_faults(gateway: "Gateway", _body: object, query: Mapping[str, str]) -> object:
    gateway.clear_faults()
    return _faults(gateway, None, query)


def _reset(gateway: "Gateway", _body: object, _query: Mapping[str, str]) -> object:
    gateway.reset()
    return {"reset": True}


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", ""): _index,
    ("GET", "accounts"): _accounts,
    ("POST", "account"): _change_account,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change_settings,
    ("POST", "mo"): _inbound,
    ("POST", "reply"): _reply,
    ("POST", "balance"): _balance,
    ("POST", "reports/due"): _make_reports_due,
    ("GET", "reports/next"): _next_reports,
    ("POST", "reports/next"): _order_report,
    ("DELETE", "reports/next"): _cancel_reports,
    ("GET", "submits"): _submits,
    ("GET", "counters"): _counters,
    ("GET", "exchanges"): _exchanges,
    ("GET", "exchange"): _exchange,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "reset"): _reset,
}


def _given(record: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(record).items() if value is not None}


def respond(gateway: "Gateway", request: Request) -> Reply:
    """Answer a request under /admin/: 200, 400 with a sentence, 403, 404 or 405."""
    if not ip_address(request.client_ip).is_loopback:
        return json_reply({"error": "only from this machine"}, HTTPStatus.FORBIDDEN)
    path = request.path.removeprefix(PREFIX)
    operation = OPERATIONS.get((request.method, path))
    if operation is None:
        methods = [method for method, known in OPERATIONS if known == path]
        return not_allowed(*methods) if methods else json_reply({"error": "not found"}, HTTPStatus.NOT_FOUND)
    try:
        body = json.loads(request.body) if request.body.strip() else {}
        return json_reply(operation(gateway, body, dict(parse_qsl(request.query, keep_blank_values=True))))
    except LookupError as exc:
        return json_reply({"error": str(exc)}, HTTPStatus.NOT_FOUND)
    except (ValueError, RecursionError) as exc:
        return json_reply({"error": str(exc)}, HTTPStatus.BAD_REQUEST)
