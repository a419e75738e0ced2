"""How many messages the gateway will probably charge for a text."""

from typing import Final

MAX_LENGTH: Final = 500  # 下行协议, content: 最多 500 个字符
_SINGLE: Final = 70
_PART: Final = 67


def length(text: str) -> int:
    """UTF-16 code units, as the handset and the gateway count: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def estimate(text: str) -> int:
    """Segments of `text`, signature included: one up to 70 characters, else one for each 67 begun.

    An estimate: the gateway's `charge_item` is the truth and comes back as `billed_segments`.
    """
    count = length(text)
    return 1 if count <= _SINGLE else -(-count // _PART)
