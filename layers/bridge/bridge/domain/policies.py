"""What the bridge itself does with an account, beside what the gateway wants to know of it."""

from typing import Final

DEFAULT_KEYWORDS: Final = ("T", "TD", "R", "N", "退订", "拒收")
"""What a handset answers to get no more messages, where its account names no keywords of its own."""
