"""The gateway account that all who are compared send by, and how long anybody is waited for."""

from typing import Final

NAME: Final = "test"
PASSWORD: Final = "123456"
PATIENCE: Final = 120.0
"""Seconds until what must happen counts as not happening."""
