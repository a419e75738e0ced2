"""What is wrong with an account, in plain words: one table from what happened to a sentence and what to do."""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from eums import (
    Account,
    Ambiguous,
    Call,
    Client,
    EumsError,
    Malformed,
    NotSent,
    Refused,
    Reply,
    code_of,
    decode_balance,
)
from local.cli.failures import Refusal
from local.cli.secret import POLICY, problems

if TYPE_CHECKING:
    from local.cli.api import Api

CLOCK_NOTED: Final = 60.0
"""Seconds that two clocks may differ before it is said; the gateway itself allows 30 minutes (下行协议, seed)."""
_ENCRYPTED: Final = 17
_OK: Final = 200


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a balance call said of an account.

    Attributes:
        account: the bridge's own name for it.
        problem: a short name for what is wrong, for scripts; None where nothing is.
        address: what was called, without a query.
        clock_offset: seconds that this machine's clock is ahead of the gateway's, where it told its own.
    """

    account: str
    problem: str | None = None
    sentence: str = ""
    advice: str = ""
    gateway_code: int | None = None
    http_status: int | None = None
    balance: int | None = None
    milliseconds: float | None = None
    clock_offset: float | None = None
    address: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the account can be used."""
        return self.problem is None

    @property
    def clock_note(self) -> str:
        """That the clocks differ, where they do."""
        if self.clock_offset is None or abs(self.clock_offset) < CLOCK_NOTED:
            return ""
        way = "ahead of" if self.clock_offset > 0 else "behind"
        return f"This machine's clock is {_duration(abs(self.clock_offset))} {way} the gateway's."

    def document(self) -> dict[str, object]:
        """For scripts."""
        return {"ok": self.ok, **asdict(self)}


# 响应错误码, as far as a balance call can be answered with them: what it means here, and what to do.
_CODES: Final[Mapping[int, tuple[str, str, str]]] = {
    106: ("clock", "the gateway finds the time of the request wrong", ""),
    107: (
        "password",
        "the password is wrong: the signature made with it does not fit",
        "Put the right one in: eums-bridge accounts set {account} --password",
    ),
    206: (
        "password",
        "the password is wrong",
        "Put the right one in: eums-bridge accounts set {account} --password",
    ),
    201: (
        "name",
        "the gateway knows no account of this name",
        "Check the name with its operator: eums-bridge accounts set {account} --name …",
    ),
    202: ("suspended", "the account is suspended", "Ask the gateway's operator."),
    203: ("deleted", "the account is deleted", "Ask the gateway's operator."),
    204: (
        "address-not-allowed",
        "the gateway does not allow the address that the call came from",
        "Its operator must allow-list it. Here that is this machine's; --through-bridge asks from the bridge's own.",
    ),
    116: ("no-http", "the account has no HTTP access", "Ask the gateway's operator to allow it."),
    121: (
        "aes-key",
        "the gateway cannot decrypt what this account sends, or has no AES key for it",
        "Check the key and its format with the operator: eums-bridge accounts set {account} --aes-key",
    ),
    124: (
        "version",
        "the gateway does not take this protocol version of the account",
        "Where it wants AES: eums-bridge accounts set {account} --version 17; else --version 1.",
    ),
    126: (
        "aes-key",
        "the gateway cannot read the data, so the AES key or its format is wrong",
        "Check both with the operator: eums-bridge accounts set {account} --aes-key --aes-key-format …",
    ),
    131: ("too-often", "it was asked too often", "Wait a minute."),
    205: ("no-balance", "the account has no messages left", "Top it up."),
}
_CLOCK_ADVICE: Final = "Set this machine's clock (NTP)."
_ZONE_ADVICE: Final = (
    "The clocks agree, so it is the zone: the gateway reads the time in another one than the account's `zone`, {zone}."
)


def directly(name: str, fields: object) -> Finding:
    """Sign a balance call from this machine, and say what comes of it.

    Args:
        name: the bridge's own name.
        fields: the account as the secret has it.
    """
    wrong = problems(name, fields)
    if wrong or not isinstance(fields, Mapping):
        return Finding(
            account=name,
            problem="settings",
            sentence=f"the bridge does not take its settings: {'; '.join(wrong)}",
            advice=f"eums-bridge accounts set {name} puts them right.",
        )
    account = Account.from_mapping({field: value for field, value in fields.items() if field != POLICY})
    # What it was before a rotation would hide that the new one is wrong.
    return examine(name, replace(account, previous=()))


