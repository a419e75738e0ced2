"""Opt-outs in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bridge.domain.opt_outs import OptOut, Source


@dataclass
class FakeOptOuts:
    """`bridge.ports.OptOuts` in a dictionary; `removed` has the tombstones."""

    standing: dict[tuple[str, str], OptOut] = field(default_factory=dict)
    removed: dict[tuple[str, str], tuple[OptOut, datetime]] = field(default_factory=dict)
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def among(self, account: str, numbers: Iterable[str]) -> frozenset[str]:
        self.asked.append((account, tuple(numbers)))
        return frozenset(number for number in self.asked[-1][1] if (account, number) in self.standing)

    def find(self, account: str, numbers: Iterable[str]) -> Mapping[str, OptOut]:
        return {number: self.standing[account, number] for number in numbers if (account, number) in self.standing}

    def add(self, opt_out: OptOut) -> bool:
        key = (opt_out.account, opt_out.number)
        if key in self.standing:
            return False
        if opt_out.source is Source.INBOUND and key in self.removed:
            before, removed_at = self.removed[key]
            if opt_out.since <= max(before.since, removed_at):
                return False
        self.removed.pop(key, None)
        self.standing[key] = opt_out
        return True

    def add_all(self, opt_outs: Sequence[OptOut]) -> None:
        for opt_out in opt_outs:
            self.add(opt_out)

    def remove(self, account: str, number: str, at: datetime) -> bool:
        opt_out = self.standing.pop((account, number), None)
        if opt_out is None:
            return False
        self.removed[account, number] = (opt_out, at)
        return True

    def list(self, account: str, after: str, limit: int) -> Sequence[OptOut]:
        def place(number: str) -> tuple[str, str]:
            return number[-1:], number

        mine = [opt_out for opt_out in self.standing.values() if opt_out.account == account]
        behind = [opt_out for opt_out in mine if place(opt_out.number) > place(after)]
        return sorted(behind, key=lambda opt_out: place(opt_out.number))[:limit]
