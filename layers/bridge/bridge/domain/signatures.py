"""签名: the name in 【】 that says who sends a text (响应错误码 111 无签名, 113 签名不合法)."""

import re
from typing import Final

from bridge.domain.policies import Policy

_SIGNATURE: Final = re.compile(r"【([^【】]+)】")


def signature_of(text: str) -> str | None:
    """The signature that a text carries, without 【】: at its beginning, else at its end. None where there is none.

    Nothing but white space is none.
    """
    leading = _SIGNATURE.match(text)
    if leading and leading[1].strip():
        return leading[1]
    trailing = _SIGNATURE.fullmatch(text, text.rfind("【")) if text.endswith("】") and "【" in text else None
    return trailing[1] if trailing and trailing[1].strip() else None


def signed(text: str, policy: Policy) -> tuple[str, str]:
    """The text as it goes out, and the signature that was put in front of it; "" where none was.

    The account's own is put in front of a text that carries none. A blank text stays as it is: it is to be refused,
    and a signature would only hide that it is blank.
    """
    if not policy.signature or signature_of(text) is not None or not text.strip():
        return text, ""
    return f"【{policy.signature}】{text}", policy.signature


def unsigned(text: str, signature: str) -> str:
    """The text without the signature that `signed` put in front of it, for an account whose own is another."""
    return text.removeprefix(f"【{signature}】") if signature else text