def examine(name: str, account: Account) -> Finding:
    """See `directly`; of an account that is in order as such."""
    address = account.url(Call.BALANCE)
    began, monotonic = datetime.now(UTC), time.monotonic()
    try:
        with Client(account) as client:
            reply = client.pull(Call.BALANCE)
    except (NotSent, Ambiguous) as error:
        wrong = _not_sent(error, account) if isinstance(error, NotSent) else _broken(error, account)
        return Finding(account=name, address=address, **wrong)
    taken = time.monotonic() - monotonic
    common: dict[str, Any] = {
        "account": name,
        "address": address,
        "http_status": reply.status,
        "milliseconds": round(taken * 1000, 1),
        "clock_offset": _clock_offset(reply, began, taken),
    }
    if reply.status != _OK:
        return Finding(**common, **_http(reply))
    try:
        common["balance"] = decode_balance(reply.body, account)
    except Refused as refused:
        common |= _refused(refused.code.number, name, account, common["clock_offset"])
    except Malformed as malformed:
        common |= _malformed(malformed, account)
    except EumsError as error:
        common |= {"problem": "answer", "sentence": str(error), "advice": "Ask the gateway's operator."}
    return Finding(**common)


def through(api: "Api", name: str | None) -> Finding:
    """Let the bridge ask, from its own address with its own copy of the account."""
    shown = name or "the key's default account"
    try:
        answer = api.get("balance", {"account": name})
    except Refusal as refusal:
        code = refusal.gateway_code
        if code is not None:
            known = _code(code, name or "NAME")
            if code == _CLOCK:
                known["advice"] = "The bridge runs on AWS's clock: check the account's `zone`, and the gateway's clock."
            return Finding(account=shown, gateway_code=code, http_status=refusal.status, **known)
        sentence, advice = {
            "gateway-unreachable": (
                "the bridge cannot reach the gateway",
                "Check base_url, the functions' subnets and NAT gateway, and the gateway's allow-list.",
            ),
            "account-not-configured": (str(refusal), f"eums-bridge accounts set {name or 'NAME'} puts it right."),
            "not-allowed": ("the key may not use this account", "eums-bridge keys list shows what it may."),
            "gateway-unreadable": (
                "the gateway's answer cannot be read",
                "Check the AES key, its format and the path of base_url.",
            ),
        }.get(refusal.kind, (str(refusal), "The API said so, not the gateway."))
        return Finding(
            account=shown,
            problem=refusal.kind or "api",
            sentence=sentence,
            advice=advice,
            http_status=refusal.status,
        )
    return Finding(account=answer["account"], balance=answer["balance"])


_CLOCK: Final = 106


def _code(number: int, name: str) -> dict[str, Any]:
    if number in _CODES:
        problem, sentence, advice = _CODES[number]
        return {"problem": problem, "sentence": f"{sentence} ({number})", "advice": advice.format(account=name)}
    known = code_of(number)
    words = f"{known.english}, {known.chinese}" if known.chinese else known.english
    return {
        "problem": "refused",
        "sentence": f"the gateway refuses with {number}: {words}",
        "advice": "Ask the gateway's operator.",
    }


def _refused(number: int, name: str, account: Account, clock_offset: float | None) -> dict[str, Any]:
    known = _code(number, name)
    if number == _CLOCK:
        agree = clock_offset is not None and abs(clock_offset) < CLOCK_NOTED
        known["advice"] = _ZONE_ADVICE.format(zone=account.zone) if agree else _CLOCK_ADVICE
    return {**known, "gateway_code": number}


