"""The numbers that want no more messages."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bridge.domain.opt_outs import OptOut


class OptOuts(Protocol):
    """The numbers that want no more messages from an account. All reads see what was written before them."""

    def among(self, account: str, numbers: Iterable[str]) -> frozenset[str]:
        """Which of these numbers (E.164) are opted out: one read for one number, and for up to 100."""

    def find(self, account: str, numbers: Iterable[str]) -> Mapping[str, OptOut]:
        """The opt-outs of these numbers, by number; those that are not opted out are left out."""

    def add(self, opt_out: OptOut) -> bool:
        """Write one down. False, and nothing is written, where its number is opted out already.

        So too for one that a handset sent: where its number was removed since it was received, or an opt-out that is
        no older was. Adding one again does nothing.
        """

    def add_all(self, opt_outs: Sequence[OptOut]) -> None:
        """Write several down, of different numbers, in few calls; whatever `add` would not write stays as it is."""

    def remove(self, account: str, number: str, at: datetime) -> bool:
        """Opted out no more; what was received until then does not add it again. False where it is not opted out."""

    def list(self, account: str, after: str, limit: int) -> Sequence[OptOut]:
        """An account's opt-outs behind a number, at most so many: by last digit, then by number. "" begins.

        What is added or removed meanwhile moves none of the others to another page.
        """
