"""What a gate found in the template, and what is set aside with a reason."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from local.errors import LocalError

LEAST_REASON: Final = 30
"""Characters: fewer are a label, no reason."""
_KEYS: Final = {"gate", "check", "resources", "reason"}


class BadSuppressions(LocalError):
    """The file of what is set aside says something that it cannot mean."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that a gate found.

    Attributes:
        gate: who found it.
        check: the gate's own name of its rule.
        resource: logical id in the template, or "-" where it is about none.
        message: what the gate says.
    """

    gate: str
    check: str
    resource: str
    message: str

    def __str__(self) -> str:
        return f"{self.gate} {self.check} {self.resource}: {self.message}"


@dataclass(frozen=True)
class Suppression:
    """Findings that stay.

    Attributes:
        resources: logical ids, or patterns of them as a shell has them.
        reason: why that is right here.
    """

    gate: str
    check: str
    resources: tuple[str, ...]
    reason: str

    def covering(self, finding: Finding) -> set[str]:
        """Which of its patterns a finding fits."""
        if (self.gate, self.check) != (finding.gate, finding.check):
            return set()
        return {pattern for pattern in self.resources if fnmatchcase(finding.resource, pattern)}


@dataclass(frozen=True)
class Sorted:
    """What is left of the findings of one gate.

    Attributes:
        open: findings that nobody gave a reason for.
        covered: how many have one.
        unused: what is set aside, and was not found.
    """

    open: tuple[Finding, ...]
    covered: int
    unused: tuple[str, ...]


def read(path: Path) -> list[Suppression]:
    """Read what is set aside.

    Raises:
        BadSuppressions: a key too many or too few, no resource, hardly a reason, or the same thing twice.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("suppression", [])
    suppressions = [_suppression(entry) for entry in entries]
    named = [(found.gate, found.check, pattern) for found in suppressions for pattern in found.resources]
    twice = sorted({" ".join(name) for name in named if named.count(name) > 1})
    if twice:
        raise BadSuppressions(f"set aside twice: {', '.join(twice)}")
    return suppressions


def _suppression(entry: dict[str, Any]) -> Suppression:
    said = f"{entry.get('gate')} {entry.get('check')}"
    if set(entry) != _KEYS:
        raise BadSuppressions(f"{said}: it takes exactly {', '.join(sorted(_KEYS))}")
    if not entry["resources"]:
        raise BadSuppressions(f"{said}: it names no resource")
    if len(entry["reason"].strip()) < LEAST_REASON:
        raise BadSuppressions(f"{said}: say why, in a sentence")
    return Suppression(entry["gate"], entry["check"], tuple(entry["resources"]), entry["reason"])


def sort_out(gate: str, findings: Iterable[Finding], suppressions: Iterable[Suppression]) -> Sorted:
    """Hold the findings of one gate against what is set aside for it.

    Every pattern has to fit something: one that fits nothing hides what comes next under its name.
    """
    own = [suppression for suppression in suppressions if suppression.gate == gate]
    used: set[tuple[str, str]] = set()
    left, covered = [], 0
    for finding in findings:
        fitting = {(found.check, pattern) for found in own for pattern in found.covering(finding)}
        used |= fitting
        if fitting:
            covered += 1
        else:
            left.append(finding)
    unused = [(found.check, pattern) for found in own for pattern in found.resources]
    return Sorted(
        tuple(sorted(left)), covered, tuple(f"{gate} {' '.join(name)}" for name in unused if name not in used)
    )