def _not_sent(error: NotSent, account: Account) -> dict[str, Any]:
    """Why no byte left: what the system said, at the bottom of the chain."""
    causes = list(_causes(error))
    for kind, problem, sentence, advice in (
        (
            ssl.SSLCertVerificationError,
            "tls-certificate",
            "the gateway's certificate is not trusted",
            "Is the name in base_url the certificate's, and is it issued by an authority that everybody trusts?",
        ),
        (
            ssl.SSLError,
            "tls",
            "TLS fails",
            "Does the gateway speak https at this port? Else write http:// in base_url.",
        ),
        (socket.gaierror, "dns", "its host name is not known", "Check base_url, and this machine's DNS."),
        (
            ConnectionRefusedError,
            "refused",
            "nobody listens at its port",
            "Check the port in base_url, and whether the gateway is up.",
        ),
    ):
        cause = next((each for each in causes if isinstance(each, kind)), None)
        if cause is not None:
            reason = f" ({cause.verify_message})" if isinstance(cause, ssl.SSLCertVerificationError) else ""
            return {"problem": problem, "sentence": f"{sentence}{reason}", "advice": advice}
    if any("Timeout" in type(each).__name__ or isinstance(each, TimeoutError) for each in causes):
        return {
            "problem": "no-connection",
            "sentence": f"no connection within {account.connect_timeout:g} s",
            "advice": "A firewall in between, or the gateway drops addresses that it does not allow: "
            "--through-bridge asks from the bridge's own.",
        }
    said = next((str(each) for each in reversed(causes) if str(each)), error.reason)
    return {"problem": "no-connection", "sentence": f"no connection: {said}", "advice": "Check base_url."}


def _broken(error: Ambiguous, account: Account) -> dict[str, Any]:
    if "in time" in error.reason:
        return {
            "problem": "no-answer",
            "sentence": f"it takes the connection and does not answer within {account.read_timeout:g} s",
            "advice": "Try again; if it stays so, ask the gateway's operator.",
        }
    speaks = "https" if account.base_url.startswith("http:") else "http"
    return {
        "problem": "broken",
        "sentence": "it closes the connection without an answer",
        "advice": f"Does this port speak {speaks}, or something else altogether? Check base_url.",
    }


def _http(reply: Reply) -> dict[str, Any]:
    status, headers = reply.status, dict(reply.headers)
    if status in {301, 302, 303, 307, 308}:
        return {
            "problem": "redirect",
            "sentence": f"it redirects (HTTP {status}) to {headers.get('location', '?').partition('?')[0]}",
            "advice": "Redirects are not followed: put the final address into base_url.",
        }
    if status == 404:  # noqa: PLR2004 - HTTP
        return {
            "problem": "path",
            "sentence": "there is no such path at this address (HTTP 404)",
            "advice": "base_url is the host alone, or the folder that holds balance.do and send.do.",
        }
    if status in {401, 403, 407}:
        return {
            "problem": "http-refused",
            "sentence": f"something in front of the gateway refuses (HTTP {status})",
            "advice": "A proxy or a firewall; or it allows certain addresses only: --through-bridge asks from the "
            "bridge's own.",
        }
    whose = "the gateway is broken or starting" if status >= 500 else "is this the gateway?"  # noqa: PLR2004 - HTTP
    return {"problem": "http", "sentence": f"it answers HTTP {status}: {whose}", "advice": "Ask its operator."}


def _malformed(error: Malformed, account: Account) -> dict[str, Any]:
    start = error.raw.lstrip()[:200]
    if start.startswith(b"<"):
        return {
            "problem": "html",
            "sentence": "a web page came instead of an answer",
            "advice": "A proxy, a captive portal or another web server answers there: check base_url.",
        }
    if not start:
        return {"problem": "empty", "sentence": "an empty answer came", "advice": "Check the path of base_url."}
    if all(byte in b"0123456789abcdefABCDEF\"' \r\n" for byte in start):
        if account.cipher_key is None:
            return {
                "problem": "aes-key",
                "sentence": "the answer is encrypted, and the account has no AES key",
                "advice": "Set --version 17 and the key that the operator issued.",
            }
        return {
            "problem": "aes-key",
            "sentence": "the answer cannot be decrypted, so the AES key or its format is wrong",
            "advice": "Check both with the operator; the same 16 characters are another key as text than as hex. The "
            "password may be wrong as well: that shows when the key is right.",
        }
    return {
        "problem": "answer",
        "sentence": f"the answer cannot be read: {error.reason}",
        "advice": "Is this the gateway, and the right path? Check base_url.",
    }


def _clock_offset(reply: Reply, began: datetime, taken: float) -> float | None:
    """Seconds by which this clock is ahead of the Date header's, about the middle of the call."""
    date = dict(reply.headers).get("date")
    try:
        theirs = parsedate_to_datetime(date or "")
    except (ValueError, TypeError):
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    return round((began - theirs).total_seconds() + taken / 2, 1)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
