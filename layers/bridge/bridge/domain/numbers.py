"""Phone numbers: E.164 on our side, eleven digits on the gateway's."""

import re
from typing import Final

# Mainland mobile numbers, as a caller may write them: 138…, 86138…, +86138…, 0086138….
_MAINLAND: Final = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")

EXPECTED: Final = "a mainland mobile number such as +8613812345678, 13812345678, 8613812345678 or 008613812345678"


def national(number: str) -> str | None:
    """The eleven digits that the gateway takes, or None where `number` is not a mainland mobile number."""
    match = _MAINLAND.fullmatch(number)
    return match.group(1) if match else None


def e164(number: str) -> str:
    """`number` as +86…; what is no mainland mobile number (a port, a service number) stays as it came."""
    match = _MAINLAND.fullmatch(number)
    return f"+86{match[1]}" if match else number
