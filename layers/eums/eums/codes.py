"""响应错误码: what each code says, whose fault it is, and whether it settles the matter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CODES", "Code", "Fault", "code_of"]


class Fault(StrEnum):
    """Who can do something about a code."""

    NONE = "none"
    """Nobody has to: success, or a query that found nothing."""
    CALLER = "caller"
    """Whoever wrote the request: its text, extension, signature or dates."""
    PACE = "pace"
    """Whoever called, by waiting: the same request is right a little later."""
    FUNDS = "funds"
    """Whoever pays: the account has no messages left."""
    ACCOUNT = "account"
    """The gateway's operator: the account is suspended, deleted or not allowed from this address."""
    GATEWAY = "gateway"
    """The gateway's operator: the product or the channel behind the account is not available."""
    BRIDGE = "bridge"
    """Whoever operates this integration: credentials, clock, version, encryption, the form of the request."""
    UNKNOWN = "unknown"
    """Nobody knows: the specification does not list the code, or lists it as "other"."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code of the gateway.

    Attributes:
        number: as the gateway sent it.
        chinese: the specification's own words; empty for a code that it does not list.
        english: the same in English.
        fault: who can do something about it.
        definite: whether the request certainly had no effect. False for 999 alone.
    """

    number: int
    chinese: str
    english: str
    fault: Fault
    definite: bool = True

    @property
    def resign(self) -> bool:
        """Whether one more try with a fresh seed or other credentials is worth it: 106, 107, 206, 121 to 126.

        They refuse definitely, and name what a wrong clock, a rotated password or a rotated AES key explains.
        """
        return self.number == _CLOCK or self.of_password or self.of_cipher

    @property
    def of_password(self) -> bool:
        """Whether it says that the request was signed with another password than the gateway's: 107, 206."""
        return self.number in _PASSWORD

    @property
    def of_cipher(self) -> bool:
        """Whether it says that the gateway could not decipher the request: 121 to 126, the version among them.

        What cannot be deciphered cannot be sent on, so they are definite.
        """
        return self.number in _CIPHER

    @property
    def of_account_or_channel(self) -> bool:
        """Whether it refuses the account or the channel, not the request: 201 to 206, 301 to 311.

        They are definite, so that the same request may be made through another account.
        """
        return self.number in _ACCOUNT_GROUP or self.number in _CHANNEL_GROUP


_CLOCK = 106
_PASSWORD = frozenset({107, 206})
_CIPHER = range(121, 127)

_TABLE = (
    Code(101, "缺少 name 参数", "name is missing", Fault.BRIDGE),
    Code(102, "缺少 seed 参数", "seed is missing", Fault.BRIDGE),
    Code(103, "缺少 key 参数", "key is missing", Fault.BRIDGE),
    # 104 and 105: a submit is checked here before it leaves, so what is missing was lost on the way.
    Code(104, "缺少 dest 参数", "dest is missing", Fault.BRIDGE),
    Code(105, "缺少 content 参数", "content is missing", Fault.BRIDGE),
    Code(106, "seed 错误", "seed is wrong: the clocks or zones differ by more than 30 minutes", Fault.BRIDGE),
    Code(107, "key 错误", "key is wrong: the password, or what was hashed", Fault.BRIDGE),
    Code(108, "ext 错误", "ext is wrong", Fault.CALLER),
    Code(109, "内容超长", "content is too long", Fault.CALLER),
    Code(110, "模板未备案", "the template is not registered", Fault.CALLER),
    Code(111, "无签名", "content carries no signature", Fault.CALLER),
    # 112: version 2.1 has no pk_total; a gateway that asks for it speaks another version than the account says.
    Code(112, "缺少 pk_total 参数", "pk_total is missing", Fault.BRIDGE),
    Code(113, "签名不合法", "the signature is not allowed", Fault.CALLER),
    Code(114, "定时时间格式错误", "the scheduled time is malformed", Fault.CALLER),
    Code(115, "定时时间范围错误", "the scheduled time is out of range", Fault.CALLER),
    Code(116, "不支持 HTTP", "the account has no HTTP access", Fault.BRIDGE),
    Code(121, "解密失败密钥问题", "decryption failed: the AES key", Fault.BRIDGE),
    Code(122, "解密失败号码问题", "decryption failed: the numbers", Fault.BRIDGE),
    Code(123, "解密失败内容问题", "decryption failed: the content", Fault.BRIDGE),
    Code(124, "版本号不支持", "the protocol version is not supported", Fault.BRIDGE),
    Code(125, "DATA 内容空", "data is empty", Fault.BRIDGE),
    Code(126, "解密失败-DATA 问题", "decryption failed: data", Fault.BRIDGE),
    # 127 to 129: dates are written from calendar dates here, so what is wrong is the dates that were asked for.
    Code(127, "起始日期错误", "the start date is wrong", Fault.CALLER),
    Code(128, "结束日期错误", "the end date is wrong", Fault.CALLER),
    Code(129, "起止日期范围错误", "the range of dates is wrong", Fault.CALLER),
    Code(130, "查询结果空", "the result is empty", Fault.NONE),
    Code(131, "查询过于频繁", "queries come too often", Fault.PACE),
    Code(201, "无对应账户", "there is no such account", Fault.BRIDGE),
    Code(202, "账户暂停", "the account is suspended", Fault.ACCOUNT),
    Code(203, "账户删除", "the account is deleted", Fault.ACCOUNT),
    Code(204, "账户 IP 未备案", "the account does not allow this IP address", Fault.ACCOUNT),
    Code(205, "账户无余额", "the account has no balance", Fault.FUNDS),
    Code(206, "密码错误", "the password is wrong", Fault.BRIDGE),
    Code(301, "无对应产品", "there is no such product", Fault.GATEWAY),
    Code(302, "产品暂停", "the product is suspended", Fault.GATEWAY),
    Code(303, "产品删除", "the product is deleted", Fault.GATEWAY),
    Code(304, "产品不在服务时间", "the product is out of service hours", Fault.GATEWAY),
    Code(305, "无匹配通道", "no channel matches", Fault.GATEWAY),
    Code(306, "通道暂停", "the channel is suspended", Fault.GATEWAY),
    Code(307, "通道已删除", "the channel is deleted", Fault.GATEWAY),
    Code(308, "通道不在服务时间", "the channel is out of service hours", Fault.GATEWAY),
    Code(309, "未提供短信服务", "the text message service is not provided", Fault.GATEWAY),
    Code(401, "屏蔽词", "content holds a blocked word", Fault.CALLER),
    Code(999, "其他错误", "another error", Fault.UNKNOWN, definite=False),
)

CODES: Mapping[int, Code] = MappingProxyType({code.number: code for code in _TABLE})
"""Every code that 响应错误码 lists, by its number."""

_SUCCESS = Code(0, "成功", "success", Fault.NONE)
_ACCOUNT_GROUP = range(201, 207)
# The specification ends this group at 309; what a gateway puts beyond it is still about products and channels.
_CHANNEL_GROUP = range(301, 312)


def code_of(number: int) -> Code:
    """Return what is known of a code. An unlisted one keeps its number, and is a definite refusal."""
    if number == 0:
        return _SUCCESS
    if number in CODES:
        return CODES[number]
    if number in _CHANNEL_GROUP:
        return Code(number, "", "the product or the channel is not available", Fault.GATEWAY)
    return Code(number, "", "a code that the specification does not list", Fault.UNKNOWN)
