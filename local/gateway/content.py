"""What the gateway reads out of a text: its length, its price, its signature, its bytes."""

import base64
import re

SINGLE_SEGMENT = 70
JOINED_SEGMENT = 67

MESSAGE_FORMATS = {0: "ascii", 8: "utf-16-be", 15: "gb18030"}
"""`msg_fmt` to the codec of `binary_content`. 拉取上行: the printed examples of 8 are UTF-16, big-endian."""

_LEADING = re.compile(r"【([^【】]*)】")
_TRAILING = re.compile(r"【([^【】]*)】\Z")


def characters(text: str) -> int:
    """Count as the radio does: UTF-16 code units, so an emoji counts two and everything usual one."""
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def charge_items(content: str) -> int:
    """Count what one number is charged for (下行协议, charge_item): up to 70 characters one, beyond that 67 each."""
    length = characters(content)
    return 1 if length <= SINGLE_SEGMENT else -(-length // JOINED_SEGMENT)


def signature(content: str) -> str | None:
    """Find the text inside 【】 at the start of the content, or else at its end; None when there is none."""
    found = _LEADING.match(content) or _TRAILING.search(content)
    return found[1] if found else None


def binary_content(text: str, msg_fmt: int) -> str:
    """Write a text as `msg_fmt` says, in base64 (拉取上行, binary_content).

    Raises:
        ValueError: an unknown format, or a text that it cannot hold.
    """
    if msg_fmt not in MESSAGE_FORMATS:
        raise ValueError(f"msg_fmt is one of {sorted(MESSAGE_FORMATS)}, not {msg_fmt}")
    return base64.b64encode(text.encode(MESSAGE_FORMATS[msg_fmt])).decode()
