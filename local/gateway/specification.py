"""What the EUMS specification V2.1 fixes: the calls, the error codes (响应错误码), the limits and the formats."""

from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Self

BASE_PATH = "/eums/sms/utf8/json/"

PLAIN = "1"
"""`ver` of data and answers in plain text."""
ENCRYPTED = "17"
"""`ver` of AES/ECB/PKCS5Padding, written in hexadecimal digits."""
VERSIONS = frozenset({1, 17})

SEED_TOLERANCE = timedelta(minutes=30)
CONTENT_CHARACTERS = 500
REFERENCE_CHARACTERS = 50
REFERENCE_FORBIDDEN = frozenset(",;")
STATISTICS_DAYS = 31
STATISTICS_WINDOW = timedelta(minutes=1)
STATISTICS_CALLS = 3
"""查询账户下行统计: 频次限制：每分钟 3 次."""


class Call(StrEnum):
    """The five calls, named as in their addresses."""

    SEND = "send"  # 下行协议
    REPORT = "report"  # 拉取状态报告
    MO = "mo"  # 拉取上行
    BALANCE = "balance"  # 查询余额
    STATISTICS = "statistic_app"  # 查询账户下行统计

    @property
    def path(self) -> str:
        """The path of the call's address."""
        return f"{BASE_PATH}{self.value}.do"


class Code(IntEnum):
    """响应错误码: every code of the specification with the specification's own words."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Let a member carry its meaning beside its number."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    SUCCESS = 0, "成功"
    NAME_MISSING = 101, "缺少 name 参数"
    SEED_MISSING = 102, "缺少 seed 参数"
    KEY_MISSING = 103, "缺少 key 参数"
    DEST_MISSING = 104, "缺少 dest 参数"
    CONTENT_MISSING = 105, "缺少 content 参数"
    SEED_WRONG = 106, "seed 错误"
    KEY_WRONG = 107, "key 错误"
    EXT_WRONG = 108, "ext 错误"
    CONTENT_TOO_LONG = 109, "内容超长"
    TEMPLATE_NOT_REGISTERED = 110, "模板未备案"
    SIGNATURE_MISSING = 111, "无签名"
    PK_TOTAL_MISSING = 112, "缺少 pk_total 参数"
    SIGNATURE_ILLEGAL = 113, "签名不合法"
    SCHEDULE_MALFORMED = 114, "定时时间格式错误"
    SCHEDULE_OUT_OF_RANGE = 115, "定时时间范围错误"
    HTTP_NOT_SUPPORTED = 116, "不支持 HTTP"
    AES_KEY_PROBLEM = 121, "解密失败密钥问题"
    DEST_UNREADABLE = 122, "解密失败号码问题"
    CONTENT_UNREADABLE = 123, "解密失败内容问题"
    VERSION_NOT_SUPPORTED = 124, "版本号不支持"
    DATA_EMPTY = 125, "DATA 内容空"
    DATA_UNREADABLE = 126, "解密失败-DATA 问题"
    START_DATE_WRONG = 127, "起始日期错误"
    END_DATE_WRONG = 128, "结束日期错误"
    DATE_RANGE_WRONG = 129, "起止日期范围错误"
    RESULT_EMPTY = 130, "查询结果空"
    TOO_OFTEN = 131, "查询过于频繁"
    ACCOUNT_UNKNOWN = 201, "无对应账户"
    ACCOUNT_SUSPENDED = 202, "账户暂停"
    ACCOUNT_DELETED = 203, "账户删除"
    IP_NOT_REGISTERED = 204, "账户 IP 未备案"
    BALANCE_EMPTY = 205, "账户无余额"
    PASSWORD_WRONG = 206, "密码错误"
    PRODUCT_MISSING = 301, "无对应产品"
    PRODUCT_SUSPENDED = 302, "产品暂停"
    PRODUCT_DELETED = 303, "产品删除"
    PRODUCT_OUT_OF_HOURS = 304, "产品不在服务时间"
    CHANNEL_MISSING = 305, "无匹配通道"
    CHANNEL_SUSPENDED = 306, "通道暂停"
    CHANNEL_DELETED = 307, "通道已删除"
    CHANNEL_OUT_OF_HOURS = 308, "通道不在服务时间"
    SERVICE_NOT_PROVIDED = 309, "未提供短信服务"
    BLOCKED_WORD = 401, "屏蔽词"
    OTHER = 999, "其他错误"


MEANINGS = {int(code): code.meaning for code in Code}
"""Every code to the specification's words."""


class RefusedError(Exception):
    """The gateway refuses a call with `code`.

    The code is any positive number: a gateway in the field may answer with one that the specification does not list.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = int(code)
