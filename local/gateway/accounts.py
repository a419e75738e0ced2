"""The accounts of the gateway, and the settings of the gateway itself."""

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum

from local.gateway.crypto import check_aes_key
from local.gateway.specification import STATISTICS_CALLS, VERSIONS

LONGEST_PORT = 20
"""Digits of a port number with its extension, as in the number fields of the operators' protocols."""


class AccountStatus(StrEnum):
    """Whether an account may call at all."""

    ACTIVE = "active"
    SUSPENDED = "suspended"  # 202 账户暂停
    DELETED = "deleted"  # 203 账户删除


@dataclass(frozen=True, kw_only=True)
class GatewayAccount:
    """One account of the gateway.

    Attributes:
        name: `name` of every request.
        password: what the key of a request is made from.
        versions: which of 1 and 17 the account may use; another one is refused with 124.
        aes_key: 16, 24 or 32 bytes for version 17; without one, version 17 is refused with 121.
        balance: messages left at the start.
        port_number: the number that handsets see; `ext` is appended.
        ext_allowed: whether the channel takes an extension; if not, `ext` is refused with 108.
        signature_required: content must begin or end with 【签名】, else 111.
        signatures: the registered signatures; another one is refused with 113. Empty: any.
        status: suspended is refused with 202, deleted with 203.
        http_allowed: without it every call is refused with 116.
        allowed_ips: addresses or networks; others are refused with 204. Empty: any.
        blocked_words: content that contains one is refused with 401.
    """

    name: str = "test"
    password: str = field(default="123456", repr=False)
    versions: frozenset[int] = VERSIONS
    aes_key: bytes | None = field(default=b"0123456789abcdef", repr=False)
    balance: int = 100_000
    port_number: str = "1069012345678"
    ext_allowed: bool = True
    signature_required: bool = False
    signatures: frozenset[str] = frozenset()
    status: AccountStatus = AccountStatus.ACTIVE
    http_allowed: bool = True
    allowed_ips: tuple[str, ...] = ()
    blocked_words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or not self.password:
            raise ValueError("an account needs a name and a password")
        if not self.versions or not self.versions <= VERSIONS:
            raise ValueError("versions are 1, 17 or both")
        if self.aes_key is not None:
            check_aes_key(self.aes_key)
        if self.balance < 0:
            raise ValueError("a balance is not negative")
        if not _digits(self.port_number) or len(self.port_number) > LONGEST_PORT:
            raise ValueError(f"a port number has 1 to {LONGEST_PORT} digits")
        for address in self.allowed_ips:
            ipaddress.ip_network(address, strict=False)
        if not all(self.blocked_words):
            raise ValueError("an empty blocked word would block everything")

    def takes_ext(self, ext: str) -> bool:
        """Tell whether `ext` is an extension that this account may use; the empty one always is."""
        if not ext:
            return True
        return self.ext_allowed and _digits(ext) and len(self.port_number) + len(ext) <= LONGEST_PORT

    def takes_ip(self, address: str) -> bool:
        """Tell whether requests from `address` are registered."""
        if not self.allowed_ips:
            return True
        ip = ipaddress.ip_address(address)
        return any(ip in ipaddress.ip_network(allowed, strict=False) for allowed in self.allowed_ips)


class EmptyStyle(StrEnum):
    """How a pull without records is answered; the specification says only that `data` may be empty."""

    LIST = "list"  # {"code": 0, "data": []}
    MISSING = "missing"  # {"code": 0}
    NULL = "null"  # {"code": 0, "data": null}
    CODE = "code"  # {"code": 130}


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """What gateways of this family do differently from each other.

    Attributes:
        report_delay: seconds from a submit to its report.
        late_report_delay: seconds to the report of a number whose report is late.
        report_page_size: reports in one answer, at most.
        mo_page_size: MO messages in one answer, at most.
        empty: how a pull without records is answered.
        pull_interval: seconds between two pulls of a kind; a faster one is refused with 131. 0: none.
        statistics_calls: calls of statistic_app a minute.
        get_numbers: numbers in one submit by GET.
        post_numbers: numbers in one submit by POST.
        shared_message_id: all numbers of a submit get one message ID, as in the example of 拉取状态报告.
    """

    report_delay: float = 1.0
    late_report_delay: float = 60.0
    report_page_size: int = 100
    mo_page_size: int = 100
    empty: EmptyStyle = EmptyStyle.LIST
    pull_interval: float = 0.0
    statistics_calls: int = STATISTICS_CALLS
    get_numbers: int = 50
    post_numbers: int = 1000
    shared_message_id: bool = False

    def __post_init__(self) -> None:
        for name in ("report_delay", "late_report_delay", "pull_interval"):
            # The upper bound keeps a due time inside what a datetime holds; NaN fails the comparison.
            if not 0 <= getattr(self, name) <= LONGEST_DELAY:
                raise ValueError(f"{name} is 0 to {LONGEST_DELAY} seconds")
        for name in ("report_page_size", "mo_page_size", "statistics_calls", "get_numbers", "post_numbers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1")


LONGEST_DELAY = 31 * 24 * 3600
"""Seconds."""


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
